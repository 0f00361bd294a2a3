from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from interlingua.dialects import openai_chat
from interlingua.errors import ContextTooLong, InterlinguaError, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import (
    BlobPart,
    OpaquePart,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    UriPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.traits import HostTraits
from interlingua.types.usage import Usage
from tests.dialects.openai_chat.strategies import responses, scraps


def parse(message: dict[str, Any], context: TranslationContext | None = None, **choice: Any) -> ChatResponse:
    body = {"id": "i", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}]}
    return openai_chat.parse_response(WireResponse(body=msgspec.json.encode(body)), context or TranslationContext())


def render(response: ChatResponse, **settings: Any) -> dict[str, Any]:
    context = TranslationContext(dialect="openai_chat", created=7, **settings)
    body: dict[str, Any] = msgspec.json.decode(openai_chat.render_response(response, context).body)
    return body


def answer(*parts: Any, finish: FinishReason | None = None) -> ChatResponse:
    message = Message(role="assistant", parts=parts)
    return ChatResponse(
        id="i", model="m", choices=(Choice(message=message, finish=finish or FinishReason("stop", "stop")),)
    )


def without_raw(response: ChatResponse) -> ChatResponse:
    usage = response.usage and msgspec.structs.replace(response.usage, raw=None)
    return msgspec.structs.replace(response, usage=usage)


@given(responses())
def test_what_is_rendered_is_read_back_the_same(response: ChatResponse) -> None:
    again = openai_chat.parse_response(
        openai_chat.render_response(response, TranslationContext()), TranslationContext()
    )
    assert without_raw(again) == response


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a", "reasoning_content": "r"}, (ReasoningPart(text="r"), TextPart(text="a"))),
        ({"content": "a", "reasoning": "r", "reasoning_content": "x"}, (ReasoningPart(text="r"), TextPart(text="a"))),
        ({"content": None, "refusal": "no"}, (RefusalPart(text="no"),)),
        ({"content": {"a": 1}}, (TextPart(text='{"a":1}'),)),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}], "closed": True}]},
            (ReasoningPart(text="r"),),
        ),
        (
            {"content": [{"type": "reference", "reference_ids": [1]}]},
            (OpaquePart(dialect="openai_chat", kind="reference", raw='{"type":"reference","reference_ids":[1]}'),),
        ),
        (
            {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"b": 1.50, "a": 2}}}]},
            (tool_call("c", "f", '{"b":1.5,"a":2}'),),
        ),
        (
            {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]},
            (tool_call("c", "f", "x", custom=True),),
        ),
        (
            {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
            (BlobPart(modality="image", mime_type="image/png", content="AAAA"),),
        ),
        (
            {"images": [{"type": "image_url", "image_url": {"url": "https://example.org"}}]},
            (UriPart(modality="image", uri="https://example.org"),),
        ),
    ],
)
def test_what_vendors_vary_is_understood(message: dict[str, Any], parts: tuple[Any, ...]) -> None:
    assert parse(message).message.parts == parts


def test_object_arguments_keep_the_text_in_which_they_came() -> None:
    raw = b'{"choices":[{"message":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":{ "x" : 1e2 }}}]}}]}'
    part = openai_chat.parse_response(WireResponse(body=raw), TranslationContext()).message.parts[0]
    assert isinstance(part, ToolCallPart) and part.raw == '{ "x" : 1e2 }' and part.arguments == {"x": 100}


def test_missing_call_ids_are_invented_the_same_way_each_time() -> None:
    message = {"tool_calls": [{"id": "", "function": {"name": "f"}}, {"function": {"name": "g"}}]}
    first, again = (parse(message, TranslationContext(seed="s")).message.parts for _ in range(2))
    ids = [part.id for part in first if isinstance(part, ToolCallPart)]
    assert first == again and len(set(ids)) == 2 and all(one.startswith("call_") for one in ids)


def test_a_call_tells_the_kind_of_ending_whatever_the_word() -> None:
    call = {"tool_calls": [{"id": "c", "function": {"name": "f"}}]}
    assert parse(call).finish == FinishReason("tool_call", "stop")
    assert parse({"content": "a", "refusal": "no"}).finish == FinishReason("refusal", "stop")
    assert parse({"content": "a"}, stop_reason="END").finish == FinishReason("stop_sequence", "stop", "END")
    assert parse({"content": "a"}, finish_reason="eos").finish == FinishReason("stop", "eos")
    assert parse({"content": "a"}, finish_reason="insufficient_system_resource").finish.kind == "error"


@pytest.mark.parametrize(
    ("finish", "parts", "word"),
    [
        (FinishReason("stop", "end_turn"), (TextPart(text="a"),), "stop"),
        (FinishReason("tool_call", "stop"), (tool_call("c", "f"),), "tool_calls"),
        (FinishReason("tool_call", "function_call"), (tool_call("c", "f"),), "function_call"),
        (FinishReason("refusal", "refusal"), (), "content_filter"),
        (FinishReason("refusal", "refusal"), (RefusalPart(text="no"),), "stop"),
        (FinishReason("pause", "pause_turn"), (TextPart(text="a"),), "length"),
        (FinishReason("length", "MAX_TOKENS"), (TextPart(text="a"),), "length"),
        (FinishReason("error", "MALFORMED_FUNCTION_CALL"), (), "error"),
    ],
)
def test_endings_of_other_dialects_get_a_word_that_clients_know(
    finish: FinishReason, parts: tuple[Any, ...], word: str
) -> None:
    assert render(answer(*parts, finish=finish))["choices"][0]["finish_reason"] == word


def test_origin_marks_the_message_and_its_state() -> None:
    origin = Origin(provider="p", endpoint="openai_chat", model="m")
    context = TranslationContext(origin=origin)
    details = [{"type": "reasoning.summary", "summary": "r"}]
    message = parse({"content": "a", "reasoning_details": details}, context).message
    part = message.parts[0]
    assert message.origin == origin and isinstance(part, ReasoningPart)
    assert (part.text, part.summary, part.opaque[0].origin) == ("r", True, origin)


def test_audio_and_its_transcript_survive() -> None:
    audio = {"id": "audio_1", "data": "AAAA", "expires_at": 5, "transcript": "hello"}
    response = parse({"content": None, "audio": audio})
    assert response.message.parts[0] == BlobPart(
        modality="audio",
        mime_type="",
        content="AAAA",
        extra={"openai_chat": {"id": "audio_1", "expires_at": 5, "transcript": "hello"}},
    )
    assert render(response)["choices"][0]["message"]["audio"] == audio


def test_citations_are_kept_as_they_came() -> None:
    cited = {
        "type": "url_citation",
        "url_citation": {"url": "https://e.org", "title": "E", "start_index": 0, "end_index": 2, "content": "c"},
    }
    response = parse({"content": "ab", "annotations": [cited]})
    note = response.message.parts[0].annotations[0]  # type: ignore[union-attr]  # fails below if it is no text
    assert (note.kind, note.url, note.title, note.start, note.end) == ("url", "https://e.org", "E", 0, 2)
    assert render(response)["choices"][0]["message"]["annotations"] == [cited]


def test_old_parallel_arrays_of_logprobs_are_understood() -> None:
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [-1, None], "token_ids": [1, 2]}
    response = parse({"content": "ab"}, logprobs=logprobs)
    assert [(one.token, one.logprob) for one in response.choices[0].logprobs] == [("a", -1.0), ("b", 0.0)]


def test_leading_think_tags_are_thinking_where_the_host_writes_them() -> None:
    context = TranslationContext(host=HostTraits(think_tags=True))
    assert parse({"content": "<think>\nhm</think>\n\na"}, context).message.parts == (
        ReasoningPart(text="hm"),
        TextPart(text="a"),
    )
    assert parse({"content": "<think>a"}).message.parts == (TextPart(text="<think>a"),)


def test_an_answer_has_the_members_that_clients_require() -> None:
    body = render(ChatResponse(id="", model="", choices=answer(tool_call("c", "f")).choices), model="m")
    assert body["id"].startswith("chatcmpl-") and body["object"] == "chat.completion" and body["created"] == 7
    assert body["model"] == "m" and "usage" not in body
    message = body["choices"][0]["message"]
    assert message["content"] is None and message["refusal"] is None
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}


def test_state_of_another_dialect_is_a_loss_and_not_sent() -> None:
    context = TranslationContext(dialect="openai_chat")
    part = ReasoningPart(text="r", opaque=(Opaque("anthropic_messages.signature", "s"),))
    body = openai_chat.render_response(answer(part, TextPart(text="a")), context).body
    assert b"signature" not in body and b'"reasoning_content":"r"' in body
    assert [loss.field for loss in context.losses] == ["choices[0].message.parts[0].opaque"]


def test_counts_of_another_dialect_are_written_in_this_ones_words() -> None:
    usage = Usage(input_tokens=9, output_tokens=4, cache_read=3, raw={"input_tokens": 6})
    body = render(msgspec.structs.replace(answer(TextPart(text="a")), usage=usage))
    assert body["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 3},
    }


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", UpstreamError),
        (b"<html>", UpstreamError),
        (b"[]", UpstreamError),
        (b'{"choices":[]}', UpstreamError),
        (b'{"choices":[{"index":0}]}', UpstreamError),
        (b'{"error":{"message":"x","code":502}}', UpstreamError),
        (b'{"error":{"message":"x","code":"context_length_exceeded"},"choices":[]}', ContextTooLong),
        (b'{"message":"teapot"}', UpstreamError),
    ],
)
def test_an_answer_that_is_none_is_a_typed_error(body: bytes, kind: type[InterlinguaError]) -> None:
    with pytest.raises(kind):
        openai_chat.parse_response(WireResponse(body=body), TranslationContext())


def test_a_quirk_sees_the_answer_first() -> None:
    context = TranslationContext(quirk=Quirk(response=lambda body: {**body, "model": "quirky"}))
    assert parse({"content": "a"}, context).model == "quirky"


@given(scraps, scraps)
def test_no_answer_escapes_as_anything_but_a_typed_error(message: Any, more: Any) -> None:
    body = {"choices": [{"message": message}], **(more if isinstance(more, dict) else {})}
    try:
        response = openai_chat.parse_response(WireResponse(body=msgspec.json.encode(body)), TranslationContext())
    except InterlinguaError as error:
        assert error.message
    else:
        assert response.choices


def test_what_a_host_says_about_each_token_comes_back() -> None:
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "id": 7}
    told = {"content": [{**token, "top_logprobs": [{**token, "id": 8}]}]}
    answer = parse({"role": "assistant", "content": "a"}, logprobs=told)
    assert answer.choices[0].logprobs[0].extra == {"openai_chat": {"id": 7}}
    assert render(answer)["choices"][0]["logprobs"]["content"] == told["content"]

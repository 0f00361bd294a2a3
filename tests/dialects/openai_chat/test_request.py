from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import openai_chat
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import (
    BlobPart,
    CacheHint,
    FilePart,
    OpaquePart,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import FunctionTool, ServerTool, ToolChoice
from interlingua.types.traits import HostTraits, Traits
from tests.dialects.openai_chat.strategies import requests, scraps

TOOL = FunctionTool(name="add", parameters={"type": "object"})
PNG = BlobPart(modality="image", mime_type="image/png", content="AAAA")


def parse(**body: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    return openai_chat.parse_request(WireRequest(body=msgspec.json.encode(body)), TranslationContext())


def context(host: HostTraits | None = None, **given: Any) -> TranslationContext:
    return TranslationContext(dialect="openai_chat", host=host or HostTraits(), **given)


def render(request: ChatRequest, where: TranslationContext | None = None) -> dict[str, Any]:
    body = openai_chat.render_request(request, where or context()).body
    decoded: dict[str, Any] = msgspec.json.decode(body)
    assert b"null" not in body or "null" in str(request), "nothing unsaid is sent as null"
    return decoded


def ask(*messages: Message, **settings: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (user("hi"),), **settings)


def actions(where: TranslationContext) -> dict[str, str]:
    return {loss.field: loss.action for loss in where.losses}


@given(requests())
def test_what_is_rendered_is_read_back_the_same(request: ChatRequest) -> None:
    host = HostTraits(reasoning_field="reasoning_content", video_parts=True)
    where = context(host, on_loss={"setting": "reject", "content": "reject"})
    wire = openai_chat.render_request(request, where)
    assert wire.path == "/chat/completions"
    assert openai_chat.parse_request(wire, TranslationContext()) == request


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(**body)
    assert caught.value.path == path


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":"\xff"}', b"[" * 5000])
def test_a_body_that_is_no_object_is_an_invalid_request(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        openai_chat.parse_request(WireRequest(body=body), TranslationContext())


def test_vendors_spellings_of_one_setting_are_one_field() -> None:
    assert parse(random_seed=3).seed == 3
    assert parse(max_tokens=7).max_output_tokens == 7
    assert parse(max_tokens=-1).max_output_tokens is None
    assert parse(user="u").end_user == parse(safety_identifier="u").end_user == "u"
    assert parse(stop="x").stop == ("x",)
    assert parse(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="any").tool_choice == ToolChoice(
        "required"
    )
    assert parse(reasoning={"effort": "low", "exclude": True}).reasoning == Reasoning(effort="low", display="omitted")
    assert parse(thinking={"type": "disabled"}).reasoning == Reasoning(enabled=False)
    assert parse(chat_template_kwargs={"enable_thinking": True}).reasoning == Reasoning(enabled=True)


def test_what_no_field_holds_is_kept_and_put_back_beside_what_policy_adds() -> None:
    request = parse(stream=True, stream_options={"include_obfuscation": False}, prediction={"type": "content"})
    assert request.extra == {
        "openai_chat": {"stream_options": {"include_obfuscation": False}, "prediction": {"type": "content"}}
    }
    body = render(request)
    assert body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert body["prediction"] == {"type": "content"}


@pytest.mark.parametrize("usage", ["always", "never"])
def test_usage_is_asked_for_only_where_the_host_must_be_asked(usage: Any) -> None:
    assert "stream_options" not in render(ask(stream=True), context(HostTraits(usage=usage)))


def test_luggage_of_another_dialect_is_one_loss_and_never_sent() -> None:
    where = context()
    body = render(ask(Message(role="user", parts=(TextPart(text="x"),), extra={"gemini": {"a": 1}})), where)
    assert actions(where) == {"extra.gemini": "warn"}
    assert body["messages"] == [{"role": "user", "content": "x"}]


def test_luggage_of_an_answer_is_not_sent_back() -> None:
    origin = Origin(provider="p", endpoint="openai_chat", model="m")
    said = Message(role="assistant", parts=(TextPart(text="x"),), origin=origin, extra={"openai_chat": {"channel": 1}})
    where = context()
    assert render(ask(said), where)["messages"] == [{"role": "assistant", "content": "x"}]
    assert not where.losses


def test_fields_that_the_host_refuses_are_left_out_as_losses() -> None:
    where = context(HostTraits(refuses=("top_k", "seed", "service_tier")))
    body = render(ask(top_k=3, seed=1, temperature=1.0), where)
    assert body.keys() == {"model", "messages", "temperature"}
    assert actions(where) == {"top_k": "warn", "seed": "warn"}


def test_tools_that_the_host_refuses_are_an_unsupported_request() -> None:
    with pytest.raises(Unsupported, match="tools"):
        render(ask(tools=(TOOL,)), context(HostTraits(refuses=("tools",))))


def test_sampling_is_dropped_where_the_model_takes_none() -> None:
    where = context(traits=Traits(sampling=False))
    body = render(ask(temperature=0.5, top_p=0.5, frequency_penalty=1.0, logprobs=True, seed=1), where)
    assert body.keys() == {"model", "messages", "seed"}
    assert set(actions(where)) == {"temperature", "top_p", "frequency_penalty", "logprobs"}


def test_a_forced_choice_becomes_auto_where_the_model_cannot_be_forced() -> None:
    where = context(traits=Traits(forced_tool_choice=False))
    body = render(ask(tools=(TOOL,), tool_choice=ToolChoice("required", ("add",))), where)
    assert body["tool_choice"] == "auto" and actions(where) == {"tool_choice": "warn"}


def test_a_choice_without_tools_is_not_sent() -> None:
    assert render(ask(tool_choice=ToolChoice("none"), parallel_tool_calls=False)).keys() == {"model", "messages"}


def test_names_and_fields_follow_the_host() -> None:
    host = HostTraits(max_tokens_field="max_tokens", seed_field="random_seed", names=False, developer_role=False)
    where = context(host, model="real")
    told = Message(role="system", parts=(TextPart(text="s"),), raw_role="developer", name="n")
    body = render(ask(told, user("x"), max_output_tokens=5, seed=1), where)
    assert body == {
        "model": "real",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "x"}],
        "max_tokens": 5,
        "random_seed": 1,
    }
    assert actions(where) == {"messages[0].name": "warn"}


def test_a_host_that_must_be_told_gets_the_prefix_mark() -> None:
    body = render(ask(user("a"), assistant("b")), context(HostTraits(assistant_prefix=True)))
    assert body["messages"][-1] == {"role": "assistant", "content": "b", "prefix": True}


def test_a_schema_that_the_host_does_not_know_goes_into_the_prompt() -> None:
    where = context(HostTraits(json_schema=False))
    output = OutputFormat(kind="json_schema", name="x", schema={"type": "object", "title": "T"})
    body = render(ask(system("s"), user("x"), output=output), where)
    assert body["response_format"] == {"type": "json_object"}
    assert '"title":"T"' in body["messages"][0]["content"][1]["text"]
    assert actions(where) == {"output.schema": "emulate"}


def test_json_mode_says_json_in_the_prompt_where_nobody_did() -> None:
    where = context()
    assert "JSON" in render(ask(output=OutputFormat(kind="json")), where)["messages"][0]["content"]
    assert len(render(ask(user("as json"), output=OutputFormat(kind="json")))["messages"]) == 1


def test_system_messages_go_to_the_front_where_the_template_takes_one() -> None:
    where = context(HostTraits(system_anywhere=False))
    body = render(ask(system("a"), system("b"), user("x"), system("c")), where)
    assert [one["role"] for one in body["messages"]] == ["system", "user", "user"]
    assert body["messages"][0]["content"] == "a\n\nb"
    assert body["messages"][2]["content"] == "<system>\nc\n</system>"


def test_media_of_tool_results_follows_all_results_in_a_user_message() -> None:
    results = Message(
        role="tool",
        parts=(
            ToolCallResponsePart(id="a", response=(TextPart(text="one"), PNG)),
            ToolCallResponsePart(id="b", response=(PNG,), is_error=True),
        ),
    )
    called = Message(role="assistant", parts=(tool_call("a", "f", "{}"), tool_call("b", "f", "")))
    where = context()
    messages = render(ask(user("x"), called, results, user("go on")), where)["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[1]["tool_calls"][1]["function"]["arguments"] == "{}"
    assert messages[3]["content"].startswith("Error: [image")
    assert [one["type"] for one in messages[4]["content"]] == ["image_url", "image_url", "text"]
    assert set(actions(where).values()) == {"emulate"}


def test_results_move_up_to_their_calls() -> None:
    called = Message(role="assistant", parts=(tool_call("a", "f", "{}"),))
    result = Message(role="tool", parts=(ToolCallResponsePart(id="a", response=(TextPart(text="r"),)),))
    messages = render(ask(user("x"), called, user("wait"), result))["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant", "tool", "user"]


def test_media_that_an_assistant_made_is_shown_to_the_next_model_by_the_user() -> None:
    messages = render(ask(user("draw"), assistant("here", PNG), user("bluer")))["messages"]
    assert messages[1] == {"role": "assistant", "content": "here"}
    assert [one["type"] for one in messages[2]["content"]] == ["image_url", "text"]


def test_spoken_answers_go_back_by_id_or_as_their_transcript() -> None:
    spoken = BlobPart(modality="audio", mime_type="", content="AAAA", extra={"openai_chat": {"id": "audio_1"}})
    heard = BlobPart(modality="audio", mime_type="", content="AAAA", extra={"openai_chat": {"transcript": "hello"}})
    messages = render(
        ask(Message(role="assistant", parts=(spoken,)), Message(role="assistant", parts=(heard,)), user("x"))
    )["messages"]
    assert messages[0] == {"role": "assistant", "audio": {"id": "audio_1"}}
    assert messages[1] == {"role": "assistant", "content": "hello"}
    assert parse(messages=[messages[0]]).messages[0].parts == (FilePart(modality="audio", file_id="audio_1"),)


@pytest.mark.parametrize(
    "part",
    [
        UriPart(modality="document", uri="https://example.org/a.pdf"),
        UriPart(modality="image", uri="gs://bucket/a.png"),
        UriPart(modality="video", uri="https://example.org/a.mp4"),
        FilePart(modality="image", file_id="f"),
        FilePart(modality="document", file_id="f", origin=Origin(provider="other", endpoint="gemini", model="g")),
        OpaquePart(dialect="gemini", kind="x", raw="{}"),
    ],
)
def test_content_that_cannot_be_carried_is_refused_by_its_path(part: Any) -> None:
    with pytest.raises(Unsupported) as caught:
        render(ask(user("look", part)), context(provider="here"))
    assert caught.value.path == "messages[0].parts[1]"


def test_a_text_file_goes_inline() -> None:
    where = context()
    part = BlobPart(modality="document", mime_type="text/plain", content="aGk=", name="a.txt")
    assert render(ask(user("see", part)), where)["messages"][0]["content"][1] == {"type": "text", "text": "a.txt:\nhi"}
    assert set(actions(where).values()) == {"emulate"}


def test_empty_turns_are_not_sent() -> None:
    hollow = Message(role="assistant", parts=(TextPart(text=""), ReasoningPart(text="hm")))
    assert len(render(ask(user("x"), hollow, user("y")))["messages"]) == 2


@pytest.mark.parametrize(
    ("field", "key"), [("prompt_cache_breakpoint", "prompt_cache_breakpoint"), ("cache_control", "cache_control")]
)
def test_cache_hints_are_spelled_as_the_host_spells_them(field: Any, key: str) -> None:
    hinted = Message(role="system", parts=(TextPart(text="s", cache=CacheHint(ttl="1h")),))
    body = render(ask(hinted, user("x")), context(HostTraits(cache_field=field)))
    assert key in body["messages"][0]["content"][0]
    assert parse(messages=body["messages"]).messages[0].parts[0].cache is not None
    where = context()
    render(ask(hinted, hinted, user("x")), where)
    assert actions(where) == {"cache": "warn"} and len(where.losses) == 1


def test_deprecated_functions_are_read_as_tools() -> None:
    request = parse(
        functions=[{"name": "f", "parameters": {}}],
        function_call={"name": "f"},
        messages=[
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "r"},
        ],
    )
    assert request.tool_choice == ToolChoice("required", ("f",))
    call, result = request.messages[1].parts[0], request.messages[2].parts[0]
    assert isinstance(call, ToolCallPart) and isinstance(result, ToolCallResponsePart)
    assert call.id and call.id == result.id


def test_unknown_parts_and_tools_pass_through_their_own_dialect_alone() -> None:
    raw = {"type": "hologram", "hologram": {"x": 1.5}}
    request = parse(messages=[{"role": "user", "content": [raw]}], tools=[{"type": "web", "depth": 2}])
    assert request.tools == (ServerTool(dialect="openai_chat", kind="web", raw='{"type":"web","depth":2}'),)
    body = render(request)
    assert body["messages"][0]["content"] == [raw] and body["tools"] == [{"type": "web", "depth": 2}]
    with pytest.raises(Unsupported):
        render(ask(tools=(ServerTool(dialect="gemini", kind="x", raw="{}"),)))


def test_a_refusal_in_history_is_a_part_of_the_content() -> None:
    said = Message(role="assistant", parts=(RefusalPart(text="no"),))
    body = render(ask(user("x"), said))
    assert body["messages"][1]["content"] == [{"type": "refusal", "refusal": "no"}]
    assert parse(messages=[{"role": "assistant", "refusal": "no"}]).messages[0].parts == (RefusalPart(text="no"),)


def test_state_of_gemini_behind_this_format_returns_byte_for_byte() -> None:
    raw = '{"google": {"thought_signature":"sig"}}'
    called = ToolCallPart(id="a", name="f", raw="{}", arguments={}, opaque=(Opaque("openai_chat.extra_content", raw),))
    wire = openai_chat.render_request(ask(Message(role="assistant", parts=(called,))), context())
    assert raw.encode() in wire.body
    again = openai_chat.parse_request(wire, TranslationContext())
    assert again.messages[0].parts[0] == called


def test_a_quirk_has_the_last_word_on_the_body() -> None:
    where = context(quirk=Quirk(request=lambda body: {**body, "extra_body": 1}))
    assert render(ask(), where)["extra_body"] == 1


@given(scraps, scraps)
def test_no_body_escapes_as_anything_but_a_typed_error(message: Any, setting: Any) -> None:
    body = {"messages": [message], **(setting if isinstance(setting, dict) else {})}
    try:
        request = openai_chat.parse_request(WireRequest(body=msgspec.json.encode(body)), TranslationContext())
    except InvalidRequest as error:
        assert error.message
    else:
        assert request.messages


@given(st.binary(max_size=8), st.integers(0, 60))
def test_broken_bytes_are_an_invalid_request(junk: bytes, place: int) -> None:
    whole = b'{"messages":[{"role":"user","content":[{"type":"text","text":"abc"},{"type":"x","y":"z"}]}]}'
    try:
        parsed = openai_chat.parse_request(WireRequest(body=whole[:place] + junk + whole[place:]), TranslationContext())
    except InvalidRequest as error:
        assert error.message
    else:
        assert parsed.messages

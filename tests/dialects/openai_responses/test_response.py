from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from interlingua.dialects import openai_responses as dialect
from interlingua.errors import Cancelled, ContentFiltered, InterlinguaError, RateLimited, UpstreamError
from interlingua.ports.context import Quirk
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from tests.dialects.openai_responses.strategies import responses
from tests.dialects.openai_responses.wire import ORIGIN, answer, call, context, message, thought, told


def made(*parts: Part, finish: FinishReason | None = None, **fields: Any) -> ChatResponse:
    choice = Choice(message=Message(role="assistant", parts=parts), finish=finish or FinishReason("stop", "end_turn"))
    return ChatResponse(id="x", model="m", choices=(choice,), **fields)


def bare(response: ChatResponse) -> ChatResponse:
    """Without the repetition of the request and without the raw usage."""
    usage = msgspec.structs.replace(response.usage, raw=None) if response.usage else None
    return msgspec.structs.replace(response, extra={}, usage=usage)


@given(responses())
def test_an_answer_of_this_dialect_survives_the_way_out_and_back(response: ChatResponse) -> None:
    here = context()
    assert bare(dialect.parse_response(dialect.render_response(response, here), here)) == response
    assert here.losses == []


def test_output_items_are_parts_in_order() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    response = answer(thought("hm"), search, message("a", "b"), message("c", id="msg_2"), call())
    assert [type(part) for part in response.message.parts] == [
        ReasoningPart,
        ServerToolCallPart,
        TextPart,
        TextPart,
        TextPart,
        ToolCallPart,
    ]
    assert response.text == "abc"
    items = told(response)["output"]
    assert [len(item.get("content", ())) for item in items if item["type"] == "message"] == [2, 1]


def test_who_made_it_is_written_on_the_message_and_its_state() -> None:
    response = answer(thought("hm"), here=context(origin=ORIGIN))
    assert response.message.origin == ORIGIN
    assert {one.origin for one in response.message.parts[0].opaque} == {ORIGIN}


def test_thinking_that_is_open_is_told_from_its_summary() -> None:
    item = {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}]}
    (part,) = answer(item).message.parts
    assert isinstance(part, ReasoningPart) and part.text == "t" and not part.summary


@pytest.mark.parametrize(
    ("fields", "output", "finish"),
    [
        ({}, [message("a")], FinishReason("stop", "completed")),
        ({"status": None}, [message("a")], FinishReason("stop", "completed")),
        ({}, [call()], FinishReason("tool_call", "completed")),
        ({}, [message({"type": "refusal", "refusal": "no"})], FinishReason("refusal", "completed")),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            [message("a")],
            FinishReason("length", "max_output_tokens"),
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            [],
            FinishReason("content_filter", "content_filter"),
        ),
        ({"status": "incomplete"}, [], FinishReason("length", "incomplete")),
        ({"status": "queued"}, [], FinishReason("pause", "queued")),
    ],
)
def test_why_it_ended_is_derived(fields: dict[str, Any], output: list[Any], finish: FinishReason) -> None:
    assert answer(*output, **fields).finish == finish


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        (FinishReason("stop", "end_turn"), "completed", None),
        (FinishReason("tool_call", "tool_use"), "completed", None),
        (FinishReason("refusal", "refusal"), "incomplete", "content_filter"),
        (FinishReason("length", "MAX_TOKENS"), "incomplete", "max_output_tokens"),
        (FinishReason("length", "max_messages"), "incomplete", "max_messages"),
        (FinishReason("content_filter", "SAFETY"), "incomplete", "content_filter"),
        (FinishReason("pause", "queued"), "queued", None),
        (FinishReason("error", "x"), "failed", None),
    ],
)
def test_every_ending_has_a_status(finish: FinishReason, status: str, reason: str | None) -> None:
    body = told(made(TextPart(text="a"), finish=finish))
    assert body["status"] == status
    assert (body["incomplete_details"] or {}).get("reason") == reason
    assert (body["error"] is not None) == (status == "failed")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "x"}}, UpstreamError),
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "x"}}, RateLimited),
        ({"status": "failed", "error": {"code": "invalid_prompt", "message": "x"}}, ContentFiltered),
        ({"status": "failed"}, UpstreamError),
        ({"status": "cancelled"}, Cancelled),
    ],
)
def test_a_failed_answer_is_an_error(fields: dict[str, Any], kind: type[InterlinguaError]) -> None:
    with pytest.raises(kind):
        answer(**fields)


def test_an_error_that_a_200_hides_is_raised() -> None:
    with pytest.raises(RateLimited, match="slow down"):
        dialect.parse_response(
            WireResponse(body=b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}'), context()
        )


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"choices":[]}', b'{"output":[{"type":"function_call"}]}'])
def test_what_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        dialect.parse_response(WireResponse(body=body), context())


def test_citations_come_back_as_they_were_and_foreign_ones_get_this_form() -> None:
    raw = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 2}
    file = {"type": "file_citation", "file_id": "f", "filename": "n", "index": 1}
    response = answer(message({"type": "output_text", "text": "ab", "annotations": [raw, file]}))
    (part,) = response.message.parts
    assert isinstance(part, TextPart) and [one.kind for one in part.annotations] == ["url", "document"]
    assert told(response)["output"][0]["content"][0]["annotations"] == [raw, file]
    foreign = TextPart(text="ab", annotations=(Annotation(kind="url", url="u", title="t", start=0, end=2),))
    assert told(made(foreign))["output"][0]["content"][0]["annotations"] == [raw]


def test_probabilities_go_to_the_texts_whose_tokens_they_are() -> None:
    def entry(token: str) -> dict[str, Any]:
        return {"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": []}

    pieces = [{"type": "output_text", "text": text, "logprobs": [entry(text)]} for text in ("a", "b")]
    response = answer(message(*pieces))
    assert [one.token for one in response.choices[0].logprobs] == ["a", "b"]
    content = told(response)["output"][0]["content"]
    assert [[one["token"] for one in piece["logprobs"]] for piece in content] == [["a"], ["b"]]


def test_bytes_of_a_token_are_filled_in_because_clients_insist_on_them() -> None:
    choice = Choice(
        message=Message(role="assistant", parts=(TextPart(text="é"),)),
        finish=FinishReason("stop", "stop"),
        logprobs=(TokenLogprob("é", -1.0),),
    )
    body = told(ChatResponse(id="x", model="m", choices=(choice,)))
    assert body["output"][0]["content"][0]["logprobs"][0]["bytes"] == [0xC3, 0xA9]


def test_a_foreign_answer_has_every_field_that_clients_insist_on() -> None:
    body = told(
        made(
            ReasoningPart(text="t"),
            TextPart(text="a"),
            tool_call("c", "f"),
            usage=Usage(input_tokens=1, output_tokens=2),
        )
    )
    assert [item["type"] for item in body["output"]] == ["reasoning", "message", "function_call"]
    assert [item["id"][:3] for item in body["output"]] == ["rs_", "msg", "fc_"]
    assert body["output"][0]["content"] == [{"type": "reasoning_text", "text": "t"}]
    assert body["output"][2]["arguments"] == "{}"
    assert body["usage"]["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    for key in ("created_at", "error", "instructions", "parallel_tool_calls", "tool_choice", "tools", "metadata"):
        assert key in body


def test_a_summary_stays_a_summary_and_sealed_state_travels_in_its_field() -> None:
    part = ReasoningPart(text="t", summary=True, opaque=(Opaque("openai_responses.encrypted_content", "il1.x"),))
    (item,) = told(made(part))["output"]
    assert item["summary"] == [{"type": "summary_text", "text": "t"}] and item["encrypted_content"] == "il1.x"


def test_a_generated_image_goes_out_as_the_image_tool_would_send_it() -> None:
    (item,) = told(made(BlobPart(modality="image", mime_type="image/png", content="AAAA")))["output"]
    assert item["type"] == "image_generation_call" and item["result"] == "AAAA"


def test_what_only_another_dialect_knows_is_a_loss() -> None:
    here = context()
    told(
        made(OpaquePart(dialect="gemini", kind="x", raw="{}"), tool_call("c", "f", opaque=(Opaque("gemini.y", "z"),))),
        here,
    )
    assert [loss.field for loss in here.losses] == ["choices[0].message.parts[0]", "choices[0].message.parts[1].opaque"]


def test_the_tier_that_served_is_kept_and_a_wish_is_not() -> None:
    assert answer(service_tier="flex").service_tier == "flex"
    assert answer(service_tier="auto").service_tier is None
    assert told(answer(service_tier="house"))["service_tier"] == "house"
    assert told(made(service_tier="standard"))["service_tier"] == "default"
    assert "service_tier" not in told(made(service_tier="batch"))


def test_a_quirk_reads_the_answer_first() -> None:
    here = context(quirk=Quirk(response=lambda body: {**body, "model": "quirky"}))
    assert answer(message("a"), here=here).model == "quirky"


def test_an_unknown_piece_of_a_message_keeps_its_place() -> None:
    piece = {"type": "output_smell", "notes": "pine"}
    response = answer(message("a", piece, "b"))
    assert isinstance(response.message.parts[1], OpaquePart)
    content = told(response)["output"][0]["content"]
    assert content[1] == piece and [one.get("text") for one in content] == ["a", None, "b"]


def test_a_refusal_is_its_own_part() -> None:
    (part,) = answer(message({"type": "refusal", "refusal": "no"})).message.parts
    assert isinstance(part, RefusalPart) and part.text == "no"


def test_what_a_host_says_about_each_token_comes_back() -> None:
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [], "id": 7}
    piece = {"type": "output_text", "text": "a", "annotations": [], "logprobs": [token]}
    body = {"id": "r", "status": "completed", "output": [{"type": "message", "role": "assistant", "content": [piece]}]}
    answer = dialect.parse_response(WireResponse(body=msgspec.json.encode(body)), context())
    assert answer.choices[0].logprobs == (TokenLogprob("a", -0.5, (97,), extra={"openai_responses": {"id": 7}}),)
    again = msgspec.json.decode(dialect.render_response(answer, context()).body)
    assert again["output"][0]["content"][0]["logprobs"] == [token]

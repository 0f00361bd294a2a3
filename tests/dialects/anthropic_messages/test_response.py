"""Whole answers both ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from interlingua.dialects.anthropic_messages import parse_response, render_response
from interlingua.errors import Overloaded, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.parts import Annotation, BlobPart, Part, ReasoningPart, RefusalPart, TextPart, tool_call
from interlingua.types.response import ChatResponse, Choice, FinishKind, FinishReason
from tests.dialects.anthropic_messages.strategies import ORIGIN, responses

ID = "anthropic_messages"
Parts = tuple[Part, ...]


def parse(**body: Any) -> ChatResponse:
    whole = {"id": "msg_1", "model": "m", "content": [], "stop_reason": "end_turn"} | body
    return parse_response(WireResponse(body=msgspec.json.encode(whole)), TranslationContext())


def render(parts: Parts, finish: FinishReason, context: TranslationContext | None = None) -> dict[str, Any]:
    choice = Choice(message=Message(role="assistant", parts=parts), finish=finish)
    wire = render_response(ChatResponse(id="", model="m", choices=(choice,)), context or TranslationContext(dialect=ID))
    body: dict[str, Any] = msgspec.json.decode(wire.body)
    return body | {"status": wire.status}


@settings(max_examples=100, deadline=None)
@given(responses())
def test_an_answer_survives_the_way_out_and_back(response: ChatResponse) -> None:
    context = TranslationContext(dialect=ID, origin=ORIGIN)
    assert parse_response(render_response(response, context), context) == response
    assert context.losses == []


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tool_call"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("something_new", "stop"),
    ],
)
def test_stop_reasons_are_understood_and_their_word_kept(word: str, kind: FinishKind) -> None:
    assert parse(stop_reason=word, stop_sequence="X").finish == FinishReason(kind, word, "X")


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (FinishReason("stop", "STOP"), "end_turn"),
        (FinishReason("length", "model_context_window_exceeded"), "model_context_window_exceeded"),
        (FinishReason("stop", "tool_use"), "end_turn"),
        (FinishReason("content_filter", "SAFETY"), "refusal"),
        (FinishReason("pause", "CONTINUATION"), "pause_turn"),
        (FinishReason("tool_call", "tool_calls"), "tool_use"),
    ],
)
def test_the_reason_is_said_in_words_of_this_format(finish: FinishReason, word: str) -> None:
    assert render((TextPart(text="x"),), finish)["stop_reason"] == word


def test_tool_calls_are_trusted_over_a_plain_stop() -> None:
    content = [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]
    assert parse(content=content).finish == FinishReason("tool_call", "end_turn")


def test_a_refusal_keeps_its_details_on_the_choice_and_the_rest_on_the_answer() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": None}
    response = parse(stop_reason="refusal", stop_details=details, diagnostics={"cache_miss_reason": None})
    assert response.choices[0].extra == {ID: {"stop_details": details}}
    assert response.extra == {ID: {"diagnostics": {"cache_miss_reason": None}}}
    body = msgspec.json.decode(render_response(response, TranslationContext()).body)
    assert body["stop_details"] == details and body["diagnostics"] == {"cache_miss_reason": None}


def test_an_answer_of_another_format_becomes_a_complete_one_of_this() -> None:
    context = TranslationContext(dialect=ID)
    url = Annotation(kind="url", url="https://e.test", title="t", start=0, end=2, dialect="openai_chat", raw={})
    parts: Parts = (
        ReasoningPart(text="hm"),
        TextPart(text="hi", annotations=(url, Annotation(kind="other"))),
        TextPart(text=""),
        RefusalPart(text="No."),
        BlobPart(modality="image", mime_type="image/png", content="AA=="),
        tool_call("", "f", "{oops"),
    )
    body = render(parts, FinishReason("stop", "stop"), context)
    assert body["id"].startswith("msg_") and body["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert body["content"][0] == {"type": "thinking", "thinking": "hm", "signature": ""}
    [citation] = body["content"][1]["citations"]
    assert citation == {
        "type": "web_search_result_location",
        "url": "https://e.test",
        "title": "t",
        "cited_text": "",
        "encrypted_index": "",
    }
    assert [block["type"] for block in body["content"]] == ["thinking", "text", "text", "tool_use"]
    assert body["content"][3]["input"] == {"_raw": "{oops"} and body["content"][3]["id"].startswith("toolu_")
    assert body["stop_reason"] == "refusal"
    assert [loss.field for loss in context.losses] == [
        "choices[0].message.parts[1].annotations[1]",
        "choices[0].message.parts[4]",
        "choices[0].message.parts[5]",
    ]


def test_an_answer_that_ended_with_an_error_becomes_one() -> None:
    body = render((), FinishReason("error", "MALFORMED"))
    assert (body["status"], body["type"], body["error"]["type"]) == (502, "error", "api_error")
    nothing = render_response(ChatResponse(id="x", model="m", choices=()), TranslationContext())
    assert nothing.status == 502


def test_an_error_inside_a_success_is_raised() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}'
    with pytest.raises(Overloaded, match="busy"):
        parse_response(WireResponse(body=body), TranslationContext())


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"content": "x"}', b'{"content": [1]}', b'{"content": [{}]}', b'{"id": "\xff"}'],
)
def test_what_is_not_this_format_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError) as failed:
        parse_response(WireResponse(body=body), TranslationContext(provider="p", model="m"))
    assert (failed.value.provider, failed.value.model) == ("p", "m")


def test_a_quirk_mends_the_answer_first() -> None:
    context = TranslationContext(quirk=Quirk(response=lambda body: {"content": [], "stop_reason": body["why"]}))
    response = parse_response(WireResponse(body=b'{"why": "max_tokens"}'), context)
    assert response.finish.kind == "length" and response.usage is None and response.id.startswith("msg_")

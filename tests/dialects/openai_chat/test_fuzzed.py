"""What fuzzing found, so that it stays found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interlingua.dialects import openai_chat
from interlingua.dialects.openai_chat.models import parse_models_response
from interlingua.errors import InterlinguaError
from interlingua.ports.dialect import WireResponse
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd
from interlingua.types.parts import ReasoningPart, ToolCallPart
from tests.fuzz.samples import lenient


def chunk(delta: dict[str, Any], **choice: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, **choice}]}


def parsed(*chunks: dict[str, Any]) -> list[Event]:
    parser = openai_chat.StreamParser(lenient("openai_chat"))
    events = parser.feed(b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks))
    return events + parser.close()


def test_choices_that_are_numbered_alike_are_numbered_anew() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    wire = WireResponse(body=json.dumps({"choices": [choice, choice]}).encode())
    response = openai_chat.parse_response(wire, lenient("openai_chat"))
    assert [one.index for one in response.choices] == [0, 1]
    assert accumulate(unfold(response)).choices == response.choices


def test_a_boolean_is_no_index_of_a_choice() -> None:
    events = parsed(chunk({"content": "Hi"}, index=False), chunk({}, finish_reason="stop"))
    assert type(events[-1]) is MessageEnd and type(events[-1].choice) is int


def test_state_that_comes_after_its_call_was_whole_is_the_messages() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "{}"}}
    late = {"index": 0, "extra_content": {"google": {"thought_signature": "c2ln"}}}
    response = accumulate(
        parsed(
            chunk({"tool_calls": [call]}), chunk({"content": "Hi"}), chunk({"tool_calls": [late]}, finish_reason="stop")
        )
    )
    first, *_, last = response.message.parts
    assert isinstance(first, ToolCallPart) and first.opaque == ()
    assert isinstance(last, ReasoningPart) and last.opaque[0].kind == "openai_chat.extra_content"


def test_an_error_in_a_list_of_models_may_hold_a_number_that_no_float_can() -> None:
    wire = WireResponse(body=b'{"error": {"message": "no", "type": 1e999}}')
    with pytest.raises(InterlinguaError):
        parse_models_response(wire, lenient("openai_chat"))


@pytest.mark.parametrize("index", [-1, 2**64 - 1])
def test_a_choice_of_an_index_that_nobody_asks_for_fails_instead_of_filling_the_memory(index: int) -> None:
    events = parsed(chunk({"content": "Hi"}, index=index, finish_reason="stop"))
    assert isinstance(events[-1], Failed) and str(index) in events[-1].message


def test_many_calls_of_one_choice_are_told_apart() -> None:
    calls = [{"index": i, "id": f"call_{i}", "function": {"name": "f", "arguments": "{}"}} for i in range(300)]
    response = accumulate(parsed(chunk({"tool_calls": calls}, finish_reason="tool_calls")))
    assert [part.id for part in response.message.parts if isinstance(part, ToolCallPart)] == [c["id"] for c in calls]


def test_a_field_of_a_choice_may_have_the_name_of_our_own_luggage() -> None:
    renderer = openai_chat.StreamRenderer(lenient("openai_chat"))
    events = parsed(chunk({"content": "Hi"}), chunk({}, finish_reason="stop", chunk="theirs"))
    assert b'"finish_reason":"stop"' in b"".join(renderer.render(event) for event in events)

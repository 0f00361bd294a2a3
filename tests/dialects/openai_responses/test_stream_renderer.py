from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from interlingua.dialects import openai_responses as dialect
from interlingua.errors import RateLimited
from interlingua.types.accumulate import unfold
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, Reasoning
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.tools import FunctionTool
from interlingua.types.usage import Usage
from tests.dialects.openai_responses.strategies import responses
from tests.dialects.openai_responses.wire import context, write

START = MessageStart(id="x", model="m", created=7)
STOP = MessageEnd(finish=FinishReason("stop", "end_turn"))


def streamed(*parts: Part, finish: FinishReason | None = None, request: ChatRequest | None = None) -> list[Any]:
    choice = Choice(message=Message(role="assistant", parts=parts), finish=finish or FinishReason("stop", "end_turn"))
    response = ChatResponse(id="x", model="m", choices=(choice,), usage=Usage(input_tokens=1, output_tokens=2))
    return write(list(unfold(response)), request)


def kinds(events: list[Any]) -> list[str]:
    return [one["type"].removeprefix("response.") for one in events]


def test_text_is_framed_by_every_event_that_belongs_to_it() -> None:
    events = streamed(TextPart(text="hi"))
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert events[5]["text"] == "hi" and events[-1]["response"]["output"] == [events[7]["item"]]


def test_a_call_is_framed_too_and_gets_arguments_where_there_are_none() -> None:
    events = streamed(tool_call("c", "f"))
    assert kinds(events)[2:-1] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert events[2]["item"]["arguments"] == "" and events[4]["arguments"] == "{}" and events[4]["name"] == "f"


def test_thinking_is_framed_by_what_it_is() -> None:
    assert kinds(streamed(ReasoningPart(text="t", summary=True)))[2:-1] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert kinds(streamed(ReasoningPart(text="t")))[3:5] == ["content_part.added", "reasoning_text.delta"]
    assert kinds(streamed(ReasoningPart()))[2:-1] == ["output_item.added", "output_item.done"]


def test_refusals_and_free_form_calls_have_events_of_their_own() -> None:
    events = streamed(RefusalPart(text="no"), tool_call("c", "f", "x", custom=True))
    assert "refusal.done" in kinds(events) and "custom_tool_call_input.done" in kinds(events)


def test_sealed_state_stands_in_the_item_when_it_ends() -> None:
    events: list[Event] = [
        START,
        PartStart(index=0, part=ReasoningPart()),
        PartDelta(index=0, text="t"),
        PartDelta(index=0, opaque=Opaque("openai_responses.encrypted_content", "il1.x")),
        PartEnd(index=0),
        STOP,
    ]
    item = write(events)[-1]["response"]["output"][0]
    assert item["encrypted_content"] == "il1.x" and item["id"].startswith("rs_")


@given(responses())
@settings(max_examples=60)
def test_the_grammar_holds_for_every_answer(response: ChatResponse) -> None:
    events = write(list(unfold(response)))
    assert [one["sequence_number"] for one in events] == list(range(len(events)))
    open_items: dict[int, Any] = {}
    ended: list[Any] = []
    for one in events:
        if one["type"] == "response.output_item.added":
            assert one["output_index"] == len(open_items) + len(ended)
            open_items[one["output_index"]] = one["item"]
        elif one["type"] == "response.output_item.done":
            begun = open_items.pop(one["output_index"])
            assert (begun["type"], begun.get("id")) == (one["item"]["type"], one["item"].get("id"))
            ended.append(one["item"])
        elif "output_index" in one:
            assert one["item_id"] == open_items[one["output_index"]]["id"]
    assert not open_items
    assert events[-1]["response"]["output"] == ended
    assert events[0]["response"]["id"] == events[-1]["response"]["id"] == response.id


def test_parts_that_overlap_keep_their_own_places() -> None:
    events: list[Event] = [
        START,
        PartStart(index=0, part=TextPart(text="")),
        PartStart(index=1, part=tool_call("c", "f")),
        PartDelta(index=1, text="{"),
        PartDelta(index=0, text="hi"),
        PartDelta(index=1, text="}"),
        PartEnd(index=1),
        PartEnd(index=0),
        STOP,
    ]
    found = write(events)
    output = found[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call"]
    assert output[0]["content"][0]["text"] == "hi" and output[1]["arguments"] == "{}"


def test_citations_and_probabilities_are_told_and_repeated() -> None:
    cited = Annotation(kind="url", url="u", start=0, end=1)
    likely = TokenLogprob("a", -1.0)
    events: list[Event] = [
        START,
        PartStart(index=0, part=TextPart(text="")),
        PartDelta(index=0, text="a", logprobs=(likely,)),
        PartDelta(index=0, annotation=cited),
        PartEnd(index=0),
        STOP,
    ]
    found = write(events)
    (piece,) = found[-1]["response"]["output"][0]["content"]
    assert len(piece["logprobs"]) == 1 and piece["annotations"][0]["url"] == "u"
    assert [one["annotation_index"] for one in found if "annotation_index" in one] == [0]


def test_the_answer_repeats_what_was_asked() -> None:
    request = ChatRequest(
        model="m",
        messages=(Message(role="system", raw_role="instructions", parts=(TextPart(text="Be kind."),)), user("u")),
        tools=(FunctionTool(name="f"),),
        parallel_tool_calls=False,
        max_output_tokens=9,
        reasoning=Reasoning(effort="low"),
        metadata={"a": "b"},
        stop=("x",),
    )
    response = streamed(TextPart(text="hi"), request=request)[-1]["response"]
    assert response["instructions"] == "Be kind." and response["tools"][0]["name"] == "f"
    assert response["parallel_tool_calls"] is False and response["max_output_tokens"] == 9
    assert response["reasoning"] == {"effort": "low", "summary": None} and response["metadata"] == {"a": "b"}


def test_usage_stands_in_the_terminal_event_alone() -> None:
    events = streamed(TextPart(text="hi"))
    assert events[0]["response"]["usage"] is None
    assert events[-1]["response"]["usage"]["total_tokens"] == 3


def test_an_answer_that_was_cut_off_is_incomplete() -> None:
    last = streamed(TextPart(text="hi"), finish=FinishReason("length", "max_tokens"))[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["response"]["output"][0]["status"] == "incomplete"


def test_a_failure_is_an_error_event_and_a_failed_answer_and_then_nothing() -> None:
    failure = Failed.of(RateLimited("slow down"))
    found = write(
        [START, PartStart(index=0, part=TextPart(text="a")), UsageUpdate(usage=Usage(input_tokens=1)), failure, STOP]
    )
    assert [one["type"] for one in found[-2:]] == ["error", "response.failed"]
    assert found[-2]["code"] == found[-2]["error"]["code"] == "rate_limit_exceeded"
    assert found[-1]["response"]["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}
    assert found[-1]["response"]["usage"]["input_tokens"] == 1


def test_a_failure_before_the_answer_is_an_error_event_alone() -> None:
    assert kinds(write([Failed.of(RateLimited("slow down"))])) == ["error"]


def test_whole_parts_are_items_and_foreign_ones_a_loss() -> None:
    here = context()
    parts: tuple[Part, ...] = (
        BlobPart(modality="image", mime_type="image/png", content="AAAA"),
        OpaquePart(dialect=dialect.ID, kind="item.compaction", raw='{"type":"compaction","id":"c"}'),
        OpaquePart(dialect="gemini", kind="x", raw="{}"),
    )
    events: list[Event] = [START]
    for index, part in enumerate(parts):
        events += [PartStart(index=index, part=part), PartEnd(index=index)]
    output = write([*events, STOP], here=here)[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["image_generation_call", "compaction"]
    assert output[0]["result"] == "AAAA" and len(here.losses) == 1


def test_a_second_choice_is_a_loss() -> None:
    here = context()
    events: list[Event] = [
        START,
        PartStart(index=0, part=TextPart(text="b"), choice=1),
        PartEnd(index=0, choice=1),
        STOP,
    ]
    assert kinds(write(events, here=here))[-1] == "completed"
    assert [loss.field for loss in here.losses] == ["choices[1]"]

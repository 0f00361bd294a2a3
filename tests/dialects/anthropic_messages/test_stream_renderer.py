"""Streams for a client: the grammar, and what of other formats fits into it."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings

from interlingua.dialects.anthropic_messages import StreamRenderer
from interlingua.errors import RateLimited
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import (
    Event,
    Failed,
    MessageEnd,
    MessageStart,
    PartDelta,
    PartEnd,
    PartStart,
    UsageUpdate,
)
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    BlobPart,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from tests.dialects.anthropic_messages.sse_wire import (
    ID,
    check_grammar,
    parse,
    render,
)
from tests.dialects.anthropic_messages.strategies import ORIGIN, responses


@settings(max_examples=100, deadline=None)
@given(responses())
def test_a_rendered_stream_keeps_the_grammar_and_parses_to_the_same_answer(response: ChatResponse) -> None:
    context = TranslationContext(dialect=ID, origin=ORIGIN)
    renderer = StreamRenderer(context)
    data = b"".join(renderer.render(event) for event in unfold(response)) + renderer.close()
    assert accumulate(parse(data, context)) == response
    check_grammar(render(list(unfold(response))))
    assert context.losses == []


def test_the_prompt_is_counted_in_the_start_where_it_is_known_by_then() -> None:
    usage = Usage(input_tokens=100, cache_read=30, cache_creation=20, cache_creation_by_ttl={"1h": 20}, output_tokens=1)
    end = MessageEnd(finish=FinishReason("stop", "stop"))
    wire = render([MessageStart(id="x", model="m"), UsageUpdate(usage=usage), end])
    assert wire[0]["message"]["usage"] == {
        "input_tokens": 50,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 20},
        "output_tokens": 1,
    }
    assert wire[-2]["delta"]["stop_reason"] == "end_turn"


def test_a_prompt_that_is_known_late_stands_in_the_message_delta_and_is_never_negative() -> None:
    usage = Usage(input_tokens=5, cache_read=9, output_tokens=3)
    wire = render(
        [
            MessageStart(id="x", model="m"),
            PartStart(index=0, part=TextPart(text="hi")),
            PartEnd(index=0),
            UsageUpdate(usage=usage),
            MessageEnd(finish=FinishReason("length", "length")),
        ]
    )
    assert wire[0]["message"]["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert wire[-2]["usage"] == {"input_tokens": 0, "cache_read_input_tokens": 9, "output_tokens": 3}
    assert wire[-2]["delta"]["stop_reason"] == "max_tokens"


def test_overlapping_parts_wait_for_each_other() -> None:
    events: list[Event] = [
        MessageStart(id="x", model="m"),
        PartStart(index=0, part=ToolCallPart(id="a", name="f", arguments={})),
        PartStart(index=1, part=ToolCallPart(id="b", name="g", arguments={})),
        PartDelta(index=1, text='{"q":'),
        PartDelta(index=0, text='{"p"'),
        PartStart(index=2, part=TextPart(text="")),
        PartDelta(index=2, text="done"),
        PartEnd(index=1),
        PartDelta(index=0, text=":1}"),
        PartDelta(index=2, text="!"),
        PartEnd(index=0),
        PartEnd(index=2),
        MessageEnd(finish=FinishReason("tool_call", "tool_calls")),
    ]
    events[7:7] = [PartDelta(index=1, text="2}")]
    check_grammar(render(events))
    renderer = StreamRenderer(TranslationContext())
    data = b"".join(renderer.render(event) for event in events) + renderer.close()
    message = accumulate(parse(data)).message
    assert message.parts == (
        tool_call("a", "f", '{"p":1}'),
        tool_call("b", "g", '{"q":2}'),
        TextPart(text="done!"),
    )


def test_a_signature_comes_just_before_its_block_stops() -> None:
    wire = render(
        [
            MessageStart(id="x", model="m"),
            PartStart(index=0, part=ReasoningPart()),
            PartDelta(index=0, opaque=Opaque(f"{ID}.signature", "s")),
            PartDelta(index=0, text="hm"),
            PartEnd(index=0),
            MessageEnd(finish=FinishReason("stop", "end_turn")),
        ]
    )
    kinds = [event.get("delta", {}).get("type") or event["type"] for event in wire[1:5]]
    assert kinds == ["content_block_start", "thinking_delta", "signature_delta", "content_block_stop"]


def test_thinking_of_another_model_is_shown_without_a_signature_and_its_state_is_lost() -> None:
    context = TranslationContext(dialect=ID)
    wire = render(
        [
            MessageStart(id="x", model="m"),
            PartStart(index=0, part=ReasoningPart(opaque=(Opaque("gemini.thought_signature", "s"),))),
            PartDelta(index=0, text="hm"),
            PartEnd(index=0),
            PartStart(index=1, part=ReasoningPart()),
            PartEnd(index=1),
            MessageEnd(finish=FinishReason("stop", "STOP")),
        ],
        context,
    )
    check_grammar(wire)
    assert [event["type"] for event in wire[1:-2]] == [f"content_block_{word}" for word in ("start", "delta", "stop")]
    assert wire[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert [loss.field for loss in context.losses] == ["choices[0].message.parts[0].opaque"]


def test_what_an_answer_cannot_hold_is_lost_and_leaves_no_gap() -> None:
    context = TranslationContext(dialect=ID)
    end = MessageEnd(finish=FinishReason("stop", "stop"), message_extra={"openai_chat": {"x": 1}})
    wire = render(
        [
            MessageStart(id="", model="m", extra={"openai_chat": {"fingerprint": 1}}),
            PartStart(index=0, part=BlobPart(modality="image", mime_type="image/png", content="")),
            PartDelta(index=0, text="AAAA"),
            PartEnd(index=0),
            PartStart(index=1, part=TextPart(text="")),
            PartDelta(index=1, text="x", logprobs=(TokenLogprob("x", -1.0),)),
            PartEnd(index=1),
            PartStart(index=0, part=TextPart(text="other"), choice=1),
            end,
            MessageEnd(finish=FinishReason("stop", "stop"), choice=1),
        ],
        context,
    )
    check_grammar(wire)
    assert wire[0]["message"]["id"].startswith("msg_")
    assert {loss.field for loss in context.losses} == {
        "extra.openai_chat",
        "choices[0].message.parts[0]",
        "logprobs",
        "choices[1]",
    }


def test_a_refusal_in_words_becomes_text_and_its_stop_reason() -> None:
    wire = render(
        [
            MessageStart(id="x", model="m"),
            PartStart(index=0, part=RefusalPart(text="")),
            PartDelta(index=0, text="No."),
            PartEnd(index=0),
            MessageEnd(finish=FinishReason("stop", "stop")),
        ]
    )
    assert wire[2]["delta"] == {"type": "text_delta", "text": "No."}
    assert wire[-2]["delta"]["stop_reason"] == "refusal"


def test_free_text_for_a_tool_is_wrapped_in_json() -> None:
    wire = render(
        [
            MessageStart(id="x", model="m"),
            PartStart(index=0, part=ToolCallPart(id="a", name="f", custom=True)),
            PartDelta(index=0, text="SELECT "),
            PartDelta(index=0, text='"1"'),
            PartEnd(index=0),
            MessageEnd(finish=FinishReason("tool_call", "tool_calls")),
        ]
    )
    assert msgspec.json.decode(wire[2]["delta"]["partial_json"]) == {"input": 'SELECT "1"'}
    assert len(wire) == 6


def test_a_failure_ends_the_stream_with_an_error_event_and_no_terminator() -> None:
    failed = Failed.of(RateLimited("slow down", request_id="req_9"))
    wire = render([MessageStart(id="x", model="m"), PartStart(index=0, part=TextPart(text="a")), failed])
    assert [event["type"] for event in wire][-1] == "error"
    assert wire[-1]["error"]["type"] == "rate_limit_error" and wire[-1]["request_id"] == "req_9"


def test_an_answer_that_ended_with_an_error_is_not_passed_off_as_whole() -> None:
    end = MessageEnd(finish=FinishReason("error", "MALFORMED_FUNCTION_CALL"))
    wire = render([MessageStart(id="x", model="m"), end])
    assert [event["type"] for event in wire] == ["message_start", "error"]
    assert "MALFORMED_FUNCTION_CALL" in wire[-1]["error"]["message"]


def test_a_stream_that_nobody_ended_gets_no_terminator() -> None:
    wire = render([MessageStart(id="x", model="m"), PartStart(index=0, part=TextPart(text="a"))])
    assert [event["type"] for event in wire] == ["message_start", "content_block_start", "content_block_delta"]

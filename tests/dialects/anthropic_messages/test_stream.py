"""Streams both ways: the grammar, the cuts, the errors, and what compatible servers get wrong."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.dialects.anthropic_messages import StreamParser, StreamRenderer, parse_response, render_response
from interlingua.errors import RateLimited
from interlingua.ports.context import Quirk, TranslationContext
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
    Annotation,
    BlobPart,
    OpaquePart,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from interlingua.wire.sse import SSEParser
from tests.dialects.anthropic_messages.strategies import ORIGIN, responses

ID = "anthropic_messages"
Wire = dict[str, Any]


def sse(*events: Wire, named: bool = True) -> bytes:
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        lines.append(f"{name}data: {msgspec.json.encode(event).decode()}\n\n")
    return "".join(lines).encode()


def start(**message: Any) -> Wire:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 4, "output_tokens": 1}
    return {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [], "usage": usage} | message}


def block(index: int, **fields: Any) -> Wire:
    return {"type": "content_block_start", "index": index, "content_block": fields}


def delta(index: int, **fields: Any) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def stop(index: int) -> Wire:
    return {"type": "content_block_stop", "index": index}


def ending(reason: str | None = "end_turn", **delta: Any) -> list[Wire]:
    said = {"stop_reason": reason, "stop_sequence": None} | delta
    return [{"type": "message_delta", "delta": said, "usage": {"output_tokens": 9}}, {"type": "message_stop"}]


TEXT = [block(0, type="text", text=""), delta(0, type="text_delta", text="hi"), stop(0)]


def parse(data: bytes, context: TranslationContext | None = None) -> list[Event]:
    parser = StreamParser(context or TranslationContext())
    return parser.feed(data) + parser.close()


def answer(*events: Wire) -> ChatResponse:
    return accumulate(parse(sse(start(), *events)))


def render(events: list[Event], context: TranslationContext | None = None) -> list[Wire]:
    renderer = StreamRenderer(context or TranslationContext(dialect=ID))
    data = b"".join(renderer.render(event) for event in events) + renderer.close()
    parser = SSEParser()
    found = parser.feed(data) + parser.close()
    wire = [msgspec.json.decode(event.data) for event in found]
    assert [event.event for event in found] == [event["type"] for event in wire]
    return wire


def check_grammar(wire: list[Wire]) -> None:
    """One message_start first; blocks numbered without gaps, one open at a time; message_delta, then message_stop."""
    assert [event["type"] for event in wire].count("message_start") == 1 and wire[0]["type"] == "message_start"
    assert [event["type"] for event in wire[-2:]] == ["message_delta", "message_stop"]
    opened: int | None = None
    numbers = itertools.count()
    for event in wire[1:-2]:
        if event["type"] == "content_block_start":
            assert opened is None
            opened = next(numbers)
        else:
            assert opened is not None
        assert event["index"] == opened
        opened = None if event["type"] == "content_block_stop" else opened
    assert opened is None


# --- parsing


@settings(max_examples=60, deadline=None)
@given(responses(), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_any_chunking_gives_the_same_events(response: ChatResponse, sizes: list[int]) -> None:
    renderer = StreamRenderer(TranslationContext())
    data = b"".join(renderer.render(event) for event in unfold(response)) + renderer.close()
    data = data.replace(b"\n", b"\r\n")
    parser, events, cut, place = StreamParser(TranslationContext()), [], itertools.cycle(sizes), 0
    while place < len(data):
        size = next(cut)
        events += parser.feed(data[place : place + size])
        place += size
    assert events + parser.close() == parse(data)


@settings(max_examples=100, deadline=None)
@given(responses())
def test_a_rendered_stream_keeps_the_grammar_and_parses_to_the_same_answer(response: ChatResponse) -> None:
    context = TranslationContext(dialect=ID, origin=ORIGIN)
    renderer = StreamRenderer(context)
    data = b"".join(renderer.render(event) for event in unfold(response)) + renderer.close()
    assert accumulate(parse(data, context)) == response
    check_grammar(render(list(unfold(response))))
    assert context.losses == []


@settings(max_examples=60, deadline=None)
@given(responses())
def test_stream_and_whole_answer_agree(response: ChatResponse) -> None:
    context = TranslationContext(dialect=ID, origin=ORIGIN)
    whole = parse_response(render_response(response, context), context)
    renderer = StreamRenderer(context)
    data = b"".join(renderer.render(event) for event in unfold(response)) + renderer.close()
    assert accumulate(parse(data, context)) == whole


def test_usage_of_the_start_and_of_the_end_are_one() -> None:
    usage = answer(*TEXT, *ending()).usage
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read, usage.output_tokens) == (14, 4, 9)


def test_a_later_zero_does_not_erase_the_prompt_but_an_unbilled_answer_counts_as_zero() -> None:
    wire = [*TEXT, *ending("refusal")]
    wire[-2]["usage"] = {"input_tokens": 0, "cache_read_input_tokens": None, "output_tokens": 0}
    usage = answer(*wire).usage
    assert usage is not None and (usage.input_tokens, usage.output_tokens) == (14, 0)


def test_a_stream_without_any_usage_has_none() -> None:
    wire = [start(usage=None), *TEXT, *ending()]
    del wire[-2]["usage"]
    assert accumulate(parse(sse(*wire))).usage is None


def test_event_lines_may_be_missing_and_unknown_things_are_skipped() -> None:
    wire = [
        start(),
        {"type": "ping"},
        {"type": "novelty", "x": 1},
        TEXT[0],
        delta(0, type="novel_delta", x=1),
        *TEXT[1:],
        *ending(),
    ]
    assert accumulate(parse(sse(*wire, named=False) + b"data: [DONE]\n\n")).text == "hi"


def test_tool_input_arrives_in_pieces_even_where_it_is_no_valid_json() -> None:
    message = answer(
        block(0, type="tool_use", id="toolu_1", name="f", input={}, caller={"type": "direct"}),
        delta(0, type="input_json_delta", partial_json=""),
        delta(0, type="input_json_delta", partial_json='{"a": '),
        delta(0, type="input_json_delta", partial_json="tru"),
        stop(0),
        *ending("max_tokens"),
    ).message
    assert message.parts == (
        ToolCallPart(
            id="toolu_1", name="f", raw='{"a": tru', arguments=None, extra={ID: {"caller": {"type": "direct"}}}
        ),
    )


@pytest.mark.parametrize("given", [{}, {"a": 1}])
def test_tool_input_that_stands_in_the_start_alone_is_taken(given: Wire) -> None:
    response = answer(block(0, type="tool_use", id="t", name="f", input=given), stop(0), *ending("end_turn"))
    part = response.message.parts[0]
    assert isinstance(part, ToolCallPart) and part.arguments == given and part.raw
    assert response.finish == FinishReason("tool_call", "end_turn")


def test_thinking_keeps_its_signature_even_where_its_text_is_omitted() -> None:
    response = answer(
        block(0, type="thinking", thinking="", signature=""),
        delta(0, type="signature_delta", signature="c2ln+/="),
        stop(0),
        block(1, type="thinking", thinking="", signature=""),
        delta(1, type="thinking_delta", thinking="hm"),
        stop(1),
        block(2, type="redacted_thinking", data="ZGF0YQ=="),
        stop(2),
        *ending(),
    )
    assert response.message.parts == (
        ReasoningPart(opaque=(Opaque(f"{ID}.signature", "c2ln+/="),)),
        ReasoningPart(text="hm"),
        ReasoningPart(opaque=(Opaque(f"{ID}.redacted_thinking", "ZGF0YQ=="),)),
    )


def test_server_tools_and_unknown_blocks_arrive_whole() -> None:
    response = answer(
        block(0, type="server_tool_use", id="srvtoolu_1", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json='{"query": '),
        delta(0, type="input_json_delta", partial_json='"x"}'),
        stop(0),
        block(1, type="web_search_tool_result", tool_use_id="srvtoolu_1", content=[]),
        stop(1),
        block(2, type="compaction", content=None),
        delta(2, type="compaction_delta", content="short"),
        stop(2),
        *ending("pause_turn"),
    )
    call, result, compaction = response.message.parts
    assert isinstance(call, ServerToolCallPart) and isinstance(compaction, OpaquePart)
    assert msgspec.json.decode(call.raw)["input"] == {"query": "x"} and '{"query": "x"}' in call.raw
    assert getattr(result, "name", "") == "web_search"
    assert msgspec.json.decode(compaction.raw) == {"type": "compaction", "content": "short"}
    assert response.finish.kind == "pause"


def test_citations_and_late_luggage_are_kept() -> None:
    citation = {"type": "web_search_result_location", "url": "https://e.test", "title": "t", "encrypted_index": "e"}
    response = answer(
        TEXT[0],
        delta(0, type="citations_delta", citation=citation),
        TEXT[1],
        stop(0),
        *ending("refusal", stop_details={"type": "refusal"}, container={"id": "c"}),
    )
    assert response.message.parts == (
        TextPart(
            text="hi",
            annotations=(Annotation(kind="url", url="https://e.test", title="t", dialect=ID, raw=citation),),
        ),
    )
    assert response.choices[0].extra == {ID: {"stop_details": {"type": "refusal"}, "container": {"id": "c"}}}


def test_blocks_that_were_never_stopped_end_with_the_message() -> None:
    assert answer(TEXT[0], TEXT[1], *ending()).text == "hi"


@pytest.mark.parametrize("upto", range(6))
def test_without_message_stop_a_stream_was_interrupted(upto: int) -> None:
    events = parse(sse(*[start(), *TEXT, *ending()][:upto]))
    assert isinstance(events[-1], Failed) and events[-1].code == "stream_interrupted"
    assert not any(isinstance(event, MessageEnd) for event in events)


def test_an_error_event_fails_the_stream_and_nothing_follows() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
    events = parse(sse(start(), *TEXT[:2], error, *TEXT, *ending()))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.message, failed.request_id) == ("overloaded", "Overloaded", "req_1")
    assert not any(isinstance(event, PartEnd) for event in events)


def test_a_bare_json_error_without_framing_fails_the_stream() -> None:
    events = parse(b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}')
    assert [event.code for event in events if isinstance(event, Failed)] == ["rate_limited"]


@pytest.mark.parametrize(
    "broken",
    [
        b"data: {nope\n\n",
        b"data: [1]\n\n",
        sse(delta(7, type="text_delta", text="x")),
        sse({"type": "content_block_start", "index": 0}),
        sse({"type": "content_block_start", "index": "a", "content_block": {"type": "text"}}),
    ],
)
def test_what_is_not_this_format_fails_as_an_upstream_error(broken: bytes) -> None:
    events = parse(sse(start()) + broken + sse(*ending()))
    assert isinstance(events[-1], Failed) and events[-1].code == "upstream_error"


def test_a_quirk_mends_each_event() -> None:
    def mend(event: Wire) -> Wire:
        return event | {"type": "message_stop"} if event["type"] == "bye" else event

    wire = [start(), *TEXT, ending()[0], {"type": "bye"}]
    events = parse(sse(*wire), TranslationContext(quirk=Quirk(chunk=mend)))
    assert isinstance(events[-1], MessageEnd)


# --- rendering


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
    assert [loss.field for loss in context.losses] == ["message.parts[0].opaque"]


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
        "response.extra.openai_chat",
        "message.parts[0]",
        "logprobs",
        "n",
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

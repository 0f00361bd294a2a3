"""Streams of a provider: the cuts, the errors, and what compatible servers get wrong."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.dialects.anthropic_messages import StreamParser, StreamRenderer, parse_response, render_response
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import (
    Failed,
    MessageEnd,
    PartEnd,
)
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    Annotation,
    OpaquePart,
    ReasoningPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
)
from interlingua.types.response import ChatResponse, FinishReason
from tests.dialects.anthropic_messages.sse_wire import (
    ID,
    TEXT,
    Wire,
    answer,
    block,
    delta,
    ending,
    parse,
    sse,
    start,
    stop,
)
from tests.dialects.anthropic_messages.strategies import ORIGIN, responses


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


def test_what_is_not_of_its_type_is_passed_over() -> None:
    """A typed failure or nothing, never an exception of Python's."""
    strange = {"type": "content_block_delta", "index": 0, "delta": {"type": ["text_delta"], "text": "x"}}
    found = answer(block(0, type="text", text="a", citations=7), strange, *ending())
    assert found.text == "a"


def test_a_block_that_begins_in_the_place_of_an_open_one_ends_that() -> None:
    """Some compatible servers leave out content_block_stop."""
    found = answer(block(0, type="text", text="a"), block(0, type="text", text="b"), *ending())
    assert [part.text for part in found.message.parts if isinstance(part, TextPart)] == ["a", "b"]

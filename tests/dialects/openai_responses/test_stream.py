from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.dialects import openai_responses as dialect
from interlingua.ports.context import Quirk
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartStart, UsageUpdate
from interlingua.types.parts import ReasoningPart, RefusalPart, ServerToolCallPart, TextPart, ToolCallPart
from interlingua.types.response import ChatResponse, FinishReason
from tests.dialects.openai_responses.strategies import responses
from tests.dialects.openai_responses.wire import (
    CREATED,
    ORIGIN,
    added,
    answer,
    call,
    context,
    done,
    ended,
    event,
    message,
    read,
    sse,
    thought,
)

USAGE = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8, "input_tokens_details": {"cached_tokens": 2}}


def text_events(index: int | None = 0, *pieces: str, id: str = "msg_1") -> list[dict[str, Any]]:
    """A message as it is streamed; without an index as the hosts do that leave the numbers out."""
    where: dict[str, Any] = {"item_id": id} | ({} if index is None else {"output_index": index, "content_index": 0})
    text = "".join(pieces)
    return [
        added(index, message(id=id)),
        event("response.content_part.added", part={"type": "output_text", "text": "", "annotations": []}, **where),
        *(event("response.output_text.delta", delta=piece, **where) for piece in pieces),
        event("response.output_text.done", text=text, **where),
        event("response.content_part.done", part={"type": "output_text", "text": text, "annotations": []}, **where),
        done(index, message(text, id=id)),
    ]


def call_events(index: int, *pieces: str, id: str = "fc_1", call_id: str = "call_1") -> list[dict[str, Any]]:
    where = {"item_id": id, "output_index": index}
    return [
        added(index, call(arguments="", id=id, call_id=call_id)),
        *(event("response.function_call_arguments.delta", delta=piece, **where) for piece in pieces),
        event("response.function_call_arguments.done", arguments="".join(pieces), **where),
        done(index, call(arguments="".join(pieces), id=id, call_id=call_id)),
    ]


WHOLE = sse(
    CREATED,
    event("response.in_progress", response={}),
    added(0, thought(sealed=None)),
    event("response.reasoning_summary_part.added", output_index=0, summary_index=0),
    event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="h"),
    event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="m"),
    event("response.reasoning_summary_text.delta", output_index=0, summary_index=1, delta="so"),
    done(0, thought("hm", "so")),
    *text_events(1, "Hé", "llo"),
    *call_events(2, '{"a"', ":1}"),
    ended(usage=USAGE, completed_at=9),
)


def test_a_stream_amounts_to_the_answer_that_it_streams() -> None:
    streamed = accumulate(read(WHOLE, context(origin=ORIGIN)))
    whole = answer(
        thought("hm", "so"), message("Héllo"), call(arguments='{"a":1}'), usage=USAGE, here=context(origin=ORIGIN)
    )
    assert streamed.message == whole.message
    assert (streamed.finish, streamed.usage) == (whole.finish, whole.usage)
    assert streamed.choices[0].extra == {dialect.ID: {"completed_at": 9}}


def test_the_encrypted_content_counts_only_when_the_item_is_whole() -> None:
    stream = sse(CREATED, added(0, thought(sealed="early")), done(0, thought(sealed="late")), ended())
    (part,) = accumulate(read(stream)).message.parts
    assert next(one.data for one in part.opaque) == "late"


def test_text_is_told_as_it_comes() -> None:
    parser = dialect.StreamParser(context())
    begun = parser.feed(sse(CREATED, *text_events(0, "a", "b")[:3]))
    assert [type(one) for one in begun] == [MessageStart, PartStart, PartDelta]
    assert isinstance(begun[-1], PartDelta) and begun[-1].text == "a"


@given(st.lists(st.integers(0, 40), max_size=60))
def test_the_chunking_of_the_bytes_makes_no_difference(sizes: list[int]) -> None:
    assert read(WHOLE, sizes=sizes) == read(WHOLE)


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_neither_do_line_ends_nor_single_bytes(end: bytes) -> None:
    stream = WHOLE.replace(b"\n", end)
    assert read(stream, sizes=[1] * len(stream)) == read(WHOLE)


@given(responses())
@settings(max_examples=60)
def test_an_answer_survives_being_streamed_to_a_client_and_read_again(response: ChatResponse) -> None:
    renderer = dialect.StreamRenderer(context())
    stream = b"".join(renderer.render(one) for one in unfold(response)) + renderer.close()
    found = accumulate(read(stream))
    usage = msgspec.structs.replace(found.usage, raw=None) if found.usage else None
    choice = msgspec.structs.replace(found.choices[0], extra={})
    assert msgspec.structs.replace(found, extra={}, usage=usage, choices=(choice,)) == response


def test_hosts_that_leave_the_numbers_out_are_understood() -> None:
    stream = sse(CREATED, *text_events(None, "a", "b"), ended())
    response = accumulate(read(stream))
    assert response.text == "ab" and response.finish == FinishReason("stop", "completed")


def test_hosts_that_change_an_items_id_on_the_way_are_understood() -> None:
    events = text_events(0, "a")
    events[-1]["item"]["id"] = "msg_other"
    events[2]["item_id"] = "msg_third"
    assert accumulate(read(sse(CREATED, *events, ended()))).text == "a"


def test_hosts_that_number_all_items_alike_are_understood() -> None:
    stream = sse(CREATED, *text_events(0, "a"), *text_events(0, "b", id="msg_2"), *call_events(0, "{}"), ended())
    parts = accumulate(read(stream)).message.parts
    assert [type(part) for part in parts] == [TextPart, TextPart, ToolCallPart]


def test_an_item_that_is_ended_twice_is_told_once() -> None:
    events = text_events(0, "a")
    assert accumulate(read(sse(CREATED, *events, events[-1], ended()))).text == "a"


def test_hosts_that_count_pieces_on_across_items_are_understood() -> None:
    events = text_events(1, "a")
    for one in events[1:-1]:
        one["content_index"] = 1
    assert accumulate(read(sse(CREATED, *events, ended()))).text == "a"


def test_calls_may_interleave() -> None:
    first, second = call_events(0, "{", "}"), call_events(1, "[", "]", id="fc_2", call_id="call_2")
    mixed = [one for pair in zip(first, second, strict=True) for one in pair]
    response = accumulate(read(sse(CREATED, *mixed, ended())))
    assert [(part.id, part.raw) for part in response.message.parts if isinstance(part, ToolCallPart)] == [
        ("call_1", "{}"),
        ("call_2", "[]"),
    ]
    assert response.finish == FinishReason("tool_call", "completed")


def test_a_call_whose_name_comes_late_waits_for_it() -> None:
    events = call_events(0, "{}")
    del events[0]["item"]["name"]
    (part,) = accumulate(read(sse(CREATED, *events, ended()))).message.parts
    assert isinstance(part, ToolCallPart) and (part.name, part.raw) == ("f", "{}")


def test_free_form_input_is_streamed_too() -> None:
    item = {"type": "custom_tool_call", "id": "ctc", "call_id": "c", "name": "f", "input": ""}
    stream = sse(
        CREATED,
        added(0, item),
        event("response.custom_tool_call_input.delta", output_index=0, item_id="ctc", delta="ab"),
        event("response.custom_tool_call_input.done", output_index=0, item_id="ctc", input="abc"),
        done(0, {**item, "input": "abc"}),
        ended(),
    )
    (part,) = accumulate(read(stream)).message.parts
    assert isinstance(part, ToolCallPart) and part.custom and part.raw == "abc"


def test_a_refusal_is_streamed_too() -> None:
    refusal = message({"type": "refusal", "refusal": "no way"})
    stream = sse(
        CREATED,
        added(0, message()),
        event("response.refusal.delta", output_index=0, content_index=0, delta="no"),
        event("response.refusal.done", output_index=0, content_index=0, refusal="no way"),
        done(0, refusal),
        ended(),
    )
    response = accumulate(read(stream))
    assert isinstance(response.message.parts[0], RefusalPart) and response.message.parts[0].text == "no way"
    assert response.finish.kind == "refusal"


def test_open_thinking_is_told_and_its_summary_stays_in_the_item() -> None:
    item = {**thought("short"), "content": [{"type": "reasoning_text", "text": "long"}]}
    stream = sse(
        CREATED,
        added(0, thought()),
        event("response.reasoning_text.delta", output_index=0, content_index=0, delta="long"),
        event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="short"),
        done(0, item),
        ended(),
    )
    assert accumulate(read(stream)).message == answer(item).message


def test_items_that_only_their_end_tells_are_not_lost() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}}
    stream = sse(
        CREATED,
        added(0, {**search, "status": "in_progress"}),
        event("response.web_search_call.searching", output_index=0, item_id="ws"),
        event("response.never_heard_of", output_index=0),
        done(0, search),
        done(1, message("a")),
        ended(),
    )
    parts = accumulate(read(stream)).message.parts
    assert [type(part) for part in parts] == [ServerToolCallPart, TextPart]
    assert isinstance(parts[0], ServerToolCallPart) and msgspec.json.decode(parts[0].raw) == search


def test_what_only_the_terminal_event_tells_is_not_lost() -> None:
    output = [thought("hm"), message("abc"), call()]
    stream = sse(CREATED, added(0, thought()), *text_events(1, "a")[:3], ended(output=output))
    # The reasoning item had not ended, so its part comes when the terminal event completes it.
    response = accumulate(read(stream))
    assert response.text == "abc" and response.finish.kind == "tool_call"
    assert {type(part) for part in response.message.parts} == {ReasoningPart, TextPart, ToolCallPart}
    assert accumulate(read(sse(ended(output=output)))).message == answer(*output).message


def test_citations_and_probabilities_come_once() -> None:
    cited = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    likely = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}
    events = text_events(0, "a")
    events[2]["logprobs"] = [likely]
    events[-1]["item"]["content"][0] |= {"annotations": [cited, cited], "logprobs": [likely]}
    told = event("response.output_text.annotation.added", output_index=0, content_index=0, annotation=cited)
    response = accumulate(read(sse(CREATED, *events[:3], told, *events[3:], ended())))
    assert isinstance(response.message.parts[0], TextPart) and len(response.message.parts[0].annotations) == 2
    assert len(response.choices[0].logprobs) == 1


def test_usage_comes_before_the_end() -> None:
    kinds = [type(one) for one in read(sse(CREATED, *text_events(0, "a"), ended(usage=USAGE), b"data: [DONE]\n\n"))]
    assert kinds[-2:] == [UsageUpdate, MessageEnd]


def test_an_incomplete_answer_is_complete_as_a_stream() -> None:
    cut = ended("incomplete", incomplete_details={"reason": "max_output_tokens"})
    assert accumulate(read(sse(CREATED, *text_events(0, "a"), cut))).finish == FinishReason(
        "length", "max_output_tokens"
    )


def failed(stream: bytes) -> Failed:
    events = read(stream)
    assert isinstance(events[-1], Failed) and not any(isinstance(one, MessageEnd) for one in events)
    return events[-1]


@pytest.mark.parametrize("count", range(7))
def test_a_stream_without_a_terminal_event_was_interrupted(count: int) -> None:
    assert failed(sse(CREATED, *text_events(0, "a")[:count], b"data: [DONE]\n\n")).code == "stream_interrupted"


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (ended("failed", error={"code": "rate_limit_exceeded", "message": "x"}), "rate_limited"),
        (event("error", code="server_error", message="x", param=None), "upstream_error"),
        (
            event("error", error={"type": "invalid_request_error", "code": "context_length_exceeded", "message": "x"}),
            "context_too_long",
        ),
        (b'data: {"error":{"message":"x","code":"insufficient_quota"}}\n\n', "quota_exceeded"),
        (b'[{"error":{"message":"x","code":"overloaded"}}]', "overloaded"),
        (b"data: {]\n\n", "upstream_error"),
        (b'data: {"type":3}\n\n', "upstream_error"),
        (b'data: {"type":"response.comp', "stream_interrupted"),
        (done(0, {"type": "function_call", "call_id": "c"}), "upstream_error"),
    ],
)
def test_every_failure_ends_the_stream_typed(last: Any, code: str) -> None:
    assert failed(sse(CREATED, *text_events(0, "a")[:3], last, *([ended()] if last == b"" else []))).code == code


def test_a_failure_tells_what_was_consumed() -> None:
    events = read(sse(CREATED, ended("failed", usage=USAGE, error={"code": "server_error", "message": "x"})))
    assert [type(one) for one in events] == [MessageStart, UsageUpdate, Failed]


def test_events_without_data_do_not_matter() -> None:
    """Some hosts keep the connection alive by them."""
    events = read(sse(CREATED, b"data: \n\n", *text_events(0, "a"), ended()))
    assert isinstance(events[-1], MessageEnd)


def test_nothing_follows_the_end() -> None:
    ends: list[Event] = read(sse(CREATED, *text_events(0, "a"), ended(), *text_events(1, "b"), ended("failed")))
    assert isinstance(ends[-1], MessageEnd) and accumulate(ends).text == "a"


def test_a_quirk_reads_every_event_first() -> None:
    here = context(quirk=Quirk(chunk=lambda one: {**one, "delta": "z"} if "delta" in one else one))
    events = text_events(0, "a")
    response = accumulate(read(sse(CREATED, *events[:3], ended()), here))
    assert response.text == "z"

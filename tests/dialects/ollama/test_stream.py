"""Streams from providers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.ports.context import Quirk
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Origin
from interlingua.types.parts import BlobPart, ReasoningPart, TextPart, ToolCallPart
from interlingua.types.response import ChatResponse, FinishReason
from tests.dialects.ollama.strategies import PNG, responses
from tests.dialects.ollama.wire import answer, context, lines, parsed, raw_stream
from tests.strategies import cuts


def piece(**message: Any) -> dict[str, Any]:
    return {
        "model": "m",
        "created_at": "2026-11-20T08:00:00Z",
        "message": {"role": "assistant", **message},
        "done": False,
    }


def last(**more: Any) -> dict[str, Any]:
    return piece(content="") | {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 4} | more


CALL = {"function": {"index": 0, "name": "f", "arguments": {"a": "ü"}}}
STREAM = lines(
    piece(content="", thinking="h"),
    piece(content="", thinking="m"),
    piece(content="grüß"),
    piece(content=" dich", tool_calls=[{"id": "c1", **CALL}]),
    piece(content="", tool_calls=[CALL]),
    last(total_duration=9),
)


def test_thinking_text_and_whole_calls_become_parts_and_usage_comes_before_the_end() -> None:
    origin = Origin("p", "ollama", "m")
    start, *events = parsed(STREAM, context(origin=origin))
    assert isinstance(start, MessageStart) and start.origin == origin and start.created == 1795161600
    second = events[-5].part  # type: ignore[union-attr]  # a PartStart, as compared below
    assert isinstance(second, ToolCallPart) and second.id.startswith("call_")
    assert events == [
        PartStart(index=0, part=ReasoningPart()),
        PartDelta(index=0, text="h"),
        PartDelta(index=0, text="m"),
        PartEnd(index=0),
        PartStart(index=1, part=TextPart(text="")),
        PartDelta(index=1, text="grüß"),
        PartDelta(index=1, text=" dich"),
        PartEnd(index=1),
        PartStart(index=2, part=ToolCallPart(id="c1", name="f", arguments={})),
        PartDelta(index=2, text='{"a":"ü"}'),
        PartEnd(index=2),
        PartStart(index=3, part=second),
        PartDelta(index=3, text='{"a":"ü"}'),
        PartEnd(index=3),
        events[-2],
        MessageEnd(finish=FinishReason("tool_call", "stop")),
    ]
    assert isinstance(events[-2], UsageUpdate) and events[-2].usage.raw["total_duration"] == 9


@given(cuts(STREAM.replace(b"\n", b"\r\n\n")))
def test_chunking_makes_no_difference(pieces: list[bytes]) -> None:
    assert parsed(pieces) == parsed(STREAM)


def test_one_byte_at_a_time_makes_no_difference_and_the_last_line_needs_no_end() -> None:
    assert parsed([bytes([byte]) for byte in STREAM.rstrip()]) == parsed(STREAM)


@given(responses(), st.data())
@settings(max_examples=60)
def test_what_we_stream_is_read_back_in_any_chunking(response: ChatResponse, data: st.DataObject) -> None:
    stream = raw_stream(list(unfold(response)))
    again = accumulate(parsed(data.draw(cuts(stream))))
    assert msgspec.structs.replace(again, id="") == response


def test_stream_and_whole_answer_agree() -> None:
    whole = last(
        message={"role": "assistant", "content": "grüß dich", "tool_calls": [{"id": "c1", **CALL}]}, remote_host="h"
    )
    streamed = lines(
        piece(content="grüß") | {"remote_host": "h"},
        piece(content=" dich", tool_calls=[{"id": "c1", **CALL}]) | {"remote_host": "h"},
        last(remote_host="h"),
    )
    assert accumulate(parsed(streamed)) == answer(whole)
    assert accumulate(parsed(lines(whole))) == answer(whole)


@pytest.mark.parametrize("cut", [0, 10, STREAM.index(b"\n") + 1, STREAM.rindex(b'"done":true'), len(STREAM) - 3])
def test_a_stream_without_its_last_line_is_interrupted(cut: int) -> None:
    events = parsed(STREAM[:cut])
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "stream_interrupted"
    assert not any(isinstance(event, MessageEnd) for event in events)


def test_an_error_line_is_a_failure_and_ends_the_stream() -> None:
    data = lines(piece(content="a"), {"error": "llama runner process has terminated"}, piece(content="b"), last())
    *before, failed = parsed(data)
    assert isinstance(failed, Failed) and failed.code == "upstream_error" and failed.retryable
    assert before[-1] == PartDelta(index=0, text="a")


@pytest.mark.parametrize(
    "bad", [b"<html>\n", b'{"message":\n', b"[1]\n", b'{"model":"m"}\n', b'{"message":{"content":1}}\n']
)
def test_a_line_that_is_not_this_format_is_a_failure(bad: bytes) -> None:
    events = parsed(lines(piece(content="a")) + bad + lines(last()))
    assert isinstance(events[-1], Failed) and events[-1].code == "upstream_error"


@pytest.mark.parametrize("page", [b"<html>no</html>", b'{"detail":"no"}'])
def test_a_page_that_is_no_stream_is_not_an_interruption(page: bytes) -> None:
    (failed,) = parsed(page)
    assert isinstance(failed, Failed) and failed.code == "upstream_error"


def test_nothing_after_the_last_line_counts() -> None:
    assert parsed(STREAM + lines(piece(content="more")) + b"{") == parsed(STREAM)


def test_usage_that_is_missing_is_not_told() -> None:
    events = parsed(lines(piece(content="a"), piece(content="") | {"done": True}))
    assert not any(isinstance(event, UsageUpdate) for event in events)
    assert events[-1] == MessageEnd(finish=FinishReason("stop", ""))


def test_a_model_that_was_only_loaded_has_said_nothing() -> None:
    start, end = parsed(lines({"model": "m", "done": True, "done_reason": "load"}))
    assert isinstance(start, MessageStart) and end == MessageEnd(finish=FinishReason("stop", "load"))


def test_logprobs_go_with_the_text_that_they_are_about() -> None:
    token = {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}
    quiet = piece(content="") | {"logprobs": [token]}
    found = accumulate(parsed(lines(quiet, piece(content="a") | {"logprobs": [token]}, quiet, last())))
    assert [one.token for one in found.choices[0].logprobs] == ["a", "a", "a"]
    assert found.choices[0].logprobs[0].top[0].logprob == -1.0


def test_luggage_is_kept_where_it_came() -> None:
    data = lines(piece(content="a", odd=1) | {"remote_model": "r"}, last(remote_model="r", later=2))
    start, *_, end = parsed(data)
    assert isinstance(start, MessageStart) and start.extra == {"ollama": {"remote_model": "r"}}
    assert isinstance(end, MessageEnd) and end.extra == {"ollama": {"later": 2}}
    assert end.message_extra == {"ollama": {"odd": 1}}


def test_generate_streams_text_thinking_and_images() -> None:
    head = {"model": "m", "done": False}
    data = lines(head | {"thinking": "h"}, head | {"response": "", "thinking": "h"}, head | {"response": "a"})
    events = parsed(data)
    assert isinstance(events[0], Failed)  # a first line that is of neither path
    data = lines(
        head | {"response": "", "thinking": "h"}, head | {"response": "a"}, {"response": "", "image": PNG, "done": True}
    )
    found = accumulate(parsed(data))
    assert found.extra == {"ollama": {"generate": True}}
    assert found.message.parts[:2] == (ReasoningPart(text="h"), TextPart(text="a"))
    assert isinstance(found.message.parts[2], BlobPart)


def test_a_quirk_sees_each_line_first() -> None:
    quirk = Quirk(chunk=lambda body: {**body, "message": {"content": "x"}})
    assert accumulate(parsed(lines(piece(content="a"), last()), context(quirk=quirk))).text == "xx"

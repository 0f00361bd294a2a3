"""Streams through every pair: each keeps the target's grammar, its usage is told once, its failures stay failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import pytest

from interlingua.dialects.registry import DIALECTS
from interlingua.errors import InterlinguaError, Overloaded, StreamInterrupted
from interlingua.types.accumulate import unfold
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
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallPart, tool_call
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage
from tests.contract.measure import answer_of, parsed_stream, rendered_stream
from tests.contract.responses import RESPONSES, answers
from tests.matrix.grammar import GRAMMARS

PAIRS = [(source, target) for source in DIALECTS for target in DIALECTS]
each_pair = pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: name)
ARGUMENTS = '{"city": "Zürich", "n": [1, 2]}'
USAGE = Usage(input_tokens=30, output_tokens=12, cache_read=8, reasoning=5)


def through(events: Iterable[Event], source: str, *, piece: int = 7) -> list[Event]:
    """The events as they come out of the source's bytes, arriving in small pieces."""
    wire, _ = rendered_stream(events, source)
    return parsed_stream(wire, source, range(piece, len(wire), piece))


@each_pair
def test_every_stream_keeps_the_grammar_of_its_target(source: str, target: str) -> None:
    """Whatever the answer holds."""
    for case, answer in RESPONSES.items():
        events = through(unfold(answer), source)
        broken = isinstance(events[-1], Failed)
        wire, _ = rendered_stream(events, target)
        fails = broken or answer_fails(wire, target)
        try:
            GRAMMARS[target](wire, broken=fails)
        except AssertionError as error:
            raise AssertionError(f"{case}: {error}") from error


def answer_fails(wire: bytes, target: str) -> bool:
    """Whether the target can only tell an answer of this ending as an error."""
    return isinstance(parsed_stream(wire, target)[-1], Failed)


def interleaved(first: str, second: str) -> Iterator[Event]:
    """Thinking, then two calls whose arguments come in turns, cut anywhere."""
    yield MessageStart(id="id-1", model="m")
    yield PartStart(index=0, part=ReasoningPart())
    yield PartDelta(index=0, text="Hm.")
    yield PartEnd(index=0)
    for index, name in ((1, "get_weather"), (2, "get_time")):
        yield PartStart(index=index, part=tool_call(f"call_{index}", name))
    for one, other in zip(first, second, strict=True):
        yield PartDelta(index=1, text=one)
        yield PartDelta(index=2, text=other)
    yield PartEnd(index=2)
    yield PartEnd(index=1)
    yield UsageUpdate(usage=USAGE)
    yield MessageEnd(finish=FinishReason("tool_call", "tool_calls"))


@each_pair
def test_arguments_that_interleave_arrive_whole_and_in_their_own_calls(source: str, target: str) -> None:
    """Character by character, the second call ending before the first."""
    events = through(interleaved(ARGUMENTS, ARGUMENTS[::-1]), source)
    if isinstance(events[-1], Failed):
        raise events[-1].error()
    wire, _ = rendered_stream(events, target)
    GRAMMARS[target](wire)
    heard = answer_of(parsed_stream(wire, target))
    calls = [part for part in heard.message.parts if isinstance(part, ToolCallPart)]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    assert calls[0].arguments == {"city": "Zürich", "n": [1, 2]}
    assert heard.finish.kind == "tool_call"


@each_pair
def test_arguments_survive_a_cut_at_every_place(source: str, target: str) -> None:
    """The escape that a cut splits is one character again."""
    raw = '{"q":"a\\"b\\u00e9\\n"}'
    for place in range(len(raw) + 1):
        events: list[Event] = [
            MessageStart(id="id-1", model="m"),
            PartStart(index=0, part=tool_call("call_1", "find")),
            PartDelta(index=0, text=raw[:place]),
            PartDelta(index=0, text=raw[place:]),
            PartEnd(index=0),
            MessageEnd(finish=FinishReason("tool_call", "tool_calls")),
        ]
        wire, _ = rendered_stream(through(events, source, piece=3), target)
        (call,) = answer_of(parsed_stream(wire, target)).message.parts
        assert isinstance(call, ToolCallPart)
        assert call.arguments == {"q": 'a"bé\n'}


@each_pair
def test_usage_is_told_once_and_adds_up(source: str, target: str) -> None:
    """What the client accumulates is what the provider said, as far as both have words for it."""
    answer = answers(TextPart(text="Hi."), usage=USAGE)
    wire, _ = rendered_stream(through(unfold(answer), source), target)
    heard = answer_of(parsed_stream(wire, target)).usage
    assert heard is not None
    assert (heard.input_tokens, heard.output_tokens) == (USAGE.input_tokens, USAGE.output_tokens)
    said = answer_of(through(unfold(answer), source)).usage
    assert said is not None
    for name in ("cache_read", "reasoning"):
        assert getattr(heard, name) in (getattr(said, name), None, 0)


@pytest.mark.parametrize("source", DIALECTS)
def test_who_did_not_ask_for_usage_gets_no_chunk_of_it(source: str) -> None:
    """OpenAI's clients index the first choice of every chunk."""
    answer = answers(TextPart(text="Hi."), usage=USAGE)
    wire, _ = rendered_stream(through(unfold(answer), source), "openai_chat", include_usage=False)
    GRAMMARS["openai_chat"](wire, usage=False)
    assert answer_of(parsed_stream(wire, "openai_chat")).usage is None


@each_pair
def test_an_error_inside_a_stream_ends_it_without_terminator(source: str, target: str) -> None:
    """The source's error event becomes the target's, whatever was open."""
    error = Overloaded("no capacity left")
    whole = list(interleaved(ARGUMENTS, ARGUMENTS))
    for place in (1, 3, 4, 9, len(whole) - 2):
        events = through([*whole[:place], Failed.of(error)], source)
        assert isinstance(events[-1], Failed)
        wire, _ = rendered_stream(events, target)
        if place > 1:
            GRAMMARS[target](wire, broken=True)
        heard = parsed_stream(wire, target)
        assert isinstance(heard[-1], Failed)
        assert heard[-1].code == "overloaded"
        assert sum(isinstance(event, Failed) for event in heard) == 1
        assert not any(isinstance(event, MessageEnd) for event in heard)


@each_pair
def test_a_stream_that_breaks_off_never_ends_well(source: str, target: str) -> None:
    """Wherever the provider's bytes stop, the client is told."""
    whole, _ = rendered_stream(interleaved(ARGUMENTS, ARGUMENTS), source)
    for length in range(len(whole) // 9, len(whole) * 3 // 4, max(1, len(whole) // 9)):
        events = parsed_stream(whole[:length], source)
        assert isinstance(events[-1], Failed)
        assert events[-1].code == StreamInterrupted.code
        wire, _ = rendered_stream(events, target)
        heard = parsed_stream(wire, target)
        assert isinstance(heard[-1], Failed)
        with pytest.raises(InterlinguaError):
            answer_of(heard)


@pytest.mark.parametrize("target", DIALECTS)
def test_nothing_follows_a_failure(target: str) -> None:
    """Not even what a careless caller still sends."""
    failed = Failed.of(Overloaded("no capacity left"))
    start = MessageStart(id="id-1", model="m")
    end = MessageEnd(finish=FinishReason("stop", "stop"))
    once, _ = rendered_stream([start, failed], target)
    more, _ = rendered_stream([start, failed, UsageUpdate(usage=USAGE), end], target)
    assert once == more
    assert msgspec.json.encode("no capacity left").strip(b'"') in once

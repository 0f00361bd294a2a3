"""What a caller gets: the answer with everything that is known about how it came to be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from interlingua.client.timing import Stopwatch, Timing
from interlingua.client.tools import ToolRun
from interlingua.engine.answer import Answer, AttemptRecord
from interlingua.types.events import Event, PartDelta, PartStart
from interlingua.types.loss import Loss
from interlingua.types.messages import Message
from interlingua.types.money import Money
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart
from interlingua.types.response import ChatResponse, FinishReason
from interlingua.types.usage import Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer.

    Args:
        steps: the calls that it took; one, unless tools were used. The last holds the answer.
        timing: how fast it came.
        tool_runs: what tools were run in between.
        output: the answer as the type that was asked for; None where none was.
    """

    steps: tuple[Answer, ...]
    timing: Timing
    tool_runs: tuple[ToolRun, ...] = ()
    output: T = None  # type: ignore[assignment]  # only where no type was asked for, and T is then Any

    @property
    def answer(self) -> Answer:
        """The last step."""
        return self.steps[-1]

    @property
    def response(self) -> ChatResponse:
        """The whole response of the last step."""
        return self.answer.response

    @property
    def message(self) -> Message:
        """The assistant's message."""
        return self.response.message

    @property
    def text(self) -> str:
        """The answer in plain text, without reasoning."""
        return self.response.text

    @property
    def reasoning(self) -> str:
        """The thinking that was shown."""
        return "".join(part.text for part in self.parts if isinstance(part, ReasoningPart))

    @property
    def parts(self) -> tuple[Part, ...]:
        """The pieces of the answer."""
        return self.message.parts

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """Calls that were left for the caller to answer."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))

    @property
    def finish(self) -> FinishReason:
        """Why it ended."""
        return self.response.finish

    @property
    def model(self) -> str:
        """Who answered, as `provider/model`."""
        return self.answer.target.name

    @property
    def usage(self) -> Usage | None:
        """Tokens of the last step; `total_usage` sums all."""
        return self.response.usage

    @property
    def total_usage(self) -> Usage | None:
        """The counts of all steps together; None where one is unknown."""
        return total_usage(step.response.usage for step in self.steps)

    @property
    def cost(self) -> Money | None:
        """What all steps cost together, or None where one is unknown."""
        return total_cost(step.cost for step in self.steps)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be carried to the model."""
        return tuple(loss for step in self.steps for loss in step.losses)

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """All tries of all steps."""
        return tuple(attempt for step in self.steps for attempt in step.attempts)

    def __str__(self) -> str:
        return self.text


def total_cost(costs: Iterable[Money | None]) -> Money | None:
    """The sum, or None where one is unknown."""
    total = Money(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def total_usage(usages: Iterable[Usage | None]) -> Usage | None:
    """The counts of several calls together, each None where one of them is unknown."""
    known = []
    for usage in usages:
        if usage is None:
            return None
        known.append(usage)

    def total(counts: list[int | None]) -> int | None:
        found = [count for count in counts if count is not None]
        return sum(found) if len(found) == len(counts) else None

    return Usage(
        input_tokens=total([usage.input_tokens for usage in known]),
        output_tokens=total([usage.output_tokens for usage in known]),
        cache_read=total([usage.cache_read for usage in known]),
        cache_creation=total([usage.cache_creation for usage in known]),
        reasoning=total([usage.reasoning for usage in known]),
    )


class ReplyStream(Generic[T]):
    """An answer as it comes: iterate over events, then ask for `reply`.

    Args:
        items: events and tool runs, and after each step its `Answer`.
        stopwatch: takes the times.
        read_output: makes the typed output from the last response; None where none was asked for.
    """

    def __init__(
        self,
        items: AsyncIterator[Event | ToolRun | Answer],
        stopwatch: Stopwatch,
        read_output: Callable[[ChatResponse], T] | None = None,
    ) -> None:
        self._items = items
        self._stopwatch = stopwatch
        self._read_output = read_output
        self._steps: list[Answer] = []
        self._tool_runs: list[ToolRun] = []
        self._reply: Reply[T] | None = None

    def __aiter__(self) -> ReplyStream[T]:
        return self

    async def __anext__(self) -> Event | ToolRun:
        while True:
            try:
                item = await anext(self._items)
            except StopAsyncIteration:
                self._finish()
                raise
            if isinstance(item, Answer):
                self._steps.append(item)
                continue
            if isinstance(item, ToolRun):
                self._tool_runs.append(item)
            else:
                self._watch(item)
            return item

    def _watch(self, event: Event) -> None:
        if (isinstance(event, PartDelta) and event.text) or (isinstance(event, PartStart) and not _grows(event.part)):
            self._stopwatch.mark()

    def _finish(self) -> None:
        if self._reply is not None or not self._steps:
            return
        usage = total_usage(step.response.usage for step in self._steps)
        reply: Reply[T] = Reply(
            steps=tuple(self._steps),
            timing=self._stopwatch.timing(usage.output_tokens if usage else None, self._unseen(usage)),
            tool_runs=tuple(self._tool_runs),
        )
        if self._read_output is not None:
            reply = replace(reply, output=self._read_output(reply.response))
        self._reply = reply

    def _unseen(self, usage: Usage | None) -> int | None:
        """Reasoning tokens that were counted but not streamed."""
        shown = any(isinstance(part, ReasoningPart) and part.text for step in self._steps for part in _parts(step))
        return usage.reasoning if usage and not shown else None

    async def texts(self) -> AsyncIterator[str]:
        """Only the text of the answer, piece by piece."""
        spoken: set[tuple[int, int]] = set()
        async for event in self:
            if isinstance(event, PartStart):
                key = (event.choice, event.index)
                spoken.discard(key)
                if isinstance(event.part, TextPart):
                    spoken.add(key)
                    if event.part.text:
                        yield event.part.text
            elif isinstance(event, PartDelta) and event.text and (event.choice, event.index) in spoken:
                yield event.text

    async def read(self) -> Reply[T]:
        """Waits for the rest; the finished reply."""
        async for _ in self:
            pass
        return self.reply

    @property
    def reply(self) -> Reply[T]:
        """The finished reply.

        Raises:
            RuntimeError: the stream has not been read to its end.
        """
        if self._reply is None:
            raise RuntimeError("the stream has not been read to its end; iterate over it, or call read()")
        return self._reply

    async def aclose(self) -> None:
        """Stops the answer; the connection is closed."""
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()


def _parts(step: Answer) -> tuple[Part, ...]:
    return step.response.message.parts if step.response.choices else ()


def _grows(part: Part) -> bool:
    return isinstance(part, TextPart | ReasoningPart | ToolCallPart)

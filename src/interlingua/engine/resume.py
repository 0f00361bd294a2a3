"""Continues a stream of plain text that broke off, on another target (contracts §1.3; off by default).

The other target is shown what was said so far and asked to go on from there; its stream is joined to the first, so
that the client reads one answer. Only text is continued: never a tool call, never an answer that must fit a schema,
and of several choices none.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from msgspec.structs import replace

from interlingua.engine.failover import another_may_answer
from interlingua.errors import InterlinguaError, StreamInterrupted
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Event, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.messages import Message, user
from interlingua.types.parts import ReasoningPart, TextPart
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.usage import Usage

GO_ON = (
    "Your answer broke off there. Go on exactly where it ends, with the very next word or letter, in the same"
    " language and format. Repeat nothing, and do not mention the interruption."
)


class Splice:
    """One stream out of those of several tries."""

    def __init__(self) -> None:
        self._accumulator = Accumulator()
        self._kinds: list[type] = []
        self._open: int | None = None
        self._is_text = True
        self._is_ended = False
        self._before: Usage | None = None
        self._places: dict[int, int | None] = {}
        self.joins = False
        """Whether the next stream is joined to what came."""

    def continues(self, error: InterlinguaError, request: ChatRequest) -> bool:
        """Whether what came so far is continued after a failure."""
        if not another_may_answer(error) or self._is_ended or not self._is_text or (request.n or 1) > 1:
            return False
        if request.output is not None and request.output.kind != "text":
            return False
        if self._open is not None and not issubclass(self._kinds[self._open], TextPart):
            return False
        return bool(self.text)

    @property
    def text(self) -> str:
        """What was said so far."""
        found = self._accumulator.response()
        return found.text if found.choices else ""

    def request(self, asked: ChatRequest) -> ChatRequest:
        """What the next target is asked; the next stream is joined to what came."""
        self.joins, self._places = True, {}
        self._before = self._accumulator.usage
        said = Message(role="assistant", parts=(TextPart(text=self.text),))
        return replace(asked, messages=(*asked.messages, said, user(GO_ON)))

    def response(self) -> ChatResponse:
        """The answer so far."""
        return self._accumulator.response()

    def interruption(self, error: InterlinguaError) -> StreamInterrupted:
        """What a failure is after content that could not be continued."""
        partial = self.response()
        return StreamInterrupted(
            error.message,
            partial=partial,
            usage=partial.usage,
            provider=error.provider,
            model=error.model,
            request_id=error.request_id,
            raw_code=error.raw_code or error.code,
        )

    async def joined(self, events: AsyncIterator[Event]) -> AsyncGenerator[Event]:
        """A try's events as they continue what came before."""
        if not self.joins:
            self.__init__()  # type: ignore[misc]  # what came of a try before its first content is nothing
        async for event in events:
            for one in self._place(event) if self.joins else (event,):
                self._note(one)
                yield one

    def _note(self, event: Event) -> None:
        self._accumulator.add(event)
        if isinstance(event, PartStart):
            self._kinds.append(type(event.part))
            self._open = event.index
            self._is_text = self._is_text and isinstance(event.part, TextPart | ReasoningPart)
        elif isinstance(event, PartEnd) and event.index == self._open:
            self._open = None
        elif isinstance(event, MessageEnd):
            self._is_ended = True

    def _place(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, MessageStart):
            return ()
        if isinstance(event, UsageUpdate):
            return (UsageUpdate(usage=_together(self._before, event.usage)),)
        if isinstance(event, PartStart):
            return self._start(event)
        if isinstance(event, PartDelta | PartEnd):
            place = self._places.get(event.index)
            return () if place is None else (replace(event, index=place),)
        ended = (PartEnd(index=self._open),) if self._open is not None else ()
        return (*ended, event)

    def _start(self, event: PartStart) -> tuple[Event, ...]:
        if isinstance(event.part, ReasoningPart):
            self._places[event.index] = None  # a second train of thought belongs to nothing that the client has
            return ()
        if isinstance(event.part, TextPart) and self._open is not None:
            self._places[event.index] = self._open
            return (PartDelta(index=self._open, text=event.part.text),) if event.part.text else ()
        ended = (PartEnd(index=self._open),) if self._open is not None else ()
        self._places[event.index] = len(self._kinds)
        return (*ended, replace(event, index=len(self._kinds)))


def _together(one: Usage | None, other: Usage) -> Usage:
    """What two tries consumed; a count that one of them does not tell is unknown, but for that of a try that told
    nothing at all."""
    if one is None:
        return other
    values = {}
    for name in ("input_tokens", "output_tokens", "cache_read", "cache_creation", "reasoning"):
        a, b = getattr(one, name), getattr(other, name)
        values[name] = None if a is None or b is None else a + b
    return replace(other, **values, raw=None)

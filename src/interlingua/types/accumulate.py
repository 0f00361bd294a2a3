"""Folds events into a response and unfolds a response into events; each is the inverse of the other.

The fold trusts the grammar in `events.py` and says so when a stream breaks it: a parser's mistake must not become
a plausible answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

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
from interlingua.types.messages import Message
from interlingua.types.opaque import Extra
from interlingua.types.parts import (
    BlobPart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    parse_arguments,
)
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.usage import Usage

GROWS: dict[type[Any], str] = {
    TextPart: "text",
    ReasoningPart: "text",
    RefusalPart: "text",
    ToolCallPart: "raw",
    BlobPart: "content",
}
"""The field that a delta's text is appended to, by type of part; other parts arrive whole."""

UNFINISHED = FinishReason("error", "unfinished")
"""Why a choice ended that has not: the finish of partial answers."""


class _Growing:
    """A part under construction; text is kept in pieces so that long answers cost linear time."""

    __slots__ = ("annotations", "done", "opaque", "part", "pieces")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.pieces: list[str] = []
        self.opaque = list(part.opaque)
        self.annotations = list(part.annotations) if isinstance(part, TextPart) else []
        self.done = False

    def add(self, delta: PartDelta) -> None:
        if delta.text:
            if type(self.part) not in GROWS:
                raise ValueError(f"a part of type {type(self.part).__name__} cannot grow")
            self.pieces.append(delta.text)
        if delta.opaque is not None:
            self.opaque.append(delta.opaque)
        if delta.annotation is not None:
            if not isinstance(self.part, TextPart):
                raise ValueError("only text carries annotations")
            self.annotations.append(delta.annotation)

    def whole(self) -> Part:
        changes: dict[str, Any] = {}
        if self.pieces:
            field = GROWS[type(self.part)]
            changes[field] = getattr(self.part, field) + "".join(self.pieces)
        if isinstance(self.part, ToolCallPart) and not self.part.custom:
            changes["arguments"] = parse_arguments(changes.get("raw", self.part.raw))
        if len(self.opaque) != len(self.part.opaque):
            changes["opaque"] = tuple(self.opaque)
        if isinstance(self.part, TextPart) and len(self.annotations) != len(self.part.annotations):
            changes["annotations"] = tuple(self.annotations)
        return msgspec.structs.replace(self.part, **changes) if changes else self.part


class _GrowingChoice:
    __slots__ = ("end", "logprobs", "parts")

    def __init__(self) -> None:
        self.parts: list[_Growing] = []
        self.logprobs: list[TokenLogprob] = []
        self.end: MessageEnd | None = None


class Accumulator:
    """Takes events one by one; `response()` is what they amount to so far.

    Raises:
        ValueError: the events do not follow the grammar of `events.py`.
    """

    def __init__(self) -> None:
        self._start: MessageStart | None = None
        self._choices: dict[int, _GrowingChoice] = {}
        self._usage: Usage | None = None
        self.failed: Failed | None = None

    @property
    def usage(self) -> Usage | None:
        """The latest usage."""
        return self._usage

    @property
    def complete(self) -> bool:
        """Whether every choice that began has ended, and nothing failed."""
        return (
            self.failed is None
            and bool(self._choices)
            and all(choice.end is not None for choice in self._choices.values())
        )

    def add(self, event: Event) -> None:
        """Takes the next event."""
        if self.failed is not None:
            raise ValueError("an event after the stream failed")
        if isinstance(event, MessageStart):
            if self._start is not None:
                raise ValueError("a second message_start")
            self._start = event
        elif isinstance(event, Failed):
            self.failed = event
        elif self._start is None:
            raise ValueError(f"{type(event).__name__} before message_start")
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        else:
            self._in_choice(event)

    def _in_choice(self, event: PartStart | PartDelta | PartEnd | MessageEnd) -> None:
        choice = self._choices.get(event.choice)
        if choice is None:
            choice = self._choices[event.choice] = _GrowingChoice()
        if choice.end is not None:
            raise ValueError(f"an event after the end of choice {event.choice}")
        if isinstance(event, MessageEnd):
            if any(not part.done for part in choice.parts):
                raise ValueError("message_end while a part is open")
            choice.end = event
        elif isinstance(event, PartStart):
            if event.index != len(choice.parts):
                raise ValueError(f"part {event.index} begins where {len(choice.parts)} was due")
            choice.parts.append(_Growing(event.part))
        else:
            if event.index >= len(choice.parts) or choice.parts[event.index].done:
                raise ValueError(f"part {event.index} is not open")
            part = choice.parts[event.index]
            if isinstance(event, PartDelta):
                part.add(event)
                choice.logprobs.extend(event.logprobs)
            else:
                part.done = True

    def partial(self) -> Message:
        """What may be kept of an answer that broke off: its text, and thinking that came whole, with its signature.

        The rest is of no use to anybody: half a call can be run by none, and thinking without its end or its
        signature no provider takes back.
        """
        choice = self._choices.get(0)
        kept: list[Part] = []
        for growing in choice.parts if choice is not None else ():
            part = growing.whole()
            is_text = isinstance(part, TextPart) and bool(part.text.strip())
            if is_text or (isinstance(part, ReasoningPart) and growing.done and part.opaque):
                kept.append(part)
        return Message(role="assistant", parts=tuple(kept), origin=self._start.origin if self._start else None)

    def response(self, *, id: str = "", model: str = "") -> ChatResponse:
        """The answer so far; choices that have not ended finish with `UNFINISHED`.

        Args:
            id, model: stand in where the stream has not even begun.
        """
        start = self._start or MessageStart(id=id, model=model)
        return ChatResponse(
            id=start.id,
            model=start.model,
            created=start.created,
            service_tier=start.service_tier,
            extra=start.extra,
            usage=self._usage,
            choices=tuple(
                Choice(
                    index=index,
                    finish=choice.end.finish if choice.end else UNFINISHED,
                    logprobs=tuple(choice.logprobs),
                    extra=choice.end.extra if choice.end else {},
                    message=Message(
                        role="assistant",
                        parts=tuple(part.whole() for part in choice.parts),
                        origin=start.origin,
                        extra=_message_extra(choice.end),
                    ),
                )
                for index, choice in sorted(self._choices.items())
            ),
        )


def _message_extra(end: MessageEnd | None) -> Extra:
    return end.message_extra if end else {}


def accumulate(events: Iterable[Event]) -> ChatResponse:
    """The response that a whole stream amounts to.

    Raises:
        ValueError: the events do not follow the grammar of `events.py`.
    """
    accumulator = Accumulator()
    for event in events:
        accumulator.add(event)
    return accumulator.response()


def unfold(response: ChatResponse) -> Iterator[Event]:
    """The stream that amounts to `response`: one delta per part that has text."""
    yield MessageStart(
        id=response.id,
        model=response.model,
        created=response.created,
        service_tier=response.service_tier,
        origin=response.choices[0].message.origin if response.choices else None,
        extra=response.extra,
    )
    for choice in response.choices:
        logprobs = choice.logprobs
        for index, part in enumerate(choice.message.parts):
            field = GROWS.get(type(part), "")
            text = getattr(part, field) if field else ""
            if isinstance(part, ToolCallPart):
                empty: Part = msgspec.structs.replace(part, raw="", arguments=None if part.custom else {})
            else:
                empty = msgspec.structs.replace(part, **{field: ""}) if text else part
            yield PartStart(index=index, part=empty, choice=choice.index)
            spoken = logprobs if isinstance(part, TextPart | RefusalPart) else ()
            if text or spoken:
                yield PartDelta(index=index, text=text, logprobs=spoken, choice=choice.index)
                logprobs = () if spoken else logprobs
            yield PartEnd(index=index, choice=choice.index)
    if response.usage is not None:
        yield UsageUpdate(usage=response.usage)
    for choice in response.choices:
        yield MessageEnd(
            finish=choice.finish,
            choice=choice.index,
            extra=choice.extra,
            message_extra=choice.message.extra,
        )

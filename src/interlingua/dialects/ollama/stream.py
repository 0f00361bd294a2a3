"""Streams: one JSON object to a line, each a piece of the answer; `done: true` is the last.

Thinking and text are deltas, calls and images come whole. A line with `error` is a failure after a 200.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from interlingua.dialects.ollama.errors import parse_error_value
from interlingua.dialects.ollama.response import Line, decode, read_line
from interlingua.dialects.ollama.schema import finish_of, luggage
from interlingua.errors import InterlinguaError, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Json
from interlingua.types.parts import Part, ReasoningPart, TextPart
from interlingua.types.response import TokenLogprob
from interlingua.wire.ndjson import NDJSONParser

_NO_RESPONSE = WireResponse()


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    role: str = ""
    content: str = ""
    thinking: str = ""


class _Delta(msgspec.Struct, forbid_unknown_fields=True):
    """The line that streams are made of; one with anything else in it is read with care."""

    message: _Said
    done: Literal[False]
    model: str = ""
    created_at: str = ""


_delta = msgspec.json.Decoder(_Delta)


class StreamParser:
    """Turns a provider's stream into events.

    Args:
        context: who answers, and where invented ids come from.
    """

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._lines = NDJSONParser()
        self._started = False
        self._over = False
        self._count = 0
        self._open: type[Part] | None = None
        self._called = False
        self._extra: dict[str, Json] = {}
        self._message_extra: dict[str, Json] = {}
        self._unspoken: tuple[TokenLogprob, ...] = ()

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        events: list[Event] = []
        try:
            for line in self._lines.feed(data):
                self._take(line, events)
        except InterlinguaError as error:
            self._fail(error, events)
        return events

    def close(self) -> list[Event]:
        """The events that the end of the stream completes."""
        events: list[Event] = []
        for line in self._lines.close():
            try:
                self._take(line, events)
            except UpstreamError as error:
                was_cut = line.startswith(b"{") and not line.endswith(b"}")
                if not (self._started or was_cut):
                    self._fail(error, events)
        came = "before the answer was whole" if self._started else "before anything came"
        who: Any = {"provider": self._context.provider or None, "model": self._context.model or None}
        self._fail(StreamInterrupted(f"the stream ended {came}", **who), events)
        return events

    def _fail(self, error: InterlinguaError, events: list[Event]) -> None:
        if not self._over:
            self._over = True
            events.append(Failed.of(error))

    def _take(self, source: bytes, events: list[Event]) -> None:
        if self._over or self._take_delta(source, events):
            return
        fields = decode(source, self._context.quirk.chunk)
        if fields.kind("error") not in ("", "null"):
            self._fail(parse_error_value(fields.rest(), _NO_RESPONSE, self._context), events)
            return
        line = read_line(fields, self._context)
        if not self._started:
            self._start(line, events)
        self._say(line, events)
        self._message_extra |= line.message_extra
        if line.done:
            self._end(line, events)

    def _take_delta(self, source: bytes, events: list[Event]) -> bool:
        """Reads a line in the middle of a stream the quick way; False where it is of another kind."""
        if not self._started or self._context.quirk.chunk is not None:
            return False
        try:
            said = _delta.decode(source).message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if said.thinking:
            self._grow(ReasoningPart(), said.thinking, events)
        if said.content:
            self._grow(TextPart(text=""), said.content, events)
        return True

    def _start(self, line: Line, events: list[Event]) -> None:
        self._started = True
        self._extra = line.extra
        events.append(
            MessageStart(
                id=self._context.new_id("response-"),
                model=line.model or self._context.model,
                created=line.created,
                origin=self._context.origin,
                extra=luggage(line.extra),
            )
        )

    def _say(self, line: Line, events: list[Event]) -> None:
        self._unspoken += line.logprobs
        if line.thinking:
            self._grow(ReasoningPart(), line.thinking, events)
        if line.text:
            self._grow(TextPart(text=""), line.text, events)
        for blob in line.media:
            self._begin(blob, events)
            self._close(events)
        for call in line.calls:
            self._called = True
            empty = msgspec.structs.replace(call, raw="", arguments=None if call.custom else {})
            self._begin(empty, events)
            self._delta(call.raw, events)
            self._close(events)
        if self._unspoken and self._open is not None:
            self._delta("", events)

    def _grow(self, empty: Part, text: str, events: list[Event]) -> None:
        if self._open is not type(empty):
            self._begin(empty, events)
        self._delta(text, events)

    def _begin(self, part: Part, events: list[Event]) -> None:
        self._close(events)
        self._open = type(part)
        events.append(PartStart(index=self._count, part=part))
        self._count += 1

    def _delta(self, text: str, events: list[Event]) -> None:
        spoken, self._unspoken = self._unspoken, ()
        events.append(PartDelta(index=self._count - 1, text=text, logprobs=spoken))

    def _close(self, events: list[Event]) -> None:
        if self._open is not None:
            self._open = None
            events.append(PartEnd(index=self._count - 1))

    def _end(self, line: Line, events: list[Event]) -> None:
        self._over = True
        self._close(events)
        if line.usage is not None:
            events.append(UsageUpdate(usage=line.usage))
        later = {key: value for key, value in line.extra.items() if self._extra.get(key) != value}
        events.append(
            MessageEnd(
                finish=finish_of(line.reason, called=self._called),
                extra=luggage(later, line.end_extra),
                message_extra=luggage(self._message_extra),
            )
        )

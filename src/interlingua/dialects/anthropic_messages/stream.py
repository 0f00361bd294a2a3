"""A provider's stream as events.

Parsing trusts `data.type` alone (compatible servers leave out `event:` lines), skips what it does not know, and takes
a stream for complete at its `message_stop` and nowhere else. Pieces that cannot grow on our side (a server tool's call,
a compaction) are held until their block stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.content import (
    luggage,
    parse_annotation,
    parse_block,
    source_text,
)
from interlingua.dialects.anthropic_messages.errors import parse_in_band
from interlingua.dialects.anthropic_messages.response import finish_of, nonsense, tier_of
from interlingua.dialects.anthropic_messages.schema import LATE, SIGNATURE
from interlingua.dialects.anthropic_messages.usage import merge_usage, parse_usage
from interlingua.errors import InterlinguaError, StreamInterrupted
from interlingua.ports.context import TranslationContext
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
    OpaquePart,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
)
from interlingua.wire.fields import Fields
from interlingua.wire.sse import SSEEvent, SSEParser

_MESSAGE = {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"}
_GROWTH: dict[str, tuple[type[Any], str]] = {
    "text_delta": (TextPart, "text"),
    "thinking_delta": (ReasoningPart, "thinking"),
    "input_json_delta": (ToolCallPart, "partial_json"),
}


class _OpenBlock:
    """A block of the wire that has not stopped; `index` is its part's, None while it is held."""

    __slots__ = ("fields", "grown", "index", "kind", "raw", "signature")

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.index: int | None = None
        self.kind: type[Any] = OpaquePart
        self.signature = ""
        self.grown = False
        self.fields: dict[str, list[str]] = {}

    def whole(self) -> str:
        """The JSON text of a held block with all that came for it."""
        if not self.fields:
            return self.raw
        block = msgspec.json.decode(self.raw, type=dict[str, msgspec.Raw])
        for key, pieces in self.fields.items():
            text = "".join(pieces)
            if key == "partial_json":
                block["input"] = (
                    msgspec.Raw(text.encode()) if _is_json(text) else block.get("input", msgspec.Raw(b"{}"))
                )
            else:
                before = msgspec.json.decode(block[key]) if key in block else None
                block[key] = msgspec.Raw(msgspec.json.encode((before if isinstance(before, str) else "") + text))
        return msgspec.json.encode(block).decode()


class StreamParser:
    """A provider's stream as events; see `ports.dialect.StreamParser`."""

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._fail = nonsense(context)
        self._sse = SSEParser()
        self._open: dict[int, _OpenBlock] = {}
        self._next = 0
        self._called = False
        self._begun = False
        self._done = False
        self._closing = False
        self._usage: dict[str, Any] = {}
        self._extra: dict[str, Any] = {}
        self._reason: str | None = None
        self._stop_sequence: str | None = None

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        return self._take(lambda: self._sse.feed(data))

    def close(self) -> list[Event]:
        """The events that the end of the stream completes."""
        self._closing = True
        events = self._take(self._sse.close)
        if not self._done:
            self._done = True
            common: dict[str, Any] = {"provider": self._context.provider or None, "model": self._context.model or None}
            events.append(Failed.of(StreamInterrupted("the answer broke off before its end", **common)))
        return events

    def _take(self, read: Callable[[], list[SSEEvent]]) -> list[Event]:
        events: list[Event] = []
        if self._done:
            return events
        try:
            for sse in read():
                self._event(sse, events)
                if self._done:
                    break
        except InterlinguaError as error:
            self._done = True
            events.append(Failed.of(error))
        return events

    def _event(self, sse: SSEEvent, events: list[Event]) -> None:
        data = sse.data
        if not data or data == "[DONE]":
            return
        try:
            event = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            if self._closing:
                return  # cut in the middle of an event: interrupted, not malformed
            raise self._fail("", f"malformed JSON: {error}") from error
        if not isinstance(event, dict):
            raise self._fail("", "an event that is no object")
        if self._context.quirk.chunk is not None:
            event = self._context.quirk.chunk(event)
            data = msgspec.json.encode(event).decode()
        kind = event.get("type") or sse.event
        handle = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            handle(self, event, data, events)
        elif event.get("error"):
            self._error(event, data, events)

    def _message_start(self, event: dict[str, Any], data: str, events: list[Event]) -> None:
        message = _dict(event.get("message"))
        if not self._begun:
            self._begin(message, events)
        self._add_usage(message.get("usage"), events)

    def _begin(self, message: dict[str, Any], events: list[Event]) -> None:
        self._begun = True
        early = _luggage(message, _MESSAGE)
        self._extra |= {key: early.pop(key) for key in LATE if key in early}
        events.append(
            MessageStart(
                id=_str(message, "id") or self._context.new_id("msg_"),
                model=_str(message, "model") or self._context.model,
                service_tier=tier_of(message.get("usage")),
                origin=self._context.origin,
                extra=luggage(early),
            )
        )

    def _add_usage(self, raw: Any, events: list[Event]) -> None:
        if isinstance(raw, dict) and raw:
            self._usage = merge_usage(self._usage, raw)
            usage = parse_usage(self._usage)
            if usage is not None:
                events.append(UsageUpdate(usage=usage))

    def _block_start(self, event: dict[str, Any], data: str, events: list[Event]) -> None:
        if not self._begun:
            self._begin({}, events)
        fields = Fields(data, self._fail).child("content_block")
        if fields is None:
            raise self._fail("content_block", "required")
        block, index = _OpenBlock(source_text(fields)), self._index(event)
        forgotten = self._open.pop(index, None)  # some servers leave out content_block_stop
        if forgotten is not None:
            self._stop(forgotten, events)
        self._open[index] = block
        part = parse_block(fields, self._context)
        if not isinstance(part, TextPart | ReasoningPart | ToolCallPart):
            return
        if isinstance(part, ToolCallPart):
            self._called = True
            block.raw = part.raw.strip() or "{}"
            part = msgspec.structs.replace(part, raw="", arguments={})
        elif isinstance(part, ReasoningPart) and part.opaque and part.opaque[0].kind == SIGNATURE:
            block.signature = part.opaque[0].data
            part = msgspec.structs.replace(part, opaque=())
        block.kind = type(part)
        block.index = self._begin_part(part, events)

    def _begin_part(self, part: Part, events: list[Event]) -> int:
        index, self._next = self._next, self._next + 1
        events.append(PartStart(index=index, part=part))
        return index

    def _block_delta(self, event: dict[str, Any], data: str, events: list[Event]) -> None:
        block, delta = self._open.get(self._index(event)), _dict(event.get("delta"))
        if block is None:
            raise self._fail("index", "a delta for a block that is not open")
        kind = _str(delta, "type")
        if block.index is None:
            for key, value in delta.items():
                if key != "type" and isinstance(value, str):
                    block.fields.setdefault(key, []).append(value)
            return
        if kind == "signature_delta":
            block.signature = _str(delta, "signature")
        elif kind == "citations_delta" and block.kind is TextPart:
            annotation = parse_annotation(_dict(delta.get("citation")))
            events.append(PartDelta(index=block.index, annotation=annotation))
        elif kind in _GROWTH and _GROWTH[kind][0] is block.kind:
            text = _str(delta, _GROWTH[kind][1])
            if text:
                block.grown = True
                events.append(PartDelta(index=block.index, text=text))

    def _block_stop(self, event: dict[str, Any], data: str, events: list[Event]) -> None:
        block = self._open.pop(self._index(event), None)
        if block is not None:
            self._stop(block, events)

    def _stop(self, block: _OpenBlock, events: list[Event]) -> None:
        index = block.index
        if index is None:
            index = self._begin_part(parse_block(Fields(block.whole(), self._fail), self._context), events)
        elif block.kind is ToolCallPart and not block.grown:
            events.append(PartDelta(index=index, text=block.raw))
        elif block.signature:
            state = Opaque(kind=SIGNATURE, data=block.signature, origin=self._context.origin)
            events.append(PartDelta(index=index, opaque=state))
        events.append(PartEnd(index=index))

    def _message_delta(self, event: dict[str, Any], data: str, events: list[Event]) -> None:
        if not self._begun:
            self._begin({}, events)
        delta = _dict(event.get("delta"))
        self._reason = _str(delta, "stop_reason") or self._reason
        self._stop_sequence = _str(delta, "stop_sequence") or self._stop_sequence
        self._extra |= _luggage(event, {"type", "delta", "usage"}) | _luggage(delta, _MESSAGE)
        self._add_usage(event.get("usage"), events)

    def _message_stop(self, event: dict[str, Any], data: str, events: list[Event]) -> None:
        if not self._begun:
            self._begin({}, events)
        for _, block in sorted(self._open.items()):
            self._stop(block, events)
        finish = finish_of(self._reason, self._stop_sequence, self._called)
        events.append(MessageEnd(finish=finish, extra=luggage(self._extra)))
        self._done = True

    def _error(self, event: dict[str, Any], data: str, events: list[Event]) -> None:
        raise parse_in_band(event, self._context)

    def _index(self, event: dict[str, Any]) -> int:
        index = event.get("index")
        if not isinstance(index, int):
            raise self._fail("index", "expected a number")
        return index


_HANDLERS: dict[str, Callable[[StreamParser, dict[str, Any], str, list[Event]], None]] = {
    "message_start": StreamParser._message_start,
    "content_block_start": StreamParser._block_start,
    "content_block_delta": StreamParser._block_delta,
    "content_block_stop": StreamParser._block_stop,
    "message_delta": StreamParser._message_delta,
    "message_stop": StreamParser._message_stop,
    "error": StreamParser._error,
}


def _luggage(found: dict[str, Any], known: set[str]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in known and value is not None}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _str(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True

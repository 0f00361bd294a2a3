"""Streams, both ways.

Parsing trusts `data.type` alone (compatible servers leave out `event:` lines), skips what it does not know, and takes
a stream for complete at its `message_stop` and nowhere else. Pieces that cannot grow on our side (a server tool's call,
a compaction) are held until their block stops. Rendering keeps one block open at a time: parts that overlap wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.content import (
    Block,
    Writer,
    luggage,
    parse_annotation,
    parse_block,
    source_text,
)
from interlingua.dialects.anthropic_messages.errors import parse_in_band, render_envelope
from interlingua.dialects.anthropic_messages.response import failed_finish, finish_of, nonsense, stop_reason, tier_of
from interlingua.dialects.anthropic_messages.schema import ID, LATE, SIGNATURE
from interlingua.dialects.anthropic_messages.usage import merge_usage, parse_usage, render_usage
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
    RefusalPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
)
from interlingua.types.request import ChatRequest
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields
from interlingua.wire.sse import SSEEvent, SSEParser, render_sse

_MESSAGE = {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"}
_IN_DELTA = ("stop_details", "container")
"""What stands in the `delta` of a message_delta besides the stop reason; other luggage stands beside it."""

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
        self._handlers: dict[str, Callable[[dict[str, Any], str, list[Event]], None]] = {
            "message_start": self._message_start,
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
            "message_stop": self._message_stop,
            "error": self._error,
        }

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
        handle = self._handlers.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            handle(event, data, events)
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
        block = _OpenBlock(source_text(fields))
        self._open[self._index(event)] = block
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
        kind = delta.get("type")
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


class _Outgoing:
    """A part on its way to the client; it waits in `pending` while another one is open."""

    __slots__ = ("block", "done", "opaque", "part", "path", "pending", "started", "text")

    def __init__(self, part: Part, path: str) -> None:
        self.part = part
        self.path = path
        self.pending: list[PartDelta] = []
        self.done = False
        self.started = False
        self.block: Block | None = None
        self.opaque: list[Opaque] = []
        self.text: list[str] = []


class StreamRenderer:
    """Events as this format's stream; see `ports.dialect.StreamRenderer`.

    `message_start` waits for the event after it, which may bring the figures of the prompt that belong into it.
    """

    def __init__(self, context: TranslationContext, request: ChatRequest | None = None) -> None:
        self._context = context
        self._writer = Writer(context, reply=True)
        self._start: MessageStart | None = None
        self._usage: Usage | None = None
        self._parts: dict[int, _Outgoing] = {}
        self._queue: list[_Outgoing] = []
        self._index = -1
        self._refused = False
        self._told: set[str] = set()
        self._ended = False
        self._dead = False

    def render(self, event: Event) -> bytes:
        """The bytes that tell of `event`."""
        if self._dead or self._ended:
            return b""
        if isinstance(event, Failed):
            return self._break_off(event.error())
        if isinstance(event, MessageStart):
            self._start = event
            return b""
        if isinstance(event, UsageUpdate):
            self._usage = event.usage
            return self._begin()
        if event.choice:
            self._lose_once("n", "one stream holds one choice")
            return b""
        out = [self._begin()]
        if isinstance(event, PartStart):
            self._part_start(event, out)
        elif isinstance(event, PartDelta):
            self._part_delta(event, out)
        elif isinstance(event, PartEnd):
            self._parts[event.index].done = True
            self._advance(out)
        else:
            self._message_end(event, out)
        return b"".join(out)

    def close(self) -> bytes:
        """The terminator of a stream that ended well."""
        if not self._ended or self._dead:
            return b""
        self._dead = True
        return _event("message_stop")

    def _break_off(self, error: InterlinguaError) -> bytes:
        self._dead = True
        envelope = render_envelope(error)
        return render_sse(msgspec.json.encode(envelope).decode(), "error")

    def _lose_once(self, field: str, reason: str) -> None:
        if field not in self._told:
            self._told.add(field)
            self._context.lose(field, reason)

    def _begin(self) -> bytes:
        start, self._start = self._start, None
        if start is None:
            return b""
        self._writer.foreign(start.extra, "response")
        message: dict[str, Any] = {
            "id": start.id or self._context.new_id("msg_"),
            "type": "message",
            "role": "assistant",
            "model": start.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": render_usage(self._usage, start.service_tier),
        }
        return _event("message_start", message=start.extra.get(ID, {}) | message)

    def _part_start(self, event: PartStart, out: list[bytes]) -> None:
        going = _Outgoing(event.part, f"message.parts[{event.index}]")
        self._parts[event.index] = going
        self._queue.append(going)
        if len(self._queue) == 1:
            self._open(going, out)

    def _part_delta(self, event: PartDelta, out: list[bytes]) -> None:
        if event.logprobs:
            self._lose_once("logprobs", "answers hold no token probabilities")
        going = self._parts[event.index]
        if self._queue and self._queue[0] is going:
            self._grow(going, event, out)
        else:
            going.pending.append(event)

    def _advance(self, out: list[bytes]) -> None:
        """Stops the block that is open if its part is whole, and begins what waited for that."""
        while self._queue and self._queue[0].done:
            self._finish(self._queue.pop(0), out)
            if self._queue:
                self._open(self._queue[0], out)
                for delta in self._queue[0].pending:
                    self._grow(self._queue[0], delta, out)

    def _open(self, going: _Outgoing, out: list[bytes]) -> None:
        part, path = going.part, going.path
        going.opaque = list(part.opaque)
        part = msgspec.structs.replace(part, opaque=())
        if isinstance(part, TextPart | RefusalPart):
            self._refused = self._refused or isinstance(part, RefusalPart)
            [going.block] = self._writer.mark(part, {"type": "text", "text": ""}, path)
            notes = part.annotations if isinstance(part, TextPart) else ()
            self._grow(going, PartDelta(index=0, text=part.text), out)
            for annotation in notes:
                self._grow(going, PartDelta(index=0, annotation=annotation), out)
        elif isinstance(part, ReasoningPart):
            [going.block] = self._writer.mark(part, {"type": "thinking", "thinking": "", "signature": ""}, path)
            self._grow(going, PartDelta(index=0, text=part.text), out)
        elif isinstance(part, ToolCallPart):
            empty = msgspec.structs.replace(part, raw="", arguments={}, custom=False)
            [going.block] = self._writer.mark(part, self._writer.tool_use(empty, path), path)
            self._begin_block(going, out)
            self._grow(going, PartDelta(index=0, text=part.raw), out)
        else:
            for block in self._writer.said(part, path):
                going.block = block
                self._verbatim(going, block, out)

    def _verbatim(self, going: _Outgoing, block: Block, out: list[bytes]) -> None:
        called = block.get("input") if isinstance(going.part, ServerToolCallPart) else None
        if called is not None:
            block["input"] = {}
        self._begin_block(going, out)
        if called is not None:
            self._delta(out, type="input_json_delta", partial_json=bytes(memoryview(called)).decode())

    def _grow(self, going: _Outgoing, delta: PartDelta, out: list[bytes]) -> None:
        if going.block is None:
            return
        part = going.part
        if delta.opaque is not None:
            going.opaque.append(delta.opaque)
        if delta.text:
            if isinstance(part, ToolCallPart) and part.custom:
                going.text.append(delta.text)
            elif isinstance(part, ToolCallPart):
                self._delta(out, type="input_json_delta", partial_json=delta.text)
            elif isinstance(part, ReasoningPart):
                self._begin_block(going, out)
                self._delta(out, type="thinking_delta", thinking=delta.text)
            elif isinstance(part, TextPart | RefusalPart):
                self._begin_block(going, out)
                self._delta(out, type="text_delta", text=delta.text)
        if delta.annotation is not None:
            citation = self._writer.citation(delta.annotation, f"{going.path}.annotations")
            if citation is not None:
                self._begin_block(going, out)
                self._delta(out, type="citations_delta", citation=citation)

    def _finish(self, going: _Outgoing, out: list[bytes]) -> None:
        redacted: list[str] = []
        if isinstance(going.part, ReasoningPart):
            signature, redacted = self._writer.own_state(tuple(going.opaque), going.path)
            if signature:
                self._begin_block(going, out)
                self._delta(out, type="signature_delta", signature=signature)
        else:
            self._writer.no_state(going.opaque, going.path)
        if isinstance(going.part, ToolCallPart) and going.part.custom:
            wrapped = msgspec.json.encode({"input": "".join(going.text)}).decode()
            self._delta(out, type="input_json_delta", partial_json=wrapped)
        if going.started:
            out.append(_event("content_block_stop", index=self._index))
        for data in redacted:
            self._index += 1
            block = {"type": "redacted_thinking", "data": data}
            out.append(_event("content_block_start", index=self._index, content_block=block))
            out.append(_event("content_block_stop", index=self._index))

    def _begin_block(self, going: _Outgoing, out: list[bytes]) -> None:
        if not going.started:
            going.started = True
            self._index += 1
            out.append(_event("content_block_start", index=self._index, content_block=going.block))

    def _delta(self, out: list[bytes], **delta: Any) -> None:
        out.append(_event("content_block_delta", index=self._index, delta=delta))

    def _message_end(self, event: MessageEnd, out: list[bytes]) -> None:
        for going in self._queue:
            going.done = True
        self._advance(out)
        if event.finish.kind == "error":
            out.append(self._break_off(failed_finish(event.finish)))
            return
        for extra in (event.extra, event.message_extra):
            self._writer.foreign(extra, "response")
        own = event.message_extra.get(ID, {}) | event.extra.get(ID, {})
        delta = {
            "stop_reason": stop_reason(event.finish, self._refused),
            "stop_sequence": event.finish.stop_sequence,
        } | {key: own.pop(key, None) for key in _IN_DELTA}
        out.append(_event("message_delta", delta=delta, usage=render_usage(self._usage), **own))
        self._ended = True


def _event(kind: str, **fields: Any) -> bytes:
    return render_sse(msgspec.json.encode({"type": kind} | fields).decode(), kind)


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

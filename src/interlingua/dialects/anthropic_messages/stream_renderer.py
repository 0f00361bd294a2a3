"""Events as the format's stream: one block open at a time, so parts that overlap wait for each other."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.blocks import Block, Writer
from interlingua.dialects.anthropic_messages.errors import render_envelope
from interlingua.dialects.anthropic_messages.response import failed_finish, stop_reason
from interlingua.dialects.anthropic_messages.schema import ID
from interlingua.dialects.anthropic_messages.usage import render_usage
from interlingua.errors import InterlinguaError
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
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
)
from interlingua.types.request import ChatRequest
from interlingua.types.usage import Usage
from interlingua.wire.sse import render_json

_IN_DELTA = ("stop_details", "container")
"""What stands in the `delta` of a message_delta besides the stop reason; other luggage stands beside it."""


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
            self._lose_once(f"choices[{event.choice}]", "one answer holds one choice")
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
        return render_json(msgspec.json.encode(envelope), "error")

    def _lose_once(self, field: str, reason: str) -> None:
        if field not in self._told:
            self._told.add(field)
            self._context.lose(field, reason)

    def _begin(self) -> bytes:
        start, self._start = self._start, None
        if start is None:
            return b""
        self._writer.foreign(start.extra, "")
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
        going = _Outgoing(event.part, f"choices[0].message.parts[{event.index}]")
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
            self._context.emulate(going.path, 'free text for a tool is sent as {"input": …}')
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
            self._writer.foreign(extra, "")
        own = event.message_extra.get(ID, {}) | event.extra.get(ID, {})
        delta = {
            "stop_reason": stop_reason(event.finish, self._refused),
            "stop_sequence": event.finish.stop_sequence,
        } | {key: own.pop(key, None) for key in _IN_DELTA}
        out.append(_event("message_delta", delta=delta, usage=render_usage(self._usage), **own))
        self._ended = True


def _event(kind: str, **fields: Any) -> bytes:
    return render_json(msgspec.json.encode({"type": kind} | fields), kind)

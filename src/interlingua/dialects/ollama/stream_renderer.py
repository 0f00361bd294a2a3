"""Streams towards clients: a line for each delta, calls and images when they are whole, one last line that is done.

There is one text here, so a part that began later waits for the parts before it. No heartbeats: a blank line breaks
clients of this format.
"""

from __future__ import annotations

from collections import deque

import msgspec

from interlingua.dialects.ollama.content import Pieces
from interlingua.dialects.ollama.errors import error_body
from interlingua.dialects.ollama.generate import is_marked
from interlingua.dialects.ollama.response import (
    lose_service_tier,
    numbered,
    render_end,
    render_head,
    render_logprobs,
    render_said,
    unmarked,
)
from interlingua.dialects.ollama.schema import Body, lose_once, put_back
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import GROWS
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Extra
from interlingua.types.parts import Part, ReasoningPart, RefusalPart, TextPart, ToolCallPart, parse_arguments
from interlingua.types.request import ChatRequest
from interlingua.types.response import TokenLogprob
from interlingua.types.usage import Usage
from interlingua.wire.ndjson import render_ndjson


class _Waiting:
    """A part on its way out."""

    __slots__ = ("done", "index", "logprobs", "part", "pieces")

    def __init__(self, index: int, part: Part) -> None:
        self.index = index
        self.part = part
        self.pieces: list[str] = []
        self.logprobs: tuple[TokenLogprob, ...] = ()
        self.done = False
        if self.splits:
            self.pieces.append(getattr(part, "text", ""))

    @property
    def splits(self) -> bool:
        """Whether the part may go out in pieces."""
        return isinstance(self.part, TextPart | ReasoningPart | RefusalPart)

    def whole(self) -> Part:
        """The part with all that came."""
        if not self.pieces:
            return self.part
        field = GROWS[type(self.part)]
        text = getattr(self.part, field) + "".join(self.pieces)
        if isinstance(self.part, ToolCallPart) and not self.part.custom:
            return msgspec.structs.replace(self.part, raw=text, arguments=parse_arguments(text))
        return msgspec.structs.replace(self.part, **{field: text})


class StreamRenderer:
    """Turns events into lines.

    Args:
        context: where losses are noted.
        request: what the client asked; its mark tells the path it was asked on (`generate.py`).
    """

    def __init__(self, context: TranslationContext, request: ChatRequest | None = None) -> None:
        self._context = context
        self._generate = request is not None and is_marked(request.extra)
        self._head: Body = {}
        self._extra: Extra = {}
        self._queue: deque[_Waiting] = deque()
        self._usage: Usage | None = None
        self._calls = 0
        self._first = True
        self._over = False

    def render(self, event: Event) -> bytes:
        """The bytes that tell of `event`; empty while it must wait."""
        if self._over:
            return b""
        match event:
            case MessageStart():
                self._head = render_head(event.model or self._context.model, event.created, self._context)
                self._extra = unmarked(event.extra)
                self._generate = self._generate or is_marked(event.extra)
                lose_service_tier(event.service_tier, self._context)
            case UsageUpdate():
                self._usage = event.usage
            case Failed():
                self._over = True
                return render_ndjson(msgspec.json.encode(error_body(event.error())))
            case PartStart() | PartDelta() | PartEnd() | MessageEnd() if event.choice != 0:
                lose_once(f"choices[{event.choice}]", "there is one answer to a request", self._context)
            case MessageEnd():
                return self._end(event)
            case PartStart() | PartDelta() | PartEnd():
                return self._part(event)
        return b""

    def close(self) -> bytes:
        """Nothing: the last line is the end."""
        return b""

    def _part(self, event: PartStart | PartDelta | PartEnd) -> bytes:
        if isinstance(event, PartStart):
            self._queue.append(_Waiting(event.index, event.part))
            self._note(event.index, event.part)
        waiting = next((each for each in self._queue if each.index == event.index), None)
        if waiting is None:
            return b""
        if isinstance(event, PartEnd):
            waiting.done = True
        elif isinstance(event, PartDelta):
            waiting.pieces += [event.text] if event.text else []
            waiting.logprobs += event.logprobs
            if event.opaque is not None:
                lose_once(self._where(event.index) + ".opaque", f"no field for {event.opaque.kind}", self._context)
            if event.annotation is not None:
                lose_once("annotations", "answers have no citations", self._context)
        return self._flush()

    def _where(self, index: int) -> str:
        return f"choices[0].message.parts[{index}]"

    def _note(self, index: int, part: Part) -> None:
        """Has what a text carries besides its text noted as lost."""
        if isinstance(part, TextPart | ReasoningPart | RefusalPart):
            Pieces(self._context, "setting").add(part, self._where(index))
        if isinstance(part, TextPart) and part.annotations:
            lose_once("annotations", "answers have no citations", self._context)

    def _flush(self) -> bytes:
        lines: list[bytes] = []
        while self._queue:
            first = self._queue[0]
            if first.splits:
                lines.append(self._piece(first))
            elif first.done:
                lines.append(self._whole(first))
            if not first.done:
                break
            self._queue.popleft()
        return b"".join(lines)

    def _piece(self, waiting: _Waiting) -> bytes:
        text, spoken = "".join(waiting.pieces), waiting.logprobs
        waiting.pieces, waiting.logprobs = [], ()
        if not text and not spoken:
            return b""
        thinks = isinstance(waiting.part, ReasoningPart)
        said = render_said(text="" if thinks else text, thinking=text if thinks else "", generate=self._generate)
        return self._line({**said, "done": False, **render_logprobs(spoken)})

    def _whole(self, waiting: _Waiting) -> bytes:
        pieces = Pieces(self._context, "setting")
        pieces.add(waiting.whole(), self._where(waiting.index))
        calls = numbered(pieces.calls, self._calls)
        self._calls += len(calls)
        if not (calls or pieces.images or pieces.texts or waiting.logprobs):
            return b""
        said = render_said(text="".join(pieces.texts), images=pieces.images, calls=calls, generate=self._generate)
        return self._line({**said, "done": False, **render_logprobs(waiting.logprobs)})

    def _end(self, event: MessageEnd) -> bytes:
        self._over = True
        said = render_said(extra=event.message_extra, generate=self._generate)
        body: Body = {**said, **render_end(event.finish, self._usage)}
        put_back(body, event.extra)
        self._first = True  # a client that keeps only the last line finds there what concerns the whole answer
        return self._line(body)

    def _line(self, body: Body) -> bytes:
        wire = {**self._head, **body}
        if self._first:
            self._first = False
            put_back(wire, self._extra)
        return render_ndjson(msgspec.json.encode(wire))

"""Streams towards clients: pieces of a whole answer as the format's own server sends them.

Texts go out as they come. What is signed or cannot be split waits until it is whole, tool calls among it; a part
that began later waits for the parts before it, for pieces here have no index.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from interlingua.dialects.gemini.citations import render_citations
from interlingua.dialects.gemini.errors import error_body
from interlingua.dialects.gemini.response import finish_word, render_head, render_logprobs, render_reply_part
from interlingua.dialects.gemini.schema import lose_opaque, own, signature_of
from interlingua.dialects.gemini.usage import render_usage
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import GROWS
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Json, Opaque
from interlingua.types.parts import (
    Annotation,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    parse_arguments,
)
from interlingua.types.request import ChatRequest
from interlingua.types.response import TokenLogprob
from interlingua.wire.sse import render_json

_START = MessageStart(id="", model="")


class _Waiting:
    """A part on its way out."""

    __slots__ = ("done", "index", "opaque", "part", "pieces", "splits")

    def __init__(self, index: int, part: Part) -> None:
        self.index = index
        self.part = part
        self.pieces: list[str] = []
        self.opaque: list[Opaque] = []
        self.done = False
        self.splits = (
            isinstance(part, TextPart | ReasoningPart | RefusalPart)
            and signature_of(part.opaque) is None
            and not own(part.extra)
        )
        if self.splits:
            self.pieces.append(getattr(part, "text", ""))

    def piece(self) -> Part:
        """What came since the last piece."""
        text, self.pieces = "".join(self.pieces), []
        return ReasoningPart(text=text, summary=True) if isinstance(self.part, ReasoningPart) else TextPart(text=text)

    def whole(self) -> Part:
        """The part with all that came."""
        changes: dict[str, Any] = {"opaque": (*self.part.opaque, *self.opaque)}
        if self.pieces:
            field = GROWS[type(self.part)]
            changes[field] = getattr(self.part, field) + "".join(self.pieces)
        if isinstance(self.part, ToolCallPart) and not self.part.custom:
            changes["arguments"] = parse_arguments(changes.get("raw", self.part.raw))
        return msgspec.structs.replace(self.part, **changes)


class _Choice:
    """The parts of one candidate, let out in order."""

    def __init__(self, index: int, context: TranslationContext) -> None:
        self.index = index
        self.spoke = False
        self.logprobs: list[TokenLogprob] = []
        self._context = context
        self._queue: deque[_Waiting] = deque()
        self._texts: dict[int, tuple[list[str], list[Annotation]]] = {}

    def take(self, event: PartStart | PartDelta | PartEnd) -> list[dict[str, Any]]:
        """The wire parts that an event lets out."""
        if isinstance(event, PartStart):
            self._queue.append(_Waiting(event.index, event.part))
            if isinstance(event.part, TextPart):
                self._texts[event.index] = ([event.part.text], list(event.part.annotations))
        else:
            waiting = next((each for each in self._queue if each.index == event.index), None)
            if waiting is None:
                return []
            if isinstance(event, PartEnd):
                waiting.done = True
            else:
                self._grow(waiting, event)
        return self._flush()

    def citations(self) -> dict[str, Any]:
        """The citationMetadata of what was said."""
        if not any(annotations for _, annotations in self._texts.values()):
            return {}
        return render_citations(("".join(pieces), cited) for _, (pieces, cited) in sorted(self._texts.items()))

    def _grow(self, waiting: _Waiting, delta: PartDelta) -> None:
        if delta.text:
            waiting.pieces.append(delta.text)
        if delta.opaque is not None:
            waiting.opaque.append(delta.opaque)
        self.logprobs.extend(delta.logprobs)
        if event_text := self._texts.get(waiting.index):
            event_text[0].append(delta.text)
            if delta.annotation is not None:
                event_text[1].append(delta.annotation)

    def _flush(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any] | None] = []
        while self._queue:
            first = self._queue[0]
            where = f"choices[{self.index}].message.parts[{first.index}]"
            if first.splits:
                if any(first.pieces):
                    found.append(render_reply_part(first.piece(), where, self._context))
                if first.done:
                    found.append(self._seal(first, where))
            elif first.done:
                found.append(render_reply_part(first.whole(), where, self._context))
            if not first.done:
                break
            self._queue.popleft()
        wires = [wire for wire in found if wire is not None]
        self.spoke = self.spoke or bool(wires)
        return wires

    def _seal(self, waiting: _Waiting, where: str) -> dict[str, Any] | None:
        """The signature that came after the text it belongs to, on an empty one."""
        lose_opaque((*waiting.part.opaque, *waiting.opaque), where, self._context)
        signature = signature_of(tuple(waiting.opaque))
        if signature is None:
            return None
        thought = {"thought": True} if isinstance(waiting.part, ReasoningPart) else {}
        return {"text": "", **thought, "thoughtSignature": signature}


class StreamRenderer:
    """Turns events into server-sent data.

    Args:
        context: where losses are noted.
        request: what the client asked; every stream has usage here, so nothing of it is needed.
    """

    def __init__(self, context: TranslationContext, request: ChatRequest | None = None) -> None:
        self._context = context
        self._start = _START
        self._head = render_head(_START.id, _START.model, _START.created)
        self._usage: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._first = True
        self._over = False

    def render(self, event: Event) -> bytes:
        """The bytes that tell of `event`; empty while it must wait."""
        if self._over:
            return b""
        match event:
            case MessageStart():
                self._start = event
                self._head = render_head(event.id, event.model, event.created)
            case UsageUpdate():
                self._usage = render_usage(event.usage)
            case Failed():
                self._over = True
                return render_json(msgspec.json.encode(error_body(event.error())))
            case MessageEnd():
                return self._end(event)
            case PartStart() | PartDelta() | PartEnd():
                return self._part(event)
        return b""

    def close(self) -> bytes:
        """Nothing: the end of the stream is its end."""
        return b""

    def _choice(self, index: int) -> _Choice:
        if index not in self._choices:
            self._choices[index] = _Choice(index, self._context)
        return self._choices[index]

    def _part(self, event: PartStart | PartDelta | PartEnd) -> bytes:
        choice = self._choice(event.choice)
        parts = choice.take(event)
        if not parts:
            return b""
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": choice.index}
        if choice.logprobs:
            candidate |= render_logprobs(tuple(choice.logprobs))
            choice.logprobs.clear()
        return self._chunk({"candidates": [candidate]})

    def _end(self, event: MessageEnd) -> bytes:
        choice = self._choice(event.choice)
        usage = dict(self._usage)
        if self._start.service_tier is not None:
            usage["serviceTier"] = self._start.service_tier
        tail = {"usageMetadata": usage} if usage else {}
        if not choice.spoke and event.finish.raw and self._block_reason() == event.finish.raw:
            return self._chunk(tail)
        candidate: dict[str, Any] = {
            "content": {"parts": [{"text": ""}], "role": "model"} | own(event.message_extra),
            "finishReason": finish_word(event.finish),
            "index": event.choice,
            **render_logprobs(tuple(choice.logprobs)),
            **choice.citations(),
            **own(event.extra),
        }
        return self._chunk({"candidates": [candidate], **tail})

    def _block_reason(self) -> Json:
        feedback = own(self._start.extra).get("promptFeedback")
        return feedback.get("blockReason") if isinstance(feedback, dict) else None

    def _chunk(self, body: dict[str, Any]) -> bytes:
        wire = body | self._head
        if self._first:
            self._first = False
            if self._start.service_tier is not None:
                wire.setdefault("usageMetadata", {"serviceTier": self._start.service_tier})
            wire |= {key: value for key, value in own(self._start.extra).items() if key not in wire}
        return render_json(msgspec.json.encode(wire))

"""Our event stream for a client.

Every item is announced, told piece by piece and repeated whole when it ends; the terminal event repeats the whole
answer. Pieces of one message share an item if they came from one; such an item stays open until something else
begins. Items may overlap: each keeps its own `output_index`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.openai_responses.content import render_annotation
from interlingua.dialects.openai_responses.errors import envelope
from interlingua.dialects.openai_responses.logprobs import render_logprobs
from interlingua.dialects.openai_responses.output import (
    at_home,
    call_item,
    home_of,
    is_item,
    item_id,
    message_item,
    reasoning_item,
    render_item,
    text_piece,
    together,
)
from interlingua.dialects.openai_responses.request import echo
from interlingua.dialects.openai_responses.response import TIERS, ending, frame, item_status, problem
from interlingua.dialects.openai_responses.schema import REASONING_ITEM, Body, as_raw, lose_opaque, own
from interlingua.dialects.openai_responses.usage import render_usage
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import GROWS
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.parts import OpaquePart, Part, ReasoningPart, RefusalPart, TextPart, ToolCallPart
from interlingua.types.request import ChatRequest
from interlingua.types.response import TokenLogprob
from interlingua.types.usage import Usage
from interlingua.wire.sse import render_json

_encode = msgspec.json.Encoder().encode


class _Item:
    """An item of the output."""

    def __init__(self, index: int, item_id: str, home: Body) -> None:
        self.index = index
        self.id = item_id
        self.given = home
        self.home: Body = {"id": item_id, **home}
        self.pieces: list[Any] = []
        self.open = 0
        self.sealed = False
        self.done: Any = None


class _Piece:
    """A part under construction, and where it stands."""

    def __init__(self, part: Part, item: _Item, place: int) -> None:
        self.part = part
        self.item = item
        self.place = place
        self.field = GROWS.get(type(part), "")
        self.said: list[str] = [getattr(part, self.field)] if self.field else []
        self.logprobs: list[TokenLogprob] = []
        self.cited = 0
        self.begun = False

    @property
    def text(self) -> str:
        return "".join(self.said)

    def whole(self) -> Part:
        return msgspec.structs.replace(self.part, **{self.field: self.text}) if self.field else self.part


class StreamRenderer:
    """Turns events into the bytes of a stream.

    Args:
        context: ids and time.
        request: the request that is answered; its settings are repeated in the answer.
    """

    def __init__(self, context: TranslationContext, request: ChatRequest | None = None) -> None:
        self._context = context
        self._echo = echo(request, context)
        self._asked = request.model if request is not None else ""
        self._sequence = 0
        self._start: MessageStart | None = None
        self._id = ""
        self._items: list[_Item] = []
        self._message: _Item | None = None
        self._pieces: dict[int, _Piece] = {}
        self._usage: Usage | None = None
        self._refused = False
        self._over = False

    def render(self, event: Event) -> bytes:
        """The bytes that tell of `event`."""
        if self._over:
            return b""
        if isinstance(event, MessageStart):
            return self._begin(event)
        if isinstance(event, Failed):
            return self._fail(event)
        if isinstance(event, UsageUpdate):
            self._usage = event.usage
            return b""
        if event.choice:
            field = f"choices[{event.choice}]"
            if all(loss.field != field for loss in self._context.losses):
                self._context.lose(field, "this format gives one answer")
            return b""
        if isinstance(event, PartStart):
            return self._part_start(event)
        if isinstance(event, PartDelta):
            return self._delta(self._pieces[event.index], event)
        if isinstance(event, PartEnd):
            return self._part_end(self._pieces.pop(event.index), f"choices[0].message.parts[{event.index}]")
        return self._end(event)

    def close(self) -> bytes:
        """Nothing: the terminal event has told the end."""
        return b""

    def _send(self, type: str, **fields: Any) -> bytes:
        body = {"type": type, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return render_json(_encode(body), type)

    # The answer as a whole

    def _answer(self, status: str, reason: str = "", error: InterlinguaError | None = None) -> Body:
        start = self._start or MessageStart(id="", model="")
        body = frame(
            id=self._id,
            model=start.model or self._context.model or self._asked,
            created=start.created if start.created is not None else self._context.created,
            status=status,
            reason=reason,
            error=problem(error) if error is not None else None,
            output=[item.done for item in self._items if item.done is not None],
        )
        body |= self._echo | own(start.extra)
        if start.service_tier in TIERS:
            body.setdefault("service_tier", TIERS[start.service_tier])
        if self._usage is not None and status != "in_progress":
            body["usage"] = render_usage(self._usage)
        return body

    def _begin(self, event: MessageStart) -> bytes:
        self._start = event
        self._id = event.id or self._context.new_id("resp_")
        answer = self._answer("in_progress")
        return self._send("response.created", response=answer) + self._send("response.in_progress", response=answer)

    def _end(self, event: MessageEnd) -> bytes:
        status, reason = ending(event.finish, refused=self._refused)
        sent = self._leave(item_status(status))
        self._over = True
        error = InterlinguaError(f"the answer ended with {event.finish.raw}") if status == "failed" else None
        answer = self._answer(status, reason, error) | own(event.message_extra) | own(event.extra)
        kind = "response." + (status if status in ("incomplete", "failed") else "completed")
        return sent + self._send(kind, response=answer)

    def _fail(self, event: Failed) -> bytes:
        """The format's error event, in the two spellings that clients know; then the failed answer, if one began."""
        self._over = True
        error = event.error()
        told = envelope(error)["error"]
        flat = {key: told[key] for key in ("code", "message", "param")}
        sent = self._send("error", **flat, error=told)
        if self._start is None:
            return sent
        return sent + self._send("response.failed", response=self._answer("failed", error=error))

    # Items

    def _enter(self, item_id: str, home: Body) -> _Item:
        item = _Item(len(self._items), item_id, home)
        self._items.append(item)
        return item

    def _leave(self, status: str = "completed") -> bytes:
        """No more pieces come to the message that is open; ends it unless one of them goes on."""
        item, self._message = self._message, None
        if item is None:
            return b""
        item.sealed = True
        return b"" if item.open else self._item_done(item, message_item(item.home, item.pieces, status))

    def _item_added(self, item: _Item, body: Any) -> bytes:
        return self._send("response.output_item.added", output_index=item.index, item=body)

    def _item_done(self, item: _Item, body: Any) -> bytes:
        item.done = body
        return self._send("response.output_item.done", output_index=item.index, item=body)

    # Parts

    def _part_start(self, event: PartStart) -> bytes:
        part = event.part
        if not is_item(part):
            return self._piece_start(event.index, part)
        sent = self._leave()
        if isinstance(part, ToolCallPart):
            item = self._enter(item_id(part, self._context), {})
            piece = self._pieces[event.index] = _Piece(part, item, 0)
            empty = call_item(msgspec.structs.replace(part, raw=""), {"id": item.id, **own(part.extra)}, "in_progress")
            empty["input" if part.custom else "arguments"] = ""
            sent += self._item_added(item, empty)
            return sent + (self._grow(piece, part.raw) if part.raw else b"")
        if isinstance(part, ReasoningPart):
            return sent + self._reasoning_start(event.index, part)
        # Whatever else comes whole: the item is told when it ends.
        self._pieces[event.index] = _Piece(part, _Item(-1, "", {}), 0)
        return sent

    def _reasoning_start(self, index: int, part: ReasoningPart) -> bytes:
        written = next((one.data for one in part.opaque if one.kind == REASONING_ITEM), "")
        given = msgspec.json.decode(written).get("id") if written and as_raw(written) is not None else None
        item = self._enter(given if isinstance(given, str) else item_id(part, self._context), {})
        piece = self._pieces[index] = _Piece(part, item, 0)
        piece.said = []
        sent = self._item_added(item, {"id": item.id, "type": "reasoning", "summary": []})
        return sent + (self._grow(piece, part.text) if part.text else b"")

    def _piece_start(self, index: int, part: Part) -> bytes:
        sent = b""
        home = home_of(part)
        item = self._message
        if item is None or not together(part, item.given):
            sent = self._leave()
            item_id = home.get("id") or self._context.new_id("msg_")
            item = self._message = self._enter(str(item_id), home)
            sent += self._item_added(item, message_item(item.home, [], "in_progress"))
        piece = self._pieces[index] = _Piece(part, item, len(item.pieces))
        item.pieces.append(None)
        item.open += 1
        if isinstance(part, OpaquePart):
            return sent
        assert isinstance(part, TextPart | RefusalPart)
        self._refused = self._refused or isinstance(part, RefusalPart)
        piece.said = []
        empty: Part = at_home(msgspec.structs.replace(part, text=""), {})
        if isinstance(empty, TextPart):
            empty = msgspec.structs.replace(empty, annotations=())
        assert isinstance(empty, TextPart | RefusalPart)
        sent += self._tell("response.content_part.added", piece, part=text_piece(empty, self._context, ()))
        for annotation in part.annotations if isinstance(part, TextPart) else ():
            sent += self._cite(piece, render_annotation(annotation))
        return sent + (self._grow(piece, part.text) if part.text else b"")

    def _tell(self, type: str, piece: _Piece, **fields: Any) -> bytes:
        """An event about a piece of a message."""
        item = piece.item
        return self._send(type, item_id=item.id, output_index=item.index, content_index=piece.place, **fields)

    def _cite(self, piece: _Piece, annotation: Any) -> bytes:
        if annotation is None:
            return b""
        piece.cited += 1
        return self._tell(
            "response.output_text.annotation.added", piece, annotation_index=piece.cited - 1, annotation=annotation
        )

    def _delta(self, piece: _Piece, event: PartDelta) -> bytes:
        sent = b""
        if event.opaque is not None:
            piece.part = msgspec.structs.replace(piece.part, opaque=(*piece.part.opaque, event.opaque))
        if event.annotation is not None and isinstance(piece.part, TextPart):
            cited = (*piece.part.annotations, event.annotation)
            piece.part = msgspec.structs.replace(piece.part, annotations=cited)
            sent = self._cite(piece, render_annotation(event.annotation))
        if event.text or event.logprobs:
            sent += self._grow(piece, event.text, event.logprobs)
        return sent

    def _grow(self, piece: _Piece, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> bytes:
        piece.said.append(text)
        part, item = piece.part, piece.item
        if isinstance(part, TextPart):
            piece.logprobs.extend(logprobs)
            return self._tell("response.output_text.delta", piece, delta=text, logprobs=render_logprobs(logprobs))
        if isinstance(part, RefusalPart):
            return self._tell("response.refusal.delta", piece, delta=text)
        if isinstance(part, ToolCallPart):
            kind = "response.custom_tool_call_input" if part.custom else "response.function_call_arguments"
            return self._send(f"{kind}.delta", item_id=item.id, output_index=item.index, delta=text)
        if not isinstance(part, ReasoningPart):
            return b""  # media grow silently, they come whole
        return self._reasoning(piece, "delta", delta=text)

    def _reasoning(self, piece: _Piece, step: str, **fields: Any) -> bytes:
        """An event about thinking or its summary, which begins with the first."""
        item = piece.item
        summary = isinstance(piece.part, ReasoningPart) and piece.part.summary
        index = {"summary_index" if summary else "content_index": 0}
        kind = "summary_text" if summary else "reasoning_text"
        around = "response.reasoning_summary_part" if summary else "response.content_part"
        sent = b""

        def tell(type: str, **more: Any) -> bytes:
            return self._send(type, item_id=item.id, output_index=item.index, **index, **more)

        if not piece.begun:
            piece.begun = True
            sent = tell(f"{around}.added", part={"type": kind, "text": ""})
        sent += tell(f"response.reasoning_{'summary_' if summary else ''}text.{step}", **fields)
        if step == "done":
            sent += tell(f"{around}.done", part={"type": kind, "text": piece.text})
        return sent

    def _part_end(self, piece: _Piece, path: str) -> bytes:
        part, item = piece.whole(), piece.item
        if isinstance(part, TextPart | RefusalPart) or not is_item(part):
            lose_opaque(part.opaque, path, self._context)
            return self._piece_end(piece, part)
        if isinstance(part, ToolCallPart):
            lose_opaque(part.opaque, path, self._context)
            return self._call_end(piece, part)
        if isinstance(part, ReasoningPart):
            sent = self._reasoning(piece, "done", text=piece.text) if piece.begun else b""
            return sent + self._item_done(item, reasoning_item(part, path, self._context, item.id))
        sent = b""
        for body in render_item(part, path, "completed", self._context):
            item = self._enter("", {})
            sent += self._item_added(item, body) + self._item_done(item, body)
        return sent

    def _call_end(self, piece: _Piece, part: ToolCallPart) -> bytes:
        item = piece.item
        body = call_item(part, {"id": item.id, **own(part.extra)}, "completed")
        key = "input" if part.custom else "arguments"
        sent = b""
        if not piece.text and body[key]:  # arguments that nobody wrote are sent as `{}`
            sent = self._grow(piece, body[key])
        kind = "response.custom_tool_call_input" if part.custom else "response.function_call_arguments"
        told = {key: body[key]} if part.custom else {key: body[key], "name": body["name"]}
        sent += self._send(f"{kind}.done", item_id=item.id, output_index=item.index, **told)
        return sent + self._item_done(item, body)

    def _piece_end(self, piece: _Piece, part: Part) -> bytes:
        item = piece.item
        sent = b""
        if isinstance(part, OpaquePart):
            item.pieces[piece.place] = as_raw(part.raw)
            for step in ("added", "done"):
                sent += self._tell(f"response.content_part.{step}", piece, part=item.pieces[piece.place])
        else:
            assert isinstance(part, TextPart | RefusalPart)
            body = item.pieces[piece.place] = text_piece(part, self._context, piece.logprobs)
            if isinstance(part, TextPart):
                fields = {"text": part.text, "logprobs": body["logprobs"]}
                sent = self._tell("response.output_text.done", piece, **fields)
            else:
                sent = self._tell("response.refusal.done", piece, refusal=part.text)
            sent += self._tell("response.content_part.done", piece, part=body)
        item.open -= 1
        if item.sealed and not item.open:
            sent += self._item_done(item, message_item(item.home, item.pieces, "completed"))
        return sent

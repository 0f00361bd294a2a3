"""Messages. A tool result is a message of its own and names its tool; what a result cannot hold follows it.

Many clients drop the ids of calls, so results find their calls by id, else by name, else in order; ids that nobody
gave are hashes of the conversation up to the call, so that they stay the same while it grows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from interlingua.dialects.ollama.content import Pieces, parse_image
from interlingua.dialects.ollama.plain import (
    PlainAnswer,
    PlainMessage,
    PlainResult,
    PlainSystem,
    PlainText,
    read_message,
    render_plain,
)
from interlingua.dialects.ollama.schema import ROLES, Body, bad_request, lose_foreign, luggage, put_back
from interlingua.dialects.ollama.tools import parse_calls
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, plain_results
from interlingua.types.parts import ContentPart, Part, ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart
from interlingua.wire.fields import Fields


class ConversationReader:
    """Reads the messages of a request, one after the other.

    Args:
        context: knows who made the assistant's messages, if anybody does.
    """

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._prefix = hashlib.sha256()
        self._open: list[ToolCallPart] = []
        self._found: list[Message] = []

    def read(self, fields: Fields) -> tuple[Message, ...]:
        """All messages; neighbouring tool results are one."""
        for i, raw in enumerate(fields.items("messages")):
            self._prefix.update(raw)
            plain = read_message(raw)
            self._add(
                self._message(Fields(raw, bad_request, f"messages[{i}]")) if plain is None else self._plain(plain)
            )
        return tuple(self._found)

    def read_plain(self, messages: Iterable[PlainMessage]) -> tuple[Message, ...]:
        """The same, where all are plain."""
        for message in messages:
            self._add(self._plain(message))
        return tuple(self._found)

    def _add(self, message: Message) -> None:
        if message.role == "tool" and self._found and self._found[-1].role == "tool":
            message = Message(role="tool", parts=(*self._found.pop().parts, *message.parts))
        self._found.append(message)

    def _plain(self, plain: PlainMessage) -> Message:
        parts: tuple[TextPart, ...] = (TextPart(text=plain.content),) if plain.content else ()
        if type(plain) is PlainText:
            return Message(role="user", parts=parts)
        if type(plain) is PlainSystem:
            return Message(role="system", parts=parts)
        if type(plain) is PlainResult:
            id, name = self._answered(plain.tool_call_id or "", plain.tool_name or None)
            return Message(role="tool", parts=(ToolCallResponsePart(id=id, name=name, response=parts),))
        assert type(plain) is PlainAnswer
        self._open = [call.part() for call in plain.tool_calls] if plain.tool_calls else []
        return Message(role="assistant", parts=(*parts, *self._open), origin=self._context.origin)

    def _message(self, fields: Fields) -> Message:
        word = fields.need_text("role")
        role = ROLES.get(word.lower())
        if role is None:
            raise fields.error("role", f"expected one of {', '.join(ROLES)}, got {word!r}")
        content = fields.text("content")
        said: list[ContentPart] = [TextPart(text=content)] if content else []
        said += [parse_image(image) for image in fields.texts("images")]
        if role == "tool":
            return Message(role="tool", parts=(self._result(fields, said),))
        parts: list[Part] = list(said)
        if thinking := fields.text("thinking"):
            parts.insert(0, ReasoningPart(text=thinking))
        calls = parse_calls(fields, self._id)
        if role == "assistant":
            self._open = list(calls)
        origin = self._context.origin if role == "assistant" else None
        return Message(role=role, parts=(*parts, *calls), origin=origin, extra=luggage(fields.rest()))

    def _id(self, place: int) -> str:
        digest = self._prefix.copy()
        digest.update(b"\0%d" % place)
        return "call_" + digest.hexdigest()[:24]

    def _result(self, fields: Fields, response: list[ContentPart]) -> ToolCallResponsePart:
        id, name = self._answered(fields.text("tool_call_id") or "", fields.text("tool_name") or None)
        return ToolCallResponsePart(id=id, name=name, response=tuple(response), extra=luggage(fields.rest()))

    def _answered(self, id: str, name: str | None) -> tuple[str, str | None]:
        """Id and name of a result after the call that it answers, which waits no longer."""
        call = next((call for call in self._open if self._fits(call, id, name)), None)
        if call is None:
            return id, name
        self._open.remove(call)
        return call.id, name or call.name

    @staticmethod
    def _fits(call: ToolCallPart, id: str, name: str | None) -> bool:
        return call.id == id if id else name is None or call.name == name


class ConversationWriter:
    """Renders the messages of a request; turns without content are left out.

    Args:
        messages: the conversation.
        context: where losses are noted.
    """

    def __init__(self, messages: Sequence[Message], context: TranslationContext) -> None:
        self._messages = messages
        self._context = context
        self._names = {
            part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolCallPart)
        }
        self._wires: list[Body] = []
        self._waiting: Pieces | None = None
        self._from: list[str] = []

    def write(self) -> list[Body]:
        """The messages as they go over the wire."""
        for i, message in enumerate(self._messages):
            if message.role == "tool" and (results := plain_results(message)):
                self._wires += [self._named({"role": "tool", "content": text}, id, name) for id, name, text in results]
            elif message.role != "tool" and self._waiting is None and (wire := render_plain(message)) is not None:
                self._wires.append(wire)
            else:
                self._message(message, f"messages[{i}]")
        self._flush()
        return self._wires

    def _message(self, message: Message, where: str) -> None:
        if message.name is not None:
            self._context.lose(f"{where}.name", "there are no names of participants")
        lose_foreign(message.extra, self._context)
        pieces = Pieces(self._context, "setting" if message.role == "assistant" else "content")
        for k, part in enumerate(message.parts):
            here = f"{where}.parts[{k}]"
            if isinstance(part, ToolCallResponsePart):
                self._result(part, here)
            elif message.role == "tool":
                self._later().add(part, here)
            else:
                pieces.add(part, here)
        if message.role == "tool":
            return
        self._flush()
        # What a model wrote in several pieces is one text; what people wrote is told apart.
        text = ("" if message.role == "assistant" else "\n").join(pieces.texts)
        wire: Body = {"role": message.role, "content": text}
        wire |= {"thinking": "".join(pieces.thinking)} if pieces.thinking else {}
        wire |= {"images": pieces.images} if pieces.images else {}
        wire |= {"tool_calls": pieces.calls} if pieces.calls else {}
        if text or len(wire) > 2:
            put_back(wire, message.extra)
            self._wires.append(wire)

    def _result(self, part: ToolCallResponsePart, where: str) -> None:
        pieces = Pieces(self._context, "content")
        for k, piece in enumerate(part.response):
            pieces.add(piece, f"{where}.response[{k}]")
        lose_foreign(part.extra, self._context)
        texts = pieces.texts
        if pieces.images:
            self._context.emulate(f"{where}.response", "images of a tool result follow in a user message")
            texts = [*texts, "[image: see the user message after the tool results]"]
            self._later().images.extend(pieces.images)
            self._from.append(part.name or self._names.get(part.id) or part.id)
        text = "\n".join(texts)
        if part.is_error:
            self._context.emulate(f"{where}.is_error", "said in words, there is no flag for it")
            text = f"Error: {text}"
        wire = self._named({"role": "tool", "content": text}, part.id, part.name)
        put_back(wire, part.extra)
        self._wires.append(wire)

    def _named(self, wire: Body, id: str, name: str | None) -> Body:
        """A result with what tells its call."""
        if name := name or self._names.get(id):
            wire["tool_name"] = name
        if id:
            wire["tool_call_id"] = id
        return wire

    def _later(self) -> Pieces:
        """What must wait until all results of a turn stand."""
        if self._waiting is None:
            self._waiting = Pieces(self._context, "content")
        return self._waiting

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        texts = [f"Images from the result of {', '.join(self._from)}:", *waiting.texts] if self._from else waiting.texts
        self._from = []
        if texts or waiting.images:
            wire: Body = {"role": "user", "content": "\n".join(texts)}
            self._wires.append(wire | ({"images": waiting.images} if waiting.images else {}))

"""Conversations: `contents` and `systemInstruction` to messages and back.

Only user and model speak here. The rules that rendering satisfies: a user content comes first; the results of a
model's calls stand in the very next content, as many as there were calls; a system message later on is a user text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from interlingua.dialects.gemini.parts import PartReader, render_part
from interlingua.dialects.gemini.plain import PlainAsked, PlainContent, PlainSaid, read_content, render_plain
from interlingua.dialects.gemini.results import Pairing, Results, missing_result, read_result, render_result
from interlingua.dialects.gemini.schema import DUMMY_SIGNATURE, ID, ProtoFields, lose_opaque, luggage, own, signature_of
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, plain_text
from interlingua.types.opaque import Extra
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart

_ROLES: dict[str | None, Literal["user", "assistant"]] = {
    None: "user",
    "": "user",
    "user": "user",
    "function": "user",
    "tool": "user",
    "model": "assistant",
    "assistant": "assistant",
}
_WORDS = {"user": "user", "assistant": "model"}


def parse_system(fields: ProtoFields | None, context: TranslationContext) -> list[Message]:
    """The system message of a systemInstruction; none where it is empty."""
    if fields is None:
        return []
    fields.skip("role")
    reader = PartReader(context)
    parts = [part for part in (reader.read(each) for each in fields.list_of("parts")) if part is not None]
    return [Message(role="system", parts=tuple(parts), extra=luggage(fields.rest()))] if parts else []


def parse_contents(fields: ProtoFields, context: TranslationContext) -> list[Message]:
    """The messages of `contents`; adjacent tool results are one message, and so are adjacent model contents."""
    conversation = _Conversation(context)
    reader = PartReader(context)
    contents = fields.items("contents")
    if not contents:
        raise fields.error("contents", "required")
    for i, raw in enumerate(contents):
        if (plain := read_content(raw)) is not None:
            conversation.add_plain(plain, i)
            continue
        content = fields.item("contents", i, raw)
        word = content.text("role")
        role = _ROLES.get(word)
        if role is None:
            raise content.error("role", f"must be user or model, got {word!r}")
        parts: list[Part] = []
        results: list[Part] = []
        for each in content.list_of("parts"):
            if role == "user" and each.peek("functionResponse") is not None:
                results.append(conversation.pairing.resolve(read_result(each, context), each.path))
            elif (part := reader.read(each)) is not None:
                parts.append(part)
        extra = luggage(content.rest())
        if role == "assistant":
            conversation.said(parts, extra)
        else:
            conversation.asked(parts, results, extra)
    return conversation.messages


def parse_plain(contents: Iterable[PlainContent], context: TranslationContext) -> list[Message]:
    """The same, where all contents are plain."""
    conversation = _Conversation(context)
    for i, plain in enumerate(contents):
        conversation.add_plain(plain, i)
    return conversation.messages


class _Conversation:
    """Gathers messages content by content."""

    def __init__(self, context: TranslationContext) -> None:
        self.messages: list[Message] = []
        self.pairing = Pairing()
        self._context = context

    def said(self, parts: list[Part], extra: Extra) -> None:
        """What the model said."""
        goes_on = bool(self.messages) and self.messages[-1].role == "assistant"
        self.pairing.turn([part for part in parts if isinstance(part, ToolCallPart)], goes_on=goes_on)
        if parts:
            message = Message(role="assistant", parts=tuple(parts), origin=self._context.origin, extra=extra)
            _add_turn(self.messages, message)

    def asked(self, parts: list[Part], results: list[Part], extra: Extra) -> None:
        """What a person said, and what tools answered."""
        if results:
            _add_results(self.messages, results)
        if parts:
            self.messages.append(Message(role="user", parts=tuple(parts), extra=extra))

    def add_plain(self, plain: PlainContent, place: int) -> None:
        """A plain content."""
        if type(plain) is PlainSaid:
            self.said(plain.read(self._context), {})
            return
        assert type(plain) is PlainAsked
        parts: list[Part] = []
        results: list[Part] = []
        for j, part in enumerate(plain.read()):
            if type(part) is ToolCallResponsePart:
                results.append(self.pairing.resolve(part, f"contents[{place}].parts[{j}]"))
            else:
                parts.append(part)
        self.asked(parts, results, {})


def _add_turn(messages: list[Message], message: Message) -> None:
    """Adds what the model said. A turn that was streamed comes back as a content for each piece of it: Google's own
    client keeps its chats so."""
    before = messages[-1] if messages else None
    if before is None or before.role != message.role or before.extra or message.extra:
        messages.append(message)
        return
    last, first = before.parts[-1], message.parts[0]
    joined = _joined(last, first)
    parts = (*before.parts[:-1], joined, *message.parts[1:]) if joined else (*before.parts, *message.parts)
    messages[-1] = msgspec.structs.replace(before, parts=parts)


def _joined(last: Part, first: Part) -> Part | None:
    """Two pieces as the one that they were; None where they are not of a kind, or anything but text stands on them."""
    if type(last) is not type(first) or not isinstance(last, TextPart | ReasoningPart):
        return None
    assert isinstance(first, TextPart | ReasoningPart)
    whole = msgspec.structs.replace(last, text=last.text + first.text)
    alike = msgspec.structs.replace(first, text=whole.text) == whole
    return whole if alike and not last.opaque and not last.extra else None


def _add_results(messages: list[Message], results: list[Part]) -> None:
    before: tuple[Part, ...] = ()
    if messages and messages[-1].role == "tool":
        before = messages.pop().parts
    messages.append(Message(role="tool", parts=(*before, *results)))


class ContentWriter:
    """Renders a conversation, message by message."""

    def __init__(self, messages: tuple[Message, ...], context: TranslationContext) -> None:
        self._messages = messages
        self._context = context
        self._results = Results()
        self._system: list[dict[str, Any]] = []
        self._system_extra: dict[str, Any] = {}
        self._contents: list[dict[str, Any]] = []
        self._turn = max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)

    def write(self) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        """systemInstruction, if any, and contents.

        Raises:
            InvalidRequest: a tool result answers no call.
            Unsupported: content that cannot be carried, where that is refused.
        """
        for i, message in enumerate(self._messages):
            if message.role != "assistant":
                for j, part in enumerate(message.parts):
                    if isinstance(part, ToolCallResponsePart):
                        self._results.add(part, (i, j))
        leading = True
        for i, message in enumerate(self._messages):
            leading = leading and message.role == "system"
            if message.role in _WORDS and (text := plain_text(message)):
                self._contents.append({"role": _WORDS[message.role], "parts": [{"text": text}]})
                continue
            if message.name:
                self._context.lose(f"messages[{i}].name", "there are no names of participants")
            if message.role == "assistant":
                self._write_assistant(i, message)
            elif message.role == "system":
                self._write_system(i, message, leading)
            else:
                self._add("user", self._parts(i, message), message)
        self._results.check()
        if not self._contents or self._contents[0]["role"] != "user":
            self._context.emulate("messages", "a user content of `.` put first, where the format wants one")
            self._contents.insert(0, {"role": "user", "parts": [{"text": "."}]})
        return ({"parts": self._system, **self._system_extra} if self._system else None), self._contents

    def _add(self, role: str, parts: list[dict[str, Any]], message: Message | None = None) -> None:
        if parts:
            extra = own(message.extra) if message is not None else {}
            self._contents.append({"role": role, "parts": parts, **extra})

    def _parts(self, i: int, message: Message) -> list[dict[str, Any]]:
        found = [
            render_part(part, f"messages[{i}].parts[{j}]", self._context)
            for j, part in enumerate(message.parts)
            if not isinstance(part, ToolCallResponsePart)
        ]
        return [wire for wire in found if wire is not None]

    def _write_system(self, i: int, message: Message, leading: bool) -> None:
        if leading:
            self._system_extra |= own(message.extra)
        for j, part in enumerate(message.parts):
            if not isinstance(part, TextPart):
                self._context.lose(f"messages[{i}].parts[{j}]", "system instructions are text only", "content")
            elif leading and (wire := render_part(part, f"messages[{i}].parts[{j}]", self._context)) is not None:
                self._system.append(wire)
        if not leading and message.text:
            self._context.emulate(f"messages[{i}]", "a system message within the conversation sent as user text")
            self._add("user", [{"text": f"<system>{message.text}</system>"}])

    def _write_assistant(self, i: int, message: Message) -> None:
        wires, called = render_plain(message)
        if called:
            if i > self._turn:
                first = len(wires) - len(called)
                self._sign(called[0], wires[first], f"messages[{i}].parts[{first}]")
            self._write_turn(i, message, wires, called)
            return
        calls: list[ToolCallPart] = []
        for j, part in enumerate(message.parts):
            where = f"messages[{i}].parts[{j}]"
            if isinstance(part, ToolCallResponsePart) or not self._goes_back(part, message, where):
                continue
            wire = render_part(part, where, self._context, "setting")
            if wire is None:
                continue
            if isinstance(part, ToolCallPart):
                if not calls and i > self._turn:
                    self._sign(part, wire, where)
                calls.append(part)
            wires.append(wire)
        self._write_turn(i, message, wires, calls)

    def _write_turn(self, i: int, message: Message, wires: list[dict[str, Any]], calls: Sequence[ToolCallPart]) -> None:
        self._add("model", wires, message)
        if calls:
            self._write_results(calls, f"messages[{i}]", i == len(self._messages) - 1)

    def _goes_back(self, part: Part, message: Message, where: str) -> bool:
        """Whether a part of the model's is sent again: thoughts only to the model that had them, and a signature
        without any text never (the provider refuses it)."""
        if not isinstance(part, ReasoningPart) or signature_of(part.opaque) is not None:
            return not isinstance(part, ReasoningPart) or bool(part.text) or part.summary
        if not part.text:
            lose_opaque(part.opaque, where, self._context)
            return False
        origin = message.origin
        if origin is None:
            same = part.summary
        else:
            same = origin.endpoint == ID and self._context.model in ("", origin.model)
        if not same:
            self._context.lose(where, "thoughts of another model")
        return same

    def _sign(self, part: ToolCallPart, wire: dict[str, Any], where: str) -> None:
        if self._context.traits.thought_signatures and signature_of(part.opaque) is None:
            self._context.emulate(where, "a call without thought signature carries the documented stand-in")
            wire["thoughtSignature"] = DUMMY_SIGNATURE

    def _write_results(self, calls: Sequence[ToolCallPart], where: str, last: bool) -> None:
        wires: list[dict[str, Any]] = []
        after: list[dict[str, Any]] = []
        found = [self._results.take(call) for call in calls]
        if last and not any(found):
            return
        for call, result in zip(calls, found, strict=True):
            if result is None:
                self._context.emulate(where, f"the call {call.id!r} was never answered: an error stands for its result")
                wires.append(missing_result(call))
            else:
                wire, media = render_result(call, result[1], result[0], self._context)
                wires.append(wire)
                after += media
        self._add("user", wires)
        self._add("user", after)

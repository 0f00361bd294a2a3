"""One turn of a conversation."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from interlingua.types.opaque import Extra, Origin
from interlingua.types.parts import Part, TextPart, ToolCallPart, ToolCallResponsePart

Role = Literal["system", "user", "assistant", "tool"]


class Message(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who says what.

    Args:
        role: system (anywhere in a conversation), user, assistant or tool.
        parts: what is said, in order. Tool results are parts of messages with role `tool`.
        name: the participant's name, where the dialect has one.
        raw_role: the dialect's own word where it differs, such as `developer`.
        origin: for assistant messages, the target that made it; None when unknown.
        extra: fields that only one dialect knows.
    """

    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None
    raw_role: str | None = None
    origin: Origin | None = None
    extra: Extra = {}

    @property
    def text(self) -> str:
        """All that is said in plain text, without reasoning."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


def plain_text(message: Message) -> str:
    """The text of a message that is one text and nothing else, as most are; empty for any other."""
    parts = message.parts
    if len(parts) != 1 or message.extra or message.name is not None or message.raw_role is not None:
        return ""
    return _bare_text(parts[0])


def plain_calls(message: Message) -> tuple[str, tuple[ToolCallPart, ...]] | None:
    """The text and the calls of a message that is at most one text and then function calls, with nothing beside them;
    None for any other."""
    parts, text = message.parts, ""
    if not parts or message.extra or message.name is not None or message.raw_role is not None:
        return None
    if type(parts[0]) is not ToolCallPart:
        text, parts = _bare_text(parts[0]), parts[1:]
        if not text or not parts:
            return None
    for part in parts:
        if type(part) is not ToolCallPart or part.custom or part.extra or part.opaque or part.cache is not None:
            return None
    return text, parts  # type: ignore[return-value]  # each was just seen to be a call


def plain_results(message: Message) -> list[tuple[str, str | None, str]]:
    """Id, name and text of each result in a message of tool results that are one text each and nothing else; empty
    for any other."""
    found: list[tuple[str, str | None, str]] = []
    if message.extra or message.name is not None or message.raw_role is not None:
        return found
    for part in message.parts:
        if type(part) is not ToolCallResponsePart or not (text := plain_result(part)):
            return []
        found.append((part.id, part.name, text))
    return found


def plain_result(part: ToolCallResponsePart) -> str:
    """The text of a tool result that is one text and nothing else; empty for any other."""
    if len(part.response) != 1 or part.is_error or part.extra or part.opaque or part.cache is not None:
        return ""
    return _bare_text(part.response[0])


def _bare_text(part: Part) -> str:
    if type(part) is not TextPart or part.annotations or part.opaque or part.extra or part.cache is not None:
        return ""
    return part.text


def system(text: str) -> Message:
    """A system message of one text."""
    return Message(role="system", parts=(TextPart(text=text),))


def user(text: str, *more: Part) -> Message:
    """A user message of one text, followed by other parts."""
    return Message(role="user", parts=(TextPart(text=text), *more))


def assistant(text: str, *more: Part) -> Message:
    """An assistant message of one text, followed by other parts."""
    return Message(role="assistant", parts=(TextPart(text=text), *more))

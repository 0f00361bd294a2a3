"""One turn of a conversation."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from interlingua.types.opaque import Extra, Origin
from interlingua.types.parts import Part, TextPart

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
    part = parts[0]
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

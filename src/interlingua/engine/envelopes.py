"""Carries reasoning state through a client that speaks another dialect: sealed into the one field that it echoes.

Used in the translated lane only (contracts §2.2). Where a dialect has no such field, or none on that kind of part,
the state is taken off and `recall` puts it back. A string that we did not seal stays as it is, of unknown origin.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from interlingua.types.events import Event, PartDelta, PartEnd, PartStart
from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart
from interlingua.wire.envelope import PREFIX, seal, unseal


class Carrier(msgspec.Struct, frozen=True):
    """How a dialect carries a foreign string.

    Args:
        kind: the opaque kind of the field that clients echo.
        parts: the parts that have such a field.
        base64: whether the field takes standard base64 only.
    """

    kind: str
    parts: tuple[type, ...]
    base64: bool = False


CARRIERS: dict[str, Carrier] = {
    "anthropic_messages": Carrier("anthropic_messages.signature", (ReasoningPart,)),
    "openai_responses": Carrier("openai_responses.encrypted_content", (ReasoningPart,)),
    "gemini": Carrier("gemini.thought_signature", (ReasoningPart, TextPart, ToolCallPart), base64=True),
}
"""By dialect of the client; openai_chat and ollama carry nothing."""


class Envelopes:
    """Seals and unseals for one client.

    Args:
        dialect: what the client speaks.
        key: our secret, at least 16 bytes.
        tenant: whose conversation it is; an envelope of another tenant's stays closed.
    """

    def __init__(self, dialect: str, key: bytes, tenant: str) -> None:
        self._carrier = CARRIERS.get(dialect)
        self._key = key
        self._binding = tenant.encode()
        self._waiting: dict[tuple[int, int], tuple[Part, list[Opaque]]] = {}

    def wrap(self, message: Message) -> Message:
        """An answer's message as the client gets it."""
        return replace(message, parts=tuple(self._wrapped(part, part.opaque) for part in message.parts))

    def wrap_event(self, event: Event) -> list[Event]:
        """A streamed event as the client gets it; state goes out sealed when its part ends."""
        if isinstance(event, PartStart):
            self._waiting[event.choice, event.index] = (event.part, list(event.part.opaque))
            return [replace(event, part=replace(event.part, opaque=()))] if event.part.opaque else [event]
        if isinstance(event, PartDelta) and event.opaque is not None:
            self._waiting[event.choice, event.index][1].append(event.opaque)
            rest = replace(event, opaque=None)
            return [rest] if rest.text or rest.annotation or rest.logprobs else []
        if isinstance(event, PartEnd):
            part, state = self._waiting.pop((event.choice, event.index))
            sealed = self._wrapped(part, tuple(state)).opaque
            return [*(PartDelta(index=event.index, opaque=one, choice=event.choice) for one in sealed), event]
        return [event]

    def unwrap(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The conversation as the client sent it, with the state that we sealed."""
        return tuple(self._unwrapped(message) if message.role == "assistant" else message for message in messages)

    def _wrapped(self, part: Part, state: tuple[Opaque, ...]) -> Part:
        if not state:
            return part
        if self._carrier is None or not isinstance(part, self._carrier.parts):
            return replace(part, opaque=())
        # The state of one part was made by one model; what has no origin cannot be sent back by us anyway.
        origin = next((one.origin for one in state if one.origin is not None), None)
        if origin is None:
            return replace(part, opaque=())
        data = msgspec.json.encode([[one.kind, one.data] for one in state if one.origin == origin])
        text = seal(msgspec.json.encode(origin), data, self._key, self._binding)
        if self._carrier.base64:
            text = b64encode(text.encode()).decode()
        return replace(part, opaque=(Opaque(self._carrier.kind, text, origin),))

    def _unwrapped(self, message: Message) -> Message:
        origin = message.origin
        parts: list[Part] = []
        for part in message.parts:
            state: list[Opaque] = []
            for one in part.opaque:
                found = self._opened(one)
                state.extend(found or [one])
                origin = origin or (found[0].origin if found else None)
            parts.append(replace(part, opaque=tuple(state)) if part.opaque else part)
        return replace(message, parts=tuple(parts), origin=origin)

    def _opened(self, opaque: Opaque) -> list[Opaque]:
        if self._carrier is None or opaque.kind != self._carrier.kind:
            return []
        opened = unseal(_plain(opaque.data) if self._carrier.base64 else opaque.data, self._key, self._binding)
        if opened is None:
            return []
        origin = msgspec.json.decode(opened[0], type=Origin)
        return [Opaque(kind, data, origin) for kind, data in _pairs(opened[1])]


def _pairs(data: bytes) -> Iterable[tuple[str, str]]:
    return msgspec.json.decode(data, type=list[tuple[str, str]])


def _plain(text: str) -> str:
    """What base64 holds, where it holds an envelope."""
    try:
        plain = b64decode(text, validate=True).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return ""
    return plain if plain.startswith(PREFIX) else ""

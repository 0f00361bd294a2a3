"""Remembers who made reasoning state that a client cannot carry back, and re-attaches it. Pure: keys and values only.

A client echoes only what its own dialect has a field for. What an answer held beyond that is remembered under every
sign by which the turn can be known again: the ids of its tool calls, a digest of its text, and the digest of each
opaque string that passed through untouched (contracts §2.2). Before continuity runs, the turns of a request are looked
up by the same signs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart
from interlingua.types.serde import canonical

LIFETIME = 24 * 3600.0
"""Seconds for which state is remembered: people come back to a conversation the next morning."""

_ONE_ALPHABET = str.maketrans("-_", "+/")


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of a turn.

    Args:
        origin: who made it.
        reasoning: its reasoning parts, in order, with their state.
        calls: state that stood on its tool calls, by call id.
        places: the same by place among all its calls: some clients drop the ids.
        text: state that stood on its texts; it is put back on the last.
    """

    origin: Origin
    reasoning: tuple[ReasoningPart, ...] = ()
    calls: dict[str, tuple[Opaque, ...]] = {}
    places: tuple[tuple[Opaque, ...], ...] = ()
    text: tuple[Opaque, ...] = ()


def remember(message: Message) -> dict[str, bytes]:
    """What to remember of an answer, by key; nothing where it holds no state or its maker is unknown."""
    if message.origin is None or not any(_has_state(part) for part in message.parts):
        return {}
    value = Remembered(
        origin=message.origin,
        reasoning=tuple(part for part in message.parts if isinstance(part, ReasoningPart)),
        calls={part.id: part.opaque for part in _calls(message.parts) if part.opaque},
        places=tuple(part.opaque for part in _calls(message.parts)),
        text=tuple(opaque for part in message.parts if isinstance(part, TextPart) for opaque in part.opaque),
    )
    whole = msgspec.json.encode(value)
    origin = msgspec.json.encode(Remembered(origin=message.origin))
    entries = {_opaque_key(opaque): origin for part in message.parts for opaque in part.opaque}
    return entries | dict.fromkeys(_turn_keys(message), whole)


def keys(messages: Sequence[Message]) -> list[str]:
    """The keys under which anything may be remembered of a conversation's turns."""
    found: dict[str, None] = {}
    for message in messages:
        if message.role == "assistant" and (message.origin is None or any(map(_is_bare_call, message.parts))):
            found |= dict.fromkeys(_turn_keys(message))
            unknown = [opaque for part in message.parts for opaque in part.opaque if opaque.origin is None]
            found |= dict.fromkeys(map(_opaque_key, unknown))
    return list(found)


def attach(messages: Sequence[Message], found: Mapping[str, bytes]) -> tuple[Message, ...]:
    """The conversation with what is remembered put back.

    Args:
        messages: as the client sent them.
        found: what is remembered under `keys(messages)`.
    """
    if not found:
        return tuple(messages)
    known = {key: msgspec.json.decode(value, type=Remembered) for key, value in found.items()}
    return tuple(_attached(message, known) if message.role == "assistant" else message for message in messages)


def _attached(message: Message, known: Mapping[str, Remembered]) -> Message:
    named = [_with_origins(part, known) for part in message.parts]
    origins = [opaque.origin for part in named for opaque in part.opaque if opaque.origin is not None]
    origin = message.origin or next(iter(origins), None)
    turn = next((known[key] for key in _turn_keys(message) if key in known), None)
    if origin is not None:
        # The client carried some of it; what stood where its format has no field is put back beside it.
        if turn is not None and turn.origin == origin:
            named = _with_call_states(named, turn)
        return replace(message, parts=tuple(named), origin=origin)
    if turn is None:
        return replace(message, parts=tuple(named))
    # State of an origin that nobody knows goes too: it is the client's own label of what is remembered here.
    last_text = max((i for i, part in enumerate(named) if isinstance(part, TextPart)), default=-1)
    parts: list[Part] = []
    for i, part in enumerate(_with_call_states(named, turn, anew=True)):
        if isinstance(part, ReasoningPart):
            continue  # the client's own copy of the thinking, without its state; what is remembered replaces it
        if turn.text and i == last_text:
            parts.append(replace(part, opaque=turn.text))
        else:
            parts.append(part)
    return replace(message, parts=(*turn.reasoning, *parts), origin=turn.origin)


def _with_call_states(parts: Sequence[Part], turn: Remembered, *, anew: bool = False) -> list[Part]:
    """The calls with their state, found by id, else by place where there are as many calls as there were.

    Args:
        anew: whether state that a call brings of its own is replaced.
    """
    calls = _calls(parts)
    places = iter(turn.places if len(calls) == len(turn.places) else [()] * len(calls))
    found: list[Part] = []
    for part in parts:
        if isinstance(part, ToolCallPart):
            at_place = next(places)
            state = turn.calls.get(part.id) or at_place
            if state and (anew or not part.opaque):
                part = replace(part, opaque=state)
        found.append(part)
    return found


def _calls(parts: Sequence[Part]) -> list[ToolCallPart]:
    return [part for part in parts if isinstance(part, ToolCallPart)]


def _with_origins(part: Part, known: Mapping[str, Remembered]) -> Part:
    if not any(opaque.origin is None for opaque in part.opaque):
        return part
    named = []
    for opaque in part.opaque:
        found = known.get(_opaque_key(opaque)) if opaque.origin is None else None
        named.append(replace(opaque, origin=found.origin) if found else opaque)
    return replace(part, opaque=tuple(named))


def _is_bare_call(part: Part) -> bool:
    """Whether a part is a call that a client's format may have taken the state off."""
    return isinstance(part, ToolCallPart) and not part.opaque


def _has_state(part: Part) -> bool:
    return bool(part.opaque)


def _opaque_key(opaque: Opaque) -> str:
    # Google's own client reads base64 and writes it again in the other alphabet: both must be known again.
    data = opaque.data.translate(_ONE_ALPHABET).rstrip("=")
    return "opaque:" + hashlib.sha256(f"{opaque.kind}\0{data}".encode("utf-8", "surrogatepass")).hexdigest()


def _turn_keys(message: Message) -> Iterable[str]:
    """The signs of a turn, surest first."""
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    yield from (f"call:{part.id}" for part in calls if part.id)
    if message.text or calls:
        said = [message.text.strip(), *([part.name, part.arguments] for part in calls)]
        yield "turn:" + hashlib.sha256(canonical(said)).hexdigest()

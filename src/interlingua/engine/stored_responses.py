"""Conversations that are named by the id of their last answer (`previous_response_id`), for targets that keep none.

What is stored is the whole conversation up to and with the answer, for an hour (contracts §8). A provider that stores
answers itself is asked by its own id: of those only the place is remembered (`Pin`), and the next call goes there, to
nobody else and for nobody else. An id of which neither is known is refused: it may be another tenant's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from interlingua.errors import Conflict
from interlingua.ports.dialect import WireRequest
from interlingua.ports.memory import Memory
from interlingua.types.messages import Message
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse

DIALECT = "openai_responses"
"""The dialect whose clients name a conversation by the id of its last answer."""
IDS = "resp_"
"""How the ids of such answers begin."""
LIFETIME = 3600.0
"""Seconds for which a conversation can be taken up by an answer's id."""
PREFIX = "response"
"""How all keys here begin, so that they can be remembered apart from what is not worth a disk."""
PINNED = 30 * 24 * 3600.0
"""The same where a provider keeps it: as long as such providers do."""

_decoder = msgspec.json.Decoder(tuple[Message, ...])


class Pin(msgspec.Struct, frozen=True):
    """Where an answer is kept: at a provider, under the account whose credential asked for it."""

    provider: str
    account: str = ""
    model: str = ""


class _Asked(msgspec.Struct):
    previous_response_id: str | None = None
    store: bool | None = None


class _Named(msgspec.Struct, frozen=True):
    id: str = ""


class _Begun(msgspec.Struct):
    response: _Named = _Named()


_asked = msgspec.json.Decoder(_Asked)
_named = msgspec.json.Decoder(_Named)
_begun = msgspec.json.Decoder(_Begun)
_pin = msgspec.json.Decoder(Pin)


def continued(wire: WireRequest) -> str | None:
    """The id of the answer that a request continues, read from its bytes. Raises nothing: others refuse what is no
    request."""
    try:
        return _asked.decode(wire.body).previous_response_id or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def is_kept(wire: WireRequest) -> bool:
    """Whether a provider will keep the answer to a request."""
    try:
        return _asked.decode(wire.body).store is not False
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def named(data: bytes, *, streamed: bool = False) -> str:
    """The id of an answer, or of the one that an event begins; empty where it names none."""
    try:
        return _begun.decode(data).response.id if streamed else _named.decode(data).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


async def pin(id: str, place: Pin, memory: Memory, tenant: str) -> None:
    """Remembers where an answer is kept."""
    await memory.put(tenant, {_pin_key(id): msgspec.json.encode(place)}, PINNED)


async def pinned(id: str, memory: Memory, tenant: str) -> Pin | None:
    """Where an answer is kept, or None: unknown, forgotten, or another tenant's."""
    found = await memory.get(tenant, [_pin_key(id)])
    return _pin.decode(found[_pin_key(id)]) if found else None


async def body(id: str, memory: Memory, tenant: str) -> bytes | None:
    """A stored answer as its client got it, or None."""
    return (await memory.get(tenant, [_body_key(id)])).get(_body_key(id))


def gone(id: str, why: str = "nothing is stored under it, or no longer") -> Conflict:
    """The refusal to continue an answer."""
    return Conflict(
        f"previous_response_id: {id!r} cannot be continued: {why}",
        remedy="Send the whole conversation as input, without previous_response_id.",
    )


async def expand(request: ChatRequest, memory: Memory, tenant: str) -> ChatRequest:
    """The request with the conversation that it continues written out.

    Raises:
        Conflict: nothing is stored under that id, or no longer.
    """
    id = request.previous_response_id
    if not id:
        return request
    found = await memory.get(tenant, [_key(id)])
    if not found:
        raise gone(id)
    return replace(request, previous_response_id=None, messages=_joined(_decoder.decode(found[_key(id)]), request))


async def store(
    request: ChatRequest, response: ChatResponse, memory: Memory, tenant: str, *, rendered: bytes = b""
) -> None:
    """Remembers a conversation under the id of its answer, unless the request says not to.

    Args:
        request: what was asked, its conversation written out.
        response: what was answered, under the id that the client knows it by.
        rendered: the answer as the client gets it, for who asks for it again.
    """
    if request.store is False or not response.id or not response.choices:
        return
    # System messages are instructions of one request: the next brings its own.
    turns = [message for message in request.messages if message.role != "system"]
    entries = {_key(response.id): msgspec.json.encode([*turns, response.message])}
    if rendered:
        entries[_body_key(response.id)] = rendered
    await memory.put(tenant, entries, LIFETIME)


async def forget(id: str, memory: Memory, tenant: str) -> bool:
    """Forgets what is stored under an id; whether there was anything."""
    return await memory.forget(tenant, [_key(id), _body_key(id), _pin_key(id)]) > 0


def _joined(stored: Sequence[Message], request: ChatRequest) -> tuple[Message, ...]:
    leading = 0
    while leading < len(request.messages) and request.messages[leading].role == "system":
        leading += 1
    return (*request.messages[:leading], *stored, *request.messages[leading:])


def _key(id: str) -> str:
    return f"{PREFIX}:{id}"


def _body_key(id: str) -> str:
    return f"{PREFIX}-body:{id}"


def _pin_key(id: str) -> str:
    return f"{PREFIX}-at:{id}"

"""Conversations that are named by the id of their last answer (`previous_response_id`), for targets that keep none.

What is stored is the whole conversation up to and with the answer, for an hour (contracts §8). A provider that stores
answers itself is asked by its own id; this is for everyone else.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from interlingua.errors import Conflict
from interlingua.ports.memory import Memory
from interlingua.types.messages import Message
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse

LIFETIME = 3600.0
"""Seconds for which a conversation can be taken up by an answer's id."""

_decoder = msgspec.json.Decoder(tuple[Message, ...])


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
        raise Conflict(
            f"previous_response_id: nothing is stored under {id!r}, or no longer",
            remedy="Send the whole conversation as input, without previous_response_id.",
        )
    return replace(request, previous_response_id=None, messages=_joined(_decoder.decode(found[_key(id)]), request))


async def store(request: ChatRequest, response: ChatResponse, memory: Memory, tenant: str) -> None:
    """Remembers a conversation under the id of its answer, unless the request says not to.

    Args:
        request: what was asked, its conversation written out.
        response: what was answered.
    """
    if request.store is False or not response.id or not response.choices:
        return
    # System messages are instructions of one request: the next brings its own.
    turns = [message for message in request.messages if message.role != "system"]
    await memory.put(tenant, {_key(response.id): msgspec.json.encode([*turns, response.message])}, LIFETIME)


async def forget(id: str, memory: Memory, tenant: str) -> bool:
    """Forgets what is stored under an id; whether there was anything."""
    return await memory.forget(tenant, [_key(id)]) > 0


def _joined(stored: Sequence[Message], request: ChatRequest) -> tuple[Message, ...]:
    leading = 0
    while leading < len(request.messages) and request.messages[leading].role == "system":
        leading += 1
    return (*request.messages[:leading], *stored, *request.messages[leading:])


def _key(id: str) -> str:
    return f"response:{id}"

"""Which conversation a request belongs to (contracts §2.6). Pure."""

from __future__ import annotations

import hashlib

import msgspec

from interlingua.types.request import ChatRequest
from interlingua.types.serde import canonical

_ABSENT = msgspec.Raw(b"")


def conversation_key(request: ChatRequest, tenant: str, named: str | None = None) -> str:
    """A key that all calls of one conversation share, and no other conversation of any tenant.

    Args:
        request: any call of the conversation.
        tenant: whose it is.
        named: what the client calls it (`x-interlingua-conversation`), if it does.

    It is what the client says, else the request's cache key, else its end user, else a digest of what stays the same
    while a conversation grows: the leading system messages, the tools and the first user message.
    """
    for source, value in (("named", named), ("cache_key", request.cache_key), ("end_user", request.end_user)):
        if value:
            return _digest([tenant, source, value])
    opening = []
    for message in request.messages:
        if message.role not in ("system", "user"):
            break
        opening.append(msgspec.to_builtins(message))
        if message.role == "user":
            break
    return _digest([tenant, "opening", opening, msgspec.to_builtins(request.tools)])


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Request(msgspec.Struct):
    """What tells conversations apart, as the formats call it."""

    prompt_cache_key: str | None = None
    metadata: _Metadata | None = None
    system: msgspec.Raw = _ABSENT
    instructions: msgspec.Raw = _ABSENT
    systemInstruction: msgspec.Raw = _ABSENT  # noqa: N815 - as it is written
    tools: msgspec.Raw = _ABSENT
    messages: msgspec.Raw = _ABSENT
    input: msgspec.Raw = _ABSENT
    contents: msgspec.Raw = _ABSENT
    prompt: msgspec.Raw = _ABSENT


class _Turn(msgspec.Struct):
    role: str | None = None


_request = msgspec.json.Decoder(_Request)
_turns = msgspec.json.Decoder(list[msgspec.Raw])
_turn = msgspec.json.Decoder(_Turn)


def conversation_of(dialect: str, body: bytes, tenant: str, named: str | None = None) -> str:
    """The same of a request that is not parsed; empty where nothing can be told.

    Args:
        dialect: what it is written in: its words keep the conversations of two formats apart.
        body: the JSON text.
        tenant: whose it is.
        named: what the client calls it, if it does.
    """
    if named:
        return _digest([tenant, "named", named])
    try:
        request = _request.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if request.prompt_cache_key:
        return _digest([tenant, "cache_key", request.prompt_cache_key])
    if request.metadata is not None and request.metadata.user_id:
        return _digest([tenant, "end_user", request.metadata.user_id])
    fields = (request.messages, request.input, request.contents, request.prompt)
    said = next((raw for raw in fields if memoryview(raw).nbytes), _ABSENT)
    stays = (request.system, request.instructions, request.systemInstruction, request.tools, *_opening(said))
    return hashlib.sha256(b"\0".join((f"{tenant}\0{dialect}".encode(), *stays))).hexdigest()


def _opening(said: msgspec.Raw) -> list[msgspec.Raw]:
    """The turns up to and with the user's first."""
    if bytes(memoryview(said)[:1]) != b"[":
        return [said]
    found = []
    for raw in _turns.decode(said):
        found.append(raw)
        try:
            if _turn.decode(raw).role in (None, "user"):
                break
        except msgspec.DecodeError:
            break
    return found


def _digest(value: list[object]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()

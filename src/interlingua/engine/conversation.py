"""Which conversation a request belongs to (contracts §2.6). Pure."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import msgspec

from interlingua.dialects import registry
from interlingua.ports.lens import Naming
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


class _Turn(msgspec.Struct):
    role: str | None = None


_turns = msgspec.json.Decoder(list[msgspec.Raw])
_turn = msgspec.json.Decoder(_Turn)


def conversation_of(dialect: str, body: bytes, tenant: str, named: str | None = None) -> str:
    """The same of a request that is not parsed; empty where nothing can be told.

    Args:
        dialect: what it is written in; its lens says where to look.
        body: the JSON text.
        tenant: whose it is.
        named: what the client calls it, if it does.
    """
    if named:
        return _digest([tenant, "named", named])
    naming = registry.lens(dialect).NAMING
    try:
        request = _decoder(naming).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    for source, field in (("cache_key", naming.cache_key), ("end_user", naming.end_user)):
        if value := _named(request, field):
            return _digest([tenant, source, value])
    said = next((raw for name in naming.turns if memoryview(raw := getattr(request, name)).nbytes), _ABSENT)
    stays = (getattr(request, name) for name in naming.stays)
    return hashlib.sha256(b"\0".join((f"{tenant}\0{dialect}".encode(), *stays, *_opening(said)))).hexdigest()


@cache
def _decoder(naming: Naming) -> msgspec.json.Decoder[Any]:
    """Reads what tells conversations apart, and passes over everything else."""
    fields: list[tuple[str, Any, Any]] = [(name, msgspec.Raw, _ABSENT) for name in (*naming.stays, *naming.turns)]
    names = {field.partition(".")[0] for field in (naming.cache_key, naming.end_user) if field}
    fields += [(name, Any, None) for name in sorted(names)]
    return msgspec.json.Decoder(msgspec.defstruct("Told", fields))


def _named(request: Any, field: str) -> str:
    """A field's text, or that of a field of an object; empty where there is none."""
    if not field:
        return ""
    outer, _, inner = field.partition(".")
    value = getattr(request, outer)
    if inner:
        value = value.get(inner) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


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

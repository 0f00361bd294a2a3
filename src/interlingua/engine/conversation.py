"""Which conversation a request belongs to (contracts §2.6). Pure."""

from __future__ import annotations

import hashlib

import msgspec

from interlingua.types.request import ChatRequest
from interlingua.types.serde import canonical


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


def _digest(value: list[object]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()

"""Requests of Ollama's clients that only load a model: models of providers are always loaded, so nobody is asked."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects import registry
from interlingua.dialects.ollama.generate import is_generate
from interlingua.dialects.ollama.schema import render_time
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek

OLLAMA = "ollama"


class _Said(msgspec.Struct):
    """All that could be said in a request of either path."""

    messages: list[msgspec.Raw] | None = None
    prompt: str | None = None
    images: list[msgspec.Raw] | None = None
    keep_alive: Any = None


def loaded(wire: WireRequest, peek: Peek, dialect: str, now: int) -> WireResponse | None:
    """The answer to a request that says nothing, or None where it says something.

    Args:
        wire: the request.
        peek: what is known of it.
        dialect: the client's.
        now: seconds since 1970.
    """
    if dialect != OLLAMA:
        return None
    try:
        said = msgspec.json.decode(wire.body, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # whoever reads it as a request says what is wrong with it
    if said.messages or said.prompt or said.images:
        return None
    generate = is_generate(wire.path)
    shape: dict[str, Any] = {"response": ""} if generate else {"message": {"role": "assistant", "content": ""}}
    reason = "unload" if said.keep_alive in (0, "0", "0s") else "load"
    body = {"model": peek.model, "created_at": render_time(now), **shape, "done": True, "done_reason": reason}
    kind = registry.dialect(OLLAMA).STREAM_CONTENT_TYPE if peek.stream else "application/json"
    end = b"\n" if peek.stream else b""
    return WireResponse(headers=(("content-type", kind),), body=msgspec.json.encode(body) + end)

"""Words of Ollama's format that requests and responses share, and how its objects are read and written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from interlingua.errors import InvalidRequest, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Role
from interlingua.types.opaque import Extra, Json
from interlingua.types.response import FinishKind, FinishReason

Body = dict[str, Any]

ID = "ollama"
GENERATE = "generate"
"""The mark in `extra` of what belongs to /api/generate; never sent."""

ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}

_LAST_SECOND = 253_402_300_799  # of the year 9999

FINISH_KINDS: dict[str, FinishKind] = {
    "": "stop",
    "stop": "stop",
    "load": "stop",
    "unload": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "error": "error",
}
"""done_reason; empty where an old server says nothing. The last two are what we say to clients: the field is free
text, and no word of the format's own would be true."""

FINISH_WORDS: dict[FinishKind, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_call": "stop",
    "content_filter": "content_filter",
    "refusal": "stop",
    "pause": "length",
    "error": "error",
}
"""Our kinds in this format, where tool calls have no word of their own."""


def bad_request(path: str, reason: str) -> Exception:
    """The error for a client's JSON."""
    return InvalidRequest(f"{path or 'body'}: {reason}", path=path)


def bad_answer(path: str, reason: str) -> Exception:
    """The error for a provider's JSON."""
    return UpstreamError(f"the provider's answer is not this format: {path or 'body'}: {reason}")


def own(extra: Extra) -> dict[str, Json]:
    """What a value carries for this dialect."""
    return extra.get(ID, {})


def luggage(*found: dict[str, Json]) -> Extra:
    """Leftovers of several objects as `extra`; empty where there are none."""
    merged: dict[str, Json] = {}
    for each in found:
        merged |= each
    return {ID: merged} if merged else {}


def put_back(body: Body, extra: Extra) -> None:
    """Adds luggage of this dialect to what was rendered; objects are merged, and what was rendered wins."""
    for key, value in own(extra).items():
        if key not in body:
            body[key] = value
        elif isinstance(value, dict) and isinstance(body[key], dict):
            body[key] = {**value, **body[key]}


def lose_foreign(extra: Extra, context: TranslationContext) -> None:
    """Notes luggage of other dialects, once for each."""
    for key in extra:
        if key != ID and extra[key]:
            lose_once(f"extra.{key}", f"known to {key} alone: " + ", ".join(sorted(extra[key])), context)


def lose_once(field: str, reason: str, context: TranslationContext) -> None:
    """Notes a lost setting unless the same was noted before."""
    if all(loss.field != field for loss in context.losses):
        context.lose(field, reason)


def finish_of(word: str, *, called: bool) -> FinishReason:
    """Why an answer ended; calls of tools end with `stop` here."""
    kind = FINISH_KINDS.get(word, "stop")
    return FinishReason("tool_call" if kind == "stop" and called else kind, word)


def finish_word(finish: FinishReason) -> str:
    """The done_reason for an ending, empty for none: its own word where that says the same."""
    kind = "stop" if finish.kind == "tool_call" else finish.kind
    return finish.raw if FINISH_KINDS.get(finish.raw) == kind else FINISH_WORDS[finish.kind]


def parse_time(text: str | None) -> int | None:
    """Seconds since 1970 of an RFC 3339 time; None where it is none, or lies before."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(seconds) if seconds >= 0 else None


def render_time(seconds: int) -> str:
    """The RFC 3339 time of seconds since 1970, kept within the years that it can name."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""What somebody piped in: a request, a response, a stream or an error, told by what it holds."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from interlingua.errors import InvalidRequest

Kind = Literal["request", "response", "stream", "error"]
KINDS: tuple[Kind, ...] = ("request", "response", "stream", "error")

_SSE_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")
_EVENTS = frozenset(
    {"message_start", "part_start", "part_delta", "part_end", "usage_update", "message_end", "failed", "summary"}
)
_RESPONSE_KEYS = ("choices", "candidates", "promptFeedback", "stop_reason", "finish_reason", "done_reason")
_REQUEST_KEYS = ("messages", "contents", "input")


def guess_kind(text: bytes) -> Kind:
    """What a text is, of whatever dialect.

    Raises:
        InvalidRequest: it cannot be told.
    """
    body = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    if body.startswith(_SSE_LINES):
        return "stream"
    value = _decoded(body)
    if value is None:
        lines = body.splitlines()
        value = _decoded(lines[0]) if lines else None
        return "stream" if isinstance(value, dict) else _unknown("it is neither JSON nor an event stream")
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if not isinstance(value, dict):
        return _unknown("it is no JSON object")
    if isinstance(value.get("value"), dict) and "interlingua" in value:
        value = value["value"]
    if value.get("type") in _EVENTS:
        return "error" if value["type"] == "failed" else "stream"
    if value.get("error") or value.get("type") == "error":
        return "error"
    if any(key in value for key in _RESPONSE_KEYS):
        return "response"
    if any(key in value for key in _REQUEST_KEYS):
        return "request"
    return _unknown("it holds neither messages nor an answer nor an error")


def _decoded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _unknown(reason: str) -> Kind:
    raise InvalidRequest(f"what is piped in cannot be told: {reason}", remedy=f"Say it with --kind {'|'.join(KINDS)}.")

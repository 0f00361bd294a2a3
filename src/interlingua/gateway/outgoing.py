"""Answers on their way to the client."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from interlingua.errors import CredentialMissing, InterlinguaError
from interlingua.gateway.incoming import Send
from interlingua.ports.dialect import WireResponse
from interlingua.ports.lens import Reframing

Headers = tuple[tuple[str, str], ...]


def told(error: InterlinguaError) -> InterlinguaError:
    """The error with its remedy in its message: the envelopes of most dialects have no place of their own for it.

    What a provider says of a credential is no fault of the client's here: the credential is the gateway's.
    """
    if error.provider and error.exit_code == CredentialMissing.exit_code:
        error.fault = "gateway"
    if error.fault != "provider" and error.remedy and error.remedy not in error.message:
        error.message = f"{error.message.rstrip('.')}. {error.remedy}"
        error.args = (error.message,)
    return error


def problem(error: InterlinguaError, request_id: str) -> dict[str, object]:
    """An error as our own paths tell it."""
    return {
        "code": error.code,
        "message": error.message,
        "remedy": error.remedy,
        "fault": error.fault,
        "retryable": error.retryable,
        "request_id": request_id,
    }


async def send_whole(send: Send, answer: WireResponse, headers: Headers = ()) -> None:
    """Sends an answer at once.

    Args:
        send: of ASGI.
        answer: status, headers and body.
        headers: ours, added to it.
    """
    found = [*answer.headers, *headers, ("content-length", str(len(answer.body)))]
    await send({"type": "http.response.start", "status": answer.status, "headers": _encoded(found)})
    await send({"type": "http.response.body", "body": answer.body})


async def send_start(send: Send, *headers: Headers) -> None:
    """Sends the head of an answer whose length nobody knows, of any kind."""
    found = [header for some in headers for header in some]
    await send({"type": "http.response.start", "status": 200, "headers": _encoded(found)})


async def send_head(send: Send, content_type: str, headers: Headers = ()) -> None:
    """Commits to a stream: from here on failures are events of its own."""
    found = [("content-type", content_type), ("cache-control", "no-store"), ("x-accel-buffering", "no"), *headers]
    await send({"type": "http.response.start", "status": 200, "headers": _encoded(found)})


def reframed(send: Send, reframing: Reframing, content_type: str) -> Send:
    """The way out for a stream that the client wants framed another way; whole answers go as they are.

    Args:
        send: of ASGI.
        reframing: makes the one framing of the other.
        content_type: of the dialect's own streams.
    """
    streams = False

    async def sending(message: MutableMapping[str, Any]) -> None:
        nonlocal streams
        if message["type"] == "http.response.start":
            own = (b"content-type", content_type.encode())
            streams = own in message["headers"]
            changed = (b"content-type", reframing.CONTENT_TYPE.encode())
            message = {**message, "headers": [changed if one == own else one for one in message["headers"]]}
        elif streams:
            body = reframing.feed(message.get("body", b""))
            message = {**message, "body": body if message.get("more_body") else body + reframing.close()}
        await send(message)

    return sending


async def send_piece(send: Send, data: bytes) -> None:
    """Sends a part of a stream; whole events only."""
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def send_end(send: Send) -> None:
    """Ends a stream."""
    await send({"type": "http.response.body", "body": b""})


def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), _told(value).encode("latin-1", "replace")) for name, value in headers]


def _told(value: str) -> str:
    """A header's value; letters that none may hold would have the server break off instead of answering."""
    return value if value.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in value)

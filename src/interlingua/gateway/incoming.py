"""A client's HTTP request as the gateway sees it, and the bounds that it is held to (contracts §6.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from interlingua.errors import Cancelled, InvalidRequest
from interlingua.ports.dialect import WireRequest

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Incoming:
    """One request.

    Args:
        scope, receive: of ASGI.
        request_id: ours.
    """

    __slots__ = ("_receive", "gone", "headers", "method", "notes", "path", "query", "request_id")

    def __init__(self, scope: Scope, receive: Receive, request_id: str) -> None:
        self._receive = receive
        self.request_id = request_id
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: tuple[tuple[str, str], ...] = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        self.notes: tuple[tuple[str, str], ...] = (("x-request-id", request_id),)
        """Headers that go with whatever becomes the answer."""
        self.gone = False
        """Whether the client left."""

    def header(self, name: str) -> str:
        """The first value of a header, or nothing; `name` in lower case."""
        return next((value for key, value in self.headers if key == name), "")

    async def body(self, most: int) -> bytes:
        """The whole body.

        Args:
            most: bytes that are taken at the most.

        Raises:
            InvalidRequest: it is longer, or compressed.
            Cancelled: the client left before it was whole.
        """
        encoding = self.header("content-encoding")
        if encoding not in ("", "identity"):
            raise InvalidRequest(
                f"a body with content-encoding {encoding!r} is not taken", status=415, remedy="Send it uncompressed."
            )
        told = self.header("content-length")
        if told.isdecimal() and int(told) > most:
            raise _too_long(most)
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True
                raise Cancelled("the client left before its request was whole")
            piece = message.get("body", b"")
            size += len(piece)
            if size > most:
                raise _too_long(most)
            pieces.append(piece)
            if not message.get("more_body"):
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def watch(self, task: asyncio.Task[Any]) -> asyncio.Task[None]:
        """Cancels `task` when the client leaves; the watcher itself must be cancelled when the answer is out."""

        async def watch() -> None:
            while True:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    self.gone = True
                    task.cancel()
                    return

        return asyncio.get_running_loop().create_task(watch())

    def wire(self, body: bytes) -> WireRequest:
        """The request as dialects see it."""
        return WireRequest(
            method=self.method,
            path=f"{self.path}?{self.query}" if self.query else self.path,
            body=body,
            headers=self.headers,
        )


def _too_long(most: int) -> InvalidRequest:
    return InvalidRequest(
        f"the body is longer than {most:,} bytes",
        status=413,
        remedy="Send less, or raise server.max_body in the gateway's configuration.",
    )

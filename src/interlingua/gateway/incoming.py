"""A client's HTTP request as the gateway sees it, and the bounds that it is held to (contracts §6.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol, TypeAlias

from interlingua.errors import Cancelled, InvalidRequest
from interlingua.ports.dialect import WireRequest

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


LINE = "interlingua.line"
"""Where a scope holds the `Line` that its request came on, if its server tells."""


class Watch(Protocol):
    """Something that waits for a client to leave."""

    def cancel(self) -> object:
        """Waits no more."""
        ...


class Line:
    """A client's connection, as those see it who must know when it ends. Costs less than a task that waits for it."""

    __slots__ = ("_ended", "_watches")

    def __init__(self) -> None:
        self._ended = False
        self._watches: set[_LineWatch] = set()

    def watch(self, left: Callable[[], None]) -> Watch:
        """Calls `left` once when the client leaves; at once where it has left."""
        found = _LineWatch(self._watches, left)
        if self._ended:
            left()
        else:
            self._watches.add(found)
        return found

    def end(self) -> None:
        """The client left."""
        self._ended = True
        watches = tuple(self._watches)
        self._watches.clear()
        for watch in watches:
            watch.left()


class _LineWatch:
    __slots__ = ("_watches", "left")

    def __init__(self, watches: set[_LineWatch], left: Callable[[], None]) -> None:
        self._watches = watches
        self.left = left

    def cancel(self) -> None:
        self._watches.discard(self)


class Incoming:
    """One request.

    Args:
        scope, receive: of ASGI.
        request_id: ours.
    """

    __slots__ = (
        "_first",
        "_line",
        "_receive",
        "gone",
        "headers",
        "method",
        "notes",
        "path",
        "query",
        "request_id",
        "stays",
    )

    def __init__(self, scope: Scope, receive: Receive, request_id: str) -> None:
        self._receive = receive
        self._line: Line | None = scope.get(LINE)
        self.request_id = request_id
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        headers = [(str(name, "latin-1"), str(value, "latin-1")) for name, value in scope["headers"]]
        self.headers: tuple[tuple[str, str], ...] = tuple(headers)
        headers.reverse()
        self._first = dict(headers)
        self.notes: tuple[tuple[str, str], ...] = (("x-request-id", request_id),)
        """Headers that go with whatever becomes the answer."""
        self.gone = False
        """Whether the client left."""
        self.stays: Callable[[Callable[[], object]], bool] | None = None
        """Whether the call goes on for others though its client left; then what it is given ends it."""

    def header(self, name: str) -> str:
        """The first value of a header, or nothing; `name` in lower case."""
        return self._first.get(name, "")

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

    def watch(self, task: asyncio.Task[Any]) -> Watch:
        """Cancels `task` when the client leaves; the watch itself must be cancelled when the answer is out."""

        def left() -> None:
            self.gone = True
            if self.stays is None or not self.stays(task.cancel):
                task.cancel()

        if self._line is not None:
            return self._line.watch(left)

        async def watch() -> None:
            while True:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    left()
                    return

        return asyncio.get_running_loop().create_task(watch())

    def wire(self, body: bytes) -> WireRequest:
        """The request as dialects see it."""
        path = self.path
        if "%" in path or "?" in path:  # it was decoded: what is part of a name must not end it
            path = path.replace("%", "%25").replace("?", "%3F")
        return WireRequest(
            method=self.method,
            path=f"{path}?{self.query}" if self.query else path,
            body=body,
            headers=self.headers,
        )


def nobody(path: str, request_id: str) -> Incoming:
    """A request without a client, who therefore cannot leave.

    Args:
        path: what it would have asked for.
        request_id: ours.
    """

    async def receive() -> dict[str, Any]:
        await asyncio.get_running_loop().create_future()
        return {}

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": []}
    return Incoming(scope, receive, request_id)


def _too_long(most: int) -> InvalidRequest:
    return InvalidRequest(
        f"the body is longer than {most:,} bytes",
        status=413,
        remedy="Send less, or raise server.max_body in the gateway's configuration.",
    )

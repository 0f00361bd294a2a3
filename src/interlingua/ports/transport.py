"""The one door to the network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct


class Timeouts(Struct, frozen=True, kw_only=True):
    """Time limits in seconds (contracts §1.5); None is no limit.

    Args:
        connect: until the connection stands.
        first_byte: until the response's head, for streamed answers.
        first_byte_whole: the same for answers that come at once.
        idle_before_content: between two pieces of a stream, before the first content.
        idle: between two pieces of a stream, after it.
    """

    connect: float | None = 10.0
    first_byte: float | None = 300.0
    first_byte_whole: float | None = 600.0
    idle_before_content: float | None = 300.0
    idle: float | None = 120.0


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request with its full address and all headers, authentication included.

    Args:
        method: GET, POST, …
        url: absolute.
        headers: names in lower case.
        body: as it goes over the wire.
        stream: whether the answer is wanted piece by piece.
        timeouts: time limits; the transport keeps `connect` and the first byte's, the caller the idle ones.
    """

    method: str = "POST"
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    stream: bool = False
    timeouts: Timeouts = Timeouts()

    def __repr__(self) -> str:
        # Printed by debuggers and failing tests: the headers hold the key, and the address may.
        from interlingua.wire.redact import redact_url  # its patterns take their time, and are seldom needed

        return f"HttpRequest({self.method} {redact_url(self.url)}, {len(self.body)} bytes)"


class HttpResponse(Protocol):
    """A response whose head has come; the body is read once, whole or in pieces."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""

    async def read(self) -> bytes:
        """The whole body, decompressed. Raises UpstreamError over the size cap, ConnectionFailed if it breaks off."""
        ...

    def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes, decompressed, in pieces of any size. Raises ConnectionFailed if it breaks off."""
        ...

    async def aclose(self) -> None:
        """Gives up the response; an unread rest closes the connection. May be called twice."""
        ...


class Transport(Protocol):
    """Sends requests. One transport serves many calls at once, on any number of event loops."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The response's head.

        Raises:
            ConnectionFailed: not reached, or broken before the head came.
            TimedOut: phase `connect` or `first_byte`.
        """
        ...

    async def aclose(self) -> None:
        """Closes what belongs to the running event loop."""
        ...

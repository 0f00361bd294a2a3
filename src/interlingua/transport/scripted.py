"""A transport that answers from a script, for tests: no network, every fault on demand.

    >>> import asyncio
    >>> from interlingua.ports.transport import HttpRequest
    >>> transport = ScriptedTransport([Script.json({"ok": True}), Script(status=429, headers=(("retry-after", "3"),))])
    >>> async def ask():
    ...     response = await transport.send(HttpRequest(url="https://example.com/v1", body=b"{}"))
    ...     return response.status, await response.read()
    >>> asyncio.run(ask()), asyncio.run(ask())
    ((200, b'{"ok":true}'), (429, b''))
    >>> [request.url for request in transport.requests]
    ['https://example.com/v1', 'https://example.com/v1']

A script is a value; each fault is a method that gives the same script with that fault:

    >>> answer = Script.sse({"text": "a"}, {"text": "b"}, "[DONE]")
    >>> answer.cut(after=2).chunks == answer.chunks and answer.without_end().chunks == answer.chunks[:-1]
    True
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable

import msgspec
from msgspec import Struct

from interlingua.errors import ConnectionFailed, InvalidRequest, TimedOut
from interlingua.ports.transport import HttpRequest, HttpResponse
from interlingua.types.opaque import Json
from interlingua.wire.ndjson import render_ndjson
from interlingua.wire.redact import redact_url
from interlingua.wire.sse import render_sse


class Script(Struct, frozen=True, kw_only=True):
    """One answer of a scripted server.

    Args:
        status: the HTTP status.
        headers: names in lower case.
        chunks: the body, in the pieces in which it comes.
        delay: seconds before the head.
        pause: seconds before each piece.
        cut_after: the connection breaks after this many pieces.
        stall_after: nothing more ever comes after this many pieces.
        gzip: the body travels compressed, so that pieces end anywhere.
        no_answer: why there is no answer at all: nobody listens, no such name, or silence after the connection.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    chunks: tuple[bytes, ...] = ()
    delay: float = 0.0
    pause: float = 0.0
    cut_after: int | None = None
    stall_after: int | None = None
    gzip: bool = False
    no_answer: str = ""

    @classmethod
    def json(cls, value: Json, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Script:
        """A whole JSON answer."""
        head = (("content-type", "application/json"), *headers)
        return cls(status=status, headers=head, chunks=(msgspec.json.encode(value),))

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = "text/plain") -> Script:
        """A whole answer of any kind, such as the HTML page of a proxy."""
        return cls(status=status, headers=(("content-type", content_type),), chunks=(text.encode(),))

    @classmethod
    def sse(cls, *events: Json, headers: tuple[tuple[str, str], ...] = ()) -> Script:
        """A stream of server-sent events, one piece each.

        Args:
            events: a string is the data as it is, a pair (type, data) names the event's type, else JSON data.
            headers: beyond the content type.
        """
        head = (("content-type", "text/event-stream"), *headers)
        return cls(headers=head, chunks=tuple(_sse(event) for event in events))

    @classmethod
    def ndjson(cls, *values: Json) -> Script:
        """A stream of JSON lines, one piece each."""
        head = (("content-type", "application/x-ndjson"),)
        return cls(headers=head, chunks=tuple(render_ndjson(msgspec.json.encode(value)) for value in values))

    @classmethod
    def refused(cls) -> Script:
        """Nobody listens at the address."""
        return cls(no_answer="refused")

    @classmethod
    def unresolvable(cls) -> Script:
        """The host's name does not exist."""
        return cls(no_answer="unresolvable")

    @classmethod
    def silent(cls) -> Script:
        """The connection stands, but no head ever comes: the request's own time limit ends it."""
        return cls(no_answer="silent")

    def cut(self, after: int) -> Script:
        """The connection breaks after so many pieces."""
        return msgspec.structs.replace(self, cut_after=after)

    def stalled(self, after: int) -> Script:
        """Nothing more comes after so many pieces, and the connection stays."""
        return msgspec.structs.replace(self, stall_after=after)

    def dripping(self, seconds: float) -> Script:
        """So many seconds pass before each piece."""
        return msgspec.structs.replace(self, pause=seconds)

    def delayed(self, seconds: float) -> Script:
        """So many seconds pass before the head."""
        return msgspec.structs.replace(self, delay=seconds)

    def gzipped(self) -> Script:
        """The body travels compressed; the reader gets it decompressed, cut elsewhere than its events."""
        return msgspec.structs.replace(self, gzip=True)

    def without_end(self) -> Script:
        """The last piece is missing, and the connection ends as if all were well."""
        return msgspec.structs.replace(self, chunks=self.chunks[:-1])

    def malformed(self, after: int) -> Script:
        """An event that is no JSON comes after so many pieces, and then the rest."""
        return self._with(after, 'data: {"broken\n\n' if self._is_sse else '{"broken\n')

    def failing(self, error: Json, after: int, event: str = "") -> Script:
        """An error inside the stream comes after so many pieces, and nothing after it.

        Args:
            error: the event's JSON, as the dialect writes it.
            after: how many pieces come before.
            event: the type of the SSE event.
        """
        data = msgspec.json.encode(error)
        piece = render_sse(data.decode(), event) if self._is_sse else render_ndjson(data)
        return msgspec.structs.replace(self, chunks=(*self.chunks[:after], piece))

    def rechunked(self, size: int) -> Script:
        """The same bytes in pieces of `size` bytes."""
        body = b"".join(self.chunks)
        return msgspec.structs.replace(
            self, chunks=tuple(body[start : start + size] for start in range(0, len(body), size))
        )

    @property
    def _is_sse(self) -> bool:
        return any(name == "content-type" and "event-stream" in value for name, value in self.headers)

    def _with(self, after: int, piece: str) -> Script:
        chunks = (*self.chunks[:after], piece.encode(), *self.chunks[after:])
        return msgspec.structs.replace(self, chunks=chunks)


def _sse(event: Json) -> bytes:
    if isinstance(event, str):
        return render_sse(event)
    if isinstance(event, tuple):
        name, data = event
        return render_sse(data if isinstance(data, str) else msgspec.json.encode(data).decode(), name)
    return render_sse(msgspec.json.encode(event).decode())


class ScriptedTransport:
    """Answers requests from a script and remembers them.

    Args:
        answers: one script, which answers every request; several, each of which answers once, in order; or a
            function that is given the request.

    Attributes:
        requests: what was asked, in order.
        responses: what was answered; each knows whether it was read to its end and whether it was closed.
    """

    def __init__(self, answers: Script | Iterable[Script] | Callable[[HttpRequest], Script]) -> None:
        self._always = answers if isinstance(answers, Script) else None
        self._choose = answers if callable(answers) else None
        self._queue = [] if self._always or self._choose else list(answers)  # type: ignore[arg-type]  # an iterable
        self.requests: list[HttpRequest] = []
        self.responses: list[ScriptedResponse] = []

    @property
    def bodies(self) -> list[Json]:
        """The decoded JSON bodies of all requests, in order."""
        return [msgspec.json.decode(request.body) for request in self.requests]

    def add(self, *answers: Script) -> None:
        """Appends answers to those that are left."""
        self._queue.extend(answers)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The next answer's head; see `Transport.send`.

        Raises:
            InvalidRequest: the script has no answer left.
        """
        self.requests.append(request)
        script = self._next(request)
        timeouts = request.timeouts
        limit = timeouts.first_byte if request.stream else timeouts.first_byte_whole
        if script.no_answer == "refused":
            raise ConnectionFailed("nothing listens there (scripted)")
        if script.no_answer == "unresolvable":
            raise ConnectionFailed("the name cannot be resolved (scripted)")
        try:
            async with asyncio.timeout(limit):
                if script.no_answer == "silent":
                    await asyncio.Event().wait()
                if script.delay:
                    await asyncio.sleep(script.delay)
        except TimeoutError:
            raise TimedOut(f"no answer within {limit:g} s (scripted)", phase="first_byte") from None
        response = ScriptedResponse(script)
        self.responses.append(response)
        return response

    async def aclose(self) -> None:
        """Nothing to close."""

    def _next(self, request: HttpRequest) -> Script:
        if self._choose is not None:
            return self._choose(request)
        if self._always is not None:
            return self._always
        if not self._queue:
            raise InvalidRequest(
                f"the script has no answer left for {request.method} {redact_url(request.url)}, request"
                f" {len(self.requests)}",
                remedy="Give ScriptedTransport more answers, or one Script that answers every request.",
            )
        return self._queue.pop(0)


class ScriptedResponse:
    """An answer being read.

    Attributes:
        finished: whether its body was read to the end.
        closed: whether it was given up or finished and closed.
    """

    def __init__(self, script: Script) -> None:
        self.status = script.status
        self.headers = script.headers
        self.finished = False
        self.closed = False
        self._script = script

    async def read(self) -> bytes:
        """The whole body; see `HttpResponse.read`."""
        return b"".join([piece async for piece in self.stream()])

    async def stream(self) -> AsyncIterator[bytes]:
        """The body piece by piece; see `HttpResponse.stream`."""
        inflate = zlib.decompressobj(wbits=31) if self._script.gzip else None
        async for piece in self._pieces():
            plain = inflate.decompress(piece) if inflate else piece
            if plain:
                yield plain
        self.finished = True

    async def aclose(self) -> None:
        """Gives up the response."""
        self.closed = True

    async def _pieces(self) -> AsyncIterator[bytes]:
        script = self._script
        chunks = _gzip(script.chunks) if script.gzip else script.chunks
        for index in range(len(chunks) + 1):
            if index == script.cut_after:
                raise ConnectionFailed("the connection broke off (scripted)")
            if index == script.stall_after:
                await asyncio.Event().wait()
            if index < len(chunks):
                # Even without a pause others get a turn, as they would between two reads of a socket.
                await asyncio.sleep(script.pause)
                if self.closed:
                    raise ConnectionFailed("the response was closed while it was read (scripted)")
                yield chunks[index]


def _gzip(chunks: tuple[bytes, ...]) -> list[bytes]:
    """The compressed body in as many pieces as the plain one, cut anywhere."""
    deflate = zlib.compressobj(wbits=31)
    body = b"".join([*(deflate.compress(chunk) for chunk in chunks), deflate.flush()])
    size = -(-len(body) // max(1, len(chunks)))
    return [body[start : start + size] for start in range(0, len(body), size)]

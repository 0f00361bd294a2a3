"""The same door to the network as `http.py`, through a client in Rust: half the CPU per call. For `il serve` alone.

pyreqwest 0.15 asks four things of whoever uses it:

- On CPython 3.11 it can abort an interpreter that ends while its thread still runs. So a process that uses it owns its
  exit: it closes the transport, and calls `settle()` before it ends. A library user's process is never asked to.
- A call cancelled before its head came is forgotten, but not ended. So each call has a client of its own (a *line*,
  used again and again), whose sockets bear a mark, and `marked_sockets` shuts those. Linux only.
- A cancellation that comes together with what was waited for is swallowed, as often as not while data streams. So
  after each wait the task is asked whether it was cancelled meanwhile.
- It reads ahead into a buffer before it hands on what a stream brought, unless that buffer is said to be 0.

A line costs 40 µs and 7 KB once, and 4 ms and 120 KB where it speaks TLS: there are as many as calls ran at once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ConnectTimeoutError,
    DecodeError,
    DetailedPyreqwestError,
    PyreqwestError,
)
from pyreqwest.http import HeaderMap
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response, ResponseBodyReader

from interlingua.errors import InterlinguaError
from interlingua.ports.transport import HttpRequest, HttpResponse
from interlingua.transport import failures
from interlingua.transport.http import MAX_BODY, USER_AGENT, headers_of, host_of, tls_context
from interlingua.transport.marked_sockets import MOST_MARKS, Severing, milliseconds
from interlingua.transport.proxies import Proxies

_PIECE = 256 * 1024
_IDLE_SECONDS = 90.0
"""So long pyreqwest keeps a connection that nobody uses; then its line is not worth keeping either."""
_SETTLE_SECONDS = 0.05
_CONNECT_SECONDS = 60.0
"""How long a connection may take to come where no limit is set."""

_CODE = re.compile(r" \(os error \d+\)$")
_CERTIFICATES = {
    "UnknownIssuer": "its certificate is signed by nobody who is trusted",
    "CaUsedAsEndEntity": "its certificate is that of an authority, or self-signed",
    "NotValidForName": "its certificate is for another name",
    "Expired": "its certificate has expired",
}
_ANY_AUTHORITY = 'A self-signed certificate named in SSL_CERT_FILE is taken with http.client = "aiohttp".'


def settle() -> None:
    """Waits until it is safe to end the interpreter; all transports must have been closed before."""
    time.sleep(_SETTLE_SECONDS)


class FastHttpTransport:
    """Sends requests over the network; belongs to one event loop, and to a process that owns its exit.

    Args:
        ca_file, client_certificate, client_key, proxy, max_body: as for `HttpTransport`.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
        proxy: str | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        self._ca_file = ca_file
        self._client_certificate = client_certificate
        self._client_key = client_key
        self._proxy = proxy
        self._max_body = max_body
        self._open: _Open | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The response's head; see `Transport.send`. Of an answer wanted whole, small bodies have come with it.

        Raises:
            ConnectionFailed, TimedOut, InvalidRequest, LocalFileError: as `HttpTransport.send`.
        """
        timeouts = request.timeouts
        limit = timeouts.first_byte if request.stream else timeouts.first_byte_whole
        host = host_of(request.url)
        lines = self._lines(request.url, timeouts.connect, host)
        line = lines.take()
        over = False
        watch = asyncio.timeout(limit)
        try:
            built = line.client.request(request.method, request.url).headers(headers_of(request))
            if request.body:
                built = built.body_bytes(request.body)
            if request.stream:
                built = built.streamed_read_buffer_limit(0)
            exchange = built.build_streamed()
            cancels = _cancels()
            async with watch:
                response = await exchange.__aenter__()
                _heed(cancels)
            over = True
        except (PyreqwestError, ValueError) as error:
            over = True
            lines.put_back(line)
            raise _name_failure(error, host, lines.proxy) from None
        except TimeoutError:
            raise failures.silent(host, limit) from None
        finally:
            if not over:
                lines.give_up(line)
        return _Response(exchange, response, _Hold(lines, line), host, self._max_body)

    async def aclose(self) -> None:
        """Closes all connections; the next request opens new ones."""
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.aclose()

    def _lines(self, url: str, connect: float | None, host: str) -> _Lines:
        if self._open is None:
            self._open = _Open(self._proxy, _Trust(self._ca_file, self._client_certificate, self._client_key))
        try:
            return self._open.lines(url, connect)
        except ValueError:  # no address at all
            raise failures.malformed(host) from None


class _Trust:
    """Whom we trust, and who we are, as pyreqwest wants to be told.

    Raises:
        LocalFileError: a file cannot be used.
    """

    def __init__(self, ca_file: str | None, certificate: str | None, key: str | None) -> None:
        ca_file = ca_file or os.environ.get("SSL_CERT_FILE") or None
        self.authorities: bytes | None = None
        self.identity: bytes | None = None
        # OpenSSL says what is wrong with a file; pyreqwest says nothing.
        tls_context(ca_file, certificate, key)
        if ca_file:
            self.authorities = _bytes_of(ca_file)
        if certificate:
            self.identity = b"\n".join(map(_bytes_of, (certificate, key) if key else (certificate,)))


def _bytes_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class _Open:
    """What is open: the lines by where they lead, and the proxies as the environment named them at first."""

    def __init__(self, proxy: str | None, trust: _Trust) -> None:
        self._trust = trust
        self._proxies = Proxies(proxy)
        self._places: dict[tuple[str, str, float | None], _Lines] = {}
        self._numbers = itertools.count()
        self._lines: weakref.WeakValueDictionary[int, _Line] = weakref.WeakValueDictionary()
        self._severing = Severing()

    def lines(self, url: str, connect: float | None) -> _Lines:
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc, connect)
        found = self._places.get(place)
        if found is None:
            proxy, headers = self._proxies.leading_to(url)
            plain = parts.scheme == "http" and (proxy is None or proxy.startswith("http:"))

            def build() -> _Line:
                mark = next(n for n in map(_mark, self._numbers) if n not in self._lines)
                client = _client(self._trust, connect, (proxy, headers), milliseconds(mark), plain=plain)
                line = self._lines[mark] = _Line(client, mark)
                return line

            seconds = _CONNECT_SECONDS if connect is None else connect
            found = self._places[place] = _Lines(build, lambda line: self._severing.sever(line.mark, seconds), proxy)
        return found

    async def aclose(self) -> None:
        await self._severing.aclose()
        for line in tuple(self._lines.values()):
            await line.client.close()
        self._places.clear()


def _mark(number: int) -> int:
    return number % MOST_MARKS


def _client(
    trust: _Trust,
    connect: float | None,
    proxy: tuple[str | None, tuple[tuple[str, str], ...]],
    mark: int,
    *,
    plain: bool,
) -> Client:
    builder = ClientBuilder().follow_redirects(False).referer(False).http1_lower_case_headers().user_agent(USER_AGENT)
    builder = builder.tcp_user_timeout(timedelta(milliseconds=mark))
    if connect is not None:
        builder = builder.connect_timeout(timedelta(seconds=connect))
    if proxy[0] is None:
        builder = builder.no_proxy()
    else:
        leads = ProxyBuilder.all(proxy[0])
        for _, credentials in proxy[1]:
            leads = leads.custom_http_auth(credentials)
        builder = builder.proxy(leads)
    if plain:
        # There is no TLS on this line, and else each would read the system's authorities for itself.
        return builder.danger_accept_invalid_certs(True).build()
    if trust.authorities is not None:
        builder = builder.add_root_certificate_pem(trust.authorities)
    if trust.identity is not None:
        builder = builder.identity_pem(trust.identity)
    return builder.build()


class _Line:
    """A client for one call at a time."""

    __slots__ = ("__weakref__", "client", "mark", "used")

    def __init__(self, client: Client, mark: int) -> None:
        self.client = client
        self.mark = mark
        self.used = 0.0


class _Lines:
    """The lines to one place.

    Args:
        build: a new one.
        sever: ends what still runs on one.
        proxy: on the way there.
    """

    def __init__(self, build: Callable[[], _Line], sever: Callable[[_Line], None], proxy: str | None) -> None:
        self.proxy = proxy
        self._build = build
        self._sever = sever
        self._free: deque[_Line] = deque()

    def take(self) -> _Line:
        """The one that was used last, because its connection is the most likely to stand."""
        return self._free.pop() if self._free else self._build()

    def put_back(self, line: _Line) -> None:
        """Its call is over."""
        line.used = time.monotonic()
        self._free.append(line)
        if self._free[0].used < line.used - _IDLE_SECONDS:
            self._free.popleft()

    def give_up(self, line: _Line) -> None:
        """Its call is not over, and nobody waits for it any more."""
        self._sever(line)


class _Hold:
    """A line in use, until it is let go of, which happens once."""

    __slots__ = ("_line", "_lines")

    def __init__(self, lines: _Lines, line: _Line) -> None:
        self._lines = lines
        self._line: _Line | None = line

    @property
    def proxy(self) -> str | None:
        return self._lines.proxy

    def finish(self) -> None:
        """The body has come to its end."""
        if self._line is not None:
            line, self._line = self._line, None
            self._lines.put_back(line)

    def break_off(self, exchange: StreamRequest) -> None:
        """Closes the connection of a body that has not come to its end."""
        if self._line is not None:
            line, self._line = self._line, None
            if _runs_at_once(exchange.__aexit__(None, None, None)):
                self._lines.put_back(line)
            else:
                self._lines.give_up(line)


def _runs_at_once(coroutine: Coroutine[Any, Any, None]) -> bool:
    """Runs what is not expected to wait; whether it did not."""
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    coroutine.close()
    return False


class _Response:
    """A response whose head has come."""

    def __init__(self, exchange: StreamRequest, response: Response, hold: _Hold, host: str, max_body: int) -> None:
        self.status = response.status
        self.headers = _headers_of(response)
        self._exchange = exchange
        self._reader = response.body_reader
        self._hold = hold
        self._host = host
        self._max_body = max_body

    async def read(self) -> bytes:
        """The whole body, decompressed; see `HttpResponse.read`."""
        pieces: list[bytes] = []
        size = 0
        try:
            cancels = _cancels()
            while (piece := await self._reader.read(_PIECE)) is not None:
                _heed(cancels)
                size += len(piece)
                if size > self._max_body:
                    raise failures.too_large(self._host, self._max_body, self.status)
                pieces.append(bytes(piece))
                if len(piece) < _PIECE:
                    break
            self._hold.finish()
        except PyreqwestError as error:
            raise _name_failure(error, self._host, self._hold.proxy) from None
        finally:
            self._hold.break_off(self._exchange)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes, decompressed; see `HttpResponse.stream`."""
        return _Pieces(self._exchange, self._reader, self._hold, self._host)

    async def aclose(self) -> None:
        """Gives up the response; an unread rest closes the connection."""
        self._hold.break_off(self._exchange)


class _Pieces:
    """A body being read; whatever ends the reading before the body's end closes the connection at once."""

    __slots__ = ("_exchange", "_hold", "_host", "_read")

    def __init__(self, exchange: StreamRequest, reader: ResponseBodyReader, hold: _Hold, host: str) -> None:
        self._exchange = exchange
        self._read = reader.read_chunk
        self._hold = hold
        self._host = host

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        whole = False
        try:
            cancels = _cancels()
            piece = await self._read()
            _heed(cancels)
            whole = True
        except PyreqwestError as error:
            raise _name_failure(error, self._host, self._hold.proxy) from None
        finally:
            if not whole:
                self._hold.break_off(self._exchange)
        if piece is None:
            self._hold.finish()
            raise StopAsyncIteration
        return bytes(piece)


def _cancels() -> int:
    """How often the task that runs was cancelled."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def _heed(cancels: int) -> None:
    """Raises the cancellation that was swallowed, if one came since the task was cancelled so often."""
    if _cancels() > cancels:
        raise asyncio.CancelledError


def _headers_of(response: Response) -> tuple[tuple[str, str], ...]:
    headers = response.headers
    try:
        return tuple(headers.items())
    except ValueError:  # one of them is not ASCII, and which is not said
        return tuple(_readable(headers))


def _readable(headers: HeaderMap) -> Iterator[tuple[str, str]]:
    for name in headers:
        try:
            values = headers.getall(name)
        except ValueError:
            continue  # nothing of ours reads a header that is not ASCII
        yield from ((name, value) for value in values)


def _name_failure(error: Exception, host: str, proxy: str | None) -> InterlinguaError:
    """What a failure of pyreqwest means. The causes that it tells begin with the nearest."""
    if isinstance(error, ConnectTimeoutError):
        return failures.no_connection_in_time(host)
    if isinstance(error, BuilderError) or not isinstance(error, DetailedPyreqwestError):
        return failures.malformed(host)
    causes = [cause["message"] for cause in error.details["causes"] or ()]
    where = causes[1] if len(causes) > 1 else ""
    if where == "client error (Connect)":
        return _name_no_connection(causes, host, proxy)
    if where == "client error (SendRequest)":
        return failures.no_http(host) if isinstance(error, DecodeError) else failures.broke_off(host)
    if causes and "response body" in causes[0] and where != "error reading a body from connection":
        return failures.undecodable(host)
    return failures.broke_off(host)


def _name_no_connection(causes: list[str], host: str, proxy: str | None) -> InterlinguaError:
    step, reason = causes[2] if len(causes) > 2 else "", _CODE.sub("", causes[-1]).rpartition(": ")[2]
    place = host_of(proxy) if proxy else host
    if step.startswith("tunnel error") and "underlying" not in step:
        return failures.proxy_refused(host, 407 if "authorization" in step else None)
    if step == "dns error":
        return failures.unresolved(urlsplit(f"//{place}").hostname or place, reason)
    if step.startswith("invalid peer certificate"):
        known = next((kind for kind in _CERTIFICATES if kind in step), None)
        remedy = _ANY_AUTHORITY if known == "CaUsedAsEndEntity" else ""
        return failures.untrusted(host, _CERTIFICATES[known] if known else reason, remedy)
    if step != "tcp connect error" and not step.startswith("tunnel error"):
        return failures.untrusted(host, reason)  # TLS is all that is left
    if proxy:
        return failures.proxy_away(host, place, reason)
    if "refused" in reason:
        return failures.nobody_listens(host)
    return failures.unreachable(host, reason)

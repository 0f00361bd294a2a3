"""The door to the network: HTTP/1.1 over aiohttp, one pool of connections per event loop.

Nothing is opened, and aiohttp not even imported, before the first request. A pool closes with its event loop (an
asynchronous generator waits in it, and `asyncio.run` ends those), with `aclose()`, or when its transport is dropped.
A forked child leaves the parent's connections alone and opens its own. Redirects are answers, cookies are forgotten,
netrc is not read.
A request that failed is not repeated here, but for what aiohttp does by itself: an idempotent one, once, when a
connection kept alive turns out to be closed. Errors are named in one place, `_name_failure`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from interlingua._version import __version__
from interlingua.errors import InterlinguaError
from interlingua.ports.transport import HttpRequest, HttpResponse
from interlingua.transport import failures
from interlingua.transport.proxies import Proxies

if TYPE_CHECKING:
    import ssl

    import aiohttp

MAX_BODY = 64 * 1024 * 1024
USER_AGENT = f"interlingua/{__version__}"
_MAX_HEADER = 64 * 1024
_LARGE_BODY = 1024 * 1024
"""From this size on a body is handed to aiohttp as a file, which it writes piece by piece."""
_DECODED = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})


class HttpTransport:
    """Sends requests over the network.

    The environment is respected: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` (read when the first request
    of an event loop is sent), `SSL_CERT_FILE`.

    Args:
        ca_file: PEM file of authorities to trust besides the system's, and instead of `SSL_CERT_FILE`.
        client_certificate: PEM file that is shown to servers that ask for one; may hold the key too.
        client_key: PEM file of its key.
        proxy: an http(s) address that wins over the environment's; `NO_PROXY` still holds.
        max_body: the largest answer that `read()` takes, decompressed, in bytes.
        socket: path of a Unix socket that all requests go to, whatever host they name; proxies do not count then.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
        proxy: str | None = None,
        max_body: int = MAX_BODY,
        socket: str | None = None,
    ) -> None:
        self._socket = socket
        self._ca_file = ca_file
        self._client_certificate = client_certificate
        self._client_key = client_key
        self._proxy = proxy
        self._max_body = max_body
        self._ssl: ssl.SSLContext | None = None
        self._process = os.getpid()
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The response's head; see `Transport.send`.

        Raises:
            ConnectionFailed: not reached, or broken before the head came.
            TimedOut: phase `connect` or `first_byte`. The latter's limit counts from the beginning of the call.
            InvalidRequest: the address or a header cannot be sent.
            LocalFileError: a certificate file cannot be read.
        """
        import aiohttp
        from yarl import URL

        timeouts = request.timeouts
        limit = timeouts.first_byte if request.stream else timeouts.first_byte_whole
        watch = asyncio.timeout(limit)
        try:
            pool = await self._pool()
            proxy, proxy_headers = pool.proxies.leading_to(request.url)
            secure = request.url.startswith("https:")
            async with watch:
                response = await pool.session.request(
                    request.method,
                    URL(request.url, encoded=request.url.isascii()),
                    data=io.BytesIO(request.body) if len(request.body) > _LARGE_BODY else request.body or None,
                    headers=[*headers_of(request), *(() if secure else proxy_headers)],
                    allow_redirects=False,
                    proxy=proxy,
                    proxy_headers=dict(proxy_headers) if secure and proxy_headers else None,
                    timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect),
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            host = host_of(request.url)
            if watch.expired():
                raise failures.silent(host, limit) from None
            raise _name_failure(error, host) from None
        return _Response(response, host_of(request.url), self._max_body)

    async def aclose(self) -> None:
        """Closes the connections of the running event loop; the next request opens new ones."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()

    async def _pool(self) -> _Pool:
        if self._process != os.getpid():
            for inherited in self._pools.values():
                inherited.abandon()
            self._pools, self._process = {}, os.getpid()
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            for other in list(self._pools):
                if other.is_closed():
                    self._pools.pop(other, None)
            pool = self._pools[loop] = _Pool(self._tls(), self._proxy, self._socket)
            pool.close_with(self)
            await pool.watch(self._pools)
        return pool

    def _tls(self) -> ssl.SSLContext | None:
        """What is trusted; None leaves it to aiohttp, which trusts what the system does."""
        ca_file = self._ca_file or os.environ.get("SSL_CERT_FILE")
        if self._ssl is None and (ca_file or self._client_certificate):
            self._ssl = tls_context(ca_file, self._client_certificate, self._client_key)
            self._ssl.set_alpn_protocols(["http/1.1"])
        return self._ssl


class _Pool:
    """The connections of one event loop, and the proxies as the environment named them when it was opened."""

    def __init__(self, tls: ssl.SSLContext | None, proxy: str | None, socket: str | None) -> None:
        import aiohttp

        connector: aiohttp.BaseConnector
        if socket is None:
            connector = aiohttp.TCPConnector(limit=0, ssl=tls or True)
        else:
            connector = aiohttp.UnixConnector(socket, limit=0)
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": USER_AGENT},
            max_line_size=_MAX_HEADER,
            max_field_size=_MAX_HEADER,
        )
        self.proxies = Proxies(proxy, none=socket is not None)
        self._waiting: AsyncGenerator[None] | None = None
        self._dropped: weakref.finalize[..., HttpTransport] | None = None

    def close_with(self, owner: HttpTransport) -> None:
        """Closes the pool when its owner is dropped without having been closed."""
        self._dropped = weakref.finalize(owner, _close_later, asyncio.get_running_loop(), self)
        self._dropped.atexit = False

    def abandon(self) -> None:
        """Never closes it, nor lets the collector do so: in a forked child its sockets are the parent's."""
        if self._dropped is not None:
            self._dropped.detach()
        import ctypes  # a child alone needs it

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))

    async def watch(self, pools: dict[asyncio.AbstractEventLoop, _Pool]) -> None:
        """Closes the pool when the event loop ends."""
        loop = asyncio.get_running_loop()

        async def wait() -> AsyncGenerator[None]:
            try:
                yield
            finally:
                if pools.get(loop) is self:
                    del pools[loop]
                if self._dropped is not None:
                    self._dropped.detach()
                await self.session.close()

        self._waiting = wait()
        await anext(self._waiting)

    async def aclose(self) -> None:
        if self._waiting is not None:
            await self._waiting.aclose()


def _close_later(loop: asyncio.AbstractEventLoop, pool: _Pool) -> None:
    """Has a pool closed on its event loop; may be called on any thread, by the garbage collector."""
    with contextlib.suppress(RuntimeError):  # the loop is closed, and has closed the pool
        loop.call_soon_threadsafe(lambda: loop.create_task(pool.aclose()))


class _Response:
    """A response whose head has come."""

    def __init__(self, response: aiohttp.ClientResponse, host: str, max_body: int) -> None:
        headers = [(name.lower(), value) for name, value in response.headers.items()]
        if any(name == "content-encoding" and value.strip().lower() in _DECODED for name, value in headers):
            # The body is handed on decompressed, so these would be untrue.
            headers = [header for header in headers if header[0] not in ("content-encoding", "content-length")]
        self.status = response.status
        self.headers = tuple(headers)
        self._response = response
        self._host = host
        self._max_body = max_body

    async def read(self) -> bytes:
        """The whole body, decompressed; see `HttpResponse.read`."""
        content = self._response.content
        if content.is_eof() and content.exception() is None:  # small bodies have come with the head
            body = content.read_nowait()
            self._check_size(len(body))
            return body
        pieces: list[bytes] = []
        size = 0
        async for piece in self.stream():
            size += len(piece)
            self._check_size(size)
            pieces.append(piece)
        return b"".join(pieces)

    def _check_size(self, size: int) -> None:
        if size > self._max_body:
            self._response.close()
            raise failures.too_large(self._host, self._max_body, self.status)

    def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes, decompressed; see `HttpResponse.stream`."""
        return _Pieces(self._response, self._host)

    async def aclose(self) -> None:
        """Gives up the response; an unread rest closes the connection."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class _Pieces:
    """A body being read; whatever ends the reading before the body's end closes the connection at once."""

    __slots__ = ("_host", "_response")

    def __init__(self, response: aiohttp.ClientResponse, host: str) -> None:
        self._response = response
        self._host = host

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        import aiohttp

        whole = False
        try:
            piece = await self._response.content.readany()
            whole = True
        except (aiohttp.ClientError, OSError) as error:
            raise _name_failure(error, self._host) from None
        finally:
            if not whole:
                self._response.close()
        if not piece:
            raise StopAsyncIteration
        return piece


def headers_of(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """A request's headers with what it takes compressed, where it does not say so itself."""
    if any(name == "accept-encoding" for name, _ in request.headers):
        return request.headers
    # A compressed stream would wait in the server's compressor.
    return (*request.headers, ("accept-encoding", "identity" if request.stream else "gzip, deflate"))


def tls_context(ca_file: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """What the system trusts, and a file's authorities; and what we show a server that asks.

    Args:
        ca_file, certificate, key: PEM files.

    Raises:
        LocalFileError: one of them cannot be used.
    """
    import ssl

    context = ssl.create_default_context()
    if ca_file:
        _load(ca_file, lambda: context.load_verify_locations(ca_file))
    if certificate:
        _load(certificate, lambda: context.load_cert_chain(certificate, key))
    return context


def host_of(url: str) -> str:
    """Host and port, for messages: no path, no query, no credentials."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "the address"
    except ValueError:
        return "the address"


def _load(path: str, load: Callable[[], None]) -> None:
    try:
        load()
    except OSError as error:  # ssl.SSLError is one
        raise failures.unusable_certificate(path, error) from None


def _name_failure(error: Exception, host: str) -> InterlinguaError:
    """What a failure of aiohttp, of a socket or of TLS means."""
    import aiohttp

    if isinstance(error, aiohttp.ServerTimeoutError):
        return failures.no_connection_in_time(host)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return failures.proxy_refused(host, error.status)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return failures.proxy_away(host, f"{error.host}:{error.port}", _reason(error))
    if isinstance(error, aiohttp.ClientSSLError):
        return failures.untrusted(host, _reason(error))
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return failures.unresolved(error.host, _reason(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, ConnectionRefusedError):
            return failures.nobody_listens(f"{error.host}:{error.port}")
        return failures.unreachable(host, _reason(error))
    if isinstance(error, aiohttp.InvalidURL) or (isinstance(error, ValueError) and not isinstance(error, OSError)):
        return failures.malformed(host)
    if isinstance(error, aiohttp.ClientResponseError):
        return failures.no_http(host)
    if isinstance(error.__cause__, aiohttp.http_exceptions.ContentEncodingError):
        return failures.undecodable(host)
    return failures.broke_off(host)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    cause = getattr(error, "certificate_error", None) or error.os_error
    number = cause.errno
    if isinstance(number, int) and str(cause.strerror).startswith("Connect call failed"):  # asyncio's words
        return os.strerror(number)
    return getattr(cause, "verify_message", "") or cause.strerror or type(cause).__name__

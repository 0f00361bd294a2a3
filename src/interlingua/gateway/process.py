"""Answers in one process, under uvicorn.

Facts of uvicorn that are handled here: header size is bounded by its h11 limit only, a head may take for ever, and
headers behind a body are taken for the request's, so a subclass of the httptools protocol bounds what is read before
the application sees anything; its own access log is off (ours knows more); its
process manager restarts everything on SIGHUP and knows nothing of what workers share, so `workers.py` has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Literal

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from interlingua.config.schema import Config
from interlingua.errors import ConfigError
from interlingua.gateway.build import build_gateway
from interlingua.gateway.incoming import LINE, Line
from interlingua.gateway.reload import ConfigSource
from interlingua.gateway.sharing import Worker
from interlingua.gateway.state import Mount
from interlingua.telemetry.logs import Logs

MOST_HEADER_BYTES = 64 * 1024
MOST_UNREAD = 64 * 1024 * 1024
"""Bytes that a client may go on sending after it was answered, so that it comes to read the answer."""
PATIENCE = 60.0
"""Seconds for a whole head, and between two pieces of a body."""
KEPT = 75
"""Seconds for which a connection waits for its next request: more than clients and balancers keep one (nginx: 60 s),
so that none of them sends a request into a connection that is being closed."""
BACKLOG = 2048
FAST_CLIENT = "interlingua.transport.http_fast"
HEAD_END = b"\r\n\r\n"
_SPLIT = len(HEAD_END) - 1
"""As much of the end of a head may stand in the read before."""
COLLECT = (10_000, 10, 10)
"""How seldom the collector of cycles runs: calls hardly make any, and each run goes through all that is new."""
_ARENA_MAX = -8
"""As glibc's malloc.h has it."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head that grows without end or never becomes whole, and takes nothing from behind a body.

    What is counted is what the parser has taken in and not given out: of a head, whichever request of the connection
    it begins, and of what stands between the pieces of a body or behind them.
    """

    _line: Line | None = None
    _reads: Literal["nothing", "head", "body"] = "nothing"
    _gave = False
    """Whether the parser gave something out for the last read."""
    _held = 0
    """Bytes that it has taken in since."""
    _tail = b""
    _unread = 0
    """Bytes of bodies that came after their answer."""
    _since = 0.0
    """When the client last did what it is waited for, by the loop's clock."""
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class has it
        """A client came."""
        self._line = Line()
        super().connection_made(transport)
        self._since = self.loop.time()
        self._watch = self.loop.call_later(PATIENCE, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)
        if self._line is not None:
            self._line.end()

    def data_received(self, data: bytes) -> None:
        """Counts what is only held; what follows the end of a head in the same read is not the head's."""
        held = len(data)
        if self._reads == "body":
            self._since = self.loop.time()
            if self._is_answered():
                self._unread += held
        else:
            # The end of the head may itself be split over two reads.
            end = (self._tail + data).find(HEAD_END)
            held = held if end < 0 else max(0, end - len(self._tail))
            if self._held + held > MOST_HEADER_BYTES:
                self._refuse()
                return
        self._tail = (self._tail + data[-_SPLIT:])[-_SPLIT:]
        self._gave = False
        super().data_received(data)
        self._held = 0 if self._gave else self._held + held
        if self._held > MOST_HEADER_BYTES:
            self._refuse()
        elif self._unread > MOST_UNREAD:
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reads, self._since = "head", self.loop.time()
        super().on_message_begin()
        self.scope[LINE] = self._line  # type: ignore[literal-required]  # ours, beside those of ASGI

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header of the head; one behind a body could only contradict it."""
        if self._reads == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._reads, self._gave = "body", True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body came."""
        self._gave = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._reads, self._gave = "nothing", True
        super().on_message_complete()

    def _is_answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _refuse(self) -> None:
        self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _look(self) -> None:
        """Leaves a client that has long been waited for; between requests, the server's own time does that."""
        if self._reads == "body":
            awaited = not self.flow.read_paused
        else:
            awaited = self._is_answered() and (self._reads == "head" or self.cycle is None)
        silent = self.loop.time() - self._since
        if awaited and silent >= PATIENCE:
            self.transport.close()
        else:
            self._watch = self.loop.call_later(PATIENCE - silent if awaited else PATIENCE, self._look)


def listen(config: Config) -> socket.socket:
    """The socket that clients come to.

    Raises:
        ConfigError: the port is taken, or the address is not this machine's.
    """
    host, port = config.server.host, config.server.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise ConfigError(
            f"cannot listen on {host}:{port}: {'something else does' if taken else error.strerror}",
            remedy="Stop what listens there, or choose another port with --port." if taken else "Correct server.host.",
        ) from error


def address_of(listening: socket.socket) -> str:
    """The address as clients write it."""
    host, port = listening.getsockname()[:2]
    return f"http://{'[' + host + ']' if ':' in host else host}:{port}"


def answer(
    config: Config,
    listening: socket.socket,
    ready: Callable[[], None],
    *,
    source: ConfigSource | None = None,
    logs: Logs | None = None,
    worker: Worker | None = None,
    last: socket.socket | None = None,
    mounts: Mapping[tuple[str, str], Mount] | None = None,
) -> None:
    """Answers in this process until it is told to end.

    Args:
        config, source, logs, worker: as for `build_gateway`.
        listening: where clients come to.
        ready: is called when they may.
        last: ends it too, when its other end is closed.
        mounts: what other surfaces answer, by method and path.
    """
    import uvloop

    _share_one_heap()

    def settled() -> None:
        # What is there now stays: the collector need not go through it again and again while streams wait.
        gc.collect()
        gc.freeze()
        gc.collect()  # else it would wait for a quarter of what is frozen before it looks through what is old
        gc.set_threshold(*COLLECT)
        ready()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            served = _serve(
                config, listening, settled, source=source, logs=logs, worker=worker, last=last, mounts=mounts or {}
            )
            runner.run(served)
    finally:
        if FAST_CLIENT in sys.modules:
            sys.modules[FAST_CLIENT].settle()


def _share_one_heap() -> None:
    """Has all threads that start from here on take memory from one place.

    glibc gives each a place of its own, and what one of them lets go of there is lost to the others. Here one thread
    does the work, and the others, who read and write the store, seldom take anything while it does.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(AttributeError):  # another library than glibc has no such thing
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


async def _serve(
    config: Config,
    listening: socket.socket,
    ready: Callable[[], None],
    *,
    source: ConfigSource | None,
    logs: Logs | None,
    worker: Worker | None,
    last: socket.socket | None,
    mounts: Mapping[tuple[str, str], Mount],
) -> None:
    gateway = await build_gateway(config, source=source, logs=logs, owns_exit=True, worker=worker)
    gateway.state.mounts = mounts
    settings = uvicorn.Config(
        gateway,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks where a client stands, so nobody need be believed
        backlog=BACKLOG,
        timeout_keep_alive=KEPT,
        timeout_graceful_shutdown=int(config.server.drain) + 5,
    )
    server = _Server(settings, ready, gateway.ending, alone=worker is None)
    if last is not None:
        when_gone(last, server.end)
    await server.serve(sockets=[listening])


def when_gone(other: socket.socket, end: Callable[[], None]) -> None:
    """Has `end` called once the other end of a socket, on which nothing is said, has been closed."""
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(other)
        end()

    loop.add_reader(other, gone)


class _Server(uvicorn.Server):
    """As uvicorn's, but for how it begins and ends.

    Args:
        config: its settings.
        ready: is called when it listens.
        ending: is called when it begins to end.
        alone: whether Ctrl-C is its own affair; else whoever started it tells it to end.
    """

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], ending: Callable[[], None], *, alone: bool
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._ending = ending
        self._alone = alone

    def end(self) -> None:
        """Ends it in good order."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends the server; uvicorn would raise SIGTERM again afterwards, and the process would end without an end."""
        if sig == signal.SIGTERM:
            self.end()
        elif self._alone:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tells when it listens."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends it, once who only follows has been told."""
        self._ending()
        await super().shutdown(sockets)

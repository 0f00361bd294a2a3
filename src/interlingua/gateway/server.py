"""Runs the gateway under uvicorn.

Facts of uvicorn that are handled here: header size is bounded by its h11 limit only, so a subclass of the httptools
protocol bounds what is read before the application sees anything; its own access log is off (ours knows more).
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from interlingua.config.schema import Config
from interlingua.gateway.build import build_gateway
from interlingua.gateway.reload import ConfigSource
from interlingua.telemetry.logs import Logs

MOST_HEADER_BYTES = 64 * 1024
FAST_CLIENT = "interlingua.transport.http_fast"
HEAD_END = b"\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose head grows without end."""

    _head_bytes = 0
    _tail = b""

    def data_received(self, data: bytes) -> None:
        """Counts what comes before a request's head is whole; what follows it in the same read is not its head."""
        if self._reads_head():
            # The end of the head may itself be split over two reads.
            end = (self._tail + data).find(HEAD_END)
            self._head_bytes += len(data) if end < 0 else max(0, end - len(self._tail))
            self._tail = (self._tail + data)[-len(HEAD_END) + 1 :]
        if self._head_bytes > MOST_HEADER_BYTES:
            self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n")
            self.transport.close()
            return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_bytes, self._tail = 0, b""
        super().on_headers_complete()

    def _reads_head(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete


def run(
    config: Config,
    ready: Callable[[str], None],
    *,
    source: ConfigSource | None = None,
    logs: Logs | None = None,
) -> None:
    """Serves until the process is told to end.

    Args:
        config: the configuration.
        ready: is given the address once it is listened on.
        source, logs: as for `build_gateway`.

    Raises:
        ConfigError, LocalFileError: as `build_gateway`.
    """
    import uvloop

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(config, ready, source=source, logs=logs))
    finally:
        if FAST_CLIENT in sys.modules:
            sys.modules[FAST_CLIENT].settle()


async def serve(
    config: Config,
    ready: Callable[[str], None],
    *,
    source: ConfigSource | None = None,
    logs: Logs | None = None,
) -> None:
    """The same on the running event loop. The process must end as `run` lets it."""
    gateway = await build_gateway(config, source=source, logs=logs, owns_exit=True)
    settings = uvicorn.Config(
        gateway,
        host=config.server.host,
        port=config.server.port,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(config.server.drain) + 5,
    )
    server = _Server(settings, ready)
    await server.serve()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends the server; uvicorn would raise SIGTERM again afterwards, and the process would end without an end."""
        if sig == signal.SIGTERM:
            self.should_exit = True
        else:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # sockets are never given
        """Tells the address once it is known."""
        await super().startup()
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._ready(f"http://{'[' + host + ']' if ':' in host else host}:{port}")

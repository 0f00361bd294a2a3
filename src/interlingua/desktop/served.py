"""The window's gateway: on the loopback, in a thread of this process, from when it answers until it has finished."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from interlingua.config.schema import Config
from interlingua.errors import ConfigError
from interlingua.gateway.process import address_of, answer, listen
from interlingua.gateway.reload import ConfigSource
from interlingua.gateway.state import Mount
from interlingua.telemetry.logs import Logs

LOOPBACK = "127.0.0.1"


class Setup(Struct, frozen=True):
    """What the gateway is made of, beside its configuration.

    Args:
        locate: the configuration's file, or None where there is none.
        load: reads it anew.
        logs: where lines go; None writes none.
        mounts: what other surfaces answer, by method and path.
    """

    locate: Callable[[], Path | None]
    load: Callable[[], Config]
    logs: Logs | None = None
    mounts: Mapping[tuple[str, str], Mount] = {}


def ours(config: Config, port: int) -> Config:
    """A configuration as the window's gateway uses it: one process, on the loopback.

    Args:
        config: of file and environment.
        port: of the window; 0 is any free one.
    """
    return replace(config, server=replace(config.server, host=LOOPBACK, port=port, workers=1))


class Served:
    """A gateway that answers.

    Args:
        config: of file and environment.
        setup: what else it is made of.
        port: the one to take where it is free.
        ended: is called when it ends, asked or not.

    Raises:
        ConfigError, LocalFileError: as `build_gateway`.
    """

    def __init__(self, config: Config, setup: Setup, port: int, ended: Callable[[], None]) -> None:
        self._listening = _listen(config, port)
        self.port: int = self._listening.getsockname()[1]
        self.config = ours(config, self.port)
        self.address = address_of(self._listening)
        self._done: Future[None] = Future()
        self._alive, self._last = socket.socketpair()
        ready = threading.Event()
        work = threading.Thread(target=self._work, args=(setup, ready, ended), name="interlingua gateway", daemon=True)
        work.start()
        ready.wait()
        if self._done.done():
            self.end()
            self.finish(None)

    def end(self) -> None:
        """Asks it to end: it takes no more clients, and finishes what it answers."""
        self._alive.close()

    def finish(self, seconds: float | None) -> bool:
        """Whether it has ended within a time.

        Args:
            seconds: how long it is waited for; None is as long as it takes.

        Raises:
            InterlinguaError: what it ended with.
        """
        try:
            self._done.result(seconds)
        except TimeoutError:
            return False
        finally:
            if self._done.done():
                self._last.close()
                self._listening.close()
        return True

    def _work(self, setup: Setup, ready: threading.Event, ended: Callable[[], None]) -> None:
        source = ConfigSource(setup.locate, lambda: ours(setup.load(), self.port))
        try:
            answer(
                self.config,
                self._listening,
                ready.set,
                source=source,
                logs=setup.logs,
                last=self._last,
                mounts=setup.mounts,
            )
        except BaseException as error:  # noqa: BLE001  # carried to whoever waits for the end
            self._done.set_exception(error)
        else:
            self._done.set_result(None)
        ready.set()
        ended()


def _listen(config: Config, port: int) -> socket.socket:
    if port:
        with contextlib.suppress(ConfigError):  # it is taken meanwhile
            return listen(ours(config, port))
    return listen(ours(config, 0))

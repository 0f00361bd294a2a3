"""Several processes on one port: a supervisor that answers nothing itself, workers, and a keeper of what they share.

The supervisor listens before anybody is started, so a taken port is told once, and clients that come while a worker
is replaced are answered by the others. It starts the keeper (`transport/keeper.py`) and one worker, which brings the
store up to date and makes the administrator's token, and then the rest. Whoever ends unasked is started anew, at once
where it had lived for a while, else after a pause that doubles. SIGTERM and Ctrl-C are passed on: workers finish what
they answer, then the keeper ends. Should the supervisor be killed, the others notice by their end of a socket.

What they share lies in a folder of their user's alone, gone with them: the keeper's socket, and prometheus-client's
values, of which any worker tells the sums.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import msgspec

from interlingua.config.build import build_local
from interlingua.config.schema import Config
from interlingua.errors import BY_CODE, ConfigError, InterlinguaError
from interlingua.gateway.process import answer, when_gone
from interlingua.gateway.reload import ConfigSource, without_restart
from interlingua.gateway.sharing import Worker, check_limits
from interlingua.gateway.state import Mount
from interlingua.telemetry.logs import open_logs
from interlingua.telemetry.metrics import SHARED_FOLDER, forget_process
from interlingua.transport.keeper import KeeperAddress, keep

log = logging.getLogger("interlingua.gateway")

READY = b"ready"
SETTLED_SECONDS = 10.0
"""Who lived that long is started anew at once."""
MOST_PAUSE = 30.0
GRACE_SECONDS = 10.0
"""Beyond `server.drain`, until a process that does not end is killed."""


@dataclass(frozen=True)
class Job:
    """What a process is given.

    Args:
        config: the configuration at the start.
        source: where changed ones come from.
        listening: where clients come to.
        worker: which it is, and what all have in common.
        told: its end of the socket to the supervisor; it says there that it is ready, or why it cannot be.
        again: whether it replaces one that ended.
        mounts: what other surfaces answer.
    """

    config: Config
    source: ConfigSource | None
    listening: socket.socket
    worker: Worker
    told: socket.socket
    again: bool = False
    mounts: Mapping[tuple[str, str], Mount] | None = None


class _Said(msgspec.Struct):
    code: str
    message: str
    remedy: str


def supervise(
    config: Config,
    listening: socket.socket,
    ready: Callable[[], None],
    *,
    source: ConfigSource | None = None,
    mounts: Mapping[tuple[str, str], Mount] | None = None,
) -> None:
    """Runs the workers until it is told to end.

    Args:
        config: the configuration; `server.workers` says how many.
        listening: where clients come to.
        ready: is called when all answer.
        source: where changed configurations come from; it must be possible to send it to another process.
        mounts: what other surfaces answer; functions of modules, for the same reason.

    Raises:
        ConfigError, LocalFileError: as `build_gateway`; nothing runs then.
        KeyboardInterrupt: it was ended by Ctrl-C, in good order.
    """
    if os.name != "posix":
        raise ConfigError("server.workers: several workers need a Unix system", remedy="Set it to 1.")
    # Each worker looks again, at keys as well.
    check_limits(config.server.workers if config.shared.url is None else 1, config.limits, ())
    with _folder() as folder:
        supervisor = Supervisor(config, listening, source, folder, mounts)
        try:
            supervisor.start()
            if supervisor.ended_by is None:
                ready()
            supervisor.watch()
        finally:
            supervisor.stop()
    if supervisor.ended_by == signal.SIGINT:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder for what is shared, known to prometheus-client while it exists."""
    folder = Path(tempfile.mkdtemp(prefix="il-"))
    before = os.environ.get(SHARED_FOLDER)
    try:
        (folder / "metrics").mkdir()
        os.environ[SHARED_FOLDER] = str(folder / "metrics")
        yield folder
    finally:
        if before is None:
            os.environ.pop(SHARED_FOLDER, None)
        else:
            os.environ[SHARED_FOLDER] = before
        shutil.rmtree(folder, ignore_errors=True)


class _Slot:
    """A place for a process: 0 is the keeper's, the others are workers'."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: SpawnProcess | None = None
        self.socket: socket.socket | None = None
        self.started = 0.0
        self.due = 0.0
        self.failures = 0

    @property
    def name(self) -> str:
        return f"worker {self.number}" if self.number else "the keeper of the local model"


class Supervisor:
    """Starts, watches and ends the others.

    Args:
        config, listening, source: as for `supervise`.
        folder: for what they share.
        mounts: as for `supervise`.
    """

    def __init__(
        self,
        config: Config,
        listening: socket.socket,
        source: ConfigSource | None,
        folder: Path,
        mounts: Mapping[tuple[str, str], Mount] | None = None,
    ) -> None:
        self.ended_by: int | None = None
        self._config = config
        self._listening = listening
        self._source = source
        self._folder = folder
        self._mounts = mounts
        self._keeper = KeeperAddress(str(folder / "keeper.sock"), secrets.token_urlsafe(32))
        self._envelope_key = secrets.token_bytes(32)
        self._slots = [_Slot(number) for number in range(config.server.workers + 1)]
        self._spawn = multiprocessing.get_context("spawn")
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self._before = {each: signal.signal(each, self._told) for each in (signal.SIGTERM, signal.SIGINT)}

    def start(self) -> None:
        """Starts everybody; returns when all are ready, or when it was told to end.

        Raises:
            InterlinguaError: why one of them cannot be.
        """
        keeper, first, *rest = self._slots
        for together in ([keeper, first], rest):
            for slot in together:
                self._begin(slot)
            for slot in together:
                self._await(slot)

    def watch(self) -> None:
        """Replaces who ends, until it is told to end."""
        while self.ended_by is None:
            now = time.monotonic()
            for slot in self._slots:
                if slot.process is None and slot.due <= now:
                    self._begin(slot, again=True)
            waiting = [slot.due - now for slot in self._slots if slot.process is None]
            sentinels = [slot.process.sentinel for slot in self._slots if slot.process is not None]
            wait([*sentinels, self._woken], timeout=max(0.05, min(waiting)) if waiting else None)
            for slot in self._slots:
                if slot.process is not None and not slot.process.is_alive() and self.ended_by is None:
                    self._bury(slot)

    def stop(self) -> None:
        """Ends everybody: workers first, because they need the keeper until their end."""
        keeper, *workers = self._slots
        self._end(workers, self._config.server.drain + GRACE_SECONDS)
        self._end([keeper], GRACE_SECONDS)
        for each, handler in self._before.items():
            signal.signal(each, handler)
        self._woken.close()
        self._wake.close()

    def _told(self, number: int, _: object) -> None:
        if self.ended_by is not None and number == signal.SIGINT:
            # Somebody cannot wait.
            for slot in self._slots:
                if slot.process is not None:
                    slot.process.kill()
        self.ended_by = self.ended_by or number
        with contextlib.suppress(OSError):
            self._wake.send(b".")

    def _begin(self, slot: _Slot, *, again: bool = False) -> None:
        ours, theirs = socket.socketpair()
        worker = Worker(slot.number, self._config.server.workers, self._envelope_key, self._keeper)
        job = Job(self._config, self._source, self._listening, worker, theirs, again, self._mounts)
        process = self._spawn.Process(target=work if slot.number else hold, args=(job,), name=f"il-{slot.number}")
        process.start()
        theirs.close()
        slot.process, slot.socket, slot.started = process, ours, time.monotonic()

    def _await(self, slot: _Slot) -> None:
        """Waits for its first word, which is that it is ready."""
        if slot.process is None or slot.socket is None:
            return
        while self.ended_by is None:
            found = wait([slot.socket, slot.process.sentinel, self._woken])
            if slot.socket in found:
                said = slot.socket.recv(65536)
                if said == READY:
                    return
                if said:
                    told = msgspec.msgpack.decode(said, type=_Said)
                    raise BY_CODE[told.code](told.message, remedy=told.remedy)
            if slot.process.sentinel in found:
                slot.process.join()
                raise ConfigError(
                    f"{slot.name} ended while it started, with exit code {slot.process.exitcode}",
                    remedy="Look at the lines before this one; `il serve --workers 1` may say more.",
                )

    def _bury(self, slot: _Slot) -> None:
        """Says that one has ended, and when it is replaced."""
        process = slot.process
        if process is None:
            return
        process.join()
        now = time.monotonic()
        slot.failures = 0 if now - slot.started > SETTLED_SECONDS else slot.failures + 1
        pause = min(MOST_PAUSE, 2.0 ** (slot.failures - 1)) if slot.failures > 1 else 0.0
        slot.due = now + pause
        when = f"in {pause:g} s" if pause else "now"
        log.warning("%s ended with exit code %s and is replaced %s", slot.name, process.exitcode, when)
        if process.pid is not None and slot.number and self._config.telemetry.metrics:
            forget_process(process.pid, os.environ[SHARED_FOLDER])
        self._forget(slot)

    def _end(self, slots: list[_Slot], seconds: float) -> None:
        alive = [slot for slot in slots if slot.process is not None]
        for slot in alive:
            if slot.process is not None:
                slot.process.terminate()
        until = time.monotonic() + seconds
        for slot in alive:
            if slot.process is None:
                continue
            slot.process.join(max(0.0, until - time.monotonic()))
            if slot.process.is_alive():
                log.warning("%s did not end in time and is killed", slot.name)
                slot.process.kill()
                slot.process.join()
            self._forget(slot)

    @staticmethod
    def _forget(slot: _Slot) -> None:
        if slot.process is not None:
            slot.process.close()
        if slot.socket is not None:
            slot.socket.close()
        slot.process = slot.socket = None


def work(job: Job) -> None:
    """What a worker does.

    Args:
        job: what it was given.
    """
    config = job.config
    logs = open_logs(config.telemetry.log_format, config.telemetry.log_level)
    with _telling(job):
        if job.again and job.source is not None:
            config = _now_in_force(config, job.source)
        answer(
            config,
            job.listening,
            lambda: job.told.sendall(READY),
            source=job.source,
            logs=logs,
            worker=job.worker,
            last=job.told,
            mounts=job.mounts,
        )


def hold(job: Job) -> None:
    """What the keeper does.

    Args:
        job: what it was given.
    """
    open_logs(job.config.telemetry.log_format, job.config.telemetry.log_level)
    with _telling(job):
        asyncio.run(_hold(job))


async def _hold(job: Job) -> None:
    from interlingua.engine import cache
    from interlingua.stores.memory import DividedMemory, ProcessMemory

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    when_gone(job.told, stop.set)
    await keep(
        job.worker.keeper,
        build_local(job.config, paths=False),
        DividedMemory(
            cache.PREFIX,
            ProcessMemory(time.monotonic, job.config.cache.max_bytes),
            ProcessMemory(time.monotonic),
        ),
        lambda: job.told.sendall(READY),
        stop,
    )


@contextlib.contextmanager
def _telling(job: Job) -> Iterator[None]:
    """Tells the supervisor why this process cannot begin; Ctrl-C is the supervisor's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job.listening.setblocking(False)
    try:
        yield
    except InterlinguaError as error:
        log.debug("%s", error.message, exc_info=error)
        with contextlib.suppress(OSError):  # the supervisor is gone
            job.told.sendall(msgspec.msgpack.encode(_Said(error.code, error.message, error.remedy)))
        if job.again:
            log.error("%s", error.message)
        sys.exit(error.exit_code)


def _now_in_force(config: Config, source: ConfigSource) -> Config:
    """What the others have taken over meanwhile."""
    stamp = source.stamp()
    try:
        found, _ = without_restart(config, source.load())
    except InterlinguaError:
        return config
    source.began = stamp
    return found

"""Real servers for tests: PostgreSQL and Redis, each in a temporary folder, for one test process and no longer.

Both die with the process that started them, however that ends, where the system can arrange it (`setpriv`). Without
the programs the tests that need them are skipped, and say so.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=60")
_USERS = ("postgres", "nobody")
_GIVEN_OUT = 32_768
"""From here on systems give out ports to who asks for any."""
"""Whom PostgreSQL runs as where we are root, which it refuses."""


@dataclass
class Postgres:
    """A running server.

    Args:
        folder: where its socket is.
        port: where it listens, on 127.0.0.1 too; there it asks for passwords.
        process: itself.
        programs: where `psql` and the others are.
    """

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    programs: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _template: str = ""

    def url(self, database: str = "postgres") -> str:
        """Where a database is, through the socket, without a password."""
        return f"postgresql://il@/{database}?host={self.folder}&port={self.port}"

    def run(self, sql: str, database: str = "postgres") -> str:
        """What `psql` prints."""
        command = [self.programs / "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", sql]
        done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def empty(self) -> str:
        """A new database, empty; its name."""
        name = f"test{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return name

    def prepared(self) -> str:
        """A new database with our tables; its name."""
        if not self._template:
            import asyncio
            import threading

            from interlingua.stores.migrate import prepare_server
            from interlingua.stores.place import Place

            self._template = self.empty()
            made = Place(url=self.url(self._template))
            # A thread has no running loop, wherever this is called from.
            thread = threading.Thread(target=lambda: asyncio.run(prepare_server(made)))
            thread.start()
            thread.join()
        name = f"test{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name


@dataclass
class Redis:
    """A running server.

    Args:
        path: its socket.
        process: itself.
    """

    path: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"unix://{self.path}"

    def run(self, *words: str) -> str:
        """What `redis-cli` prints."""
        command = ["redis-cli", "-s", str(self.path), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def prepared_file(path: Path) -> None:
    """An SQLite file with our tables, as a store makes it: a copy, because the steps take ten times as long."""
    path.touch(mode=0o600)
    path.write_bytes(_prepared_once())


@functools.cache
def _prepared_once() -> bytes:
    from interlingua.stores.migrate import prepare

    with tempfile.TemporaryDirectory() as folder:
        prepare(path := Path(folder) / "il.db")
        return path.read_bytes()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of its own; skips where there is none."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    user = _user()
    if user is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no other user to run it as")
    with _folder("il-pg-", user) as folder:
        data, port = folder / "data", free_port()
        initialise = [programs / "initdb", "-D", data, "-U", "il", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        _check([*initialise, "--auth-local=trust", "--auth-host=scram-sha-256"], user, folder)
        command = [programs / "postgres", "-D", data, "-k", folder, "-p", port]
        for setting in (*_FAST, "listen_addresses=127.0.0.1", "logging_collector=off"):
            command += ["-c", setting]
        with _running(command, user, folder, signal.SIGQUIT) as process:
            ready = [str(programs / "pg_isready"), "-q", "-h", str(folder), "-p", str(port)]
            _wait(process, folder, lambda: subprocess.run(ready, check=False).returncode == 0)
            yield Postgres(folder, port, process, programs)


@contextlib.contextmanager
def redis() -> Iterator[Redis]:
    """A Redis or Valkey of its own; skips where there is none."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("Redis is not installed (Debian: apt-get install redis-server)")
    with _folder("il-redis-", getpass.getuser()) as folder:
        path = folder / "redis.sock"
        with redis_at(path, program) as server:
            yield server


@contextlib.contextmanager
def redis_at(path: Path, program: str = "redis-server") -> Iterator[Redis]:
    """A Redis that listens on a socket; empty whenever it starts."""
    command = [program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", path.parent]
    with _running(command, getpass.getuser(), path.parent, signal.SIGTERM) as process:
        _wait(process, path.parent, lambda: _answers(path))
        yield Redis(path, process)


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    of_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return of_debian[-1].parent if of_debian else None


def _user() -> str | None:
    import pwd

    if os.geteuid():
        return getpass.getuser()
    known = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in _USERS if name in known), None)


@contextlib.contextmanager
def _folder(prefix: str, user: str) -> Iterator[Path]:
    """A temporary folder that is its user's. Short, because socket paths must be."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        if user != getpass.getuser():
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as(command: list[object], user: str, *, dying: bool) -> list[str]:
    """A command as another user, ending with us."""
    setpriv = shutil.which("setpriv")
    words = [str(word) for word in command]
    if setpriv is None:
        return words
    switched = user != getpass.getuser()
    options = [f"--reuid={user}", f"--regid={user if user != 'nobody' else 'nogroup'}", "--clear-groups"]
    return [setpriv, *(options if switched else []), *(["--pdeathsig=KILL"] if dying else []), *words]


def _check(command: list[object], user: str, folder: Path) -> None:
    done = subprocess.run(_as(command, user, dying=False), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def _running(command: list[object], user: str, folder: Path, end: signal.Signals) -> Iterator[subprocess.Popen[bytes]]:
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(
            _as(command, user, dying=True), cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)  # a test may have stopped it
            process.send_signal(end)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], folder: Path, ready: object) -> None:
    assert callable(ready)
    deadline = time.monotonic() + 120
    while not ready():
        assert process.poll() is None, (folder / "log").read_text(errors="replace")
        assert time.monotonic() < deadline, (folder / "log").read_text(errors="replace")
        time.sleep(0.02)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(path))
            asking.sendall(b"PING\r\n")
            return asking.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody has, of those that nobody is given who does not ask for it by number: so it is still free when
    it is used, however many connections are made meanwhile."""
    while True:
        with socket.socket(socket.AF_INET, kind) as asking:
            port = 10_000 + secrets.randbelow(_GIVEN_OUT - 10_000)
            try:
                asking.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

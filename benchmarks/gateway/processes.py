"""Programs that are measured: started on a core of their own, watched from outside, ended by their id."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CORES = sorted(os.sched_getaffinity(0))
GATEWAY_CORE, LOAD_CORE = CORES[0], CORES[-1]
"""What is measured has the first core to itself; what loads it and what it calls share the last."""
_END_SECONDS = 20.0


class Running:
    """A program and those that it started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def pids(self) -> list[int]:
        """The program's process and all below it."""
        found = [self._process.pid]
        for pid in found:
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    found += [int(child) for child in path.read_text().split()]
                except OSError:  # it ended meanwhile
                    continue
        return found

    def cpu(self) -> float:
        """Seconds of CPU so far, in user and system mode."""
        total = 0
        for pid in self.pids():
            fields = _stat(pid)
            total += sum(int(field) for field in fields[11:13]) if fields else 0
        return total / TICKS

    def memory(self) -> float:
        """Resident megabytes."""
        total = 0
        for pid in self.pids():
            fields = _stat(pid)
            total += int(fields[21]) if fields else 0
        return total * PAGE / 1e6

    def descriptors(self) -> int:
        """Open files and sockets."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids())

    def says(self, pattern: str, seconds: float) -> str:
        """What its output says where it first matches `pattern`: the pattern's first group.

        Raises:
            RuntimeError: it ended or did not say it in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self._log.read_text(errors="replace"))
            if found is not None:
                return found[1]
            self.check()
            time.sleep(0.05)
        raise RuntimeError(f"{self._process.args!r} did not say {pattern!r} within {seconds:g} s: {self.tail()}")

    def listens(self, port: int, seconds: float) -> None:
        """Waits until it takes connections.

        Raises:
            RuntimeError: it ended or did not in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    return
            self.check()
            time.sleep(0.05)
        raise RuntimeError(f"nothing listens on port {port} after {seconds:g} s: {self.tail()}")

    def answers(self, url: str, seconds: float) -> None:
        """Waits until it answers a GET with a success: it may listen long before.

        Raises:
            RuntimeError: it ended or did not in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(url, timeout=seconds):
                    return
            except OSError:
                self.check()
                time.sleep(0.05)
        raise RuntimeError(f"{url} does not answer within {seconds:g} s: {self.tail()}")

    def check(self) -> None:
        """Raises RuntimeError where it ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.returncode}: {self.tail()}")

    def tail(self) -> str:
        """The end of what it said."""
        return self._log.read_text(errors="replace")[-800:]

    def end(self) -> int:
        """Ends it, gently at first; returns its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                for pid in reversed(self.pids()):
                    os.kill(pid, 9)
        return self._process.wait()


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@contextmanager
def running(
    command: Sequence[str], folder: Path, *, name: str, core: int, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """A program while it is needed.

    Args:
        command: the program and its arguments.
        folder: where it runs, and where its output goes.
        name: of the file of its output.
        core: where it may run.
        environment: added to ours.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
    found = Running(process, log)
    try:
        yield found
    finally:
        found.end()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])

"""Somebody at a terminal that is emulated whole: what stands on the screen, and what scrolled away."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from types import TracebackType

import pyte

_START = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
_PROGRAM = "from interlingua.cli.main import main; main()"
_UNKNOWN = re.compile(r"\x1b\[\?2026[hl]|\x1b\[>[0-9;]*[a-z]|\x1b\[\?[0-9;]*\$p")
"""Sequences that the emulator does not know and would print."""
_WHERE = b"\x1b[6n"


class Person:
    """A process in a terminal; use it as a context manager.

    Args:
        arguments: of `il`.
        columns, rows: the terminal's size.
        env: changes of the environment.
    """

    def __init__(
        self, *arguments: str, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=100_000, ratio=0.5)
        self._stream = pyte.Stream(self.screen)
        self._master, terminal = pty.openpty()
        self._size(columns, rows)
        plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, sys.executable, "-c", _PROGRAM, *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**plain, "TERM": "xterm-256color", **(env or {})},
            start_new_session=True,
        )
        os.close(terminal)
        self.raw = ""
        self._rest = b""

    def __enter__(self) -> Person:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        os.close(self._master)

    @property
    def lines(self) -> list[str]:
        """All lines, those that scrolled away first."""
        width = self.screen.columns
        above = ["".join(row[at].data for at in range(width)).rstrip() for row in self.screen.history.top]
        return [*above, *(line.rstrip() for line in self.screen.display)]

    @property
    def text(self) -> str:
        """All that was printed and stayed."""
        return "\n".join(self.lines)

    def sees(self, text: str, times: int = 1, seconds: float = 60.0) -> str:
        """Waits until a text stands there so many times."""
        deadline = time.monotonic() + seconds
        while self.text.count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} did not come {times} times; there is:\n{self.text}"
            assert self._read(), f"it ended without {text!r}; there is:\n{self.text}"
        return self.text

    def ready(self, prompts: int) -> None:
        """Waits for the so many-th prompt with its line of status below."""
        self.sees("›", prompts)

    def type(self, text: str) -> None:
        """Presses keys."""
        os.write(self._master, text.encode())

    def enter(self, text: str = "") -> None:
        """Types a line."""
        self.type(text + "\r")

    def paste(self, text: str) -> None:
        """Pastes, as terminals do."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        """Makes the terminal another size."""
        self.screen.resize(rows, columns)
        self._size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def finish(self, seconds: float = 60.0) -> int:
        """Waits for the end; the exit code."""
        deadline = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < deadline, f"it does not end; there is:\n{self.text}"
        return self.process.wait(seconds)

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 0.2)
        if not ready:
            return True
        try:
            data = self._rest + os.read(self._master, 65536)
        except OSError:  # Linux says EIO when the last one has left the terminal
            return False
        # A sequence or a letter may be cut in two.
        cut = data.rfind(b"\x1b", max(0, len(data) - 16))
        self._rest, data = (
            (data[cut:], data[:cut]) if cut >= 0 and not data[cut:].strip(b"\x1b[?0123456789;") else (b"", data)
        )
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            self._rest, text = data[error.start :] + self._rest, data[: error.start].decode()
        self.raw += text
        for _ in range(data.count(_WHERE)):
            self.type(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")
        self._stream.feed(_UNKNOWN.sub("", text))
        return True

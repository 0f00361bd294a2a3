"""Runs of `il`: in this process against scripted providers, and as a person has it, in a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from click.testing import CliRunner, Result

from interlingua.cli.main import il
from interlingua.cli.session import Session
from interlingua.ports.transport import Transport
from interlingua.transport.scripted import Script

_CONTROLLING = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_START = "from interlingua.cli.main import main; main()"


def run(
    *arguments: str,
    stdin: str | bytes | None = None,
    transport: Transport | None = None,
    env: Mapping[str, str | None] | None = None,
) -> Result:
    """`il` in this process; nothing is a terminal."""
    return CliRunner().invoke(
        il, list(arguments), input=stdin, prog_name="il", obj=Session(transport=transport), env=dict(env or {})
    )


def process(
    *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`il` as a process of its own between pipes."""
    return subprocess.run(
        [sys.executable, "-c", _START, *arguments],
        input=stdin,
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=60,
        check=False,
    )


def openai_stream(*texts: str, finish: str = "stop", usage: bool = True) -> Script:
    """An answer of openai_chat in so many pieces."""
    head = {"id": "chatcmpl-1", "model": "gpt-6-sol", "created": 1, "object": "chat.completion.chunk"}
    pieces = [{**head, "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    end = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    counts = {**head, "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}
    return Script.sse(*pieces, end, *([counts] if usage else []), "[DONE]")


class Person:
    """Somebody at a terminal.

    Args:
        arguments: what is run.
        columns: how wide the terminal is.
        env: changes of the environment.
        stdout: where standard output goes if not to the terminal.
        start: what Python runs.
    """

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        env: Mapping[str, str] | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        start: str = _START,
    ) -> None:
        self._master, terminal = pty.openpty()
        plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        # Nobody is there to say what colour the terminal has.
        looks = {"TERM": "xterm-256color", "COLORFGBG": "15;0", "COLUMNS": str(columns)}
        surroundings = {**plain, **looks, **(env or {})}
        program = (sys.executable, "-c", start, *arguments)
        # The terminal must be the controlling one for Ctrl-C to become a signal; it is taken on descriptor 0.
        take = _CONTROLLING if stdin is None else _CONTROLLING.replace("ioctl(0", "ioctl(2")
        self.process = subprocess.Popen(
            [sys.executable, "-c", take, *program],
            stdin=terminal if stdin is None else stdin,
            stdout=terminal if stdout is None else stdout,
            stderr=terminal,
            env=surroundings,
            start_new_session=True,
        )
        os.close(terminal)
        self.raw = ""

    @property
    def screen(self) -> str:
        """What came so far, without colours."""
        return _SEQUENCE.sub("", self.raw).replace("\r\n", "\n")

    def read_until(self, text: str, seconds: float = 60.0) -> str:
        """Waits until `text` is on the screen."""
        deadline = time.monotonic() + seconds
        while text not in self.screen:
            assert time.monotonic() < deadline, f"{text!r} did not come; the screen says {self.screen!r}"
            if not self._read():
                break
        assert text in self.screen, self.screen
        return self.screen

    def type(self, text: str) -> None:
        """Presses keys."""
        os.write(self._master, text.encode())

    def finish(self, seconds: float = 60.0) -> int:
        """Waits for the end; the exit code."""
        deadline = time.monotonic() + seconds
        while self._read():
            if time.monotonic() > deadline:
                self.process.send_signal(signal.SIGKILL)
                raise AssertionError(f"it does not end; the screen says {self.screen!r}")
        os.close(self._master)
        return self.process.wait(seconds)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 0.2)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says EIO when the last one has left the terminal
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)


def lines(text: str) -> Sequence[str]:
    """The lines of a text without the blanks at their ends."""
    return [line.rstrip() for line in text.splitlines()]

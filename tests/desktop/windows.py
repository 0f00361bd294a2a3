"""`il desktop` as a process of its own, on a screen of its own, before the scripted provider."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from tests.desktop.screens import SECONDS, processes_with, until

_PROGRAM = "from interlingua.cli.main import main; main()"


class Desktop:
    """A running `il desktop`.

    Args:
        folder: for its configuration and store.
        environment: what is added to this process's.
        options: what stands after the command.
        more: of configuration.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *options: str, more: str = "") -> None:
        self.folder = folder
        config = folder / "il.toml"
        config.write_text(f'[store]\npath = "{folder / "il.db"}"\n[server]\ndrain = 5\n{more}')
        self.mark = f"TEST_OF_WINDOW={uuid.uuid4().hex}"
        name, _, value = self.mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "desktop", "--config", str(config), *options],
            stderr=subprocess.PIPE,
            env={**os.environ, **environment, name: value},
            text=True,
        )
        assert self.process.stderr is not None
        self._lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.said.append(line.rstrip())
            self._lines.put(line)
        stream.close()
        self._lines.put("")

    def until(self, text: str) -> str:
        """The first line with that text."""
        while True:
            line = self._lines.get(timeout=SECONDS)
            assert line, f"it ended before it said {text!r}: {self.said}"
            if text in line:
                return line

    def address(self) -> str:
        """Where its gateway is, as soon as it is open."""
        found = re.search(r"http://127\.0\.0\.1:\d+", self.until("http://"))
        assert found is not None
        return found[0]

    def ended(self) -> int:
        """Its exit code, once nothing of it runs any more."""
        status = self.process.wait(SECONDS)
        until(lambda: not processes_with(self.mark))
        return status

    def kill(self) -> None:
        """Ends whatever is left of it, for a test that failed."""
        for process in processes_with(self.mark):
            os.kill(process, 9)
        self.process.wait(SECONDS)


def answers(address: str) -> bool:
    """Whether a gateway answers there."""
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

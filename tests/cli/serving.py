"""`il serve` as a process of its own, its standard error read line by line."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

SECONDS = 60.0
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    }
).encode()
"""What a provider says."""


class Gateway:
    """A running gateway, its standard error read line by line."""

    def __init__(self, folder: Path, *options: str, more: str = "") -> None:
        self.file = folder / "interlingua.toml"
        self.head = f'[store]\npath = "{folder / "il.db"}"\n'
        self.file.write_text(self.head + more)
        program = "from interlingua.cli.main import main; main()"
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--port", "0", "--config", str(self.file), *options],
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert self.process.stderr is not None
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True).start()
        try:
            ready = self.until("serves at")
        except queue.Empty:
            self.process.kill()
            self.process.wait()
            raise
        found = re.search(r"http://127\.0\.0\.1:\d+", ready)
        assert found is not None
        self.address = found[0]

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.put(line)

    def until(self, text: str) -> str:
        """The first line with that text."""
        deadline = time.monotonic() + SECONDS
        while True:
            line = self.lines.get(timeout=max(0.1, deadline - time.monotonic()))
            if text in line:
                return line

    def ask(self, path: str, body: Any = None, token: str = "") -> tuple[int, bytes]:
        request = urllib.request.Request(self.address + path, None if body is None else json.dumps(body).encode())
        if token:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def end(self, told: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(told)
        status = self.process.wait(SECONDS)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return status

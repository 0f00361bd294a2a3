"""A real LiveKit server on the loopback, where there is one: `make livekit-server` builds it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import free_port

BUILT = Path(__file__).parents[2] / ".livekit" / "server"
KEY, SECRET = "devkey", "a-secret-of-thirty-two-letters-ok"


@dataclass(frozen=True)
class LiveKit:
    """Where it is, and what opens it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What its clients are told by."""
        return {"LIVEKIT_URL": self.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}


def binary() -> str | None:
    """The program: LIVEKIT_SERVER, what `make livekit-server` built, or what is installed."""
    return os.environ.get("LIVEKIT_SERVER") or (str(BUILT) if BUILT.exists() else shutil.which("livekit-server"))


@contextmanager
def livekit() -> Iterator[LiveKit]:
    """Runs it in `--dev` mode on free ports."""
    program = binary()
    assert program is not None
    port, tcp, udp = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
    config = (
        f"port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{{KEY}: {SECRET}}}\n"
        f"rtc: {{tcp_port: {tcp}, udp_port: {udp}, node_ip: 127.0.0.1, use_external_ip: false}}\n"
        "room: {departure_timeout: 600}\n"  # so that whoever stays in an empty room until it is gone is found out
    )
    process = subprocess.Popen(
        [program, "--dev", "--config-body", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(f"http://127.0.0.1:{port}", process)
        yield LiveKit(f"ws://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, "the LiveKit server ended while it started"
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the LiveKit server did not start")

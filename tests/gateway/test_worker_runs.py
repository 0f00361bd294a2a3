"""Runs of a gateway of two workers, as real processes before a real Redis: any worker will do, and one may die."""

from __future__ import annotations

import http.client
import json
import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.serving import SECONDS, Gateway
from tests.gateway.pages_client import events_of
from tests.gateway.test_workers import Lab, Line, children, lines
from tests.services import Redis

pytestmark = pytest.mark.slow


@pytest.fixture
def lab() -> Any:
    made = Lab()
    yield made
    made.go_on.set()
    made.server.shutdown()
    made.server.server_close()


def worker_of(gateway: Gateway, line: Line) -> int:
    """The process at the other end of a connection."""
    ours, theirs = (f"{end[1]:04X}" for end in (line.connection.sock.getsockname(), line.connection.sock.getpeername()))
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(row[9] for row in rows if row[1].endswith(f":{theirs}") and row[2].endswith(f":{ours}"))
    for process in children(gateway.process.pid):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            if os.readlink(descriptor) == f"socket:[{inode}]":
                return process
    raise AssertionError("no worker has this connection")


def ask(line: Line, token: str, method: str, path: str, body: Any = None) -> http.client.HTTPResponse:
    """A question on the connection to one worker."""
    headers = {"authorization": f"Bearer {token}"}
    line.connection.request(method, path, None if body is None else json.dumps(body), headers)
    return line.connection.getresponse()


def said(line: Line, token: str, method: str, path: str, body: Any = None) -> Any:
    answer = ask(line, token, method, path, body)
    text = answer.read()
    assert answer.status in (200, 201), text
    return json.loads(text)


def test_a_run_is_followed_through_the_other_worker_and_ended_when_its_own_is_killed(
    tmp_path: Path, lab: Lab, redis: Redis
) -> None:
    redis.run("FLUSHALL")
    gateway = Gateway(tmp_path, "--workers", "2", more=f'{lab.toml}[shared]\nurl = "{redis.url}"\n')
    try:
        token = (tmp_path / "admin-token").read_text().strip()
        with lines(gateway) as (one, two):
            chat = said(one, token, "POST", "/api/conversations", {})["id"]
            text = {"parts": [{"type": "text", "text": "Hello"}]}
            question = said(one, token, "POST", f"/api/conversations/{chat}/messages", text)["id"]
            asking = {"conversation": chat, "parent": question, "model": "lab/m"}

            run = said(one, token, "POST", "/api/runs", asking)["id"]
            following = ask(two, token, "GET", f"/api/runs/{run}/events")
            seen = b""
            while b'"text":"One"' not in seen:
                seen += following.readline()
            os.kill(worker_of(gateway, one), signal.SIGKILL)
            events = events_of(seen + following.read())
            assert [name for _, name, _ in events][-2:] == ["error", "run_end"]
            final = events[-1][2]["message"]
            assert final["answer"]["status"] == "interrupted"
            assert final["parts"][0]["text"] == "One"
            kept = said(two, token, "GET", f"/api/conversations/{chat}")["messages"]
            assert kept[-1] == final

            second = said(two, token, "POST", "/api/runs", asking)["id"]
            other = http.client.HTTPConnection(str(urlsplit(gateway.address).hostname), timeout=SECONDS)
            other.port = int(urlsplit(gateway.address).port or 0)
            lab.go_on.set()
            other.request("GET", f"/api/runs/{second}/events", headers={"authorization": f"Bearer {token}"})
            events = events_of(other.getresponse().read())
            other.close()
            assert events[-1][2]["message"]["answer"]["status"] == "done"
    finally:
        gateway.end()

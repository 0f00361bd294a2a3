"""Two workers on one port, as real processes, in front of a real upstream."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from interlingua.config.schema import Config, ServerSettings, StoreSettings, VirtualKeySettings
from interlingua.engine.principal import Limits
from interlingua.errors import ConfigError
from interlingua.gateway.build import build_gateway
from interlingua.gateway.sharing import Worker, check_limits, told_of_workers
from interlingua.gateway.virtual_keys import key_row, new_key
from interlingua.transport.keeper import KeeperAddress
from tests.cli.runs import process
from tests.cli.serving import ANSWER, SECONDS, Gateway

ASKED = {"model": "lab/m", "messages": [{"role": "user", "content": "Hello"}]}


class Lab:
    """A provider; its streams wait in the middle until they may go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.streams = threading.Semaphore(0)
        lab = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                if not body.get("stream"):
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(ANSWER)))
                    self.end_headers()
                    self.wfile.write(ANSWER)
                    return
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
                for choice in ({"delta": {"content": "One"}}, {"delta": {"content": " two."}, "finish_reason": "stop"}):
                    self.wfile.write(f"data: {json.dumps({**head, 'choices': [{'index': 0, **choice}]})}\n\n".encode())
                    self.wfile.flush()
                    lab.streams.release()
                    lab.go_on.wait(SECONDS)
                self.wfile.write(b"data: [DONE]\n\n")
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def toml(self) -> str:
        return f'[providers.lab]\nbase_url = "http://127.0.0.1:{self.server.server_port}/v1"\ndialect = "openai_chat"\n'


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.go_on.set()
    lab.server.shutdown()
    lab.server.server_close()


class Two(Gateway):
    """A gateway of two workers.

    Attributes:
        told: what it says of them at the start.
    """

    def __init__(self, folder: Path, lab: Lab) -> None:
        super().__init__(folder, "--workers", "2", more=f'{lab.toml}[cache]\nttl = 600\nmodels = ["lab/again"]\n')
        self.told = ""


@contextmanager
def two(folder: Path, lab: Lab) -> Iterator[Two]:
    running = Two(folder, lab)
    try:
        running.told = running.until("workers: 2; ")
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Two]:
    with two(tmp_path_factory.mktemp("two"), lab) as running:
        yield running


class Line:
    """A connection, which stays with the worker that took it."""

    def __init__(self, gateway: Gateway) -> None:
        place = urlsplit(gateway.address)
        self.connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=SECONDS)
        self.ready = self.ask("/readyz")

    @property
    def worker(self) -> int:
        return int(self.ready["worker"])

    def ask(self, path: str, body: Any = None, token: str = "") -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said
        return said.decode() if path == "/metrics" else json.loads(said)


@contextmanager
def lines(gateway: Gateway) -> Iterator[tuple[Line, Line]]:
    """A connection to each of the two workers."""
    found: dict[int, Line] = {}
    deadline = time.monotonic() + SECONDS
    try:
        while len(found) < 2:
            line = Line(gateway)
            if found.setdefault(line.worker, line) is not line:
                line.connection.close()
            assert time.monotonic() < deadline, "one worker takes all connections"
        yield found[1], found[2]
    finally:
        for line in found.values():
            line.connection.close()


def children(parent: int) -> set[int]:
    return {int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()}


def until(condition: Callable[[], bool]) -> None:
    """Waits for what nobody announces."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_any_worker_tells_the_sum_of_what_all_have_counted(gateway: Gateway) -> None:
    token = (gateway.file.parent / "admin-token").read_text().strip()
    with lines(gateway) as both:
        for line in both:
            assert line.ask("/v1/chat/completions", ASKED)["choices"][0]["message"]["content"] == "Hello"
        for line in both:
            figures = line.ask("/metrics", token=token)
            counted = re.search(r'interlingua_attempts_total\{.*provider="lab".*\} (\d+)', figures)
            assert counted is not None
            assert int(counted[1]) == 2
            assert line.ready["workers"] == 2


def test_an_answer_that_one_worker_gave_is_continued_by_another(gateway: Gateway) -> None:
    with lines(gateway) as (one, other):
        first = one.ask("/v1/responses", {"model": "lab/m", "input": "Hello"})
        second = other.ask(
            "/v1/responses", {"model": "lab/m", "input": "And now?", "previous_response_id": first["id"]}
        )
        assert one.ask(f"/v1/responses/{second['id']}")["id"] == second["id"]


def test_what_one_worker_was_answered_another_gives_again(gateway: Gateway) -> None:
    token = (gateway.file.parent / "admin-token").read_text().strip()
    with lines(gateway) as both:
        answers = [line.ask("/v1/chat/completions", {**ASKED, "model": "lab/again"}) for line in both]
        assert answers[0] == answers[1]
        figures = both[0].ask("/metrics", token=token)
        counted = re.search(r'interlingua_attempts_total\{.*lane="cache".*\} (\d+)', figures)
        assert counted is not None
        assert int(counted[1]) == 1


def test_all_workers_take_over_a_changed_file(gateway: Gateway) -> None:
    before = gateway.file.read_text()
    gateway.file.write_text(before + '[models.quick]\ntargets = ["lab/m"]\n')
    for _ in range(2):
        gateway.until("is in force")
    with lines(gateway) as both:
        for line in both:
            assert line.ask("/v1/chat/completions", {**ASKED, "model": "quick"})["choices"]
            assert line.ready["configuration"] == "in force"
    gateway.file.write_text(before + '[limits."*"]\nrpm = 5\n')
    for _ in range(2):
        assert "server.workers = 2" in gateway.until("is not used")
    gateway.file.write_text(before)
    for _ in range(2):
        gateway.until("is in force")


def test_a_worker_that_is_killed_is_replaced_and_the_other_answers_meanwhile(tmp_path: Path, lab: Lab) -> None:
    with two(tmp_path, lab) as gateway:
        started = children(gateway.process.pid)
        for _ in range(2):
            os.kill(max(children(gateway.process.pid) & started), signal.SIGKILL)
            line = json.loads(gateway.until("is replaced"))
            assert line["level"] == "warning"
            assert re.fullmatch(r"worker [12] ended with exit code -9 and is replaced (now|in 1 s)", line["message"])
            assert gateway.ask("/v1/chat/completions", ASKED)[0] == 200
            with lines(gateway):
                pass  # both answer again


def test_what_runs_is_finished_when_it_is_told_to_end(tmp_path: Path, lab: Lab) -> None:
    lab.go_on.clear()
    with two(tmp_path, lab) as gateway:
        with lines(gateway) as both:
            for line in both:
                line.connection.request("POST", "/v1/chat/completions", json.dumps({**ASKED, "stream": True}))
                assert lab.streams.acquire(timeout=SECONDS)
            gateway.process.send_signal(signal.SIGTERM)
            place = urlsplit(gateway.address)
            lab.go_on.set()
            for line in both:
                assert b" two." in line.connection.getresponse().read()
        assert gateway.process.wait(SECONDS) == 0
        with pytest.raises(OSError):
            socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=1).close()


def test_nobody_stays_behind_when_the_first_process_is_killed(tmp_path: Path, lab: Lab) -> None:
    with two(tmp_path, lab) as gateway:
        others = children(gateway.process.pid)
        assert len(others) >= 3
        gateway.process.kill()
        until(lambda: not any(Path(f"/proc/{other}").exists() for other in others))


def test_limits_that_each_would_count_for_itself_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "il.toml"
    config.write_text(f'[store]\npath = "{tmp_path / "il.db"}"\n[limits."openai/*"]\nrpm = 5\n')
    found = process("serve", "--config", str(config), "--port", "0", "--workers", "2")
    assert found.returncode == 78
    assert "limits.openai/*" in found.stderr.decode()
    assert "serves at" not in found.stderr.decode()


@pytest.mark.parametrize("shared", [True, False])
def test_the_start_says_what_each_worker_has_for_itself(shared: bool) -> None:
    """Nothing of one; limits are refused without a server to share them by."""
    assert told_of_workers(1, shared=shared) is None
    said = told_of_workers(4, shared=shared)
    assert said is not None
    count, own, *refused, rest = said.split("; ")
    assert (count, rest) == ("4", "all else in common")
    for what in ("breakers", "cached answers on their way"):
        assert (what in own) != shared
    assert "queue" in own
    assert refused == ([] if shared else ["refused: chats in the browser and limits (they need shared.url)"])


def test_the_line_about_workers_is_at_the_start(gateway: Two) -> None:
    """In JSON lines too."""
    assert "each its own: breakers" in gateway.told


def test_limits_of_keys_count_as_well() -> None:
    limited = key_row(new_key(), "bench", VirtualKeySettings(name="bench", key="", rpm=5), created=0)
    free = key_row(new_key(), "free", VirtualKeySettings(name="free", key=""), created=0)
    check_limits(2, {}, [free])
    check_limits(1, {"*": Limits(rpm=1)}, [limited])
    with pytest.raises(ConfigError, match="the key 'bench'"):
        check_limits(2, {}, [free, limited])


async def test_workers_open_what_another_has_sealed(tmp_path: Path) -> None:
    """They have the key in common, and it is not shown."""
    config = Config(store=StoreSettings(path=str(tmp_path / "il.db")), server=ServerSettings(workers=2))
    address = KeeperAddress(str(tmp_path / "k.sock"), "secret")
    built = [
        await build_gateway(config, environment={}, worker=Worker(number, 2, b"k" * 32, address)) for number in (1, 2)
    ]
    assert [each.state.envelope_key for each in built] == [b"k" * 32] * 2
    assert "kkk" not in repr(built[0].state.worker)
    for each in built:
        assert each._shutdown is not None
        await each._shutdown()

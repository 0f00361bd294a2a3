"""`il batch run`: every request has one result, whatever interrupts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import Person, run

MODEL = "openai/gpt-6-luna"


def request(id: str, text: str = "hi", model: str = MODEL, url: str = "/v1/chat/completions", **more: Any) -> str:
    """A line of the requests."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return json.dumps({"custom_id": id, "method": "POST", "url": url, "body": body})


def answer(text: str = "ok") -> Script:
    """What a host says."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return Script.json(body)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Requests and results."""
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(request(f"r{i}") for i in range(4)) + "\n")
    return path, tmp_path / "results.jsonl"


def batch(files: tuple[Path, Path], scripts: list[Script], *more: str) -> Result:
    return run("batch", "run", str(files[0]), "-o", str(files[1]), *more, transport=ScriptedTransport(scripts))


def results(path: Path) -> dict[str, Any]:
    """Results by name, each there once."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({line["custom_id"] for line in lines}) == len(lines)
    return {line["custom_id"]: line for line in lines}


def test_each_request_has_a_result_in_openais_format(files: tuple[Path, Path]) -> None:
    done = batch(files, [answer(f"answer {i}") for i in range(4)], "--yes", "-j", "1")
    assert done.exit_code == 0, done.output
    found = results(files[1])
    assert set(found) == {"r0", "r1", "r2", "r3"}
    assert found["r2"]["response"]["status_code"] == 200
    assert found["r2"]["response"]["body"]["choices"][0]["message"]["content"] == "answer 2"
    assert found["r2"]["error"] is None
    assert done.stdout == ""
    assert "4 answered · $0.0024" in done.stderr
    assert "about $0.00000" in done.stderr or "at most" in done.stderr


def test_it_asks_before_it_costs_something(files: tuple[Path, Path]) -> None:
    """Nobody to ask: nothing is sent."""
    transport = ScriptedTransport([])
    done = run("batch", "run", str(files[0]), "-o", str(files[1]), transport=transport)
    assert (done.exit_code, transport.requests) == (2, [])
    assert "--yes" in done.stderr and "at most $0.0" in done.stderr


def test_a_person_is_asked_and_may_say_no(files: tuple[Path, Path]) -> None:
    person = Person("batch", "run", str(files[0]), "-o", str(files[1]), env={"OPENAI_API_KEY": "sk-x"})
    person.read_until("Ask them?")
    person.type("n\n")
    assert person.finish() == 130
    assert files[1].read_bytes() == b""


def test_what_is_done_is_not_asked_again_and_a_cut_line_is(files: tuple[Path, Path]) -> None:
    assert batch(files, [answer()] * 4, "--yes").exit_code == 0
    lines = files[1].read_bytes().splitlines(keepends=True)
    files[1].write_bytes(b"".join(lines[:2]) + lines[2][:30])
    done = batch(files, [answer("again")] * 2, "--yes")
    assert done.exit_code == 0, done.output
    assert "2 were there already" in done.stderr
    texts = [line["response"]["body"]["choices"][0]["message"]["content"] for line in results(files[1]).values()]
    assert sorted(texts) == ["again", "again", "ok", "ok"]


def test_a_failure_is_the_result_of_its_request_and_can_be_asked_again(files: tuple[Path, Path]) -> None:
    scripts = [answer(), Script.json({"error": {"message": "no such thing", "type": "invalid_request_error"}}, 400)]
    done = batch(files, [*scripts, answer(), answer()], "--yes", "-j", "1")
    assert (done.exit_code, "3 answered · 1 failed" in done.stderr) == (1, True)
    failed = results(files[1])["r1"]["response"]
    assert (failed["status_code"], failed["body"]["error"]["message"]) == (400, "no such thing")
    assert batch(files, [], "--yes").exit_code == 0
    done = batch(files, [answer("better")], "--yes", "--retry-failed")
    assert done.exit_code == 0, done.output
    assert results(files[1])["r1"]["response"]["status_code"] == 200
    assert len(results(files[1])) == 4


def test_what_would_befall_all_ends_the_run_and_leaves_the_rest(files: tuple[Path, Path]) -> None:
    """A refused key is no result of four requests."""
    refused = Script.json({"error": {"message": "bad key", "code": "invalid_api_key"}}, 401)
    done = batch(files, [answer(), refused], "--yes", "-j", "1")
    assert done.exit_code == 77
    assert set(results(files[1])) == {"r0"}


def test_other_dialects_and_vectors_go_the_same_way(files: tuple[Path, Path]) -> None:
    vectors = {"custom_id": "e", "url": "/v1/embeddings", "body": {"model": "openai/text-embedding-3", "input": "x"}}
    messages = request("m", url="/v1/messages", max_tokens=10)
    files[0].write_text(messages + "\n\n" + json.dumps(vectors) + "\n")
    found = {"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    scripts = [answer("over there"), Script.json({**found, "usage": {"prompt_tokens": 1, "total_tokens": 1}})]
    done = batch(files, scripts, "--yes", "-j", "1")
    assert done.exit_code == 0, done.output
    assert results(files[1])["m"]["response"]["body"]["content"][0]["text"] == "over there"
    assert results(files[1])["e"]["response"]["body"]["data"][0]["embedding"] == [0.5]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        (request(""), "custom_id"),
        (request("r0"), "custom_id 'r0' stands on line 1 too"),
        (request("x", url="/v1/files"), "url: '/v1/files'"),
        (request("x", stream=True), "body.stream: a batch has no streams"),
        (json.dumps({"custom_id": "x", "url": "/v1/messages", "body": 1}), "body: an object"),
        (request("x", model=""), "body.model"),
    ],
)
def test_a_line_that_is_no_request_is_named_before_anything_is_sent(
    line: str, why: str, files: tuple[Path, Path]
) -> None:
    with files[0].open("a") as file:
        file.write(line + "\n")
    transport = ScriptedTransport([])
    done = run("batch", "run", str(files[0]), "-o", str(files[1]), "--yes", transport=transport)
    assert (done.exit_code, transport.requests) == (64, [])
    assert f"line 5: {why}" in done.stderr


def test_a_file_of_something_else_is_not_overwritten(files: tuple[Path, Path]) -> None:
    files[1].write_text("my diary\n")
    assert batch(files, [], "--yes").exit_code == 64
    assert files[1].read_text() == "my diary\n"


class Host:
    """A provider on a real port: it holds back all answers after the first few until it is let."""

    def __init__(self, free: int) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.stuck = threading.Event()
        self._lock = threading.Lock()
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with host._lock:
                    host.asked.append(body["messages"][0]["content"])
                    number = len(host.asked)
                if number > free and not host.gate.is_set():
                    host.stuck.set()
                    host.gate.wait(60)
                data = answer(f"to {body['messages'][0]['content']}").chunks[0]
                assert isinstance(data, bytes)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host(free=7)
    yield made
    made.gate.set()
    made.server.shutdown()
    made.server.server_close()


def test_after_kill_9_the_same_command_loses_and_doubles_nothing(tmp_path: Path, host: Host) -> None:
    """Twenty requests, killed while three are with the host: what was written is not asked again."""
    requests, output, config = tmp_path / "requests.jsonl", tmp_path / "results.jsonl", tmp_path / "c.toml"
    requests.write_text("".join(request(f"r{i}", f"q{i}", "lab/m") + "\n" for i in range(20)))
    port = host.server.server_address[1]
    config.write_text(
        f'[providers.lab]\nbase_url = "http://127.0.0.1:{port}/v1"\ndialect = "openai_chat"\nauth = "none"\n'
    )
    command = [sys.executable, "-c", "from interlingua.cli.main import main; main()", "--config", str(config)]
    command += ["batch", "run", str(requests), "-o", str(output), "--yes", "-j", "3"]
    doomed = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ)
    assert host.stuck.wait(60)
    while len(output.read_bytes().splitlines()) < 5:  # the seventh may not be written when the eighth is asked
        assert doomed.poll() is None
    doomed.send_signal(signal.SIGKILL)
    _, told = doomed.communicate()
    assert b"asking" in told and b"unknown" in told
    kept = set(results(output))
    assert 5 <= len(kept) <= 7
    host.gate.set()
    before = len(host.asked)
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    found = results(output)
    assert set(found) == {f"r{i}" for i in range(20)}
    assert all(
        line["response"]["body"]["choices"][0]["message"]["content"] == f"to q{id[1:]}" for id, line in found.items()
    )
    again = host.asked[before:]
    assert len(again) == 20 - len(kept)
    assert not {text.replace("q", "r") for text in again} & kept

"""`il serve`, as a process of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlingua.cli.serve import with_flags
from interlingua.config.schema import Config
from tests.cli.runs import process, run
from tests.cli.serving import ANSWER, Gateway
from tests.transport.servers import Exchange, serve


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    running = Gateway(tmp_path)
    yield running
    running.end()


def test_calls_are_logged_and_counted_and_a_changed_file_is_taken_over(gateway: Gateway, tmp_path: Path) -> None:
    asked = {"model": "openai/gpt-6-sol", "messages": [{"role": "user", "content": "Hello"}]}
    assert gateway.ask("/v1/chat/completions", asked)[0] == 401
    line = json.loads(gateway.until("interlingua.calls"))
    assert (line["status"], line["error"], line["model"]) == (401, "credential_missing", "openai/gpt-6-sol")
    token = (tmp_path / "admin-token").read_text().strip()
    status, figures = gateway.ask("/metrics", token=token)
    assert status == 200
    assert b'error="credential_missing"' in figures
    gateway.file.write_text(gateway.head + '[models.quick]\ntargets = ["openai/gpt-6-sol"]\n')
    assert json.loads(gateway.until("is in force"))["level"] == "info"
    assert b'"quick"' in gateway.ask("/v1/models")[1]
    gateway.file.write_text("[server\n")
    assert json.loads(gateway.until("is not used"))["level"] == "error"
    assert b"cannot be used" in gateway.ask("/readyz")[1]


def test_standard_error_holds_nothing_but_json_where_nobody_looks(tmp_path: Path) -> None:
    running = Gateway(tmp_path)
    running.ask("/nowhere")
    running.end()
    lines = list(running.lines.queue)
    assert all(json.loads(line)["time"] for line in lines)


@pytest.mark.parametrize(("told", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"])
async def test_it_ends_well_with_its_connections_open(told: signal.Signals, code: int, tmp_path: Path) -> None:
    """No abort of the interpreter, whatever the HTTP client leaves behind (`transport/http_fast.py`)."""

    async def answer(exchange: Exchange) -> None:
        await exchange.reply(ANSWER)

    async with serve(answer) as upstream:
        lab = f'[providers.lab]\nbase_url = "{upstream.url}/v1"\ndialect = "openai_chat"\n'
        running = await asyncio.to_thread(Gateway, tmp_path, more=lab)
        asked = {"model": "lab/m", "messages": [{"role": "user", "content": "Hello"}]}
        answers = await asyncio.gather(
            *(asyncio.to_thread(running.ask, "/v1/chat/completions", asked) for _ in range(4))
        )
        assert [status for status, _ in answers] == [200] * 4
        assert await asyncio.to_thread(running.end, told) == code
        assert all(json.loads(line)["time"] for line in running.lines.queue)


def test_a_page_that_follows_the_log_does_not_hold_up_its_end(tmp_path: Path) -> None:
    """It would be waited for like an answer, for longer than anybody waits here."""
    running = Gateway(tmp_path, more="[server]\ndrain = 600\n")
    token = (tmp_path / "admin-token").read_text().strip()
    connection = http.client.HTTPConnection(running.address.removeprefix("http://"))
    connection.request("GET", "/api/requests/events", headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.readline() == b": following\n"
    assert running.end(signal.SIGTERM) == 0
    assert answer.read() == b"\n"
    connection.close()


def test_people_may_ask_for_text(tmp_path: Path) -> None:
    running = Gateway(tmp_path, "--log-format", "text", "--log-level", "error")
    assert "OPENAI_BASE_URL" in running.until("OpenAI")
    running.end()


def test_flags_go_over_the_configuration() -> None:
    flags = {"host": None, "port": 0, "log_format": "text", "log_level": None}
    found = with_flags(Config(), flags)
    assert (found.server.port, found.server.host) == (0, "127.0.0.1")
    assert (found.telemetry.log_format, found.telemetry.log_level) == ("text", "info")


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "il.toml"
    config.write_text(f'[store]\npath = "{tmp_path / "il.db"}"\n')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for workers in ("1", "2"):
            found = process("serve", "--config", str(config), "--port", port, "--workers", workers)
            assert found.returncode == 78
            assert found.stderr.decode().count(f"cannot listen on 127.0.0.1:{port}: something else does") == 1
            assert b"--port" in found.stderr


def test_a_port_that_is_none_is_a_mistake_of_use() -> None:
    assert run("serve", "--port", "99999").exit_code == 2

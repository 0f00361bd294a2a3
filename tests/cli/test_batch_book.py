"""What a batch did is in the ledger and in the budgets, each call once, whatever kills it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interlingua.errors import LocalFileError
from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.batches import Host, answer, books, request, results
from tests.cli.runs import run

COST = 600_000_000
"""Of one answer: a thousand tokens at 0.1, a thousand at 0.5 per million."""
FULL = Script.json({"error": {"message": "full"}}, 503)
BAD_KEY = Script.json({"error": {"message": "no", "code": "invalid_api_key"}}, 401)


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("IL_STORE__PATH", str(tmp_path / "il.db"))
    monkeypatch.setenv("IL_RETRY__BASE", "0")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Requests, results and a configuration with a budget."""
    path = tmp_path / "requests.jsonl"
    path.write_text("".join(request(f"r{i}", max_completion_tokens=1000) + "\n" for i in range(6)))
    config = tmp_path / "c.toml"
    config.write_text('[budgets]\nglobal = "1 USD"\n')
    return path, tmp_path / "results.jsonl", config


def batch(files: tuple[Path, Path, Path], host: Any, *more: str) -> Any:
    transport = host if isinstance(host, ScriptedTransport) else ScriptedTransport(host)
    command = ("--config", str(files[2]), "batch", "run", str(files[0]), "-o", str(files[1]), "--yes", *more)
    return run(*command, transport=transport)


def test_each_line_has_its_call_in_the_ledger_and_in_the_budget(files: tuple[Path, Path, Path]) -> None:
    """Under the id that stands in the line; by tag they are summed up as a batch's."""
    done = batch(files, [answer()] * 6)
    assert done.exit_code == 0, done.stderr
    found = books()
    lines = results(files[1])
    assert {line["response"]["request_id"] for line in lines.values()} == set(found.rows)
    for row in found.rows.values():
        assert (row.status, row.cost, row.tags, row.tenant, row.operation) == (200, COST, ("batch",), "local", "chat")
    assert (found.budget.spent, found.budget.estimated, found.budget.calls) == (6 * COST, 0, 6)
    assert (found.budget.leased, found.undelivered) == (0, 0)
    (row,) = json.loads(run("usage", "--by", "tag", "--json").stdout)["rows"]
    assert (row["tag"], row["calls"], row["cost"]) == ("batch", 6, "0.0036")


def test_tries_that_failed_are_in_the_ledger_and_a_failed_line_has_its_call(files: tuple[Path, Path, Path]) -> None:
    """One is answered at its second try, one not at all; asked again it is another call."""
    files[0].write_text("".join(request(f"r{i}") + "\n" for i in range(2)))
    done = batch(files, [FULL, answer(), FULL, FULL, FULL], "-j", "1")
    assert done.exit_code == 1
    found = books()
    tries = sorted([attempt.error for attempt in row.attempts] for row in found.rows.values() if row.error is None)
    assert tries == [["overloaded", None]]
    (failed,) = (row for row in found.rows.values() if row.error is not None)
    assert (failed.status, [attempt.error for attempt in failed.attempts]) == (503, ["overloaded"] * 3)
    assert failed.request_id == results(files[1])["r1"]["response"]["request_id"]
    assert batch(files, [answer()], "--retry-failed").exit_code == 0
    assert len(books().rows) == 3
    assert books().budget.spent == 2 * COST


def test_embeddings_are_in_the_ledger_too(files: tuple[Path, Path, Path]) -> None:
    body = {"model": "openai/text-embedding-3-small", "input": "hi"}
    line = {"custom_id": "v", "method": "POST", "url": "/v1/embeddings", "body": body}
    files[0].write_text(json.dumps(line) + "\n")
    vector = {"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 5}}
    assert batch(files, [FULL, Script.json(vector)]).exit_code == 0
    (row,) = books().rows.values()
    assert (row.operation, [attempt.error for attempt in row.attempts]) == ("embeddings", ["overloaded", None])


def test_a_budget_ends_a_batch_before_it_is_passed(files: tuple[Path, Path, Path]) -> None:
    """What was let in is answered; the rest waits for a larger budget, and is then asked."""
    # One request reserves 0.0005 and some for its prompt, and takes 0.0006.
    files[2].write_text('[budgets]\nglobal = "0.0026 USD"\n')
    transport = ScriptedTransport(answer())
    done = batch(files, transport, "-j", "3")
    assert done.exit_code == 75, done.stderr
    assert "global: $0.00 of 0.0026 USD spent" in " ".join(done.stderr.split())
    assert "may spend 0.0026 USD" in " ".join(done.stderr.split())
    found = books()
    count = len(results(files[1]))
    assert count == len(found.rows) == len(transport.requests) == found.budget.calls
    assert found.budget.spent == count * COST <= 2_600_000_000 + COST
    files[2].write_text('[budgets]\ntenants = { local = "1 USD" }\n')
    assert batch(files, transport).exit_code == 0
    assert len(transport.requests) == 6
    assert books(kind="tenant", name="local").budget.spent == 6 * COST


def test_requests_wait_for_what_others_of_the_batch_hold(files: tuple[Path, Path, Path]) -> None:
    """Six at once on a budget that holds two reservations: all are answered in the end."""
    files[0].write_text("".join(request(f"r{i}", max_completion_tokens=4000) + "\n" for i in range(6)))
    # Each reserves more than 0.002, and takes 0.0006.
    files[2].write_text('[budgets]\nglobal = "0.0064 USD"\n')
    done = batch(files, ScriptedTransport(answer()), "-j", "6")
    assert done.exit_code == 0, done.stderr
    assert books().budget.spent == 6 * COST


def test_what_ends_a_batch_is_in_the_ledger_and_what_was_asked_before_is_answered(
    files: tuple[Path, Path, Path],
) -> None:
    """A key that is refused in the middle: no line for it, but its call; it is asked again by the next run."""
    asked = 0

    def choose(request: HttpRequest) -> Script:
        nonlocal asked
        asked += 1
        return BAD_KEY if asked == 3 else answer()

    done = batch(files, ScriptedTransport(choose), "-j", "3")
    assert done.exit_code == 77
    found = books()
    assert sorted(row.status for row in found.rows.values()).count(401) == 1
    assert len(results(files[1])) == len(found.rows) - 1 < 6
    assert batch(files, ScriptedTransport(answer())).exit_code == 0
    assert len(results(files[1])) == 6
    assert books().budget.spent == 6 * COST


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host(free=7)
    yield made
    made.gate.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the store is."""
    if request.param == "sqlite":
        return str(tmp_path / "il.db")
    server = request.getfixturevalue("postgres")
    monkeypatch.delenv("IL_STORE__PATH")
    monkeypatch.setenv("IL_STORE__URL", url := str(server.url(server.prepared())))
    return url


def command(files: tuple[Path, Path, Path], host: Host, program: str, *more: str) -> list[str]:
    """A batch of twenty requests in a process of its own, on a budget of a dollar."""
    files[0].write_text("".join(request(f"r{i}", f"q{i}") + "\n" for i in range(20)))
    port = host.server.server_address[1]
    files[2].write_text(f'[budgets]\nglobal = "1 USD"\n[providers.openai]\nbase_url = "http://127.0.0.1:{port}/v1"\n')
    arguments = ["--config", str(files[2]), "batch", "run", str(files[0]), "-o", str(files[1]), "--yes", *more]
    return [sys.executable, "-c", program, *arguments]


PLAIN = "from interlingua.cli.main import main; main()"


def whole(files: tuple[Path, Path, Path], host: Host, place: str) -> None:
    """All is there: each request once in the file, each line once in the ledger, each call once in the budget."""
    lines = results(files[1])
    assert set(lines) == {f"r{i}" for i in range(20)}
    for id, line in lines.items():
        assert line["response"]["body"]["choices"][0]["message"]["content"] == f"to q{id[1:]}"
    found = books(place)
    assert {line["response"]["request_id"] for line in lines.values()} == set(found.rows)
    assert {row.cost for row in found.rows.values()} == {COST}
    assert (found.budget.spent, found.budget.calls, found.undelivered) == (20 * COST, 20, 0)


def test_after_kill_9_in_mid_batch_nothing_is_lost_and_nothing_doubled(
    files: tuple[Path, Path, Path], host: Host, place: str
) -> None:
    """Twenty requests, killed while three are with the host: what was answered is not asked again."""
    asking = command(files, host, PLAIN, "-j", "3")
    doomed = subprocess.Popen(asking, stderr=subprocess.PIPE, env=os.environ)
    assert host.stuck.wait(60)
    while not files[1].exists() or len(files[1].read_bytes().splitlines()) < 5:
        assert doomed.poll() is None  # the seventh may not be written when the eighth is asked
    doomed.send_signal(signal.SIGKILL)
    _, told = doomed.communicate()
    assert b"asking" in told
    before = books(place)
    kept = set(results(files[1]))
    # An answer that was written down and not yet put into the file is put there by the next run.
    assert 5 <= len(kept) <= len(before.rows) <= 7
    assert before.budget.spent == len(before.rows) * COST
    assert before.budget.leased > 0
    host.gate.set()
    asked = len(host.asked)
    done = subprocess.run(asking, capture_output=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert len(host.asked) - asked == 20 - len(before.rows)
    whole(files, host, place)


KILLED = """
import os, signal
from interlingua.cli import batch, batch_book
from interlingua.cli.main import main

def killed(inner, number, *, after):
    calls = 0
    def once(*given):
        nonlocal calls
        calls += 1
        if calls == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = inner(*given)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return once

{what}
main()
"""
MOMENTS = {
    "before its row is written": "batch_book.entry = killed(batch_book.entry, 6, after=False)",
    "between row and file": "batch._append = killed(batch._append, 6, after=False)",
    "when it is in the file": "batch._append = killed(batch._append, 6, after=True)",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_whenever_an_answer_is_killed_it_is_in_ledger_file_and_budget_once(
    moment: str, files: tuple[Path, Path, Path], host: Host, place: str
) -> None:
    """What was not written down is asked again, and is the only thing that is."""
    host.gate.set()
    doomed = subprocess.run(
        command(files, host, KILLED.replace("{what}", MOMENTS[moment]), "-j", "1"),
        capture_output=True,
        check=False,
        env=os.environ,
    )
    assert doomed.returncode == -signal.SIGKILL, doomed.stderr
    there, found = len(results(files[1])), books(place)
    expected = {"before its row is written": (5, 5), "between row and file": (5, 6), "when it is in the file": (6, 6)}
    assert (there, len(found.rows)) == expected[moment]
    done = subprocess.run(command(files, host, PLAIN), capture_output=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert len(host.asked) == 20 + (moment == "before its row is written")
    whole(files, host, place)


def test_what_the_disk_had_no_room_for_is_put_into_the_file_by_the_next_run(
    files: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is paid for, and is not asked again."""
    from interlingua.cli import batch as command_

    inner, count = command_._append, 0

    def full(file: Any, line: bytes) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise LocalFileError("the results cannot be written: No space left on device")
        inner(file, line)

    with monkeypatch.context() as disk:
        disk.setattr(command_, "_append", full)
        assert batch(files, [answer()] * 6, "-j", "1").exit_code == 74
    before = books()
    assert (len(results(files[1])), before.undelivered) == (2, len(before.rows) - 2)
    transport = ScriptedTransport(answer())
    assert batch(files, transport).exit_code == 0
    assert len(transport.requests) == 6 - len(before.rows)
    assert (len(results(files[1])), len(books().rows)) == (6, 6)
    assert (books().budget.spent, books().undelivered) == (6 * COST, 0)


def test_what_ctrl_c_ends_is_in_the_ledger_and_counts_with_what_it_may_have_cost(
    files: tuple[Path, Path, Path], host: Host, tmp_path: Path
) -> None:
    """Nobody knows whether a host bills what it was asked; the next run asks it again."""
    asking = command(files, host, PLAIN, "-j", "3")
    stopped = subprocess.Popen(asking, stderr=subprocess.PIPE, env=os.environ)
    assert host.stuck.wait(60)
    stopped.send_signal(signal.SIGINT)
    stopped.communicate()
    assert stopped.returncode == 130
    found, lines = books(str(tmp_path / "il.db")), results(files[1])
    cancelled = [row for row in found.rows.values() if row.error == "cancelled"]
    assert 1 <= len(cancelled) <= 3
    answered = len(lines) + found.undelivered
    assert len(found.rows) == answered + len(cancelled)
    assert (found.budget.spent, found.budget.leased) == (answered * COST, 0)
    assert found.budget.estimated > len(cancelled) * COST
    host.gate.set()
    done = subprocess.run(asking, capture_output=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert set(results(files[1])) == {f"r{i}" for i in range(20)}
    assert books(str(tmp_path / "il.db")).budget.spent == 20 * COST

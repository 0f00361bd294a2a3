"""`il bench`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from interlingua.ports.benchmarks import Benchmark
from interlingua.stores.opening import open_store
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import openai_stream, run
from tests.cli.test_preset import KEYS, MODEL


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A store of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def kept() -> int:
    async def count() -> int:
        store = await open_store()
        try:
            return len((await store.page("local")).rows)
        finally:
            await store.aclose()

    return asyncio.run(count())


def benchmarks() -> tuple[Benchmark, ...]:
    async def read() -> tuple[Benchmark, ...]:
        store = await open_store()
        try:
            return await store.benchmarks.list("local")
        finally:
            await store.aclose()

    return asyncio.run(read())


def test_a_measurement_is_shown_drawn_and_kept(tmp_path: Path) -> None:
    """A table for people, JSON for programs, an SVG for both."""
    (tmp_path / "p.txt").write_text("one\n\ntwo\n")
    transport = ScriptedTransport(openai_stream("a", "b"))
    arguments = ("bench", "-m", MODEL, "--prompts", str(tmp_path / "p.txt"), "-n", "2")
    done = run(*arguments, "--plot", str(tmp_path / "p.svg"), transport=transport, env=KEYS)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("4 calls, about $")
    assert MODEL in done.stdout
    assert len(transport.requests) == 4
    assert (tmp_path / "p.svg").read_text().count("<circle") >= 4
    assert kept() == 4
    (benchmark,) = benchmarks()
    assert (benchmark.state, benchmark.value["calls"], benchmark.value["by"]) == ("done", 4, "il bench")
    done = run(*arguments, "--json", "--not-kept", transport=transport, env=KEYS)
    found = json.loads(done.stdout)
    assert (found["figures"][0]["calls"], found["figures"][0]["failed"], len(found["calls"])) == (4, 0, 4)
    assert found["calls"][0]["cost"] > 0
    assert kept() == 4


def test_where_nobody_answers_the_exit_code_says_why() -> None:
    """And the note what was said."""
    transport = ScriptedTransport(Script.json({"error": {"message": "no such key"}}, status=401))
    done = run("bench", "-m", MODEL, "-n", "1", transport=transport, env=KEYS)
    assert done.exit_code == 77
    assert "authentication_failed 3 times" in done.stderr


def test_an_estimate_sends_nothing() -> None:
    """Contracts §4.2."""
    transport = ScriptedTransport([])
    done = run("bench", "-m", MODEL, "--estimate", transport=transport, env=KEYS)
    assert (done.exit_code, transport.requests) == (0, [])
    assert "9 calls, about $" in done.stderr
    assert kept() == 0


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("p.txt", "\n \n", "holds no prompt"),
        ("p.jsonl", '{"prompt": "a"}\n{"other": 1}\n', "line 2"),
        ("p.jsonl", "{\n", "line 1"),
        ("missing", None, "cannot be read"),
    ],
)
def test_what_holds_no_prompts_is_said_to_hold_none(tmp_path: Path, name: str, content: str | None, told: str) -> None:
    """With the line."""
    if content is not None:
        (tmp_path / name).write_text(content)
    done = run("bench", "-m", MODEL, "--prompts", str(tmp_path / name), transport=ScriptedTransport([]), env=KEYS)
    assert done.exit_code in (64, 74)
    assert told in done.stderr


def test_a_picture_is_an_svg() -> None:
    """Said before anything is asked."""
    done = run("bench", "-m", MODEL, "--plot", "x.png", transport=ScriptedTransport([]), env=KEYS)
    assert done.exit_code == 2
    assert "SVG" in done.stderr

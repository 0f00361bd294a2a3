"""`il store`: what is kept, for how long, and its backups."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlingua.stores.place import Place
from interlingua.stores.sql import SqlStore
from tests.cli.runs import run
from tests.services import Postgres
from tests.stores.ledger_rows import ANSWERED, FAILED, row


@pytest.fixture(autouse=True, params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A store of the test's own, as the environment configures it."""
    if request.param == "sqlite":
        monkeypatch.setenv("IL_STORE__PATH", str(tmp_path / "il.db"))
        return Place(tmp_path / "il.db")
    server: Postgres = request.getfixturevalue("postgres")
    url = server.url(server.prepared())
    monkeypatch.setenv("IL_STORE__URL", url)
    return Place(url=url)


def fill(place: Place, *ids: str, started: int = 1_000_000) -> None:
    """Adds calls of long ago."""

    async def work() -> None:
        store = SqlStore(place)
        await store.open()
        await store.write([replace(row(id, attempts=(FAILED, ANSWERED)), started=started) for id in ids])
        await store.aclose()

    asyncio.run(work())


def counts() -> dict[str, int]:
    """What `info` counts."""
    found: dict[str, int] = json.loads(run("store", "info", "--json").stdout)["rows"]
    return found


def test_info_says_where_the_store_is_and_what_it_holds(place: Place) -> None:
    """In words, and as JSON."""
    fill(place, "a", "b")
    done = run("store", "info")
    assert done.exit_code == 0, done.output
    assert str(place) in done.stdout
    assert ("SQLite" if place.is_file else "PostgreSQL") in done.stdout
    assert "attempts before the last" in done.stdout
    assert "The oldest call is of 1970-01-01." in done.stdout
    assert counts()["calls"] == 2


def test_pruning_adds_up_what_it_deletes(place: Place) -> None:
    """As long as somebody says how long to keep what."""
    fill(place, "a", "b")
    silent = run("store", "prune", "--yes")
    assert (silent.exit_code, "store.keep" in silent.stderr) == (2, True)
    asked = run("store", "prune", "--calls", "90 days")
    assert (asked.exit_code, "--yes" in asked.stderr) == (2, True)
    wrong = run("store", "prune", "--calls", "soon", "--yes")
    assert (wrong.exit_code, "span of time" in wrong.stderr) == (78, True)
    done = run("store", "prune", "--calls", "90 days", "--yes")
    assert done.exit_code == 0, done.output
    assert "2 calls added up and deleted" in done.stderr
    assert (counts()["calls"], counts()["attempts"], counts()["usage_hours"]) == (0, 0, 2)
    fill(place, "c")
    assert run("store", "prune", "--yes", env={"IL_STORE__KEEP__CALLS": "1 day"}).exit_code == 0
    assert counts()["calls"] == 0


def test_a_backup_brings_back_what_was(place: Place, tmp_path: Path) -> None:
    """After asking."""
    fill(place, "a")
    backup = str(tmp_path / "monday")
    done = run("store", "backup", backup)
    assert done.exit_code == 0, done.output
    assert f"il store restore {backup}" in done.stderr
    fill(place, "b")
    assert run("store", "backup", backup).exit_code == 74
    assert run("store", "restore", backup).exit_code == 2
    assert counts()["calls"] == 2
    done = run("store", "restore", backup, "--yes")
    assert done.exit_code == 0, done.output
    assert counts()["calls"] == 1
    missing = run("store", "restore", str(tmp_path / "missing"), "--yes")
    assert (missing.exit_code, "no backup" in missing.stderr) == (74, True)

"""Backups, and back, of both kinds of database."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from interlingua.errors import ConfigError, LocalFileError
from interlingua.stores import backups, migrate
from interlingua.stores.backups import back_up, restore
from interlingua.stores.migrate import STEPS
from interlingua.stores.place import Place
from interlingua.stores.sql import SqlStore
from interlingua.types.messages import user
from interlingua.types.secret import Secret
from tests.services import Postgres
from tests.stores.ledger_rows import ANSWERED, FAILED, row
from tests.stores.spot import Spot


def filled(place: Place, *ids: str) -> None:
    """Adds calls and a conversation."""

    async def fill() -> None:
        store = SqlStore(place)
        await store.open()
        await store.write([row(id, attempts=(FAILED, ANSWERED)) for id in ids])
        made = await store.conversations.create("t", title=" ".join(ids[:9]))
        await store.conversations.append("t", made.id, None, user(f"words {' '.join(ids)}"))
        await store.aclose()

    asyncio.run(fill())


def held(place: Place) -> tuple[list[str], list[str], int]:
    """The calls, the titles and how many messages are found."""

    async def look() -> tuple[list[str], list[str], int]:
        store = SqlStore(place)
        await store.open()
        rows = (await store.page(None, limit=1000)).rows
        assert all(one == row(one.request_id, attempts=(FAILED, ANSWERED)) for one in rows)
        titles = [one.title for one in (await store.conversations.page("t")).conversations]
        hits = (await store.conversations.search("t", "words")).hits
        await store.aclose()
        return [one.request_id for one in rows], titles, len(hits)

    return asyncio.run(look())


def test_what_was_backed_up_is_there_again_and_nothing_else(empty: Spot, tmp_path: Path) -> None:
    """What came after the backup is gone; an SQLite file's is kept beside it."""
    filled(empty.place, "a", "b")
    target = tmp_path / "backup"
    assert back_up(empty.place, target) == target.stat().st_size > 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    filled(empty.place, "c")
    former = restore(empty.place, target)
    assert held(empty.place) == (["b", "a"], ["a b"], 1)
    filled(empty.place, "d")
    assert held(empty.place) == (["d", "b", "a"], ["d", "a b"], 2)
    if former is not None:
        assert held(Place(former)) == (["c", "b", "a"], ["c", "a b"], 2)
        second = restore(empty.place, target)
        assert second is not None
        assert second != former
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_a_backup_is_restored_where_nothing_is_yet(empty: Spot, tmp_path: Path, postgres: Postgres) -> None:
    """On another machine."""
    filled(empty.place, "a")
    back_up(empty.place, tmp_path / "backup")
    there = Place(tmp_path / "new" / "il.db") if empty.place.is_file else Place(url=postgres.url(postgres.empty()))
    assert restore(there, tmp_path / "backup") is None
    assert held(there) == (["a"], ["a"], 1)


def test_a_store_in_use_is_backed_up_whole(empty: Spot, tmp_path: Path) -> None:
    """Writers go on meanwhile."""
    filled(empty.place, "first")

    async def both() -> None:
        store = SqlStore(empty.place)
        await store.open()
        backing = asyncio.create_task(asyncio.to_thread(back_up, empty.place, tmp_path / "backup"))
        number = 0
        while not backing.done() and number < 90:
            await store.write([row(f"{number}-{i}", attempts=(FAILED, ANSWERED)) for i in range(10)])
            number += 1
        await backing
        await store.aclose()

    asyncio.run(both())
    restore(empty.place, tmp_path / "backup")
    ids = held(empty.place)[0]
    assert "first" in ids
    assert len(ids) % 10 == 1


def test_a_backup_of_an_older_version_is_brought_up_and_newer_tables_are_in_nobodys_way(
    empty: Spot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's own schema makes no difference."""
    with monkeypatch.context() as first:
        first.setattr(migrate, "STEPS", ("0001",))
        empty.prepare()
    back_up(empty.place, tmp_path / "old")
    filled(empty.place, "a")
    restore(empty.place, tmp_path / "old")
    assert held(empty.place) == ([], [], 0)
    assert empty.version() == [STEPS[-1]]


def test_a_backup_of_a_newer_version_is_refused_and_the_store_is_as_it_was(empty: Spot, tmp_path: Path) -> None:
    """Before anything is touched."""
    filled(empty.place, "a")
    empty.run("UPDATE alembic_version SET version_num = '9999'")
    back_up(empty.place, tmp_path / "newer")
    empty.run(f"UPDATE alembic_version SET version_num = '{STEPS[-1]}'")
    with pytest.raises(ConfigError, match=r"newer version.*9999"):
        restore(empty.place, tmp_path / "newer")
    assert held(empty.place) == (["a"], ["a"], 1)


def test_what_is_no_backup_or_is_damaged_is_refused_and_the_store_is_as_it_was(empty: Spot, tmp_path: Path) -> None:
    """Nothing is half restored."""
    filled(empty.place, *(f"a{number}" for number in range(400)))
    before = held(empty.place)
    whole = tmp_path / "whole"
    back_up(empty.place, whole)
    (tmp_path / "text").write_text("dear diary\n" * 1000)
    with sqlite3.connect(tmp_path / "theirs") as theirs:
        theirs.execute("CREATE TABLE theirs (id INTEGER)")
    theirs.close()
    data = whole.read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) * 2 // 3])
    for name in ("text", "theirs", "cut", "missing"):
        with pytest.raises(LocalFileError):
            restore(empty.place, tmp_path / name)
        assert held(empty.place) == before


def test_a_database_of_another_program_is_not_overwritten(postgres: Postgres, tmp_path: Path) -> None:
    """Though somebody says so."""
    ours, theirs = postgres.prepared(), postgres.empty()
    postgres.run("CREATE TABLE theirs (id INTEGER)", theirs)
    back_up(Place(url=postgres.url(ours)), tmp_path / "backup")
    with pytest.raises(LocalFileError, match="another program"):
        restore(Place(url=postgres.url(theirs)), tmp_path / "backup")
    assert postgres.run("SELECT count(*) FROM theirs", theirs) == "0"


def test_nothing_that_exists_is_overwritten_by_a_backup(empty: Spot, tmp_path: Path) -> None:
    """And what cannot be written leaves nothing."""
    empty.prepare()
    (tmp_path / "backup").write_text("precious")
    with pytest.raises(LocalFileError, match="exists"):
        back_up(empty.place, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "precious"
    with pytest.raises(LocalFileError, match="cannot write"):
        back_up(empty.place, tmp_path / "missing" / "backup")


def test_where_there_is_no_store_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    """A missing file is not made for it."""
    with pytest.raises(LocalFileError, match="no store yet"):
        back_up(Place(tmp_path / "s.db"), tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def test_where_postgresqls_programs_are_missing_the_line_to_run_is_told_without_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the machine that has them."""
    monkeypatch.setenv("PATH", str(tmp_path))
    place = Place(url="postgresql://me:hunter22@db/il?password=hunter22")
    (tmp_path / "old").write_text("x")
    for act, program in (
        (lambda: back_up(place, tmp_path / "b"), "pg_dump"),
        (lambda: restore(place, tmp_path / "old"), "pg_restore"),
    ):
        with pytest.raises(ConfigError, match=f"{program} is not installed") as caught:
            act()
        assert f"run: {program} " in caught.value.remedy
        assert "hunter22" not in f"{caught.value} {caught.value.remedy}"


def test_passwords_go_into_the_environment_and_not_onto_the_command_line() -> None:
    """Everybody on a machine sees those."""
    for url, password, held_ in (
        ("postgresql://me:hunter22@db/il?sslmode=require", None, "hunter22"),
        ("postgresql://me@db/il?sslmode=require&password=hunter22", None, "hunter22"),
        ("postgresql://me:old@db/il?sslmode=require", Secret("hunter22"), "hunter22"),
    ):
        shown, environment = backups._access(Place(url=url, password=password))
        assert shown == "postgresql://me@db/il?sslmode=require"
        assert environment["PGPASSWORD"] == held_

"""Schemas: one line of steps, safe to run by several processes at once, and refused where they cannot be."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from interlingua.errors import ConfigError, LocalFileError
from interlingua.ports.store import UsageHour
from interlingua.stores import migrate
from interlingua.stores.database import Database
from interlingua.stores.migrate import STEPS, migrations, prepare
from interlingua.stores.place import Place
from interlingua.stores.schema import metadata
from interlingua.stores.sql import SqlStore
from tests.services import Postgres
from tests.stores.spot import Spot

PREPARE = """
import asyncio, sys
from pathlib import Path
from interlingua.stores import migrate
from interlingua.stores.place import Place
if len(sys.argv) > 2:
    folder = Path(sys.argv[2])
    migrate.STEPS, migrate.migrations = (*migrate.STEPS, "9001"), lambda: folder
if sys.argv[1].startswith("postgresql"):
    asyncio.run(migrate.prepare_server(Place(url=sys.argv[1])))
else:
    migrate.prepare(Path(sys.argv[1]))
"""
STEP = f"""
from alembic import op
import sqlalchemy as sa
revision, down_revision = "9001", "{STEPS[-1]}"
def upgrade():
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO later VALUES (1)")
"""


def next_version(folder: Path, step: str = STEP) -> Path:
    """The steps of a version of ours that is yet to come."""
    shutil.copytree(migrations(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "r9001_later.py").write_text(step)
    return folder


def at_once(*arguments: str, count: int = 4) -> None:
    """Prepares in several processes."""
    running = [
        subprocess.Popen([sys.executable, "-c", PREPARE, *arguments], stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said


def test_the_steps_have_a_single_head_and_are_those_that_we_name() -> None:
    """Two heads are two truths."""
    script = ScriptDirectory(str(migrations()))
    assert script.get_heads() == [STEPS[-1]]
    assert tuple(step.revision for step in reversed(list(script.walk_revisions()))) == STEPS


def test_the_steps_lead_to_the_schema(empty: Spot) -> None:
    """Tables and columns that are declared are those that are made."""
    empty.prepare()
    assert asyncio.run(differences(empty)) == []


async def differences(spot: Spot) -> list[object]:
    """What Alembic would change."""

    def compared(connection: Connection) -> list[object]:
        options = {"compare_type": True, "include_object": is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    store = Database(spot.place)
    async with store.reading() as connection:
        found = await connection.run_sync(compared)
    await store.aclose()
    return found


def is_ours(thing: object, name: str | None, kind: str, *rest: object) -> bool:
    """Whether SQLAlchemy knows of a table: not of the index of words."""
    return not (kind in {"table", "index"} and (name or "").startswith("message_terms"))


def test_a_new_file_and_its_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    """The folder too, because SQLite puts more files beside it."""
    path = tmp_path / "state" / "s.db"
    prepare(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_several_processes_may_start_on_one_empty_database(empty: Spot) -> None:
    """All are served, one has made it."""
    at_once(empty.address)
    assert empty.version() == [STEPS[-1]]


def test_several_processes_may_start_on_one_old_database(empty: Spot, tmp_path: Path) -> None:
    """The step runs once: twice, its INSERT would fail."""
    empty.prepare()
    at_once(empty.address, str(next_version(tmp_path / "next")))
    assert empty.version() == ["9001"]
    assert "later" in empty.tables()


def test_a_database_of_the_first_version_is_brought_up_with_all_that_is_in_it(
    empty: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that were written then are there now."""
    with monkeypatch.context() as first:
        first.setattr(migrate, "STEPS", ("0001",))
        empty.prepare()
    names = "request_id, tenant, key_name, conversation, started, duration, dialect, operation, stream, model, status"
    values = "'r', 't', '', '', 1, 1, 'ollama', 'chat', false, 'm', 200"
    empty.run(f"INSERT INTO calls ({names}, attempts) VALUES ({values}, 0)")
    empty.prepare()
    assert empty.version() == [STEPS[-1]]
    assert empty.run("SELECT request_id FROM calls") == ["r"]
    assert "conversations" in empty.tables()


def test_a_database_from_before_tells_remembered_answers_apart_from_then_on(
    empty: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls whose rows are there still are told apart; hours that were added up keep what they were."""
    with monkeypatch.context() as before:
        before.setattr(migrate, "STEPS", STEPS[: STEPS.index("0007") + 1])
        empty.prepare()
    names = "request_id, tenant, key_name, conversation, started, duration, dialect, operation, stream, model, status"
    for id, lane in (("a", "verbatim"), ("b", "cache")):
        values = f"'{id}', 't', '', '', 1, 1, 'ollama', 'chat', false, 'm', 200, 1, '{lane}', 5, 7, 0"
        empty.run(f"INSERT INTO calls ({names}, attempts, lane, input_tokens, output_tokens, cost) VALUES ({values})")
    counts = "calls, failed, attempts, input_tokens, output_tokens, cache_read, cache_creation, reasoning, cost"
    empty.run(
        f"INSERT INTO usage_hours (hour, tenant, key_name, target, {counts}, unknown_cost, unknown_usage, duration) "
        "VALUES (0, 't', '', '', 3, 0, 3, 15, 21, 0, 0, 0, 9, 0, 0, 3)"
    )
    empty.prepare()

    async def hours() -> tuple[UsageHour, ...]:
        store = SqlStore(empty.place)
        try:
            return await store.rollups.hours(None, 0, 10**18)
        finally:
            await store.aclose()

    (one,) = asyncio.run(hours())
    assert (one.calls, one.input_tokens, one.output_tokens, one.hits) == (5, 20, 28, 1)
    assert (one.saved_input_tokens, one.saved_output_tokens, one.saved, one.unknown_saved) == (5, 7, 0, 1)


def test_a_step_that_fails_leaves_all_as_it_was_and_refuses_to_serve(
    empty: Spot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that it had made already is gone again."""
    empty.prepare()
    before = empty.tables()
    folder = next_version(tmp_path / "next", STEP.replace("INSERT INTO later", "INSERT INTO nowhere"))
    monkeypatch.setattr(migrate, "STEPS", (*STEPS, "9001"))
    monkeypatch.setattr(migrate, "migrations", lambda: folder)
    with pytest.raises(ConfigError, match="left as it was") as caught:
        empty.prepare()
    assert str(empty.place) in caught.value.message
    assert "keep this one" in caught.value.remedy
    assert (empty.version(), empty.tables()) == ([STEPS[-1]], before)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(empty: Spot) -> None:
    """It says which version can read it."""
    empty.prepare()
    empty.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match=rf"newer version.*9999.*{STEPS[-1]}") as caught:
        empty.prepare()
    assert str(empty.place) in caught.value.message
    assert "Install that version" in caught.value.remedy
    assert empty.version() == ["9999"]


def test_a_database_of_another_program_is_refused(empty: Spot) -> None:
    """We make no tables in it."""
    empty.run("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(ConfigError, match="another program"):
        empty.prepare()
    assert empty.tables() == {"theirs"}


def test_a_migration_that_must_wait_too_long_for_another_says_so(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a locked file does."""
    monkeypatch.setattr(migrate, "LOCK_WAIT", 0.1)
    name = postgres.empty()

    async def both() -> None:
        other = Database(Place(url=postgres.url(name)))
        async with other.engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({migrate._LOCK})")
            with pytest.raises(LocalFileError, match="locked") as caught:
                await migrate.prepare_server(other.place)
            assert caught.value.retryable
        await other.aclose()

    asyncio.run(both())


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """As is a path that is a folder."""
    (tmp_path / "s.db").write_text("dear diary\n" * 100)
    with pytest.raises(LocalFileError, match="not an SQLite database"):
        prepare(tmp_path / "s.db")
    with pytest.raises(LocalFileError):
        prepare(tmp_path)
    with pytest.raises(LocalFileError):
        prepare(tmp_path / "s.db" / "below.db")


def test_alembic_is_not_imported_where_there_is_nothing_to_migrate(tmp_path: Path) -> None:
    """It takes 9 MB."""
    prepare(tmp_path / "s.db")
    code = f"{PREPARE}\nprint('alembic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s.db")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


APART = """
import asyncio, sys
from pathlib import Path
from interlingua.stores.database import Database
from interlingua.stores.place import Place

async def main(address):
    place = Place(url=address) if address.startswith("postgresql") else Place(Path(address))
    database = Database(place)
    await database.open(apart=True)
    await database.aclose()
    print(sorted({"alembic", "mako", "sqlalchemy"} & set(sys.modules)))

asyncio.run(main(sys.argv[1]))
"""


def test_who_serves_has_the_steps_taken_by_another_process(empty: Spot) -> None:
    """What takes them, some 9 MB, would stay in its memory."""
    done = subprocess.run([sys.executable, "-c", APART, empty.address], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("['sqlalchemy']\n", "")
    assert empty.version() == [STEPS[-1]]
    assert asyncio.run(differences(empty)) == []


def test_where_no_other_process_can_be_had_the_steps_are_taken_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is wrong with a database is said by who asked, not by the other."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    prepare(tmp_path / "s.db", apart=True)
    assert Spot(Place(tmp_path / "s.db")).version() == [STEPS[-1]]
    monkeypatch.undo()
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    connection.close()
    with pytest.raises(ConfigError, match="another program"):
        prepare(path, apart=True)

"""Schemas: one line of steps, safe to run by several processes at once, and refused where they cannot be."""

from __future__ import annotations

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
from sqlalchemy import create_engine

from interlingua.errors import ConfigError, LocalFileError
from interlingua.stores import migrate
from interlingua.stores.migrate import STEPS, migrations, prepare
from interlingua.stores.schema import metadata

PREPARE = """
import sys
from pathlib import Path
from interlingua.stores import migrate
if len(sys.argv) > 2:
    folder = Path(sys.argv[2])
    migrate.STEPS, migrate.migrations = ("0001", "0002"), lambda: folder
migrate.prepare(Path(sys.argv[1]))
"""
STEP = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "0002", "0001"
def upgrade():
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO later VALUES (1)")
"""


def tables(path: Path) -> set[str]:
    """Those of a file."""
    with sqlite3.connect(path) as connection:
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return found


def version(path: Path) -> list[str]:
    """The schema that a file says it has."""
    with sqlite3.connect(path) as connection:
        found = [one for (one,) in connection.execute("SELECT version_num FROM alembic_version")]
    connection.close()
    return found


def next_version(folder: Path, step: str = STEP) -> Path:
    """The steps of a version of ours that is yet to come."""
    shutil.copytree(migrations(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "r0002_later.py").write_text(step)
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


def test_the_steps_lead_to_the_schema(tmp_path: Path) -> None:
    """Tables and columns that are declared are those that are made."""
    prepare(tmp_path / "s.db")
    engine = create_engine(f"sqlite:///{tmp_path / 's.db'}")
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    engine.dispose()
    assert found == []


def test_a_new_file_and_its_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    """The folder too, because SQLite puts more files beside it."""
    path = tmp_path / "state" / "s.db"
    prepare(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_several_processes_may_start_on_one_missing_file(tmp_path: Path) -> None:
    """All are served, one has made it."""
    at_once(str(tmp_path / "s.db"))
    assert version(tmp_path / "s.db") == [STEPS[-1]]


def test_several_processes_may_start_on_one_old_file(tmp_path: Path) -> None:
    """The step runs once: twice, its INSERT would fail."""
    path = tmp_path / "s.db"
    prepare(path)
    at_once(str(path), str(next_version(tmp_path / "next")))
    assert version(path) == ["0002"]
    assert "later" in tables(path)


def test_a_step_that_fails_leaves_the_file_as_it_was_and_refuses_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that it had made already is gone again."""
    path = tmp_path / "s.db"
    prepare(path)
    before = tables(path)
    folder = next_version(tmp_path / "next", STEP.replace("INSERT INTO later", "INSERT INTO nowhere"))
    monkeypatch.setattr(migrate, "STEPS", ("0001", "0002"))
    monkeypatch.setattr(migrate, "migrations", lambda: folder)
    with pytest.raises(ConfigError, match="left as it was") as caught:
        prepare(path)
    assert str(path) in caught.value.message
    assert "keep this one" in caught.value.remedy
    assert (version(path), tables(path)) == (["0001"], before)


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    """It says which version can read it."""
    path = tmp_path / "s.db"
    prepare(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigError, match=r"newer version.*9999.*0001") as caught:
        prepare(path)
    assert str(path) in caught.value.message
    assert "Install that version" in caught.value.remedy
    assert version(path) == ["9999"]


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """We make no tables in it."""
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    connection.close()
    with pytest.raises(ConfigError, match="another program"):
        prepare(path)
    assert tables(path) == {"theirs"}


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

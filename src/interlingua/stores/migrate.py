"""Brings a database to the present schema, before anything is served from it.

Rules: one line of steps with a single head. A database is looked at without locking it, and left alone if it is up to
date. Otherwise the whole migration is one transaction under SQLite's write lock, or a lock of PostgreSQL that only we
take: of several processes one migrates, the others wait and find it done, and a step that fails leaves all as it was.
A database that a newer version wrote, or another program, is refused. There are no steps back: go back with a backup.

Who serves for weeks has it done in a process of its own, `python -m interlingua.stores.migrate`: what takes the steps
would stay in memory for as long.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from interlingua.errors import ConfigError, InterlinguaError
from interlingua.stores.failures import failure
from interlingua.stores.place import Place
from interlingua.stores.server import server_engine
from interlingua.types.secret import Secret

STEPS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
"""Every schema there has been, oldest first; the last is the present one."""
LOCK_WAIT = 60.0
"""Seconds to wait for a process that is migrating the same database."""
_LOCK = 0x696C0001
"""Our number among PostgreSQL's advisory locks."""


def prepare(path: Path, *, apart: bool = False) -> None:
    """Creates the file if it is missing and brings it to the present schema; blocks meanwhile.

    Args:
        path: of the file.
        apart: whether the steps, if any are missing, are taken by a process of their own.

    Raises:
        ConfigError: it belongs to a newer version or to another program, or a step failed.
        LocalFileError: the disk or the file fails.
    """
    place = Place(path)
    try:
        _create(path)
        _write_ahead(path)
    except (OSError, sqlite3.Error) as error:
        raise failure(error, place) from error
    engine = _engine(path)
    try:
        with engine.connect() as connection:
            up_to_date = _is_up_to_date(connection, place)
        if not up_to_date and apart:
            _migrate_apart(place)
        if not up_to_date:
            with engine.connect().execution_options(locked=True) as connection, connection.begin():
                _migrate(connection, place)
    except SQLAlchemyError as error:
        raise failure(error, place) from error
    finally:
        engine.dispose()


async def prepare_server(place: Place, *, apart: bool = False) -> None:
    """Brings a PostgreSQL database, which must be there, to the present schema.

    Args:
        place: its address.
        apart: as for `prepare`.

    Raises:
        ConfigError: it belongs to a newer version or to another program, or a step failed.
        LocalFileError: the server or the database cannot be used.
    """
    engine = server_engine(place, NullPool, seconds=None)
    try:
        async with engine.connect() as waiting:
            up_to_date = await waiting.run_sync(_is_up_to_date, place)
        if not up_to_date and apart:
            await asyncio.to_thread(_migrate_apart, place)
        if not up_to_date:
            async with engine.begin() as locked:
                await locked.execute(text(f"SET LOCAL lock_timeout = {int(LOCK_WAIT * 1000)}"))
                await locked.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
                await locked.run_sync(_migrate, place)
    except (SQLAlchemyError, OSError) as error:
        raise failure(error, place) from error
    finally:
        await engine.dispose()


def _create(path: Path) -> None:
    """An empty file that only its owner may read, in a folder that only its owner may enter."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _write_ahead(path: Path) -> None:
    """Sets the mode in which readers do not wait for the writer; a file that cannot be written keeps its own.

    SQLite does not wait for the lock that this change needs, so two processes that start at once must.
    """
    deadline = time.monotonic() + LOCK_WAIT
    connection = sqlite3.connect(path, timeout=LOCK_WAIT, isolation_level=None)
    try:
        while True:
            try:
                if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname.startswith("SQLITE_READONLY"):
                    return
                if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
    finally:
        connection.close()


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"timeout": LOCK_WAIT},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def connected(driver: sqlite3.Connection, record: object) -> None:
        driver.isolation_level = None  # the driver would commit before a CREATE TABLE

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        locked = connection.get_execution_options().get("locked", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if locked else "BEGIN")

    return engine


def _is_up_to_date(connection: Connection, place: Place) -> bool:
    return _revision(connection, place) == STEPS[-1]


def _revision(connection: Connection, place: Place) -> str | None:
    """Which schema the database has; None where it is empty."""
    another = "Set store.path to a file that does not exist yet."
    if not place.is_file:
        another = "Set store.url to a database that is empty, or to a schema of its own (?options=-csearch_path%3Dil)."
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        if tables:
            raise ConfigError(f"{place} is the database of another program", remedy=another)
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if len(found) != 1 or found[0] not in STEPS:
        raise ConfigError(
            f"{place} was written by a newer version of Interlingua (schema {', '.join(found) or 'unknown'}; "
            f"this one knows {STEPS[-1]})",
            remedy=f"Install that version again, or restore a backup from before. Otherwise: {another}",
        )
    return str(found[0])


def _migrate(connection: Connection, place: Place) -> None:
    """All steps that are missing; none where somebody else took them while we waited for the lock."""
    if _is_up_to_date(connection, place):
        return
    # Its steps are no news to who starts a gateway; what goes wrong is raised.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command  # 9 MB that a database which is up to date does not need
    from alembic.config import Config
    from alembic.util import CommandError

    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    try:
        command.upgrade(settings, STEPS[-1])
    except (CommandError, SQLAlchemyError) as error:
        cause = failure(error, place) if isinstance(error, SQLAlchemyError) else None
        if isinstance(cause, InterlinguaError) and cause.retryable:
            raise cause from error
        raise ConfigError(
            f"{place} could not be brought to the present schema, and was left as it was: {str(error).splitlines()[0]}",
            remedy="Go back to the version that wrote it, or set the store to another place; keep this one.",
        ) from error


def _migrate_apart(place: Place) -> None:
    """Has another process take the steps. It is not asked how that went: who called looks again, takes steps that are
    still missing, and learns what is wrong with them."""
    told = msgspec.json.encode(
        _Told(
            path=str(place.path) if place.is_file else None,
            url=None if place.url is None else place.url.reveal(),
            password=None if place.password is None else place.password.reveal(),
        )
    )
    # -P: nothing is imported from the folder that somebody happens to stand in.
    command = [sys.executable, "-P", "-m", "interlingua.stores.migrate"]
    with contextlib.suppress(OSError):
        subprocess.run(command, input=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


class _Told(msgspec.Struct):
    path: str | None
    url: str | None
    password: str | None


def main() -> None:
    """Brings the database that standard input names to the present schema."""
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=_Told)
    if told.path is not None:
        prepare(Path(told.path))
    elif told.url is not None:
        password = None if told.password is None else Secret(told.password)
        asyncio.run(prepare_server(Place(url=told.url, password=password)))


def migrations() -> Path:
    """The folder of the steps."""
    return Path(__file__).parent / "migrations"


if __name__ == "__main__":
    main()

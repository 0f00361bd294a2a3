"""One database for all that is kept in SQL: how to read, how to write, and what differs between the two kinds.

Rules: a transaction that writes takes SQLite's write lock when it begins, so that it waits its turn instead of
failing in the middle, and this process has one such at a time. On PostgreSQL writers meet at the rows that they
change, or at a lock that they name. A commit is on the disk. Nothing of SQLAlchemy or of a driver leaves here but as
an error of ours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Table, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from interlingua.errors import InvalidRequest
from interlingua.stores.failures import failure
from interlingua.stores.migrate import prepare, prepare_server
from interlingua.stores.place import Place
from interlingua.stores.server import server_engine

T = TypeVar("T")

LOCK_WAIT = 10.0
"""Seconds to wait for another process that writes."""
STATEMENT_WAIT = 60.0
"""Seconds to wait for a server to do what it is told."""


class Database:
    """Reads and writes. Belongs to the event loop that it was opened on.

    Args:
        place: where it is.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.engine = _file_engine(place) if place.is_file else _server_engine(place)
        self._writing = asyncio.Lock() if place.is_file else None

    async def open(self, *, apart: bool = False) -> None:
        """Brings it to the present schema; creates a file that is missing.

        Args:
            apart: as for `prepare`.

        Raises:
            ConfigError: it belongs to a newer version or to another program, or a migration failed.
            LocalFileError: the disk, the file or the server fails.
        """
        if self.place.is_file:
            await asyncio.to_thread(prepare, self.place.path, apart=apart)
        else:
            await prepare_server(self.place, apart=apart)

    async def aclose(self) -> None:
        """Closes it. May be called twice."""
        await self.engine.dispose()

    def insertion(self, table: Any, names: Sequence[str]) -> str:
        """SQL for the driver that takes tuples in that order and leaves rows alone that are there already."""
        dialect = self.engine.dialect
        return str(self.insert(table).on_conflict_do_nothing().compile(dialect=dialect, column_keys=list(names)))

    def insert(self, table: Any) -> Any:
        """An INSERT that knows ON CONFLICT."""
        if self.place.is_file:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # a file does not need it

        return postgresql.insert(table)

    async def lock(self, connection: AsyncConnection, name: str) -> None:
        """Lets nobody else who names the same lock write, until the transaction ends; SQLite has one writer anyway."""
        if not self.place.is_file:
            number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
            await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})

    async def alone(self, connection: AsyncConnection, table: Table) -> None:
        """Lets nobody else write a table until the transaction ends; SQLite has one writer anyway."""
        if not self.place.is_file:
            await connection.execute(text(f'LOCK TABLE "{table.name}" IN SHARE ROW EXCLUSIVE MODE'))

    async def written(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """What `work` gives, committed, or rolled back whole.

        A write runs to its end though its caller be cancelled: a connection that is given up between two statements
        would keep the file locked.
        """

        async def run() -> T:
            engine = self.engine.execution_options(locked=True)
            with self.failures():
                async with self._writing or nullcontext(), engine.begin() as connection:
                    return await work(connection)

        task = asyncio.ensure_future(run())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with."""
        with self.failures():
            async with self.engine.connect() as connection:
                yield connection

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Names what the database raises."""
        try:
            yield
        except (SQLAlchemyError, OSError, OverflowError, UnicodeError) as error:
            raise failure(error, self.place) from error


def storable(key: str, text: str, most: int) -> str:
    """A short text that both kinds of database can keep.

    Args:
        key: its name, for the error.
        text: itself.
        most: letters.

    Raises:
        InvalidRequest: it is too long, or holds what is no text.
    """
    if len(text) > most:
        raise InvalidRequest(f"{key}: at most {most} characters", path=key)
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidRequest(f"{key}: holds characters that are no text", path=key)
    return text


def _file_engine(place: Place) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(place.path)),
        connect_args={"timeout": LOCK_WAIT},
        pool_size=2,  # each connection is a thread: one writes, one reads
        max_overflow=2,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connected(driver: Any, record: object) -> None:
        driver.isolation_level = None  # transactions begin where `begun` says
        cursor = driver.cursor()
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        locked = connection.get_execution_options().get("locked", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if locked else "BEGIN")

    return engine


def _server_engine(place: Place) -> AsyncEngine:
    return server_engine(
        place, seconds=STATEMENT_WAIT, pool_size=5, max_overflow=5, pool_pre_ping=True, pool_timeout=LOCK_WAIT
    )

"""The ledger and the virtual keys in an SQLite file. Importing this imports SQLAlchemy: see `opening.py`.

Rules: a transaction that writes takes SQLite's write lock when it begins, so that it waits its turn instead of
failing in the middle, and this process has one such at a time. A commit is on the disk. Nothing of SQLAlchemy or of
the driver leaves here but as an error of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import URL, Connection, and_, event, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from interlingua.errors import Conflict, InvalidRequest, NotFound
from interlingua.ports.store import KeyRow, LedgerPage, LedgerRow
from interlingua.stores.failures import failure
from interlingua.stores.migrate import prepare
from interlingua.stores.rows import call_values, earlier_values, ledger_row
from interlingua.stores.schema import attempts, calls, meta, virtual_keys

T = TypeVar("T")

LOCK_WAIT = 10.0
"""Seconds to wait for another process that writes."""
MOST_ROWS = 1000
"""Most rows of a page."""
_CALL_COLUMNS = [column for column in calls.c if column.name != "id"]
_ATTEMPT_COLUMNS = [column for column in attempts.c if column.name not in {"request_id", "tenant", "number"}]
_KEYS_VERSION = "keys_version"


def _insertion(table: Any, names: list[str]) -> str:
    """SQL that takes tuples in that order and leaves rows alone that are there already."""
    statement = sqlite.insert(table).on_conflict_do_nothing()
    return str(statement.compile(dialect=sqlite.dialect(), column_keys=names))


_INSERT_CALL = _insertion(calls, [column.name for column in _CALL_COLUMNS])
_INSERT_ATTEMPT = _insertion(attempts, [column.name for column in attempts.c])


class SqlStore:
    """Keeps the ledger and the virtual keys. Belongs to the event loop that it was opened on.

    Args:
        path: the database's file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _engine(path)
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Creates the file if it is missing and brings it to the present schema.

        Raises:
            ConfigError: it belongs to a newer version or to another program, or a migration failed.
            LocalFileError: the disk or the file fails.
        """
        await asyncio.to_thread(prepare, self.path)

    async def aclose(self) -> None:
        """Closes the file. May be called twice."""
        await self._engine.dispose()

    async def write(self, rows: Sequence[LedgerRow]) -> None:
        """Commits all rows or none; rows that are there already are left as they are."""
        values = [call_values(row) for row in rows]
        earlier = [each for row in rows if len(row.attempts) > 1 for each in earlier_values(row)]

        async def insert(connection: AsyncConnection) -> None:
            await connection.exec_driver_sql(_INSERT_CALL, values)
            if earlier:
                await connection.exec_driver_sql(_INSERT_ATTEMPT, earlier)

        await self._written(insert)

    async def read(self, tenant: str | None, request_id: str) -> LedgerRow | None:
        """One call, or None: no such id, or another tenant's."""
        query = select(*_CALL_COLUMNS).where(calls.c.request_id == request_id)
        if tenant is not None:
            query = query.where(calls.c.tenant == tenant)
        async with self._transaction() as connection:
            found = (await connection.execute(query.limit(1))).all()
            rows = await _with_earlier(connection, found)
        return rows[0] if rows else None

    async def page(self, tenant: str | None, *, after: str | None = None, limit: int = 50) -> LedgerPage:
        """Calls in the order of their being written, newest first."""
        if not 1 <= limit <= MOST_ROWS:
            raise InvalidRequest(f"limit must be 1 to {MOST_ROWS}", path="limit")
        query = select(calls.c.id, *_CALL_COLUMNS).order_by(calls.c.id.desc()).limit(limit + 1)
        if tenant is not None:
            query = query.where(calls.c.tenant == tenant)
        if after is not None:
            query = query.where(calls.c.id < _cursor(after))
        async with self._transaction() as connection:
            found = (await connection.execute(query)).all()
            rows = await _with_earlier(connection, [row[1:] for row in found[:limit]])
        return LedgerPage(tuple(rows), str(found[limit - 1][0]) if len(found) > limit else None)

    async def keys(self, *, revoked: bool = False) -> tuple[KeyRow, ...]:
        """All keys by name, those that were revoked only if asked for."""
        query = select(virtual_keys).order_by(virtual_keys.c.name, virtual_keys.c.created)
        if not revoked:
            query = query.where(virtual_keys.c.revoked.is_(None))
        async with self._transaction() as connection:
            return tuple(_key_row(row._asdict()) for row in await connection.execute(query))

    async def keys_version(self) -> int:
        """A number that is another one after every change of any key, by whatever process."""
        async with self._transaction() as connection:
            found = await connection.execute(select(meta.c.value).where(meta.c.name == _KEYS_VERSION))
            return int(found.scalar_one())

    async def add_key(self, row: KeyRow) -> None:
        """Writes a new key."""
        await self._written(lambda connection: _add_key(connection, row))

    async def revoke_key(self, name: str, when: int) -> KeyRow:
        """Ends a key; what it was."""
        return await self._written(lambda connection: _revoke_key(connection, name, when))

    async def rotate_key(self, name: str, digest: str, tail: str, when: int) -> KeyRow:
        """Revokes a key and writes its successor of the same name and limits; the successor."""

        async def exchange(connection: AsyncConnection) -> KeyRow:
            before = await _revoke_key(connection, name, when)
            row = msgspec.structs.replace(before, digest=digest, tail=tail, created=when, revoked=None)
            await _add_key(connection, row)
            return row

        return await self._written(exchange)

    async def _written(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """What `work` gives, committed, or rolled back whole.

        A write runs to its end though its caller be cancelled: a connection that is given up between two statements
        would keep the file locked.
        """

        async def run() -> T:
            engine = self._engine.execution_options(locked=True)
            with self._failures():
                async with self._writing, engine.begin() as connection:
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
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with."""
        with self._failures():
            async with self._engine.connect() as connection:
                yield connection

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Names what the database raises."""
        try:
            yield
        except (SQLAlchemyError, OverflowError, UnicodeError) as error:
            raise failure(error, self.path) from error


def _engine(path: Path) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
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


async def _with_earlier(connection: AsyncConnection, found: Sequence[Sequence[Any]]) -> list[LedgerRow]:
    """Calls with the attempts that stand in the other table."""
    several = [row[0] for row in found if row[13] > 1]
    earlier: dict[tuple[str, str], list[Sequence[Any]]] = {}
    if several:
        query = (
            select(attempts.c.request_id, attempts.c.tenant, *_ATTEMPT_COLUMNS)
            .where(attempts.c.request_id.in_(several))
            .order_by(attempts.c.number)
        )
        for row in await connection.execute(query):
            earlier.setdefault((row[0], row[1]), []).append(row[2:])
    return [ledger_row(row, earlier.get((row[0], row[1]), ())) for row in found]


async def _add_key(connection: AsyncConnection, row: KeyRow) -> None:
    values = msgspec.structs.asdict(row) | {"models": msgspec.json.encode(row.models).decode()}
    try:
        await connection.execute(insert(virtual_keys).values(values))
    except IntegrityError as error:
        raise Conflict(
            f"there is a key named {row.name!r} already",
            remedy="Choose another name, or rotate or revoke that key.",
        ) from error
    await _count_change(connection)


async def _revoke_key(connection: AsyncConnection, name: str, when: int) -> KeyRow:
    named = and_(virtual_keys.c.name == name, virtual_keys.c.revoked.is_(None))
    found = (await connection.execute(select(virtual_keys).where(named))).one_or_none()
    if found is None:
        raise NotFound(f"there is no key named {name!r}", what="virtual key", remedy="List them with `il keys list`.")
    await connection.execute(update(virtual_keys).where(named).values(revoked=when))
    await _count_change(connection)
    return _key_row(found._asdict() | {"revoked": when})


async def _count_change(connection: AsyncConnection) -> None:
    await connection.execute(update(meta).where(meta.c.name == _KEYS_VERSION).values(value=meta.c.value + 1))


def _key_row(values: dict[str, Any]) -> KeyRow:
    return KeyRow(**values | {"models": tuple(msgspec.json.decode(values["models"]))})


def _cursor(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        raise InvalidRequest("the cursor is not one that we gave", path="after", remedy="Begin with the first page.")
    return int(text)

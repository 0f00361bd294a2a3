"""The ledger and the virtual keys in SQL, and the way to all else that is kept there. Importing this imports
SQLAlchemy: see `opening.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import and_, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.errors import Conflict, InvalidRequest, NotFound
from interlingua.ports.budgets import BudgetCharge
from interlingua.ports.store import KeyRow, LedgerPage, LedgerRow
from interlingua.stores.batches import SqlBatches
from interlingua.stores.benchmarks import SqlBenchmarks
from interlingua.stores.budgets import SqlBudgets
from interlingua.stores.contents import SqlContents
from interlingua.stores.conversations import SqlConversations
from interlingua.stores.database import Database
from interlingua.stores.overlay import SqlOverlay
from interlingua.stores.pages import after_number, checked_limit
from interlingua.stores.place import Place
from interlingua.stores.repricing import SqlRepricing
from interlingua.stores.responses import SqlResponses
from interlingua.stores.rollups import SqlRollups
from interlingua.stores.rows import call_values, earlier_values, ledger_row
from interlingua.stores.schema import attempts, calls, meta, virtual_keys

_CALL_COLUMNS = [column for column in calls.c if column.name != "id"]
_ATTEMPT_COLUMNS = [column for column in attempts.c if column.name not in {"request_id", "tenant", "number"}]
_KEYS_VERSION = "keys_version"
_Also = Callable[[AsyncConnection], Awaitable[None]]


class SqlStore:
    """Keeps the ledger and the virtual keys. Belongs to the event loop that it was opened on.

    Args:
        place: an SQLite file, or where a PostgreSQL database is.
        responses: seconds that answers are kept which clients may continue.

    Attributes:
        database: what all of it is kept in.
        conversations, overlay, responses, rollups, budgets, repricing, batches, contents, benchmarks: what else is
            kept.
    """

    def __init__(self, place: Place | Path, *, responses: float = 0.0) -> None:
        self.database = Database(place if isinstance(place, Place) else Place(place))
        self.conversations = SqlConversations(self.database)
        self.overlay = SqlOverlay(self.database)
        self.responses = SqlResponses(self.database, responses)
        self.rollups = SqlRollups(self.database)
        self.budgets = SqlBudgets(self.database)
        self.repricing = SqlRepricing(self.database)
        self.batches = SqlBatches(self.database)
        self.contents = SqlContents(self.database)
        self.benchmarks = SqlBenchmarks(self.database)
        self._insert_call = self.database.insertion(calls, [column.name for column in _CALL_COLUMNS])
        self._insert_attempt = self.database.insertion(attempts, [column.name for column in attempts.c])

    async def open(self, *, apart: bool = False) -> None:
        """Brings it to the present schema; creates a file that is missing.

        Args:
            apart: whether that is done by a process of its own.

        Raises:
            ConfigError: it belongs to a newer version or to another program, or a migration failed.
            LocalFileError: the disk, the file or the server fails.
        """
        await self.database.open(apart=apart)

    async def aclose(self) -> None:
        """Closes it. May be called twice."""
        await self.database.aclose()

    async def write(
        self, rows: Sequence[LedgerRow], charges: Sequence[BudgetCharge] = (), also: _Also | None = None
    ) -> None:
        """Commits all rows or none, with what they take from budgets; rows that are there already are left.

        Args:
            rows: of calls that are over.
            charges: what they take.
            also: what else is to be in the same transaction.
        """
        values = [call_values(row) for row in rows]
        earlier = [each for row in rows if len(row.attempts) > 1 for each in earlier_values(row)]
        try:
            await self._write(values, earlier, charges, also)
        except InvalidRequest:
            if self.database.place.is_file:
                raise
            # PostgreSQL keeps no NUL, and a client that sends one shall not be missing in the ledger for it.
            texts = [_without_nul(each) for each in values]
            await self._write(texts, [_without_nul(each) for each in earlier], charges, also)

    async def _write(
        self,
        values: list[tuple[Any, ...]],
        earlier: list[tuple[Any, ...]],
        charges: Sequence[BudgetCharge],
        also: _Also | None,
    ) -> None:
        async def insert(connection: AsyncConnection) -> None:
            if charges:
                await self.budgets.settle(connection, charges)
            await connection.exec_driver_sql(self._insert_call, values)
            if earlier:
                await connection.exec_driver_sql(self._insert_attempt, earlier)
            if also is not None:
                await also(connection)

        await self.database.written(insert)

    async def read(self, tenant: str | None, request_id: str) -> LedgerRow | None:
        """One call, or None: no such id, or another tenant's."""
        query = select(*_CALL_COLUMNS).where(calls.c.request_id == request_id)
        if tenant is not None:
            query = query.where(calls.c.tenant == tenant)
        async with self.database.reading() as connection:
            found = (await connection.execute(query.limit(1))).all()
            rows = await _with_earlier(connection, found)
        return rows[0] if rows else None

    async def page(self, tenant: str | None, *, after: str | None = None, limit: int = 50) -> LedgerPage:
        """Calls in the order of their being written, newest first."""
        checked_limit(limit)
        query = select(calls.c.id, *_CALL_COLUMNS).order_by(calls.c.id.desc()).limit(limit + 1)
        if tenant is not None:
            query = query.where(calls.c.tenant == tenant)
        if after is not None:
            query = query.where(calls.c.id < after_number(after))
        async with self.database.reading() as connection:
            found = (await connection.execute(query)).all()
            rows = await _with_earlier(connection, [row[1:] for row in found[:limit]])
        return LedgerPage(tuple(rows), str(found[limit - 1][0]) if len(found) > limit else None)

    async def keys(self, *, revoked: bool = False) -> tuple[KeyRow, ...]:
        """All keys by name, those that were revoked only if asked for."""
        query = select(virtual_keys).order_by(virtual_keys.c.name, virtual_keys.c.created)
        if not revoked:
            query = query.where(virtual_keys.c.revoked.is_(None))
        async with self.database.reading() as connection:
            return tuple(_key_row(row._asdict()) for row in await connection.execute(query))

    async def keys_version(self) -> int:
        """A number that is another one after every change of any key, by whatever process."""
        async with self.database.reading() as connection:
            found = await connection.execute(select(meta.c.value).where(meta.c.name == _KEYS_VERSION))
            return int(found.scalar_one())

    async def add_key(self, row: KeyRow) -> None:
        """Writes a new key."""
        await self.database.written(lambda connection: _add_key(connection, row))

    async def revoke_key(self, name: str, when: int) -> KeyRow:
        """Ends a key; what it was."""
        return await self.database.written(lambda connection: _revoke_key(connection, name, when))

    async def rotate_key(self, name: str, digest: str, tail: str, when: int) -> KeyRow:
        """Revokes a key and writes its successor of the same name and limits; the successor."""

        async def exchange(connection: AsyncConnection) -> KeyRow:
            before = await _revoke_key(connection, name, when)
            row = msgspec.structs.replace(before, digest=digest, tail=tail, created=when, revoked=None)
            await _add_key(connection, row)
            return row

        return await self.database.written(exchange)


async def _with_earlier(connection: AsyncConnection, found: Sequence[Sequence[Any]]) -> list[LedgerRow]:
    """Calls with the attempts that stand in the other table."""
    several = [row[0] for row in found if row[14] > 1]
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
    found = (await connection.execute(select(virtual_keys).where(named).with_for_update())).one_or_none()
    if found is None:
        raise NotFound(f"there is no key named {name!r}", what="virtual key", remedy="List them with `il keys list`.")
    await connection.execute(update(virtual_keys).where(named).values(revoked=when))
    await _count_change(connection)
    return _key_row(found._asdict() | {"revoked": when})


async def _count_change(connection: AsyncConnection) -> None:
    await connection.execute(update(meta).where(meta.c.name == _KEYS_VERSION).values(value=meta.c.value + 1))


def _key_row(values: dict[str, Any]) -> KeyRow:
    return KeyRow(**values | {"models": tuple(msgspec.json.decode(values["models"]))})


def _without_nul(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in values)

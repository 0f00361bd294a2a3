"""What was asked and answered, of calls whose content may be kept, in SQL. Every row has its tenant in its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.ports.contents import ContentRow
from interlingua.stores.database import Database
from interlingua.stores.schema import call_contents

SLICE = 1000
"""Rows that one transaction deletes: others write in between."""
_c = call_contents.c


class SqlContents:
    """Keeps contents.

    Args:
        database: where.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, rows: Sequence[ContentRow]) -> None:
        """Writes contents; one that is there already stays."""
        values = [dict(zip(_c.keys(), (*_key(row), row.created, row.size, row.content), strict=True)) for row in rows]
        statement = self._database.insert(call_contents).on_conflict_do_nothing()

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement, values)

        if values:
            await self._database.written(work)

    async def read(self, tenant: str | None, request_id: str) -> ContentRow | None:
        """One, or None: nothing was kept, or it is another tenant's."""
        query = select(*_c).where(*_one(tenant, request_id)).limit(1)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else ContentRow(row.tenant, row.request_id, row.created, row.bytes, row.content)

    async def forget(self, tenant: str | None, request_id: str) -> bool:
        """Deletes one; whether it was there."""

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(call_contents).where(*_one(tenant, request_id)))).rowcount

        return bool(await self._database.written(work))

    async def trim(self, most: int) -> int:
        """Deletes the oldest until all together take a tenth less than so many bytes; nothing where they take less."""
        async with self._database.reading() as connection:
            whole = (await connection.execute(select(func.coalesce(func.sum(_c.bytes), 0)))).scalar_one()
            if whole <= most:
                return 0
            goal, before = int(whole) - most * 9 // 10, 0
            ages = select(_c.created, _c.bytes).order_by(_c.created)
            async for created, size in await connection.stream(ages):
                goal -= size
                before = created + 1
                if goal <= 0:
                    break
        return await self.prune(before)

    async def prune(self, before: int) -> int:
        """Deletes those of all tenants from before a time; how many."""
        oldest = select(_c.tenant, _c.request_id).where(_c.created < before).limit(SLICE)
        async with self._database.reading() as connection:
            if (await connection.execute(oldest.limit(1))).first() is None:
                return 0  # as nearly always: then nobody is kept from writing
        done = 0
        while True:

            async def work(connection: AsyncConnection) -> int:
                gone = delete(call_contents).where(tuple_(_c.tenant, _c.request_id).in_(oldest))
                return (await connection.execute(gone)).rowcount

            deleted = await self._database.written(work)
            done += deleted
            if not deleted:
                return done


def _key(row: ContentRow) -> tuple[str, str]:
    return row.tenant, row.request_id


def _one(tenant: str | None, request_id: str) -> list[Any]:
    mine = [] if tenant is None else [_c.tenant == tenant]
    return [*mine, _c.request_id == request_id]

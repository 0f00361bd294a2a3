"""Answers of batches on their way to their file, in SQL.

An answer is kept in the transaction that writes its call's row, and forgotten when it is in its file: whenever the
process is killed, what is in the ledger comes to the file, once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import ColumnElement, and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.stores.database import Database
from interlingua.stores.schema import batch_answers

KEPT_MICROSECONDS = 30 * 24 * 3_600 * 10**6
"""After so long nobody goes on with a batch."""


class SqlBatches:
    """Keeps answers.

    Args:
        database: where the ledger is too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answers(self, tenant: str, batch: str) -> dict[str, bytes]:
        """The lines that are not known to be in a batch's file, by their names."""
        query = select(batch_answers.c.name, batch_answers.c.line).where(_of(tenant, batch))
        async with self._database.reading() as connection:
            return {name: bytes(line) for name, line in await connection.execute(query)}

    def keeping(
        self, tenant: str, batch: str, name: str, line: bytes, written: Sequence[str] = ()
    ) -> Callable[[AsyncConnection], Awaitable[None]]:
        """What keeps an answer within a transaction.

        Args:
            tenant, batch: whose it is.
            name: of the request.
            line: of the results.
            written: names of those before it that are in the file by now.
        """

        async def keep(connection: AsyncConnection) -> None:
            await _forget(connection, tenant, batch, (*written, name))
            values = {"tenant": tenant, "batch": batch, "name": name, "line": line}
            await connection.execute(insert(batch_answers).values(values | {"written": time.time_ns() // 1000}))

        return keep

    async def forget(self, tenant: str, batch: str, names: Sequence[str]) -> None:
        """Forgets answers that are in their file."""
        if names:
            await self._database.written(lambda connection: _forget(connection, tenant, batch, names))

    async def prune(self, now: int) -> None:
        """Forgets those of batches with which nobody went on; `now` is in microseconds since 1970."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(batch_answers).where(batch_answers.c.written < now - KEPT_MICROSECONDS))

        await self._database.written(work)


async def _forget(connection: AsyncConnection, tenant: str, batch: str, names: Sequence[str]) -> None:
    await connection.execute(delete(batch_answers).where(_of(tenant, batch), batch_answers.c.name.in_(names)))


def _of(tenant: str, batch: str) -> ColumnElement[bool]:
    return and_(batch_answers.c.tenant == tenant, batch_answers.c.batch == batch)

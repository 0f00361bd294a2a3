"""Answers that clients continue by their id, in SQL: a `Memory` that outlives the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.stores.database import Database
from interlingua.stores.schema import stored_responses

_c = stored_responses.c


class SqlResponses:
    """Remembers in the store.

    Args:
        database: where.
        least: seconds that each entry is kept at least, whatever less is asked for.
        now: microseconds since 1970.
    """

    def __init__(
        self, database: Database, least: float = 0.0, now: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        self._database = database
        self._least = least
        self._now = now

    async def get(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """What is remembered under those keys that are known."""
        query = select(_c.name, _c.value).where(_c.tenant == tenant, _c.name.in_(_known(keys)), _c.until > self._now())
        async with self._database.reading() as connection:
            return {name: bytes(value) for name, value in await connection.execute(query)}

    async def put(self, tenant: str, entries: Mapping[str, bytes], seconds: float) -> None:
        """Remembers entries for so many seconds; an entry of the same key is replaced."""
        until = self._now() + int(max(seconds, self._least) * 1e6)
        rows = [{"tenant": tenant, "name": name, "value": value, "until": until} for name, value in entries.items()]
        insertion = self._database.insert(stored_responses)
        statement = insertion.on_conflict_do_update(
            index_elements=[_c.tenant, _c.name],
            set_={"value": insertion.excluded.value, "until": insertion.excluded.until},
        )

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement, rows)

        if rows:
            await self._database.written(work)

    async def forget(self, tenant: str, keys: Sequence[str]) -> int:
        """Forgets entries; how many there were."""

        async def work(connection: AsyncConnection) -> int:
            gone = delete(stored_responses).where(_c.tenant == tenant, _c.name.in_(_known(keys)))
            return (await connection.execute(gone)).rowcount

        return await self._database.written(work)

    async def prune(self, before: int) -> int:
        """Deletes entries of all tenants whose time was over before a time; how many."""
        oldest = select(_c.tenant, _c.name).where(_c.until < before).limit(1000)
        done = 0
        while True:

            async def work(connection: AsyncConnection) -> int:
                gone = delete(stored_responses).where(tuple_(_c.tenant, _c.name).in_(oldest))
                return (await connection.execute(gone)).rowcount

            deleted = await self._database.written(work)
            done += deleted
            if not deleted:
                return done


def _known(keys: Sequence[str]) -> list[str]:
    """Keys that can be there at all; they hold what clients send."""
    return [key for key in keys if "\0" not in key and not any("\ud800" <= letter <= "\udfff" for letter in key)]

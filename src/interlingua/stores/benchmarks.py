"""Measurements of models in SQL, by tenant."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.ports.benchmarks import Benchmark
from interlingua.stores.database import Database
from interlingua.stores.schema import benchmarks

_c = benchmarks.c
RUNNING, STOPPING = "running", "stopping"


class SqlBenchmarks:
    """Keeps measurements.

    Args:
        database: where.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, tenant: str, benchmark: Benchmark) -> str:
        """Writes one, or what it is now; the state that it is in."""
        value = msgspec.json.encode(benchmark.value).decode()
        key = (_c.tenant == tenant, _c.id == benchmark.id)

        async def work(connection: AsyncConnection) -> str:
            before = (await connection.execute(select(_c.state).where(*key))).scalar_one_or_none()
            state = STOPPING if before == STOPPING and benchmark.state == RUNNING else benchmark.state
            row = {"started": benchmark.started, "state": state, "value": value}
            if before is None:
                inserted = self._database.insert(benchmarks).values(tenant=tenant, id=benchmark.id, **row)
                await connection.execute(inserted)
            else:
                await connection.execute(update(benchmarks).where(*key).values(row))
            return state

        return await self._database.written(work)

    async def read(self, tenant: str, id: str) -> Benchmark | None:
        """One, or None."""
        query = select(_c.id, _c.started, _c.state, _c.value).where(_c.tenant == tenant, _c.id == id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _benchmark(*row)

    async def list(self, tenant: str, limit: int = 50) -> tuple[Benchmark, ...]:
        """Newest first."""
        query = select(_c.id, _c.started, _c.state, _c.value).where(_c.tenant == tenant)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(_c.started.desc(), _c.id).limit(limit))
            return tuple(_benchmark(*row) for row in rows)

    async def stop(self, tenant: str, id: str) -> bool:
        """Says to one that runs that it is to stop; whether there is such."""
        running = (_c.tenant == tenant, _c.id == id, _c.state.in_((RUNNING, STOPPING)))

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(update(benchmarks).where(*running).values(state=STOPPING))).rowcount

        return bool(await self._database.written(work))

    async def delete(self, tenant: str, id: str) -> bool:
        """Deletes one; whether it was there."""

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(benchmarks).where(_c.tenant == tenant, _c.id == id))).rowcount

        return bool(await self._database.written(work))


def _benchmark(id: str, started: int, state: str, value: str) -> Benchmark:
    return Benchmark(id=id, started=started, state=state, value=msgspec.json.decode(value))

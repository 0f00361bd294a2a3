"""Costs that are written anew, in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.ports.budgets import Repricing
from interlingua.stores.database import Database
from interlingua.stores.schema import attempts, budgets, calls


class SqlRepricing:
    """Writes costs anew.

    Args:
        database: where the ledger is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reprice(self, changes: Sequence[Repricing]) -> int:
        """Writes other costs, all or none, where the old ones still stand; how many. Budgets change with them."""

        async def work(connection: AsyncConnection) -> int:
            done, differences = 0, Counter[tuple[str, str, str]]()
            for change in changes:
                if await _reprice(connection, change):
                    done += 1
                    for budget in _budgets(change):
                        differences[budget] += (change.cost or 0) - (change.before or 0)
            # In one order, as whoever settles calls does it, so that no two wait for each other.
            for kind, name, period in sorted(differences):
                which = and_(budgets.c.kind == kind, budgets.c.name == name, budgets.c.period == period)
                spent = budgets.c.spent + differences[kind, name, period]
                await connection.execute(update(budgets).where(which).values(spent=spent))
            return done

        return await self._database.written(work)


async def _reprice(connection: AsyncConnection, change: Repricing) -> int:
    table: Any = calls if change.number is None else attempts
    where = [table.c.request_id == change.request_id, table.c.tenant == change.tenant]
    where.append(table.c.cost.is_(None) if change.before is None else table.c.cost == change.before)
    if change.number is not None:
        where.append(table.c.number == change.number)
    values = {"cost": change.cost, "price_source": change.price_source, "price_since": change.price_since}
    return (await connection.execute(update(table).where(*where).values(values))).rowcount


def _budgets(change: Repricing) -> Iterator[tuple[str, str, str]]:
    """Every budget that the call may have fallen under."""
    day = datetime.fromtimestamp(change.started / 1e6, UTC)
    for kind, name in (("global", ""), ("key", change.key), ("tenant", change.tenant)):
        for period in (f"{day:%Y-%m-%d}", f"{day:%Y-%m}", "total"):
            yield kind, name, period

"""What is left of budgets, in SQL: spent, and held by workers.

Rules: whoever changes a budget's period locks its row first (SQLite locks the whole file), and several in one order,
so that no two wait for each other. A lease counts for an hour after its worker was last heard of; its row stays after
that, so that what is settled late finds it. A period's row begins with what the ledger holds of it: a budget that is
set in the middle of a month knows what the month has cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.ports.budgets import BudgetCharge, BudgetPeriod, BudgetState, LeaseWish
from interlingua.stores.database import Database
from interlingua.stores.rollups import HOUR
from interlingua.stores.schema import attempts, budget_leases, budgets, calls, usage_hours

LEASE_MICROSECONDS = 3_600 * 10**6
_FORGOTTEN = 7 * 24 * 3_600 * 10**6
"""Leases of workers that were not heard of for so long are deleted."""
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_MOST_IDS = 1_000
"""Ids in one question."""


class SqlBudgets:
    """Keeps budgets.

    Args:
        database: where the ledger is too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, wish: LeaseWish) -> BudgetState:
        """Gives a worker more of a budget, durably: what it would like, else the least, else it refuses."""

        async def work(connection: AsyncConnection) -> BudgetState:
            row = await _locked(connection, wish.budget)
            held, others = await _leases(connection, wish)
            room = wish.limit - row.spent - row.estimated - others
            for more in (wish.wanted, wish.least):
                if max(0, held + more) <= room:
                    await _hold(connection, wish, held + more)
                    return _state(wish.budget, row, others + max(0, held + more), more)
            return _state(wish.budget, row, others + max(0, held), -1)

        return await self._database.written(work)

    async def settle(self, connection: AsyncConnection, charges: Sequence[BudgetCharge]) -> None:
        """Moves what calls cost from leases to what is spent; before their rows are written, in their transaction.

        Charges of rows that are there already were taken with them.

        Args:
            connection: of the transaction.
            charges: of calls that are over.
        """
        there: set[str] = set()
        ids = sorted({charge.request_id for charge in charges})
        for start in range(0, len(ids), _MOST_IDS):
            query = select(calls.c.request_id).where(calls.c.request_id.in_(ids[start : start + _MOST_IDS]))
            there.update((await connection.execute(query)).scalars())
        await _take(connection, [charge for charge in charges if charge.request_id not in there])

    async def keep_leases(self, worker: str, now: int) -> None:
        """Tells that a worker lives; its leases count for another hour."""

        async def work(connection: AsyncConnection) -> None:
            mine = budget_leases.c.worker == worker
            await connection.execute(update(budget_leases).where(mine).values(renewed=now))
            await connection.execute(delete(budget_leases).where(budget_leases.c.renewed < now - _FORGOTTEN))

        await self._database.written(work)

    async def give_back(self, worker: str, leftovers: Sequence[BudgetCharge]) -> None:
        """Ends leases; what was spent in calls without a row counts as estimated."""

        async def work(connection: AsyncConnection) -> None:
            for charge in sorted(leftovers, key=lambda one: one.budget):
                row = await _locked(connection, charge.budget)
                if charge.estimate:
                    spent = {"estimated": row.estimated + charge.estimate}
                    await connection.execute(update(budgets).where(_is(budgets, charge.budget)).values(spent))
                mine = and_(_is(budget_leases, charge.budget), budget_leases.c.worker == worker)
                await connection.execute(delete(budget_leases).where(mine))

        await self._database.written(work)

    async def states(self, wanted: Sequence[BudgetPeriod], now: int) -> tuple[BudgetState, ...]:
        """How budgets stand; one of which nothing is known yet stands as the ledger says."""
        found = []
        async with self._database.reading() as connection:
            for budget in wanted:
                row = (await connection.execute(select(budgets).where(_is(budgets, budget)))).one_or_none()
                if row is None:
                    found.append(BudgetState(budget=budget, spent=await _ledger_cost(connection, budget)))
                    continue
                leased = await connection.execute(select(_live_sum(now)).where(_is(budget_leases, budget)))
                found.append(_state(budget, row, int(leased.scalar_one() or 0), 0))
        return tuple(found)


async def _locked(connection: AsyncConnection, budget: BudgetPeriod) -> Row[Any]:
    """A period's row, made if it is missing; nobody else changes it until the transaction ends."""
    query = select(budgets).where(_is(budgets, budget)).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        spent = await _ledger_cost(connection, budget)
        values = {"kind": budget.kind, "name": budget.name, "period": budget.period, "spent": spent}
        zeros = dict.fromkeys(("estimated", "calls", "unpriced", "tokens"), 0)
        insert = _INSERT[connection.dialect.name](budgets).values(values | zeros).on_conflict_do_nothing()
        await connection.execute(insert)
        row = (await connection.execute(query)).one()
    return row


async def _leases(connection: AsyncConnection, wish: LeaseWish) -> tuple[int, int]:
    """What the worker holds by its own row, dead or alive, and what all others hold whose leases count."""
    mine = and_(_is(budget_leases, wish.budget), budget_leases.c.worker == wish.worker)
    held = (await connection.execute(select(budget_leases.c.amount).where(mine))).scalar_one_or_none()
    others = and_(_is(budget_leases, wish.budget), budget_leases.c.worker != wish.worker)
    found = await connection.execute(select(_live_sum(wish.now)).where(others))
    return wish.held if held is None else held, int(found.scalar_one() or 0)


def _live_sum(now: int) -> ColumnElement[int]:
    """What leases hold that count; one that was overdrawn holds nothing, for what it lacks is spent already."""
    counts = and_(budget_leases.c.renewed > now - LEASE_MICROSECONDS, budget_leases.c.amount > 0)
    return func.sum(case((counts, budget_leases.c.amount), else_=0))


async def _hold(connection: AsyncConnection, wish: LeaseWish, amount: int) -> None:
    budget = wish.budget
    values = {"kind": budget.kind, "name": budget.name, "period": budget.period, "worker": wish.worker}
    now = {"amount": amount, "renewed": wish.now}
    insert = _INSERT[connection.dialect.name](budget_leases).values(values | now)
    key = [budget_leases.c.kind, budget_leases.c.name, budget_leases.c.period, budget_leases.c.worker]
    await connection.execute(insert.on_conflict_do_update(index_elements=key, set_=now))


async def _take(connection: AsyncConnection, charges: Sequence[BudgetCharge]) -> None:
    together: dict[tuple[BudgetPeriod, str], list[BudgetCharge]] = {}
    for charge in charges:
        together.setdefault((charge.budget, charge.worker), []).append(charge)
    for budget, worker in sorted(together):
        each = together[budget, worker]
        cost, estimate = sum(one.cost for one in each), sum(one.estimate for one in each)
        row = await _locked(connection, budget)
        values = {
            "spent": row.spent + cost,
            "estimated": row.estimated + estimate,
            "calls": row.calls + len(each),
            "unpriced": row.unpriced + sum(one.unpriced for one in each),
            "tokens": row.tokens + sum(one.tokens for one in each),
        }
        await connection.execute(update(budgets).where(_is(budgets, budget)).values(values))
        mine = and_(_is(budget_leases, budget), budget_leases.c.worker == worker)
        left = budget_leases.c.amount - (cost + estimate)
        await connection.execute(update(budget_leases).where(mine).values(amount=left))


async def _ledger_cost(connection: AsyncConnection, budget: BudgetPeriod) -> int:
    """What the ledger knows a period to have cost, in rows that are there and in those that were added up."""
    live: list[ColumnElement[bool]] = [calls.c.started >= budget.since]
    kept: list[ColumnElement[bool]] = [usage_hours.c.hour >= budget.since // HOUR]
    column = {"key": "key_name", "tenant": "tenant"}.get(budget.kind)
    if column is not None:
        live.append(calls.c[column] == budget.name)
        kept.append(usage_hours.c[column] == budget.name)
    same = and_(attempts.c.request_id == calls.c.request_id, attempts.c.tenant == calls.c.tenant)
    earlier = (
        select(func.sum(attempts.c.cost)).select_from(calls.join(attempts, same)).where(calls.c.attempts > 1, *live)
    )
    sums = (select(func.sum(calls.c.cost)).where(*live), earlier, select(func.sum(usage_hours.c.cost)).where(*kept))
    return sum([int((await connection.execute(query)).scalar_one() or 0) for query in sums])


def _is(table: Any, budget: BudgetPeriod) -> ColumnElement[bool]:
    return and_(table.c.kind == budget.kind, table.c.name == budget.name, table.c.period == budget.period)


def _state(budget: BudgetPeriod, row: Row[Any], leased: int, granted: int) -> BudgetState:
    return BudgetState(
        budget=budget,
        spent=row.spent,
        estimated=row.estimated,
        leased=leased,
        calls=row.calls,
        unpriced=row.unpriced,
        tokens=row.tokens,
        granted=granted,
    )

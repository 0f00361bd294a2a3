"""Costs that are written anew, on both kinds of database, and budgets with them."""

from __future__ import annotations

from msgspec.structs import replace

from interlingua.engine.budgets import period_of
from interlingua.ports.budgets import BudgetCharge, LeaseWish, Repricing
from interlingua.ports.store import LedgerRow
from interlingua.stores.sql import SqlStore
from tests.stores.ledger_rows import ANSWERED, FAILED, row


def change(whole: LedgerRow, number: int | None, before: int | None, cost: int) -> Repricing:
    """Of an attempt."""
    return Repricing(
        request_id=whole.request_id,
        tenant=whole.tenant,
        key=whole.key,
        number=number,
        target="a/b",
        started=whole.started,
        before=before,
        cost=cost,
        price_source="g",
        price_since="2026-11-01",
    )


async def test_a_cost_is_written_where_the_old_one_still_stands(store: SqlStore) -> None:
    """Of the last attempt and of one before it; a second time nothing is done."""
    whole = row("r", attempts=(replace(FAILED, cost=None), ANSWERED))
    await store.write([whole, row("r", "other")])
    changes = [change(whole, None, ANSWERED.cost, 5), change(whole, 1, None, 7), change(whole, 1, 3, 9)]
    assert await store.repricing.reprice(changes) == 2
    assert await store.repricing.reprice(changes) == 0
    found = await store.read("acme", "r")
    assert found is not None
    assert [(one.cost, one.price_source) for one in found.attempts] == [(7, "g"), (5, "g")]
    other = await store.read("other", "r")
    assert other is not None and other.attempts[-1].cost == ANSWERED.cost


async def test_what_a_budget_has_spent_changes_with_it(store: SqlStore) -> None:
    """In the call's own period and whosever budget it fell under."""
    whole = row("r")
    when = whole.started / 1e6
    places = [period_of("key", "bench", "month", when)[0], period_of("tenant", "acme", "total", when)[0]]
    places.append(period_of("key", "bench", "month", when + 40 * 86_400)[0])
    for budget in places:
        wish = LeaseWish(budget=budget, worker="w", limit=10**15, least=1, wanted=1, held=0, now=whole.started)
        await store.budgets.lease(wish)
    assert ANSWERED.cost is not None
    await store.write([whole], [BudgetCharge("r", budget, "w", ANSWERED.cost) for budget in places[:2]])
    await store.repricing.reprice([change(whole, None, ANSWERED.cost, 5)])
    states = await store.budgets.states(places, whole.started)
    assert [state.spent for state in states] == [5, 5, 0]

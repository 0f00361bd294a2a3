"""What is kept of budgets and of costs that are written anew, and what a store promises about it.

Times are integers in microseconds since 1970, money an integer count of pico-dollars. All that fails is a
LocalFileError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct


class BudgetPeriod(Struct, frozen=True, order=True):
    """One period of one budget: what is counted together.

    Args:
        kind: whose budget it is.
        name: of the key or tenant; empty for the global one.
        period: `2026-11-20`, `2026-11` or `total`.
        since: its first microsecond since 1970; 0 for `total`.
    """

    kind: Literal["global", "key", "tenant"]
    name: str
    period: str
    since: int


class BudgetCharge(Struct, frozen=True, gc=False):
    """What one call takes from one budget when it is over.

    Args:
        request_id: of its row.
        budget: which.
        worker: whose lease it was reserved from.
        cost: pico-dollars that it cost.
        estimate: pico-dollars to count where the cost stayed unknown.
        tokens: of prompt and answer; 0 where unknown.
        unpriced: whether there was no price to reckon with.
    """

    request_id: str
    budget: BudgetPeriod
    worker: str
    cost: int
    estimate: int = 0
    tokens: int = 0
    unpriced: bool = False


class LeaseWish(Struct, frozen=True, kw_only=True):
    """What a worker wants of a budget; pico-dollars.

    Args:
        budget: which.
        worker: who.
        limit: of the whole period.
        least, wanted: how much more the worker must have, and would like to have.
        held: what it holds already, should the store have forgotten.
        now: microseconds since 1970.
    """

    budget: BudgetPeriod
    worker: str
    limit: int
    least: int
    wanted: int
    held: int
    now: int


class BudgetState(Struct, frozen=True, kw_only=True):
    """How a budget stands; pico-dollars.

    Args:
        budget: which.
        spent: what calls cost.
        estimated: what is counted for calls whose cost stayed unknown.
        leased: what workers hold, running calls' reservations included.
        calls, unpriced, tokens: how many calls are over, how many of them without a price, and their tokens.
        granted: after a wish: how much more the worker has; -1 is a refusal.
    """

    budget: BudgetPeriod
    spent: int = 0
    estimated: int = 0
    leased: int = 0
    calls: int = 0
    unpriced: int = 0
    tokens: int = 0
    granted: int = 0


class BudgetStore(Protocol):
    """Keeps what is left of budgets, so that no crash and no other worker spends it twice."""

    async def lease(self, wish: LeaseWish) -> BudgetState:
        """Gives a worker more of a budget, durably: what it would like, else the least, else it refuses."""
        ...

    async def keep_leases(self, worker: str, now: int) -> None:
        """Tells that a worker lives; its leases count for another hour."""
        ...

    async def give_back(self, worker: str, leftovers: Sequence[BudgetCharge]) -> None:
        """Ends leases; `leftovers` hold one charge per budget: what of it was spent in calls without a row."""
        ...

    async def states(self, budgets: Sequence[BudgetPeriod], now: int) -> tuple[BudgetState, ...]:
        """How budgets stand, in the same order."""
        ...


class Repricing(Struct, frozen=True, kw_only=True):
    """Another cost of an attempt; pico-dollars.

    Args:
        request_id, tenant, key: of the call.
        number: which attempt, from 1; None is the last one.
        target: `provider/model`.
        started: when the call began, in microseconds since 1970.
        before, cost: what is written down, and what is to be.
        price_source, price_since: the price row of the new cost.
    """

    request_id: str
    tenant: str
    key: str
    number: int | None
    target: str
    started: int
    before: int | None
    cost: int | None
    price_source: str | None
    price_since: str | None


class RepricingStore(Protocol):
    """Writes costs anew."""

    async def reprice(self, changes: Sequence[Repricing]) -> int:
        """Writes other costs, all or none, where the old ones still stand; how many. Budgets change with them."""
        ...

"""What tests of budgets need: a priced model, a clock that can be set, a call's row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from interlingua.catalog.model import Model, PriceRow
from interlingua.engine.budgets import Budgets, BudgetSettings
from interlingua.engine.ledger import Ledger
from interlingua.engine.principal import Budget, Principal, parse_budget
from interlingua.engine.target import Target
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.providers.provider import Endpoint, Provider
from interlingua.stores.place import Place
from interlingua.stores.sql import SqlStore
from interlingua.types.money import PICO_PER_USD
from interlingua.types.traits import Traits

CENT = PICO_PER_USD // 100
START = 1_795_132_800.0
"""2026-11-20, 00:00 UTC."""
PRICED = Model(
    provider="lab", id="m", prices=(PriceRow(input="1", output="10", source="I"),), traits=Traits(max_output=100_000)
)
"""A thousand tokens of answer cost a cent."""
TARGET = Target(
    provider=Provider(
        id="lab", title="lab", base_url="http://lab.example", endpoints={"openai_chat": Endpoint(path="/v1")}
    ),
    model="m",
    dialect="openai_chat",
    traits=PRICED.traits,
    row=PRICED,
)


class Clock:
    """Stands still until it is set."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def chance(self) -> float:
        return 0.5

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def caller(budget: str | None = "1 USD / month", key: str = "k", tenant: str = "lab") -> Principal:
    """Somebody with a budget."""
    parsed: Budget | None = None if budget is None else parse_budget(budget)
    return Principal(tenant=tenant, key=key, budget=parsed)


def call_row(
    request_id: str,
    cost: int | None = None,
    *,
    status: int | None = 200,
    error: str | None = None,
    key: str = "k",
    tenant: str = "lab",
    when: float = START,
) -> LedgerRow:
    """A call with one try."""
    microseconds = int(when * 1e6)
    attempt = AttemptRow(
        "lab/m", "openai_chat", "verbatim", microseconds, 1, None, status, error, None, None, cost, "I"
    )
    return LedgerRow(
        *(request_id, tenant, key, "", microseconds, 1, "openai_chat", "chat", False, "lab/m", status or 499, error),
        *((), (attempt,)),
    )


async def opened(place: str) -> SqlStore:
    """The store in a file or at an address."""
    store = SqlStore(Place(url=place) if place.startswith("postgresql") else Path(place))
    await store.open()
    return store


class Worker:
    """A process with a budget: budgets and ledger over one store."""

    def __init__(self, store: SqlStore, clock: Clock, name: str = "w1", settings: BudgetSettings | None = None) -> None:
        self.store, self.clock = store, clock
        self.budgets = Budgets(clock, store.budgets, settings or BudgetSettings(), name)
        self.ledger = Ledger(store, settled=self.budgets.settled)

    async def call(
        self, id: str, who: Principal, output: int, cost: int | None, targets: Sequence[Target] = (TARGET,)
    ) -> None:
        """A whole call: reserved, answered, settled."""
        hold = await self.budgets.reserve(who, targets, 0, output, self.clock.now)
        await asyncio.sleep(0)
        row = call_row(id, cost, key=who.key, tenant=who.tenant, when=self.clock.now)
        self.ledger.add(row, hold.settle(row) if hold is not None else ())

    async def aclose(self) -> None:
        """As a graceful stop does it."""
        await self.ledger.aclose()
        await self.budgets.aclose()

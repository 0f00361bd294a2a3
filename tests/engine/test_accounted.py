"""An engine on somebody's account: every call is a row and a charge, whatever became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.engine.accounted import Account, AccountedEngine
from interlingua.engine.answer import Answer
from interlingua.engine.budgets import Budgets, BudgetSettings, period_of
from interlingua.engine.ledger import Ledger, LedgerSettings
from interlingua.engine.principal import Principal
from interlingua.engine.settings import RetrySettings
from interlingua.errors import BudgetExceeded, Overloaded, StreamInterrupted
from interlingua.ports.budgets import BudgetState
from interlingua.ports.store import LedgerRow
from interlingua.stores.sql import SqlStore
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.messages import user
from interlingua.types.request import ChatRequest
from interlingua.types.secret import Secret
from tests.client.providers_scripted import openai_text
from tests.engine.budget_calls import opened
from tests.engine.clock import Clock

MODEL = "openai/gpt-4o-mini"
WHO = Principal(tenant="phone")
FAILING = Script.json({"error": {"message": "full"}}, status=503)


def ask(text: str = "hi") -> ChatRequest:
    return ChatRequest(model=MODEL, messages=(user(text),), max_output_tokens=100)


class Stand:
    """An engine on an account, and what is kept of it."""

    def __init__(self, store: SqlStore, budget: str, transport: ScriptedTransport, *, durable: bool = False) -> None:
        config = Config(retry=RetrySettings(attempts=1))
        engine = build_engine(config, given={"openai": Secret("x")}, transport=transport, environment={})
        engine.clock = Clock()
        self.transport = transport
        self.budgets = Budgets(engine.clock, store.budgets, BudgetSettings(tenants={"phone": budget}), "w1")
        self.ledger = Ledger(store, LedgerSettings(durable=durable), settled=self.budgets.settled)
        account = Account(
            principal=WHO, budgets=self.budgets, ledger=self.ledger, conversation="room-1", tags=("voice",)
        )
        self.engine = AccountedEngine(engine, account)
        self._store = store

    async def rows(self) -> tuple[LedgerRow, ...]:
        """All that is written down, the first one first."""
        return tuple(reversed((await self.ledger.page(None)).rows))

    async def state(self) -> BudgetState:
        """How the tenant's budget stands."""
        await self.ledger.flush()
        now = self.engine.now()
        return (await self._store.budgets.states([period_of("tenant", "phone", "day", now)[0]], int(now * 1e6)))[0]


@asynccontextmanager
async def stand(
    folder: Path, *scripts: Script, budget: str = "1 USD / day", durable: bool = False
) -> AsyncIterator[Stand]:
    """It, over a store of its own."""
    store = await opened(str(folder / "il.db"))
    made = Stand(store, budget, ScriptedTransport(list(scripts)), durable=durable)
    try:
        yield made
    finally:
        await made.ledger.aclose()
        await made.budgets.aclose()
        await store.aclose()


async def read(engine: AccountedEngine, request: ChatRequest) -> list[Any]:
    """All that a stream gives."""
    return [item async for item in engine.stream(request)]


async def test_answers_at_once_and_piece_by_piece_are_written_down_and_charged(tmp_path: Path) -> None:
    """One conversation, one tenant, one tag; the budget has what the rows say."""
    async with stand(tmp_path, openai_text("One.", stream=False), openai_text("Two.", stream=True)) as one:
        answer = await one.engine.generate(ask())
        items = await read(one.engine, ask())
        first, second = await one.rows()
        state = await one.state()
    assert isinstance(items[-1], Answer)
    assert [first.stream, second.stream] == [False, True]
    assert {(row.tenant, row.key, row.tags, row.model, row.status) for row in (first, second)} == {
        ("phone", "", ("voice",), MODEL, 200)
    }
    assert first.conversation == second.conversation != ""
    assert answer.cost is not None and first.cost == answer.cost.pico
    assert state.spent == (first.cost or 0) + (second.cost or 0) > 0
    assert state.calls == 2


async def test_a_call_that_the_budget_does_not_hold_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """And the refusal is a row too."""
    async with stand(tmp_path, budget="0.0000001 USD / day") as one:
        with pytest.raises(BudgetExceeded):
            await read(one.engine, ask())
        (row,) = await one.rows()
        state = await one.state()
        assert one.transport.requests == []
    assert (row.error, row.attempts, state.spent) == ("budget_exceeded", (), 0)


async def test_what_fails_is_a_row_with_its_tries_and_gives_its_reservation_back(tmp_path: Path) -> None:
    """Nothing was answered, so nothing is charged."""
    async with stand(tmp_path, FAILING, FAILING) as one:
        with pytest.raises(Overloaded):
            await one.engine.generate(ask())
        with pytest.raises(Overloaded):
            await read(one.engine, ask())
        rows = await one.rows()
        state = await one.state()
    assert [(row.error, len(row.attempts)) for row in rows] == [("overloaded", 1)] * 2
    assert state.spent == state.estimated == 0


async def test_who_leaves_in_the_middle_is_charged_what_may_have_been_billed(tmp_path: Path) -> None:
    """The row says cancelled, and that the cost is unknown."""
    async with stand(tmp_path, openai_text("A long answer.", stream=True)) as one:
        async with aclosing(one.engine.stream(ask())) as items:
            await anext(items)
            await anext(items)
        (row,) = await one.rows()
        state = await one.state()
    assert (row.error, row.cost) == ("cancelled", None)
    assert state.estimated > 0


async def test_an_answer_that_breaks_off_is_a_row(tmp_path: Path) -> None:
    """With the try that was made."""
    async with stand(tmp_path, openai_text("A long answer.", stream=True).cut(after=2)) as one:
        with pytest.raises(StreamInterrupted):
            await read(one.engine, ask())
        (row,) = await one.rows()
    assert (row.error, len(row.attempts)) == ("stream_interrupted", 1)


async def test_a_durable_row_is_on_the_disk_before_the_answer_ends(tmp_path: Path) -> None:
    """Whoever hears the end can read it."""
    async with stand(tmp_path, openai_text("One.", stream=True), durable=True) as one:
        async for item in one.engine.stream(ask()):
            if isinstance(item, Answer):
                assert one.ledger.waiting == 0
                assert len(await one.rows()) == 1

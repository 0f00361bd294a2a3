"""An engine for surfaces other than the gateway: what is asked through it falls under budgets and is written down.

The gateway does the same around a client's request (`gateway/call.py`), where there are limits, keys and hooks too;
here somebody asks for themselves. Whatever becomes of a call, it is settled once: its budgets given back, its row
written, also where whoever asked leaves in the middle.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType

from msgspec import Struct
from msgspec.structs import replace

from interlingua.engine.answer import Answer, AttemptRecord
from interlingua.engine.budgets import Budgets, Hold
from interlingua.engine.conversation import conversation_key
from interlingua.engine.engine import Engine
from interlingua.engine.estimate import size_of
from interlingua.engine.ledger import Ledger
from interlingua.engine.passage import Outcome
from interlingua.engine.principal import Principal
from interlingua.engine.record import ledger_row
from interlingua.engine.route import Asking, Route
from interlingua.errors import Cancelled, InterlinguaError, StreamInterrupted
from interlingua.ports.budgets import BudgetCharge
from interlingua.ports.lens import Peek
from interlingua.ports.store import LedgerRow
from interlingua.types.events import Event, MessageStart, UsageUpdate
from interlingua.types.request import ChatRequest


class Account(Struct, frozen=True, kw_only=True):
    """On whose account calls are made.

    Args:
        principal: who asks.
        budgets: what may be spent.
        ledger: where calls are written down.
        conversation: what the calls belong to, as the surface calls it; empty has each request say.
        tags: what the calls are called, to sum up usage by.
    """

    principal: Principal
    budgets: Budgets
    ledger: Ledger
    conversation: str = ""
    tags: tuple[str, ...] = ()


class AccountedEngine(Engine):
    """An engine whose every answer is somebody's expense.

    Args:
        engine: what answers; its transports and memory of providers stay its own.
        account: whose expense.
    """

    def __init__(self, engine: Engine, account: Account) -> None:
        super().__init__(
            catalog=engine.catalog,
            providers=engine.providers,
            aliases=engine.aliases,
            default_model=engine.default_model,
            credentials=engine.credentials,
            transports=engine.transports,
            settings=engine.settings,
            clock=engine.clock,
            rests=engine.rests,
        )
        self._account = account

    async def generate(
        self, request: ChatRequest, route: Route | None = None, records: list[AttemptRecord] | None = None
    ) -> Answer:
        """As of any engine. Raises also BudgetExceeded; LocalFileError where the store fails."""
        async with _Entry(self, self._account, request, records, stream=False) as entry:
            answer = await super().generate(request, await entry.let_in(route), entry.outcome.attempts)
            await entry.settle(answer)
            return answer

    async def stream(
        self, request: ChatRequest, route: Route | None = None, records: list[AttemptRecord] | None = None
    ) -> AsyncGenerator[Event | Answer]:
        """As of any engine. Raises also BudgetExceeded; LocalFileError where the store fails."""
        async with _Entry(self, self._account, request, records, stream=True) as entry:
            way = await entry.let_in(route)
            async with aclosing(super().stream(request, way, entry.outcome.attempts)) as items:
                async for item in items:
                    if isinstance(item, Answer):
                        await entry.settle(item)
                    elif entry.first is None and not isinstance(item, MessageStart | UsageUpdate):
                        entry.first = self.now()
                    yield item


class _Entry:
    """One call from its admission to its row."""

    def __init__(
        self,
        engine: Engine,
        account: Account,
        request: ChatRequest,
        records: list[AttemptRecord] | None,
        *,
        stream: bool,
    ) -> None:
        self._engine = engine
        self._account = account
        self._request = request
        self._stream = stream
        self._started = engine.now()
        self._conversation = conversation_key(request, account.principal.tenant, account.conversation)
        self._hold: Hold | None = None
        self._is_written = False
        self.first: float | None = None
        self.outcome = Outcome(attempts=[] if records is None else records)

    async def let_in(self, route: Route | None) -> Route:
        """The way of the call, which falls under the account's budgets from here on.

        Raises:
            InterlinguaError: it must not be made.
        """
        request, who, budgets = self._request, self._account.principal, self._account.budgets
        if route is None:
            asking = Asking(conversation=self._conversation, size=lambda: size_of(request))
            route = self._engine.plan(request.model, asking=asking)
        targets = budgets.usable(who, list(route.targets), self._started)
        prompt, output = size_of(request).prompt, request.max_output_tokens
        self._hold = await budgets.reserve(who, targets, prompt, output, self._started)
        self.outcome.target = targets[0]
        return replace(route, targets=tuple(targets))

    async def settle(self, answer: Answer) -> None:
        """Takes down what came of it, before whoever asked hears of the end."""
        outcome, response = self.outcome, answer.response
        outcome.target, outcome.cost, outcome.losses = answer.target, answer.cost, answer.losses
        outcome.usage = response.usage
        outcome.finish = response.finish if response.choices else None
        outcome.decisions.extend(answer.decisions)
        await self._account.ledger.record(*self._over())

    async def __aenter__(self) -> _Entry:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_written:
            return
        if isinstance(error, InterlinguaError):
            self.outcome.error = error
            if isinstance(error, StreamInterrupted):
                self.outcome.usage = error.usage
        elif isinstance(error, asyncio.CancelledError | GeneratorExit):
            self.outcome.error = Cancelled("whoever asked left")
        self._account.ledger.add(*self._over())

    def _over(self) -> tuple[LedgerRow, tuple[BudgetCharge, ...]]:
        self._is_written = True
        row = ledger_row(
            f"req_{secrets.token_hex(12)}",
            self._account.principal,
            "",
            Peek(model=self._request.model, stream=self._stream),
            self.outcome,
            started=self._started,
            ended=self._engine.now(),
            first=self.first,
            conversation=self._conversation,
            tags=self._account.tags,
        )
        if self._hold is None:
            return row, ()
        return row, self._hold.settle(row, was_asked=self.outcome.target is not None)

"""How much money may be spent, per key, per tenant and by all, in a day, a month or altogether (UTC).

A call is let in only against a reservation: its prompt by estimate and its longest answer, at the price. A worker
takes a slice of a budget from the store and reserves from it in memory, so that nearly every call costs some integer
sums; where the slice does not suffice, it asks for another. What a call cost in truth moves from the slice to what is
spent together with its row in the ledger, in one transaction. So nothing that is killed is spent twice: what a worker
held counts as spent until its rows are written, or for an hour. Contracts §4.3.

A call that was answered, but whose cost nobody told, counts with its reservation; its row still says unknown.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from interlingua.engine.cost import most_cost
from interlingua.engine.principal import Budget, Principal, Span, parse_budget
from interlingua.engine.target import Target
from interlingua.errors import BudgetExceeded, InterlinguaError, InvalidRequest
from interlingua.ports.budgets import BudgetCharge, BudgetPeriod, BudgetState, BudgetStore, LeaseWish
from interlingua.ports.clock import Clock
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.types.money import PICO_PER_USD, Money

log = logging.getLogger("interlingua.budgets")

Kind = Literal["global", "key", "tenant"]

LARGEST_SLICE = PICO_PER_USD
SLICES = 20
"""A slice is 1/20 of the budget."""
LEASE_SECONDS = 3600.0
"""For so long a lease counts after its worker was last heard of."""
RENEWAL_SECONDS = 300.0
"""Between two signs of life."""
_TRUSTED_SECONDS = LEASE_SECONDS - 2 * RENEWAL_SECONDS
"""For so long a worker reserves from its lease without asking: less than the store counts it."""
REFUSED_SECONDS = 0.2
"""For so long a refusal stands without asking the store again."""
_MAYBE_BILLED = frozenset({"cancelled", "timed_out", "stream_interrupted"})
"""Ends of a try without an answer after which the provider may still bill."""


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"global_": "global"}):
    """How much may be spent besides what virtual keys say of themselves.

    Args:
        global_: by all callers together, such as `100 USD / month`.
        tenants: by each tenant's keys together.
        unpriced: whether a model without a known price may be used under a budget; it is counted, not charged.
        reserve_output_tokens: most tokens of an answer that are reserved where the request allows more.
    """

    global_: str | None = None
    tenants: dict[str, str] = {}
    unpriced: Literal["allow", "refuse"] = "allow"
    reserve_output_tokens: Annotated[int, Meta(ge=1, le=10**7)] = 4096

    def __post_init__(self) -> None:
        try:
            self.parsed()
        except InvalidRequest as error:
            raise ValueError(f"{error.message}. {error.remedy}") from error

    def parsed(self) -> dict[tuple[Kind, str], Budget]:
        """The budgets by whose they are. Raises InvalidRequest."""
        found: dict[tuple[Kind, str], Budget] = {}
        if self.global_ is not None:
            found["global", ""] = parse_budget(self.global_, "global")
        for tenant, text in self.tenants.items():
            found["tenant", tenant] = parse_budget(text, f"tenants.{tenant}")
        return found


def period_of(kind: Kind, name: str, span: Span, when: float) -> tuple[BudgetPeriod, float]:
    """The period that a moment lies in, and when it ends.

    Args:
        kind, name: whose budget.
        span: what kind of period.
        when: seconds since 1970.
    """
    if span == "total":
        return BudgetPeriod(kind, name, "total", 0), math.inf
    day = datetime.fromtimestamp(when, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if span == "day":
        start, end, word = day, day + timedelta(days=1), f"{day:%Y-%m-%d}"
    else:
        start, word = day.replace(day=1), f"{day:%Y-%m}"
        end = (start + timedelta(days=32)).replace(day=1)
    return BudgetPeriod(kind, name, word, int(start.timestamp() * 1e6)), end.timestamp()


class Account:
    """One period of one budget, as this worker knows it. All amounts are pico-dollars.

    Attributes:
        granted: what this worker holds and the store has not heard to be spent.
        reserved: of it, for calls that run.
        unsettled: of it, spent by calls whose rows are not written yet.
        trusted: until when the store surely counts the lease, in seconds since 1970.
    """

    __slots__ = ("budget", "ends", "granted", "limit", "lock", "period", "refused", "reserved", "trusted", "unsettled")

    def __init__(self, budget: Budget, period: BudgetPeriod, ends: float) -> None:
        self.budget = budget
        self.limit = budget.limit
        self.period = period
        self.ends = ends
        self.granted = self.reserved = self.unsettled = 0
        self.trusted = -math.inf
        self.refused: tuple[float, int, BudgetState] | None = None
        self.lock = asyncio.Lock()

    @property
    def free(self) -> int:
        """What can be reserved without asking the store."""
        return self.granted - self.reserved - self.unsettled

    def has(self, amount: int, now: float) -> bool:
        """Whether a call can be let in without asking the store."""
        return amount == 0 or (self.granted - self.reserved - self.unsettled >= amount and now < self.trusted)


class Hold:
    """What one call has reserved, in all budgets that it falls under; to be settled once, whatever becomes of it."""

    __slots__ = ("_accounts", "_amount", "_is_open", "_is_priced", "_worker")

    def __init__(self, accounts: tuple[Account, ...], amount: int, worker: str, *, is_priced: bool) -> None:
        self._accounts = accounts
        self._amount = amount
        self._worker = worker
        self._is_priced = is_priced
        self._is_open = True

    def settle(self, row: LedgerRow, *, was_asked: bool = True) -> tuple[BudgetCharge, ...]:
        """Ends the reservation; what the budgets are charged with, to be written with the row. Later calls: nothing.

        Args:
            row: of the call.
            was_asked: whether a provider was asked at all.
        """
        if not self._is_open:
            return ()
        self._is_open = False
        cost, estimate = self._consumed(row) if was_asked else (0, 0)
        tokens, unpriced = _tokens(row), not self._is_priced and row.cost is None
        charges = []
        for account in self._accounts:
            account.reserved -= self._amount
            account.unsettled += cost + estimate
            charge = BudgetCharge(row.request_id, account.period, self._worker, cost, estimate, tokens, unpriced)
            charges.append(charge)
        return tuple(charges)

    def _consumed(self, row: LedgerRow) -> tuple[int, int]:
        """What the call is known to have cost, and what is counted for tries that may have cost something."""
        known = sum(attempt.cost for attempt in row.attempts if attempt.cost is not None)
        if row.attempts:
            open_ends = any(_may_have_cost(attempt) for attempt in row.attempts)
        else:
            open_ends = row.error in _MAYBE_BILLED  # whose tries nobody noted
        return known, max(0, self._amount - known) if open_ends else 0


class Budgets:
    """The budgets of one process.

    Args:
        clock: time.
        store: keeps what is left.
        settings: budgets and rules of the configuration.
        worker: this process, unlike any other.
    """

    def __init__(self, clock: Clock, store: BudgetStore, settings: BudgetSettings, worker: str) -> None:
        self._clock = clock
        self._store = store
        self._worker = worker
        self._accounts: dict[BudgetPeriod, Account] = {}
        self._of: dict[str, tuple[Principal, float, tuple[Account, ...]]] = {}
        self.configure(settings)

    def configure(self, settings: BudgetSettings) -> None:
        """Takes other settings; what is spent stays spent."""
        self.settings = settings
        self._shared = settings.parsed()
        self._of.clear()

    @property
    def is_shared(self) -> bool:
        """Whether there are budgets besides those of keys."""
        return bool(self._shared)

    async def reserve(
        self,
        principal: Principal,
        targets: Sequence[Target],
        prompt: int,
        output: int | None,
        now: float,
        choices: int = 1,
    ) -> Hold | None:
        """Lets a call in; None where it falls under no budget.

        Args:
            principal: who asks.
            targets: who may be asked; the dearest decides.
            prompt: tokens, by estimate.
            output: the most tokens that the request allows; None is no limit, 0 an operation that gives no tokens.
            now: seconds since 1970.
            choices: how many answers are asked for.

        Raises:
            BudgetExceeded: a budget does not hold it.
            LocalFileError: the store fails; without it nothing is let in that would need more than is held.
        """
        accounts = self._under(principal, now)
        if not accounts:
            return None
        amount = self._amount(targets, prompt, output, now, choices)
        hold = Hold(accounts, amount or 0, self._worker, is_priced=amount is not None)
        if amount:
            for account in accounts:
                if not account.has(amount, now):
                    await self._extend_all(accounts, amount)
                    return hold
            for account in accounts:
                account.reserved += amount
        return hold

    def usable(self, principal: Principal, targets: list[Target], now: float) -> list[Target]:
        """The targets that a caller may use: under a budget that refuses models without a price, those with one.

        Raises:
            BudgetExceeded: none.
        """
        if self.settings.unpriced == "allow" or not (accounts := self._under(principal, now)):
            return targets
        found = [target for target in targets if most_cost(target.row, 1, 1, now) is not None]
        if not found:
            raise _unpriced(accounts[0], targets)
        return found

    def settled(self, charges: Sequence[BudgetCharge]) -> None:
        """The store has taken charges over: they are part of what is spent, and no longer of what is held."""
        for charge in charges:
            account = self._accounts.get(charge.budget)
            if account is not None:
                total = charge.cost + charge.estimate
                account.granted -= total
                account.unsettled -= total

    async def watch(self) -> None:
        """Keeps leases alive, and gives back those that nobody uses, until it is cancelled.

        Raises nothing of the store: a lease that could not be kept alive is asked for anew when its time is over.
        """
        while True:
            await self._clock.sleep(RENEWAL_SECONDS)
            try:
                await self.renew()
            except InterlinguaError as error:
                log.warning("the leases of budgets were not renewed: %s", error.message)

    async def renew(self) -> None:
        """Gives back what is not used and tells that this worker lives. Raises LocalFileError."""
        idle = [account for account in self._accounts.values() if not account.reserved and not account.unsettled]
        now = self._clock.time()
        for account in idle:
            async with account.lock:
                if account.granted and not account.reserved and not account.unsettled:
                    account.granted = 0
                    await self._store.give_back(self._worker, (_nothing(account, self._worker),))
                if now >= account.ends and not account.reserved:
                    self._accounts.pop(account.period, None)
        if any(account.granted for account in self._accounts.values()):
            await self._store.keep_leases(self._worker, int(now * 1e6))
            for account in self._accounts.values():
                account.trusted = now + _TRUSTED_SECONDS

    async def aclose(self) -> None:
        """Gives all leases back; after the ledger was closed. What was spent in rows that were lost stays spent."""
        leftovers = [
            BudgetCharge("", account.period, self._worker, 0, max(0, account.unsettled))
            for account in self._accounts.values()
            if account.granted or account.unsettled
        ]
        self._accounts.clear()
        self._of.clear()
        if leftovers:
            await self._store.give_back(self._worker, leftovers)

    async def states(self, principal: Principal) -> list[tuple[Budget, BudgetState]]:
        """How the budgets stand that somebody falls under. Raises LocalFileError."""
        now = self._clock.time()
        accounts = self._under(principal, now)
        states = await self._store.states([account.period for account in accounts], int(now * 1e6))
        return [(account.budget, state) for account, state in zip(accounts, states, strict=True)]

    def _under(self, principal: Principal, now: float) -> tuple[Account, ...]:
        """The budgets that a caller falls under."""
        found = self._of.get(principal.key)
        if found is not None and found[0] is principal and now < found[1]:
            return found[2]
        if principal.budget is None and not self._shared:
            return ()
        budgets: list[tuple[Kind, str, Budget]] = []
        if principal.budget is not None:
            budgets.append(("key", principal.key, principal.budget))
        for kind, name in (("tenant", principal.tenant), ("global", "")):
            shared = self._shared.get((kind, name))  # type: ignore[arg-type]  # a tuple's words are not seen as such
            if shared is not None:
                budgets.append((kind, name, shared))  # type: ignore[arg-type]  # as above
        accounts = tuple(self._account(*one, now) for one in budgets)
        ends = min((account.ends for account in accounts), default=math.inf)
        self._of[principal.key] = (principal, ends, accounts)
        return accounts

    def _account(self, kind: Kind, name: str, budget: Budget, now: float) -> Account:
        period, ends = period_of(kind, name, budget.span, now)
        account = self._accounts.get(period)
        if account is None:
            account = self._accounts[period] = Account(budget, period, ends)
        if account.budget is not budget:
            account.budget, account.limit, account.refused = budget, budget.limit, None
        return account

    def _amount(
        self, targets: Sequence[Target], prompt: int, output: int | None, now: float, choices: int
    ) -> int | None:
        """What a call may cost at most, or None where no target's price is known."""
        known: int | None = None
        for target in targets:
            most = self.settings.reserve_output_tokens
            for cap in (output, target.traits.max_output):
                if cap is not None and 0 <= cap < most:
                    most = cap
            context = target.traits.context
            amount = most_cost(
                target.row, prompt if context is None else min(prompt, context), most * max(1, choices), now
            )
            if amount is not None and (known is None or amount > known):
                known = amount
        return known

    async def _extend_all(self, accounts: tuple[Account, ...], amount: int) -> None:
        """Reserves in every budget, or in none."""
        done: list[Account] = []
        try:
            for account in accounts:
                # It runs to its end though the call be cancelled: what the store granted must not be forgotten.
                granting = asyncio.ensure_future(self._extend(account, amount))
                try:
                    await asyncio.shield(granting)
                except asyncio.CancelledError:
                    granting.add_done_callback(lambda task, account=account: _undone(task, account, amount))  # type: ignore[misc]  # bound early on purpose
                    raise
                done.append(account)
        except BaseException:
            for account in done:
                account.reserved -= amount
            raise

    async def _extend(self, account: Account, amount: int) -> None:
        """Reserves in one budget, with more of it from the store where that is needed."""
        async with account.lock:
            now = self._clock.time()
            if not account.has(amount, now):
                if account.refused is not None and account.refused[0] > now and amount >= account.refused[1]:
                    raise _exceeded(account, account.refused[2], amount, now)
                await self._lease(account, amount, now)
            account.reserved += amount

    async def _lease(self, account: Account, amount: int, now: float) -> None:
        free, missing = account.free, amount - account.free
        slice_ = min(account.limit // SLICES, LARGEST_SLICE)
        wish = LeaseWish(
            budget=account.period,
            worker=self._worker,
            limit=account.limit,
            least=max(0, missing),
            wanted=max(0, missing, slice_ - free),
            held=account.granted,
            now=int(now * 1e6),
        )
        state = await self._store.lease(wish)
        if state.granted < 0:
            account.refused = (now + REFUSED_SECONDS, amount, state)
            raise _exceeded(account, state, amount, now)
        account.granted += state.granted
        account.trusted = now + _TRUSTED_SECONDS
        account.refused = None


def _undone(task: asyncio.Task[None], account: Account, amount: int) -> None:
    if not task.cancelled() and task.exception() is None:
        account.reserved -= amount


def _nothing(account: Account, worker: str) -> BudgetCharge:
    return BudgetCharge("", account.period, worker, 0)


def _may_have_cost(attempt: AttemptRow) -> bool:
    """Whether a try may be billed though nobody told what it cost."""
    if attempt.cost is not None:
        return False
    if attempt.status is None:
        return attempt.error in _MAYBE_BILLED
    return 200 <= attempt.status < 300


def _tokens(row: LedgerRow) -> int:
    usages = (attempt.usage for attempt in row.attempts if attempt.usage is not None)
    return sum(usage.total_tokens or 0 for usage in usages)


_WHOSE: dict[str, str] = {"key": "this key", "tenant": "this tenant", "global": "this gateway"}


def _exceeded(account: Account, state: BudgetState, amount: int, now: float) -> BudgetExceeded:
    """Why a call is not let in, with figures, and when another may be."""
    # What calls cost whose rows are still to be written is spent too, and part of what we hold.
    spent = state.spent + state.estimated + account.unsettled
    held = max(0, state.leased - account.unsettled)
    resets = account.ends if account.ends < math.inf else None
    temporary = spent + amount <= account.limit
    message = (
        f"{_WHOSE[account.period.kind]} may spend {account.budget}: ${_usd(spent)} is spent, ${_usd(held)} is "
        f"held for running calls, and this call may cost ${_usd(amount)}"
    )
    if temporary:
        remedy = "Try again when running calls are over, or ask for fewer output tokens."
    elif resets is not None:
        day = f"{datetime.fromtimestamp(resets, UTC):%Y-%m-%d %H:%M} UTC"
        remedy = (
            f"Wait for the next period, which begins {day}, ask for fewer output tokens, or have the budget raised."
        )
    else:
        remedy = "Have the budget raised, or ask for fewer output tokens or a cheaper model."
    wait = 1.0 if temporary else None if resets is None else max(0.0, resets - now)
    return BudgetExceeded(
        message,
        remedy=remedy,
        scope=f"{account.period.kind} {account.period.name}".strip(),
        resets=resets,
        retry_after=wait,
        retryable=temporary,
    )


def _unpriced(account: Account, targets: Sequence[Target]) -> BudgetExceeded:
    return BudgetExceeded(
        f"{targets[0].name} has no known price, and the budget of {_WHOSE[account.period.kind]} refuses such models",
        remedy='Ask for a model with a price (`il models` lists them), or set budgets.unpriced = "allow".',
        model=targets[0].name,
        scope=f"{account.period.kind} {account.period.name}".strip(),
    )


def _usd(pico: int) -> str:
    """Dollars with two digits that say something."""
    usd = Money(pico).usd
    return f"{usd:.2f}" if usd >= 1 or not pico else f"{usd:.{max(2, 1 - usd.adjusted())}f}"

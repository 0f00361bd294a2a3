"""A call from its admission to its row in the ledger.

Whatever becomes of it, it is settled once: its limits and budgets given back, its row written, its watcher ended, and
where the client left, everything that was done for it is cancelled (contracts §1.4).
"""

from __future__ import annotations

import asyncio
from functools import partial
from types import TracebackType

from msgspec.structs import replace

from interlingua.engine.budgets import Hold
from interlingua.engine.limits import LimitStates
from interlingua.engine.passage import Outcome
from interlingua.engine.principal import Principal
from interlingua.engine.record import ledger_row
from interlingua.engine.relay import UPSTREAM_ID
from interlingua.engine.shared_limits import Admission, AtOnce, Refusal
from interlingua.engine.target import Target
from interlingua.errors import Cancelled, InterlinguaError, Overloaded, PermissionDenied, forget_frames
from interlingua.gateway.capture import Capture
from interlingua.gateway.hooks import CallView
from interlingua.gateway.incoming import Incoming, Send, Watch
from interlingua.gateway.outgoing import Headers
from interlingua.gateway.rate_headers import rate_headers
from interlingua.gateway.state import State
from interlingua.gateway.tags import TAGS_HEADER, tags
from interlingua.ports.budgets import BudgetCharge
from interlingua.ports.dialect import WireRequest
from interlingua.ports.lens import Peek
from interlingua.ports.store import LedgerRow


class Call:
    """One call; used as an asynchronous context around all that is done for it.

    Args:
        state: the gateway.
        incoming: the request.
        principal: who asks.
        dialect: what they speak; empty on our own paths.
        operation: what is asked for.

    Attributes:
        peek: what is known of the request.
        outcome: what came of it.
        first: when the first content went out, in seconds since 1970.
        conversation: which it belongs to.
        cache: `hit` where the answer was there, `miss` where it was looked for; else empty.
        capture: what was asked and answered, where that is kept.
    """

    def __init__(
        self, state: State, incoming: Incoming, principal: Principal, dialect: str, operation: str = "chat"
    ) -> None:
        self.state = state
        self.incoming = incoming
        self.principal = principal
        self.dialect = dialect
        self.operation = operation
        self.started = state.engine.clock.time()
        self.peek = Peek(model="")
        self.outcome = Outcome()
        self.first: float | None = None
        self.conversation = ""
        self.cache = ""
        self.capture: Capture | None = None
        self._lease: Admission | None = None
        self._states = LimitStates()
        self._hold: Hold | None = None
        self._recorded = False
        self._task: asyncio.Task[object] | None = None
        self._watcher: Watch | None = None

    async def wire(self) -> WireRequest:
        """The request with its whole body; from here on the client's leaving is noticed.

        Raises:
            InvalidRequest: it is too long.
            Cancelled: the client left before.
        """
        body = await self.incoming.body(self.state.config.server.max_body)
        assert self._task is not None
        self._watcher = self.incoming.watch(self._task)
        return self.incoming.wire(body)

    async def hooked(self, wire: WireRequest) -> WireRequest:
        """The request as the hooks leave it.

        Raises:
            InterlinguaError: one refuses it.
        """
        hooks = self.state.hooks
        if hooks is None:
            return wire
        return replace(wire, body=await hooks.before(self._view(wire)))

    def watched(self, send: Send, wire: WireRequest) -> Send:
        """The way out, with hooks beside it."""
        hooks = self.state.hooks
        return send if hooks is None else hooks.watching(self._view(wire), send)

    def _view(self, wire: WireRequest) -> CallView:
        return CallView(
            request_id=self.incoming.request_id,
            tenant=self.principal.tenant,
            key=self.principal.key,
            dialect=self.dialect,
            operation=self.operation,
            model=self.peek.model,
            stream=self.peek.stream,
            body=wire.body,
        )

    def allowed(self, targets: list[Target]) -> list[Target]:
        """The targets that the caller may use.

        Raises:
            PermissionDenied: none.
        """
        model = self.peek.model
        found = [target for target in targets if self.principal.may_use(model, target.name)]
        if not found:
            raise PermissionDenied(
                f"this key may not use {model or targets[0].name!r}",
                model=model or targets[0].name,
                remedy="Ask for another model, or for a key that may: its models are listed by /v1/models.",
            )
        return found

    async def admit(self, target: Target, tokens: int = 0) -> None:
        """Takes what the call will use off the caller's limits.

        Args:
            target: who will be asked, the first one.
            tokens: prompt and answer, by estimate.

        Raises:
            RateLimited: there is not enough left.
            Overloaded: who counts for all gateways cannot be asked, and is to be.
        """
        if self.state.queue.is_on:
            await self._wait_for(target.name, tokens)
            return
        if self.state.shared_limits is not None:
            found = await self.state.shared_limits.acquire(self.principal, target.name, tokens)
            self._states = found.states()
            if isinstance(found, Refusal):
                raise found.error
            self._lease = found
            return
        try:
            self._lease = lease = self.state.limiter.acquire(self.principal, target.name, tokens)
        except InterlinguaError:
            self._states = self.state.limiter.states(self.principal, target.name)
            raise
        self._states = lease.states()

    async def _wait_for(self, model: str, tokens: int) -> None:
        """The same where a call may wait until there is enough."""
        state, who = self.state, self.principal
        limits = state.shared_limits or AtOnce(state.limiter)
        found = await state.queue.admit(f"{who.tenant}/{who.key}", model, partial(limits.acquire, who, model, tokens))
        self._states = found.states()
        if isinstance(found, Refusal):
            raise found.error
        self._lease = found

    @property
    def is_budgeted(self) -> bool:
        """Whether a budget may stand against the call."""
        return self.principal.budget is not None or self.state.budgets.is_shared

    async def afford(self, targets: list[Target], prompt: int, output: int | None) -> list[Target]:
        """Reserves what the call may cost, in all budgets of the caller; the targets that these leave.

        Args:
            targets: who may be asked.
            prompt: tokens, by estimate.
            output: the most tokens that the request allows; None where it does not say.

        Raises:
            BudgetExceeded: a budget does not hold it, or refuses models without a price.
            LocalFileError: the store fails.
        """
        budgets = self.state.budgets
        targets = budgets.usable(self.principal, targets, self.started)
        self._hold = await budgets.reserve(self.principal, targets, prompt, output, self.started, self.peek.choices)
        return targets

    def headers(self) -> Headers:
        """What every answer says of itself (contracts §8)."""
        outcome, target = self.outcome, self.outcome.target
        found = [("x-request-id", self.incoming.request_id), *rate_headers(self._states, self.dialect, self.started)]
        if outcome.error is not None:
            found.append(("x-interlingua-fault", outcome.error.fault))
            if outcome.error.request_id:
                found.append((UPSTREAM_ID, outcome.error.request_id))
        if self.cache:
            found.append(("x-interlingua-cache", self.cache))
        if target is None:
            return tuple(found)
        cost = "pending"
        if not self.peek.stream or outcome.error is not None or self.cache == "hit":
            cost = "unknown" if outcome.cost is None else f"{outcome.cost.usd:f}"
        found += [
            ("x-interlingua-provider", target.provider.id),
            ("x-interlingua-model", target.model),
            ("x-interlingua-attempts", str(tries_of(outcome))),
            ("x-interlingua-cost", cost),
        ]
        if outcome.losses:
            found.append(("x-interlingua-losses", str(len(outcome.losses))))
        return tuple(found)

    async def record(self) -> None:
        """Writes the call down before its answer ends: a durable ledger makes the client wait for it.

        Raises:
            LocalFileError: with `ledger.durable`, it cannot be written.
        """
        if not self._recorded:
            await self.state.ledger.record(*self._over())

    async def __aenter__(self) -> Call:
        self._task = asyncio.current_task()
        if self._task is not None:
            self.state.running.add(self._task)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        left = isinstance(error, asyncio.CancelledError) and self.incoming.gone
        if self._watcher is not None:
            self._watcher.cancel()
        if self._task is not None:
            self.state.running.discard(self._task)
        if isinstance(error, InterlinguaError):
            self.outcome.error = error
        elif left:
            self.outcome.error = Cancelled("the client left")
        elif isinstance(error, asyncio.CancelledError):
            self.outcome.error = self.outcome.error or ended()
        if error is not None:
            self.incoming.notes = self.headers()
        self._give_back()
        if not self._recorded:
            self.state.ledger.add(*self._over())
        if self.capture is not None:
            self.state.contents.add(self.capture.left(self))
        forget_frames(self.outcome.error)
        return left

    def _give_back(self) -> None:
        if self._lease is None:
            return
        usage = self.outcome.usage
        if self.cache == "hit":
            self._lease.settle(0)
        elif usage is not None and usage.total_tokens is not None:
            self._lease.settle(usage.total_tokens)
        elif self.outcome.target is None:
            self._lease.settle(0)  # nobody was reached
        self._lease.release()
        self.state.queue.wake()

    def _over(self) -> tuple[LedgerRow, tuple[BudgetCharge, ...]]:
        """The call's row, told to whoever sees calls, and what it takes from budgets: once."""
        self._recorded = True
        row = ledger_row(
            self.incoming.request_id,
            self.principal,
            self.dialect,
            self.peek,
            self.outcome,
            started=self.started,
            ended=self.state.engine.clock.time(),
            first=self.first,
            operation=self.operation,
            conversation=self.conversation,
            tags=tags(self.incoming.header(TAGS_HEADER)),
        )
        self.state.seeing.observe(row)
        for watcher in self.state.watchers:
            if not watcher.full():
                watcher.put_nowait(row)
        if self._hold is None:
            return row, ()
        return row, self._hold.settle(row, was_asked=self.outcome.target is not None)


def tries_of(outcome: Outcome) -> int:
    """How many tries there were, the one that is answering included though it is written down only at its end."""
    tries = outcome.attempts
    is_running = outcome.error is None and (not tries or tries[-1].error is not None)
    return max(1, len(tries) + is_running)


def ended() -> InterlinguaError:
    """Why an answer was broken off that did not end in time when the process did."""
    error: InterlinguaError = Overloaded("this gateway was stopped before the answer was whole", retry_after=5.0)
    error.fault = "gateway"
    return error

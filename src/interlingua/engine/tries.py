"""The tries of one call, one after the other: what came of each, and where the next one goes.

What a provider says of a credential leads to another credential at once; what fails on the provider's side is tried
again as `engine/retry.py` says, then elsewhere; what is wrong with the request ends the call, unless the alias names
a fallback for it. Tries are bounded per target and in all, and by one deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from interlingua.engine.answer import AttemptRecord
from interlingua.engine.breaker import says_of_target
from interlingua.engine.cost import charge_of
from interlingua.engine.deadline import Deadline, is_of_deadline
from interlingua.engine.failover import Candidates, Choice, another_may_answer, key_of
from interlingua.engine.lanes import Lane
from interlingua.engine.retry import wait_before_retry
from interlingua.engine.route import Route
from interlingua.engine.strategies import FAILED_SECONDS
from interlingua.engine.target import Target
from interlingua.errors import (
    Cancelled,
    CredentialMissing,
    InterlinguaError,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    StreamInterrupted,
    forget_frames,
    wait_of,
)
from interlingua.ports.store import Decision
from interlingua.types.loss import Loss
from interlingua.types.secret import Credential
from interlingua.types.usage import Usage
from interlingua.wire.rate_limits import until_more

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine


class Try(Protocol):
    """What a try tells of itself."""

    @property
    def target(self) -> Target:
        """Who is asked, in which dialect."""
        ...

    @property
    def lane(self) -> Lane:
        """Whether bytes are passed on or translated."""
        ...

    @property
    def status(self) -> int | None:
        """The HTTP status, or None where no answer came."""
        ...

    @property
    def answer_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of the answer; none where none came."""
        ...

    @property
    def head(self) -> float | None:
        """Seconds until the head of the answer came; None where none came."""
        ...

    def bound(self, deadline: Deadline | None) -> None:
        """Sets the moment by which it must be over; None is none."""
        ...


T = TypeVar("T", bound=Try)


def _nobody(provider: str) -> Sequence[str]:
    return ()


class Tries:
    """The tries of one call.

    Args:
        engine: settings, clock, credentials, and who rests.
        route: whom to ask, and the call's own bounds.
        conversation: which conversation it is; asked only where there are several credentials.

    Attributes:
        records: all tries so far.
        decisions: why they went where they went; empty where there was only one way, and it was taken.
        losses: what was lost between tries.
    """

    def __init__(
        self,
        engine: Engine,
        route: Route,
        conversation: Callable[[], str] | None = None,
    ) -> None:
        retry, asking = engine.settings.retry, route.asking
        self._engine = engine
        self._route = route
        self.records: list[AttemptRecord] = []
        self.decisions: list[Decision] = []
        self.losses: list[Loss] = []
        self._accounts: Callable[[str], Sequence[str]] = _nobody
        self._conversation = conversation
        self._those: Candidates | None = None
        self._most = retry.total if asking.attempts is None else min(retry.total, asking.attempts)
        bounds = [seconds for seconds in (retry.deadline, asking.timeout) if seconds is not None]
        self._deadline = Deadline(min(bounds), engine.clock.monotonic) if bounds else None
        self.continues = retry.continue_on_interrupt if asking.continues is None else asking.continues
        self._tried: dict[str, int] = {}
        self._moved_from: set[str] = set()
        self._codes: list[str] = []
        self._again: Target | None = None
        self._why = ""
        self._choice: Choice | None = None
        self._current: Try | None = None
        self._started = 0.0
        self._failure: InterlinguaError | None = None

    def only(self, targets: Sequence[Target], account: str) -> None:
        """Leaves only those targets, and credentials of that account; before the first try."""
        self._candidates.only(targets, account)

    async def next(
        self, make: Callable[[Target, Credential | None], T], accounts: Callable[[str], Sequence[str]] = _nobody
    ) -> T:
        """The next try: where the last one is worth repeating there, else at the next that can be tried at all.

        Args:
            make: the try at a target with a credential, if there is one; raises where it cannot be made.
            accounts: whose reasoning state of a provider the conversation holds, latest last.

        Raises:
            InterlinguaError: none is left; why the last one that was tried failed, else why the first cannot be tried.
        """
        while True:
            choice = self._only_way()
            if choice is None:
                self._accounts = accounts
                choice = self._candidates.free(self._again) or await self._last_resort()
            target = choice.target
            try:
                made = make(target, choice.credential)
            except InterlinguaError as error:
                self._failure = self._failure or error
                self._codes.append(error.code)
                self.decisions.append(Decision(target.name, "skipped", f"{error.code}: {error.message}"))
                self._candidates.drop(target)
                self._again = None
            else:
                self._begin(made, choice)
                return made

    def began(self) -> None:
        """The first content came: from here on nothing is tried again, and the deadline is kept."""
        if self._current is not None and self._deadline is not None:
            self._current.bound(None)
            self._deadline.is_met = True  # who reads the stream holds it
            self._deadline = None
        self._measure()

    async def failed(self, tried: Try, error: InterlinguaError, usage: Usage | None = None) -> None:
        """Records a failed try and waits until the next may be made; raises the error where there is none."""
        self.broken(tried, error, usage)
        if isinstance(error, StreamInterrupted) and error.partial is not None:
            raise error
        self._failure = error
        self._codes.append(error.code)
        self._why = f"after {error.code}"
        self._again = None
        if len(self.records) >= self._most or is_of_deadline(error):
            raise error
        await self._move_on(error)

    def interrupted(self, tried: Try, error: InterlinguaError, usage: Usage | None) -> bool:
        """Records a try that broke off after content and is to be continued by the next; whether there may be one."""
        if len(self.records) + 1 >= self._most:
            return False
        self.broken(tried, error, usage)
        self._failure = error
        self._why = f"goes on with what {tried.target.name} left unfinished ({error.code})"
        target = self._chosen.target
        if self._candidates.has_other(target):
            self._candidates.drop(target)
        reason = f"the answer of {tried.target.name} broke off ({error.code}); another try went on with it"
        self.losses.append(Loss(field="answer", dialect=tried.target.dialect, reason=reason, action="emulate"))
        return True

    def broken(self, tried: Try, error: InterlinguaError, usage: Usage | None = None) -> AttemptRecord:
        """Records a failed try, and what its failure says of target and credential."""
        engine, choice = self._engine, self._chosen
        breaker, name = engine.breaker, choice.target.name
        if isinstance(error, Cancelled):
            breaker.released(name)
        elif not (isinstance(error, PermissionDenied) and not choice.several):
            key = key_of(choice.target, choice.credential)
            if breaker.key_failed(key, choice.target.model, error):
                breaker.released(name)
            else:
                breaker.failed(name, error)
        if len(self._route.targets) > 1 and says_of_target(error):
            now = engine.clock.time()
            engine.latencies.add(name, max(now - self._started, FAILED_SECONDS), now)
        return self._record(tried, usage, None, error.code)

    def record(self, tried: Try, usage: Usage | None, *, service_tier: str | None = None) -> AttemptRecord:
        """Notes a try that was answered."""
        choice, breaker = self._chosen, self._engine.breaker
        if not breaker.calm:
            breaker.succeeded(choice.target.name, key_of(choice.target, choice.credential), choice.target.model)
        wait = until_more(tried.answer_headers, self._started)
        if wait is not None:
            breaker.throttle(key_of(choice.target, choice.credential), choice.target.model, wait)
        if len(self._route.targets) > 1 and self._current is not None:
            self._measure()
        return self._record(tried, usage, service_tier, None)

    def left(self, tried: Try, usage: Usage | None) -> AttemptRecord:
        """Notes a try whose caller left."""
        self._engine.breaker.released(self._chosen.target.name)
        return self._record(tried, usage, None, Cancelled.code)

    @property
    def _candidates(self) -> Candidates:
        """Who may be asked; made when that is a question."""
        if self._those is None:
            asking = self._route.asking
            conversation = self._conversation or (lambda: asking.conversation)
            self._those = Candidates(self._engine, self._route, conversation, self._accounts, self.decisions)
        return self._those

    def _only_way(self) -> Choice | None:
        """The first try of nearly every call: the first target, with its only credential, while nobody rests."""
        if self._those is not None or self.records or not self._engine.breaker.calm:
            return None
        target = self._route.targets[0]
        pool = self._engine.pool(target.provider)
        return Choice(target, pool[0] if pool else None) if len(pool) < 2 else None

    @property
    def _chosen(self) -> Choice:
        assert self._choice is not None, "no try was made"
        return self._choice

    def _begin(self, made: Try, choice: Choice) -> None:
        name = choice.target.name
        if self._failure is not None:
            forget_frames(self._failure)
        self._choice, self._current = choice, made
        self._tried[name] = self._tried.get(name, 0) + 1
        if not self._engine.breaker.calm:
            self._engine.breaker.asking(name)
        if self._deadline is not None:
            made.bound(self._deadline)
        if self.decisions or self.records or choice.several or choice.why or self._route.why:
            why = choice.why or self._why or self._route.why.get(name) or "first of its route"
            reference = choice.credential.profile if choice.several and choice.credential is not None else ""
            self.decisions.append(Decision(name, "asked", why, reference))
        self._started = self._engine.clock.time()

    def _measure(self) -> None:
        """Takes the time to the first content; of a whole answer, to its end."""
        if len(self._route.targets) > 1 and self._current is not None:
            now = self._engine.clock.time()
            self._engine.latencies.add(self._chosen.target.name, now - self._started, now)
        self._current = None

    def _record(self, tried: Try, usage: Usage | None, service_tier: str | None, error: str | None) -> AttemptRecord:
        now = self._engine.clock.time()
        charge = charge_of(usage, tried.target, self._started, service_tier)
        record = AttemptRecord(
            target=tried.target.name,
            dialect=tried.target.dialect,
            started=self._started,
            seconds=now - self._started,
            status=tried.status,
            error=error,
            usage=usage,
            cost=charge.cost,
            lane=tried.lane,
            price_source=charge.source,
            price_since=charge.since,
            service_tier=service_tier,
            head=tried.head,
        )
        self.records.append(record)
        return record

    async def _move_on(self, error: InterlinguaError) -> None:
        """Decides who is next, and waits where that is worth it; raises the error where nobody is."""
        choice, candidates = self._chosen, self._candidates
        target = choice.target
        if isinstance(error, RateLimited | QuotaExceeded) or error.exit_code == CredentialMissing.exit_code:
            if not isinstance(error, RateLimited):
                candidates.spend(target, choice.credential)
            key = key_of(target, choice.credential)
            if key not in self._moved_from and candidates.has_key(target, choice.credential):
                self._moved_from.add(key)  # once: whose limit ends at once may be chosen again, and that try counts
                self._tried[target.name] -= 1
                return
        wait = self._wait(error, target)
        if wait is not None:
            if isinstance(error, RateLimited) and candidates.has_other(target):
                return  # it rests, and is asked again where the others fail too
            self._again = target
            await self._engine.clock.sleep(wait)
            return
        if another_may_answer(error):
            candidates.drop(target)
        else:
            candidates.clear()
        if not candidates.left and not self._fell_back():
            raise error

    def _wait(self, error: InterlinguaError, target: Target) -> float | None:
        """Seconds until the target can be tried again; None where it is not worth it."""
        engine = self._engine
        retry = engine.settings.retry
        wait = wait_before_retry(error, self._tried[target.name], retry, engine.clock.chance())
        if wait is None:
            return None
        if isinstance(error, RateLimited):
            rest = engine.breaker.resting(key_of(target, self._chosen.credential), target.model)
            return wait if rest is None else self._in_time(max(wait, rest.until - engine.now()))
        if (wait_of(error) or 0.0) > retry.cap and self._candidates.has_other(target):
            return None
        return self._in_time(wait)

    def _in_time(self, wait: float) -> float | None:
        return wait if self._deadline is None or wait < self._deadline.left else None

    async def _last_resort(self) -> Choice:
        """Who is asked where nobody is free."""
        longest = self._engine.settings.retry.longest_wait
        while True:
            if not self._candidates.left and not self._fell_back():
                assert self._failure is not None, "a route has a target"
                raise self._failure
            most = longest if self._deadline is None else min(longest, self._deadline.left)
            found = self._candidates.last_resort(most)
            if found is None:
                self._candidates.clear()
            elif isinstance(found, Choice):
                return found
            else:
                await self._engine.clock.sleep(found)
            free = self._candidates.free(self._again)
            if free is not None:
                return free

    def _fell_back(self) -> bool:
        code = self._candidates.fall_back(self._codes, {record.target for record in self.records})
        if code:
            self._why = f"fallback for {code}"
        return bool(code)

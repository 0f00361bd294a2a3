"""Who is asked next: the first target whose breaker is closed and that has a credential which may be used.

Where all that are left rest, the order is: who only failed of late; a limit whose end is near enough to wait for; a
credential that was refused. So rests steer calls elsewhere, and never end one that might have been answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from interlingua.credentials.pool import chosen
from interlingua.engine.breaker import LIMITS, key_name, usable
from interlingua.engine.route import Route
from interlingua.engine.target import Target
from interlingua.errors import CredentialMissing, InterlinguaError, ModelNotFound, RateLimited
from interlingua.ports.rests import Rest
from interlingua.ports.store import Decision
from interlingua.types.secret import Credential

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine

MOST_WAITS = 3
"""How often a call waits for somebody's limit before it asks all the same."""


class Choice(Struct, frozen=True, gc=False):
    """Who is asked.

    Args:
        target: where.
        credential: with which credential; None where there is none.
        why: in words, where it is not the plain order.
        several: whether there was another credential to choose.
    """

    target: Target
    credential: Credential | None
    why: str = ""
    several: bool = False


class Candidates:
    """Those who may be asked by one call.

    Args:
        engine: who rests, and which credentials there are.
        route: the call's way.
        conversation: what its credential is chosen by.
        accounts: whose reasoning state of a provider it holds, latest last.
        decisions: where it is said who is passed over.
    """

    def __init__(
        self,
        engine: Engine,
        route: Route,
        conversation: Callable[[], str],
        accounts: Callable[[str], Sequence[str]],
        decisions: list[Decision],
    ) -> None:
        self._engine = engine
        self._route = route
        self._conversation = conversation
        self._accounts = accounts
        self._decisions = decisions
        self._left: Sequence[Target] = route.targets if route.asking.failover else route.targets[:1]
        self._account: str | None = None
        self._spent: set[tuple[str, str]] = set()
        self._forced: set[str] = set()
        self._passed: set[tuple[str, str]] = set()
        self._fallen: set[str] = set()
        self._sticky = ""
        self._waits = 0

    @property
    def left(self) -> bool:
        """Whether anybody is."""
        return bool(self._left)

    def only(self, targets: Sequence[Target], account: str) -> None:
        """Leaves only those targets, asked for that account."""
        self._left, self._account = targets, account

    def drop(self, target: Target) -> None:
        """Gives a target up for this call."""
        self._left = [one for one in self._left if one is not target]

    def clear(self) -> None:
        """Gives all up, because what failed was the request."""
        self._left = ()

    def spend(self, target: Target, credential: Credential | None) -> None:
        """Gives up a credential at a target for this call."""
        self._spent.add((target.name, "" if credential is None else credential.profile))

    def has_key(self, target: Target, failed: Credential | None) -> bool:
        """Whether another credential may be used at a target than the one that failed there."""
        free = self._keys(target)[0]
        return any(one is not None and (failed is None or one.profile != failed.profile) for one in free)

    def has_other(self, target: Target) -> bool:
        """Whether another target may be asked now."""
        return any(one is not target and self._may_ask(one) for one in self._left)

    def free(self, again: Target | None = None) -> Choice | None:
        """The first that may be asked now.

        Args:
            again: who is asked first.
        """
        left: Iterable[Target] = self._left if again is None else (again, *(o for o in self._left if o is not again))
        breaker = self._engine.breaker
        for target in left:
            if breaker.calm and not self._spent and self._account is None:
                credentials = self._engine.pool(target.provider)
                if len(credentials) < 2:
                    return Choice(target, credentials[0] if credentials else None)
                return Choice(target, self._chosen(target, credentials), "", True)
            rest = breaker.open(target.name)
            if rest is not None:
                self._pass_over(target, f"its breaker is open ({breaker.why_resting(rest)})")
                continue
            free, resting = self._keys(target)
            for credential, rest in resting:
                self._pass_over(target, breaker.why_resting(rest), credential)
            if free:
                one = self._chosen(target, free)
                return Choice(target, one, self._why(target), len(free) + len(resting) > 1)
        return None

    def last_resort(self, most: float) -> Choice | float | None:
        """Who is asked though resting, or how many seconds are to be waited first; None: nobody is left.

        Args:
            most: seconds that may be waited.

        Raises:
            RateLimited: all that are left are at their limits for longer.
        """
        for target in self._left:
            free, _ = self._keys(target)
            if free and target.name not in self._forced:
                self._forced.add(target.name)
                return Choice(target, self._chosen(target, free), "nobody else is left")
        resting = [(target, *each) for target in self._left for each in self._keys(target)[1]]
        limited = [one for one in resting if one[2].why in LIMITS]
        soonest = min(limited, key=lambda one: one[2].until, default=None)
        wait = 0.0 if soonest is None else max(0.0, soonest[2].until - self._engine.now())
        if soonest is not None and wait <= most and self._waits < MOST_WAITS:
            self._waits += 1
            why = f"for {wait:.1f} s: all that are left rest ({soonest[2].why})"
            self._decisions.append(Decision(soonest[0].name, "waited", why, _reference(soonest[1])))
            return wait
        for target, credential, rest in resting:
            if rest.why not in LIMITS or (wait <= most and self._waits >= MOST_WAITS):
                self.spend(target, credential)
                return Choice(target, credential, f"nobody else is left ({rest.why})", True)
        if soonest is not None:
            raise RateLimited(
                f"{soonest[0].provider.id} is at its limit for another {wait:.0f} s",
                retry_after=wait,
                provider=soonest[0].provider.id,
                model=soonest[0].model,
            )
        return None

    def fall_back(self, codes: Sequence[str], asked: set[str]) -> str:
        """Takes the fallbacks for the errors that came; the first of those codes, or nothing where there is none.

        Args:
            codes: of the errors, in order.
            asked: names of targets that were asked.
        """
        route = self._route
        if not route.fallbacks or not route.asking.failover or self._account is not None:
            return ""
        for code in codes:
            if code in self._fallen or code not in route.fallbacks:
                continue
            self._fallen.add(code)
            found = [target for name in route.fallbacks[code] for target in self._resolved(name)]
            left = {target.name: target for target in found if target.name not in asked}
            if left:
                self._left = list(left.values())
                return code
        return ""

    def _resolved(self, name: str) -> list[Target]:
        may_use = self._route.asking.may_use
        try:
            found = self._engine.plan(name, self._route.client).targets
        except ModelNotFound as error:
            self._decisions.append(Decision(name, "skipped", error.message))
            return []
        return [target for target in found if may_use is None or may_use(self._route.name, target)]

    def _may_ask(self, target: Target) -> bool:
        if self._engine.breaker.open(target.name) is not None:
            return False
        return any(one is not None or not target.provider.needs_credential for one in self._keys(target)[0])

    def _keys(self, target: Target) -> tuple[Sequence[Credential | None], Sequence[tuple[Credential, Rest]]]:
        """A target's credentials that may be used, and those that rest; without those that this call gave up.

        Where there is none at all, that is None: it needs none, or making the try says what is missing.
        """
        every = self._engine.pool(target.provider)
        if not every:
            return ([None] if (target.name, "") not in self._spent else []), ()
        mine = [
            one
            for one in every
            if (target.name, one.profile) not in self._spent and self._account in (None, one.account)
        ]
        return usable(self._engine.breaker, target.provider.id, target.model, mine)

    def _chosen(self, target: Target, free: Sequence[Credential | None]) -> Credential | None:
        credentials = [one for one in free if one is not None]
        if len(credentials) < 2:
            return free[0]
        if not self._sticky:
            self._sticky = self._conversation() or f"{self._engine.clock.chance()}"
        return chosen(credentials, self._sticky, self._accounts(target.provider.id))

    def _why(self, target: Target) -> str:
        rest = self._engine.breaker.half_open(target.name)
        return "" if rest is None else f"to see whether it works again (it rested: {rest.why})"

    def _pass_over(self, target: Target, why: str, credential: Credential | None = None) -> None:
        key = (target.name, _reference(credential))
        if key not in self._passed:
            self._passed.add(key)
            self._decisions.append(Decision(target.name, "skipped", why, key[1]))


def another_may_answer(error: InterlinguaError) -> bool:
    """Whether a failure says nothing about the request itself, so that the next target is worth a try."""
    return error.fault == "provider" or error.exit_code == CredentialMissing.exit_code


def key_of(target: Target, credential: Credential | None) -> str:
    """What the credential of a choice is called among rests."""
    return key_name(target.provider.id, credential)


def _reference(credential: Credential | None) -> str:
    return "" if credential is None else credential.profile

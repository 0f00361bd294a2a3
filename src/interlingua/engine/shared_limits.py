"""The same limits as `limits.py` where several workers and machines have them in common.

What a call asks for is decided where all processes ask (`ports/counters.py`), so letting it in waits for an answer;
giving back waits for nobody. A call without limits asks nobody. While nobody can be asked, this process counts for
itself, or calls that have a limit are refused: as the configuration says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from interlingua.engine.limits import SLOT_WAIT, Kind, Limiter, LimitState, LimitStates, is_longer, limited
from interlingua.engine.principal import Principal
from interlingua.errors import InterlinguaError, Overloaded, RateLimited
from interlingua.ports.counters import Counters, Demand, Standing

AWAY_WAIT = 2.0
"""Seconds after which to come back when nobody can be asked."""


class Admission(Protocol):
    """A call that was let in, whoever counts."""

    def settle(self, tokens: int) -> None:
        """Puts the estimate right, once."""
        ...

    def release(self) -> None:
        """Gives the slots back, once."""
        ...

    def states(self) -> LimitStates:
        """What the limits are, for the answer's headers."""
        ...


class SharedLease:
    """A call that was let in where all ask: its slots are its own until it is released, or its worker dies."""

    __slots__ = ("_counters", "_demands", "_lease", "_states", "_tokens")

    def __init__(
        self, counters: Counters, demands: Sequence[Demand], lease: str, tokens: int, states: LimitStates
    ) -> None:
        self._counters = counters
        self._demands = demands
        self._lease = lease
        self._tokens: int | None = tokens
        self._states = states

    def settle(self, tokens: int) -> None:
        """Puts the estimate right, once; further calls do nothing."""
        if self._tokens is None:
            return
        difference, self._tokens = tokens - self._tokens, None
        if difference:
            self._counters.settle(self._demands, difference)

    def release(self) -> None:
        """Gives the slots back, once; further calls do nothing."""
        if self._lease:
            lease, self._lease = self._lease, ""
            self._counters.release(self._demands, lease)

    def states(self) -> LimitStates:
        """What the limits were when the call was let in."""
        return self._states


class Refusal:
    """A call that was not let in, and how the limits stand that refused it."""

    __slots__ = ("_states", "error")

    def __init__(self, error: InterlinguaError, states: LimitStates) -> None:
        self.error = error
        self._states = states

    def states(self) -> LimitStates:
        """What the limits are, for the answer's headers."""
        return self._states


class AtOnce:
    """A process's own limits, asked as those that all have in common are.

    Args:
        limiter: the limits.
    """

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    async def acquire(self, principal: Principal, model: str, tokens: int = 0) -> Admission | Refusal:
        """As `SharedLimiter.acquire`."""
        try:
            return self._limiter.acquire(principal, model, tokens)
        except RateLimited as error:
            return Refusal(error, self._limiter.states(principal, model))


class SharedLimiter:
    """Lets calls in by limits that all processes have in common.

    Args:
        limiter: knows the limits, and counts while nobody can be asked.
        counters: where all ask.
        refuse: whether calls with a limit are refused meanwhile.
    """

    def __init__(self, limiter: Limiter, counters: Counters, *, refuse: bool) -> None:
        self._limiter = limiter
        self._own = AtOnce(limiter)
        self._counters = counters
        self._refuse = refuse

    async def acquire(self, principal: Principal, model: str, tokens: int = 0) -> Admission | Refusal:
        """Lets a call in, or refuses it: with RateLimited as `Limiter.acquire` does, or with Overloaded where nobody
        can be asked.

        Args:
            principal: who asks.
            model: `provider/model`.
            tokens: how many it will use, by estimate.
        """
        demands = self._limiter.demands(principal, model)
        taken = await self._counters.take(demands, tokens) if demands else None
        if taken is not None:
            states = _states(demands, taken.standings)
            if taken.lease:
                return SharedLease(self._counters, demands, taken.lease, tokens, states)
            return Refusal(_refused(demands, taken.standings, tokens), states)
        if demands and self._refuse:
            return Refusal(_away(), LimitStates())
        return await self._own.acquire(principal, model, tokens)


def _refused(demands: Sequence[Demand], standings: Sequence[Standing], tokens: int) -> RateLimited:
    """What says after how long nothing stands against the call any more."""
    worst: tuple[Demand, Kind, float | None] | None = None
    for demand, one in zip(demands, standings, strict=True):
        found: list[tuple[Kind, float | None]] = []
        if demand.concurrency is not None and one.used >= demand.concurrency:
            found.append(("concurrency", SLOT_WAIT))
        if one.requests_wait != 0:
            found.append(("rpm", _seconds(one.requests_wait)))
        if one.tokens_wait != 0:
            found.append(("tpm", _seconds(one.tokens_wait)))
        for kind, wait in found:
            if worst is None or is_longer(wait, worst[2]):
                worst = demand, kind, wait
    assert worst is not None
    demand, kind, wait = worst
    scope = "key" if demand.name.startswith("key/") else demand.name
    return limited(scope, demand, kind, wait, tokens)


def _states(demands: Sequence[Demand], standings: Sequence[Standing]) -> LimitStates:
    requests = [
        LimitState(demand.rpm, one.requests, one.requests_full / 1e6)
        for demand, one in zip(demands, standings, strict=True)
        if demand.rpm is not None
    ]
    tokens = [
        LimitState(demand.tpm, one.tokens, one.tokens_full / 1e6)
        for demand, one in zip(demands, standings, strict=True)
        if demand.tpm is not None
    ]
    return LimitStates(
        requests=min(requests, key=lambda state: state.remaining, default=None),
        tokens=min(tokens, key=lambda state: state.remaining, default=None),
    )


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6


def _away() -> InterlinguaError:
    error: InterlinguaError = Overloaded(
        "the server that counts for all gateways does not answer", retry_after=AWAY_WAIT, remedy="Try again shortly."
    )
    error.fault = "gateway"
    return error

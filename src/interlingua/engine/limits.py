"""How many requests and tokens a minute, and how many calls at once, per key and per model; in this process.

A rate is a bucket: it holds a minute's worth, and refills evenly. So a minute's worth may come at once, and in any
span of t seconds at most limit × (1 + t/60) is let in. Buckets are integers, so nothing is gained or lost by
rounding. A call is let in by all of its buckets or takes from none; between looking and taking nothing else runs,
because nothing here awaits.

Tokens are taken by estimate and put right when the answer is known: what was too much comes back, what was too
little is owed, and the next call waits until it is paid off.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Literal

from msgspec import Struct

from interlingua.engine.principal import UNLIMITED, Limits, Principal
from interlingua.errors import InterlinguaError, RateLimited
from interlingua.ports.clock import Clock
from interlingua.ports.counters import Demand

Kind = Literal["rpm", "tpm", "concurrency"]

MINUTE = 60 * 10**9
"""In nanoseconds. A bucket counts in units of 1/MINUTE of what it limits: each nanosecond adds `limit` of them."""
SLOT_WAIT = 1.0
"""Seconds after which to come back for a slot: a guess, since nobody knows when a running call ends."""
_MOST_MODELS = 1000
"""Model names whose limits are remembered; clients invent names."""
_WORDS: dict[Kind, str] = {"rpm": "requests per minute", "tpm": "tokens per minute", "concurrency": "calls at once"}


class LimitState(Struct, frozen=True, gc=False):
    """A limit as rate-limit headers tell it: its size, what is left, and seconds until all of it is."""

    limit: int
    remaining: int
    reset: float


class Bucket:
    """A minute's worth of something, refilling evenly. Pure: the time comes in.

    Args:
        limit: how much a minute.
        now: nanoseconds of a clock that never goes back.
    """

    __slots__ = ("_at", "_level", "limit")

    def __init__(self, limit: int, now: int) -> None:
        self.limit = limit
        self._level = limit * MINUTE
        self._at = now

    def wait(self, amount: int, now: int) -> int | None:
        """Nanoseconds until `amount` can be taken: 0 is now, None is never."""
        self._refill(now)
        if amount > self.limit:
            return None
        return max(0, -((self._level - amount * MINUTE) // self.limit))

    def has(self, amount: int, now: int) -> bool:
        """Whether `amount` can be taken now."""
        if now > self._at:
            self._refill(now)
        return self._level >= amount * MINUTE

    def take(self, amount: int, now: int) -> None:
        """Takes, whether it is there or not: what is missing is owed. A negative amount is put back."""
        if now > self._at:
            self._refill(now)
        self._level -= amount * MINUTE
        if amount < 0:
            self._level = min(self._level, self.limit * MINUTE)

    def state(self, now: int) -> LimitState:
        """How it stands, for headers."""
        if now > self._at:
            self._refill(now)
        missing = self.limit * MINUTE - self._level
        if not missing:
            return LimitState(self.limit, self.limit, 0.0)
        return LimitState(self.limit, max(0, self._level // MINUTE), -(-missing // self.limit) / 1e9)

    def resize(self, limit: int, now: int) -> None:
        """Changes the limit; what was taken stays taken."""
        self._refill(now)
        self._level = min(self._level + (limit - self.limit) * MINUTE, limit * MINUTE)
        self.limit = limit

    def _refill(self, now: int) -> None:
        if now > self._at:
            self._level = min(self._level + (now - self._at) * self.limit, self.limit * MINUTE)
            self._at = now


class LimitStates(Struct, frozen=True):
    """The tightest limits of a call; None where there is none."""

    requests: LimitState | None = None
    tokens: LimitState | None = None


_NONE = LimitStates()


class Meter:
    """The limits of one key or of one model pattern, and what is taken of them.

    Args:
        scope: for errors, such as `key bench`.
        limits: how much.
        now: nanoseconds.
    """

    __slots__ = ("limits", "requests", "scope", "tokens", "used")

    def __init__(self, scope: str, limits: Limits, now: int) -> None:
        self.scope = scope
        self.limits = limits
        self.requests = Bucket(limits.rpm, now) if limits.rpm else None
        self.tokens = Bucket(limits.tpm, now) if limits.tpm else None
        self.used = 0

    def change(self, limits: Limits, now: int) -> None:
        """Takes other limits; calls that run keep their slots."""
        self.requests = _changed(self.requests, limits.rpm, now)
        self.tokens = _changed(self.tokens, limits.tpm, now)
        self.limits = limits

    def admits(self, tokens: int, now: int) -> bool:
        """Whether nothing stands against a call."""
        return (
            (self.limits.concurrency is None or self.used < self.limits.concurrency)
            and (self.requests is None or self.requests.has(1, now))
            and (self.tokens is None or self.tokens.has(tokens, now))
        )

    def refusal(self, tokens: int, now: int) -> tuple[Kind, float | None] | None:
        """What stands against a call and for how many seconds, None being for ever; None where nothing does."""
        worst: tuple[Kind, float | None] | None = None
        if self.limits.concurrency is not None and self.used >= self.limits.concurrency:
            worst = ("concurrency", SLOT_WAIT)
        buckets: tuple[tuple[Kind, Bucket | None, int], ...]
        buckets = (("rpm", self.requests, 1), ("tpm", self.tokens, tokens))
        for kind, bucket, amount in buckets:
            wait = bucket.wait(amount, now) if bucket is not None else 0
            if wait is None:
                return kind, None
            if wait and (worst is None or wait / 1e9 > (worst[1] or 0)):
                worst = kind, wait / 1e9
        return worst

    def take(self, tokens: int, now: int) -> None:
        """Lets a call in."""
        self.used += 1
        if self.requests is not None:
            self.requests.take(1, now)
        if self.tokens is not None:
            self.tokens.take(tokens, now)


class Lease:
    """A call that was let in: a slot of everything that limits it, until it is released.

    Use it as a context manager, so that whatever happens the slot comes back.
    """

    __slots__ = ("_clock", "_meters", "_now", "_open", "_tokens")

    def __init__(self, clock: Clock, meters: tuple[Meter, ...], tokens: int, now: int) -> None:
        self._clock = clock
        self._now = now
        self._meters = meters
        self._tokens: int | None = tokens
        self._open = True

    def settle(self, tokens: int) -> None:
        """Puts the estimate right, once; further calls do nothing.

        Args:
            tokens: what the call used in truth; 0 where no provider was reached. A call of which it stays unknown is
                not settled: its estimate stands.
        """
        if self._tokens is None:
            return
        difference, self._tokens = tokens - self._tokens, None
        if difference:
            now = _nanoseconds(self._clock)
            for meter in self._meters:
                if meter.tokens is not None:
                    meter.tokens.take(difference, now)

    def release(self) -> None:
        """Gives the slots back, once; further calls do nothing."""
        if self._open:
            self._open = False
            for meter in self._meters:
                meter.used -= 1

    def states(self) -> LimitStates:
        """What the limits were when it was let in, for the answer's headers."""
        return _states(self._meters, self._now)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Limiter:
    """Lets calls in.

    Args:
        clock: time.
        models: limits by model pattern, for all callers together; the models that match a pattern share its limits.
    """

    def __init__(self, clock: Clock, models: Mapping[str, Limits] | None = None) -> None:
        self._clock = clock
        self._keys: dict[str, Meter] = {}
        self._patterns: dict[str, Meter] = {}
        self._of_model: dict[str, tuple[Meter, ...]] = {}
        self.set_models(models or {})

    def set_models(self, models: Mapping[str, Limits]) -> None:
        """Takes other limits for models; what is taken of those that stay, stays taken."""
        now = _nanoseconds(self._clock)
        for pattern in self._patterns.keys() - models.keys():
            del self._patterns[pattern]
        for pattern, limits in models.items():
            if pattern in self._patterns:
                self._patterns[pattern].change(limits, now)
            else:
                self._patterns[pattern] = Meter(f"model/{pattern}", limits, now)
        self._of_model.clear()

    def acquire(self, principal: Principal, model: str, tokens: int = 0) -> Lease:
        """Lets a call in.

        Args:
            principal: who asks.
            model: `provider/model`, or whatever the configured patterns are about.
            tokens: how many it will use, prompt and answer, by estimate.

        Raises:
            RateLimited: with `fault` gateway and a scope such as `gateway:key/rpm`; `retry_after` is exact for rates
                and a guess for slots. Where the call asks for more than the limit itself, it is None and another try
                is of no use.
        """
        now = _nanoseconds(self._clock)
        meters = self._meters(principal, model, now)
        for meter in meters:
            if not meter.admits(tokens, now):
                raise _refusal(meters, tokens, now)
        for meter in meters:
            meter.take(tokens, now)
        return Lease(self._clock, meters, tokens, now)

    def states(self, principal: Principal, model: str) -> LimitStates:
        """What the limits are now, for the headers of a refusal."""
        now = _nanoseconds(self._clock)
        return _states(self._meters(principal, model, now), now)

    def demands(self, principal: Principal, model: str) -> tuple[Demand, ...]:
        """The limits that a call must be let in by, for who counts for several processes."""
        found = []
        if principal.limits != UNLIMITED:
            found.append((f"key/{principal.key}", principal.limits))
        found += [
            (meter.scope, meter.limits) for pattern, meter in self._patterns.items() if fnmatchcase(model, pattern)
        ]
        return tuple(Demand(name, each.rpm, each.tpm, each.concurrency) for name, each in found)

    def forget(self, keep: set[str]) -> None:
        """Forgets keys that are not among those names and have no call running."""
        for name in [name for name, meter in self._keys.items() if name not in keep and not meter.used]:
            del self._keys[name]

    def _meters(self, principal: Principal, model: str, now: int) -> tuple[Meter, ...]:
        of_model = self._of_model.get(model) if self._patterns else ()
        if of_model is None:
            if len(self._of_model) >= _MOST_MODELS:
                self._of_model.clear()
            found = (meter for pattern, meter in self._patterns.items() if fnmatchcase(model, pattern))
            of_model = self._of_model[model] = tuple(found)
        limits = principal.limits
        meter = self._keys.get(principal.key)
        if meter is None:
            if limits == UNLIMITED:
                return of_model
            meter = self._keys[principal.key] = Meter("key", limits, now)
        elif meter.limits is not limits:
            meter.change(limits, now)
        return (meter, *of_model)


def _changed(bucket: Bucket | None, limit: int | None, now: int) -> Bucket | None:
    if limit is None:
        return None
    if bucket is None:
        return Bucket(limit, now)
    if bucket.limit != limit:
        bucket.resize(limit, now)
    return bucket


def _refusal(meters: tuple[Meter, ...], tokens: int, now: int) -> RateLimited:
    """What says after how long nothing stands against the call any more."""
    found = [(meter, *refusal) for meter in meters if (refusal := meter.refusal(tokens, now)) is not None]
    worst = found[0]
    for one in found[1:]:
        if is_longer(one[2], worst[2]):
            worst = one
    meter, kind, wait = worst
    return limited(meter.scope, meter.limits, kind, wait, tokens)


def is_longer(wait: float | None, other: float | None) -> bool:
    """Whether one wait is longer than another; None is for ever."""
    return other is not None and (wait is None or wait > other)


def limited(scope: str, limits: Limits | Demand, kind: Kind, wait: float | None, tokens: int) -> RateLimited:
    """The refusal of a call.

    Args:
        scope: of what the limit is: `key`, or `model/` and a pattern.
        limits: those of the scope.
        kind: which of them stands against the call most.
        wait: seconds until it does not; None is for ever.
        tokens: what the call asks for.
    """
    limit = getattr(limits, kind)
    which = "this key" if scope == "key" else "this model"
    if wait is None:
        message = f"{which} may use {limit} {_WORDS[kind]}, and this request alone may take {tokens}"
        remedy = "Shorten the prompt, ask for fewer output tokens, or have the limit raised."
    else:
        message = f"{which} may use {limit} {_WORDS[kind]}"
        remedy = f"Wait {wait:.3g} s, or have the limit raised."
    error = RateLimited(
        message, retry_after=wait, scope=f"gateway:{scope}/{kind}", remedy=remedy, retryable=wait is not None
    )
    _blame_us(error)
    return error


def _blame_us(error: InterlinguaError) -> None:
    """The class speaks of providers' limits; this one is ours, so another target would not help."""
    error.fault = "gateway"


def _states(meters: tuple[Meter, ...], now: int) -> LimitStates:
    if not meters:
        return _NONE
    return LimitStates(
        _tightest([meter.requests for meter in meters if meter.requests is not None], now),
        _tightest([meter.tokens for meter in meters if meter.tokens is not None], now),
    )


def _tightest(buckets: list[Bucket], now: int) -> LimitState | None:
    if len(buckets) < 2:
        return buckets[0].state(now) if buckets else None
    return min((bucket.state(now) for bucket in buckets), key=lambda state: state.remaining)


def _nanoseconds(clock: Clock) -> int:
    return int(clock.monotonic() * 1e9)

"""Who is not asked for now, and for how long: targets that fail, and credentials that are refused.

A bad key is told from a bad target. What a provider says of a key rests that key: a 401 until it works again or the
configuration is read anew, a lack of credit for long, a limit for as long as it says (for the model that it said it
of). What fails on the provider's side counts against the target: when enough of its calls fail, its breaker opens and
it is left out; after a while one call may try it (half-open), and its success closes the breaker.

Rests only steer calls elsewhere. Where nobody else is left, who rests is asked all the same (`engine/tries.py`).
Nothing of this costs a call anything while nobody fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from interlingua.engine.deadline import is_of_deadline
from interlingua.engine.settings import BreakerSettings
from interlingua.errors import (
    AuthenticationFailed,
    InterlinguaError,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
)
from interlingua.ports.rests import Rest, Rests
from interlingua.types.secret import Credential

QUOTA_REST = 3600.0
"""Seconds for which a credential without credit is left alone."""
PERMISSION_REST = 300.0
"""Seconds for which a credential is not used for a model that it was refused."""
LIMIT_REST, LONGEST_LIMIT_REST = 1.0, 60.0
"""Seconds of rest after a 429 that names no time: doubled each time in a row."""
LONGEST_THROTTLE = 120.0
"""Most seconds of rest for what a provider says of its limits without refusing: hosts err, and a 429 says more."""
THROTTLED = "throttled"
"""Why a credential rests whose provider says that nothing is left of its limit."""
LIMITS = frozenset({RateLimited.code, THROTTLED})
"""Rests whose end is known well enough to wait for it."""
PROBE_SECONDS = 60.0
"""After so long a probe that never came back no longer keeps others from being one."""
MOST_NAMES = 4096


class ProcessRests:
    """Rests that this process alone knows."""

    def __init__(self) -> None:
        self._rests: dict[str, Rest] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._rests)

    def get(self, name: str) -> Rest | None:
        """The rest of that name."""
        return self._rests.get(name)

    def put(self, name: str, rest: Rest) -> None:
        """Sets a rest; beyond a bound the oldest is forgotten, because clients can make up names of models."""
        self._rests.pop(name, None)
        if len(self._rests) >= MOST_NAMES:
            del self._rests[next(iter(self._rests))]
        self._rests[name] = rest

    def drop(self, name: str) -> None:
        """Ends a rest."""
        self._rests.pop(name, None)

    def renew(self) -> None:
        """Ends the rests without an end of their own."""
        self._rests = {name: rest for name, rest in self._rests.items() if rest.until < math.inf}


class _Count:
    """Failures and successes of late."""

    __slots__ = ("failures", "since", "successes")

    def __init__(self, since: float) -> None:
        self.failures = self.successes = 0
        self.since = since


class Breaker:
    """The rests of an engine.

    Args:
        rests: where they are kept.
        now: gives seconds since 1970.
        settings: when a target's breaker opens.
    """

    def __init__(self, rests: Rests, now: Callable[[], float], settings: BreakerSettings) -> None:
        self._rests = rests
        self._now = now
        self._settings = settings
        self._counts: dict[str, _Count] = {}
        self._probes: dict[str, float] = {}

    @property
    def calm(self) -> bool:
        """Whether nobody rests and nobody failed of late: then there is nothing to ask."""
        return not self._counts and not self._rests

    def open(self, target: str) -> Rest | None:
        """The rest of a target that is to be left out; None where it may be asked, be it as a probe."""
        rest = self._rests.get(_target(target))
        if rest is None:
            return None
        now = self._now()
        if rest.until > now:
            return rest
        probe = self._probes.get(target)
        return rest if probe is not None and now - probe < PROBE_SECONDS else None

    def half_open(self, target: str) -> Rest | None:
        """The rest of a target that is over, so that a call may try it."""
        rest = self._rests.get(_target(target))
        return rest if rest is not None and rest.until <= self._now() else None

    def asking(self, target: str) -> None:
        """A target is asked now; where its breaker is half-open, this is the probe."""
        if self._rests and self._rests.get(_target(target)) is not None:
            self._probes[target] = self._now()

    def released(self, target: str) -> None:
        """A call ended that says nothing of its target."""
        self._probes.pop(target, None)

    def succeeded(self, target: str, key: str, model: str) -> None:
        """A target answered.

        Args:
            target: its name.
            key: of the credential (`key_name`).
            model: that was asked.
        """
        if self._counts and (count := self._counts.get(target)) is not None:
            count.successes += 1
        if self._rests:
            self._probes.pop(target, None)
            if self._rests.get(_target(target)) is not None:
                self._rests.drop(_target(target))
                self._counts.pop(target, None)
            self.key_works(key, model)

    def failed(self, target: str, error: InterlinguaError) -> None:
        """A target failed; counts what says something of it."""
        self._probes.pop(target, None)
        if not says_of_target(error):
            return
        now, settings = self._now(), self._settings
        before = self._rests.get(_target(target))
        if before is not None:
            if before.until <= now:
                self._rest_target(target, now, error, before.times + 1)
            return
        count = self._counts.get(target)
        if count is None:
            if len(self._counts) >= MOST_NAMES:
                del self._counts[next(iter(self._counts))]
            count = self._counts[target] = _Count(now)
        elif now - count.since > settings.window:
            # What happened before weighs half, and then nothing.
            halvings = min(60, int((now - count.since) // settings.window))
            count.failures, count.successes = count.failures >> halvings, count.successes >> halvings
            count.since = now
        count.failures += 1
        asked = count.failures + count.successes
        if count.failures >= settings.failures and count.failures >= settings.share * asked:
            self._rest_target(target, now, error, 1)
            del self._counts[target]

    def _rest_target(self, target: str, now: float, error: InterlinguaError, times: int) -> None:
        seconds = min(self._settings.longest_rest, self._settings.rest * 2.0 ** min(times - 1, 30))
        self._rests.put(_target(target), Rest(now + seconds, error.code, times))

    def resting(self, key: str, model: str) -> Rest | None:
        """The rest of a credential for a model, or None where it may be used."""
        now = self._now()
        found = None
        for name in (key, f"{key} {model}"):
            rest = self._rests.get(name)
            if rest is not None and rest.until > now and (found is None or rest.until > found.until):
                found = rest
        return found

    def key_failed(self, key: str, model: str, error: InterlinguaError) -> bool:
        """Rests a credential for what its provider said of it; whether it said anything of it."""
        now = self._now()
        if isinstance(error, AuthenticationFailed):
            self._rests.put(key, Rest(math.inf, error.code))
        elif isinstance(error, QuotaExceeded):
            self._rests.put(key, Rest(now + QUOTA_REST, error.code))
        elif isinstance(error, PermissionDenied):
            self._rests.put(f"{key} {model}", Rest(now + PERMISSION_REST, error.code))
        elif isinstance(error, RateLimited):
            before = self._rests.get(f"{key} {model}")
            times = before.times + 1 if before is not None and before.why == error.code else 1
            unnamed = min(LONGEST_LIMIT_REST, LIMIT_REST * 2.0 ** min(times - 1, 30))
            seconds = unnamed if error.retry_after is None else error.retry_after
            self._rests.put(f"{key} {model}", Rest(now + seconds, error.code, times))
        else:
            return False
        return True

    def throttle(self, key: str, model: str, seconds: float) -> None:
        """Rests a credential of whose limit the provider says that nothing is left."""
        name, until = f"{key} {model}", self._now() + min(seconds, LONGEST_THROTTLE)
        before = self._rests.get(name)
        if before is None or before.until < until:
            self._rests.put(name, Rest(until, THROTTLED))

    def key_works(self, key: str, model: str = "") -> None:
        """A credential was accepted: whatever was thought of it is over, but for limits that it is known to have."""
        for name in (key, f"{key} {model}"):
            rest = self._rests.get(name)
            if rest is not None and not (rest.why == THROTTLED and rest.until > self._now()):
                self._rests.drop(name)

    def why_resting(self, rest: Rest) -> str:
        """A rest in words."""
        left = rest.until - self._now()
        if left == math.inf:
            return rest.why
        return f"{rest.why}, {max(0.0, left):.0f} s left"


def key_name(provider: str, credential: Credential | None) -> str:
    """What a credential is called among rests; never its secret."""
    return f"key {provider}/{'' if credential is None else credential.profile}"


def says_of_target(error: InterlinguaError) -> bool:
    """Whether a failure says that the target itself is in trouble."""
    if error.fault != "provider" or isinstance(error, RateLimited | QuotaExceeded):
        return False
    return not is_of_deadline(error)


def usable(
    breaker: Breaker, provider: str, model: str, credentials: Sequence[Credential]
) -> tuple[list[Credential], list[tuple[Credential, Rest]]]:
    """Credentials that may be used for a model, and those that rest."""
    free, resting = [], []
    for one in credentials:
        rest = breaker.resting(key_name(provider, one), model)
        if rest is None:
            free.append(one)
        else:
            resting.append((one, rest))
    return free, resting


def _target(name: str) -> str:
    return f"target {name}"

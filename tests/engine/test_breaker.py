"""Who is not asked for now."""

from __future__ import annotations

import math

import pytest

from interlingua.engine.breaker import MOST_NAMES, THROTTLED, Breaker, ProcessRests, says_of_target
from interlingua.engine.deadline import Deadline, late
from interlingua.engine.settings import BreakerSettings
from interlingua.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InterlinguaError,
    InvalidRequest,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    StreamInterrupted,
    TimedOut,
    UpstreamError,
)
from interlingua.ports.rests import Rest
from tests.engine.clock import Clock

SETTINGS = BreakerSettings(failures=3, share=0.5, window=30, rest=10, longest_rest=35)


def made() -> tuple[Breaker, Clock, ProcessRests]:
    clock, rests = Clock(), ProcessRests()
    return Breaker(rests, clock.time, SETTINGS), clock, rests


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.asking("a/m")
        breaker.failed("a/m", UpstreamError("no"))


def test_nothing_is_known_of_those_who_never_failed() -> None:
    """Successes leave no trace, so that they cost nothing."""
    breaker, _, _ = made()
    breaker.succeeded("a/m", "key a/x", "m")
    assert breaker.calm


def test_a_breaker_opens_after_enough_failures_that_are_a_large_enough_share() -> None:
    """Three failures among three open it; three among ten do not."""
    breaker, _, _ = made()
    fail(breaker, 2)
    assert breaker.open("a/m") is None
    fail(breaker)
    assert breaker.open("a/m") is not None
    breaker, _, _ = made()
    fail(breaker)
    for _ in range(7):
        breaker.succeeded("a/m", "key a/x", "m")
    fail(breaker, 3)
    assert breaker.open("a/m") is None


def test_old_failures_are_forgotten() -> None:
    """Two an hour ago and one now are one."""
    breaker, clock, _ = made()
    fail(breaker, 2)
    clock.now += 3600
    fail(breaker)
    assert breaker.open("a/m") is None


def test_half_open_lets_one_call_through_at_a_time() -> None:
    """Until it comes back, is given up, or a minute has passed."""
    breaker, clock, _ = made()
    fail(breaker, 3)
    clock.now += 10
    assert breaker.open("a/m") is None
    breaker.asking("a/m")
    assert breaker.open("a/m") is not None
    breaker.released("a/m")
    assert breaker.open("a/m") is None
    breaker.asking("a/m")
    clock.now += 61
    assert breaker.open("a/m") is None


def test_a_probe_decides_and_rests_grow_to_a_bound() -> None:
    """10, 20, 35, 35 seconds; a success closes it for good."""
    breaker, clock, rests = made()
    fail(breaker, 3)
    for seconds in (10, 20, 35, 35):
        rest = rests.get("target a/m")
        assert rest is not None
        assert rest.until - clock.now == seconds
        clock.now += seconds
        fail(breaker)
    clock.now += 35
    breaker.succeeded("a/m", "key a/x", "m")
    assert breaker.calm


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (UpstreamError("x"), True),
        (Overloaded("x"), True),
        (ConnectionFailed("x"), True),
        (TimedOut("x", phase="first_byte"), True),
        (StreamInterrupted("x"), True),
        (late(Deadline(1.0, Clock().monotonic)), False),
        (RateLimited("x"), False),
        (QuotaExceeded("x"), False),
        (AuthenticationFailed("x"), False),
        (InvalidRequest("x"), False),
    ],
)
def test_a_bad_key_is_told_from_a_bad_target(error: InterlinguaError, says: bool) -> None:
    """And both from a bad request."""
    assert says_of_target(error) is says
    breaker, _, _ = made()
    assert breaker.key_failed("key a/x", "m", error) is isinstance(
        error, RateLimited | QuotaExceeded | AuthenticationFailed
    )


def test_a_key_rests_by_what_was_said_of_it() -> None:
    """For ever, for an hour, or for one model and as long as was said; a 429 that says nothing, longer each time."""
    breaker, clock, _ = made()
    cases = (
        (AuthenticationFailed("x"), math.inf, math.inf),
        (QuotaExceeded("x"), 3600, 3600),
        (PermissionDenied("x"), 300, None),
        (RateLimited("x", retry_after=7.0), 7, None),
    )
    for place, (error, here, elsewhere) in enumerate(cases):
        breaker.key_failed(f"key {place}", "m", error)
        rest, other = breaker.resting(f"key {place}", "m"), breaker.resting(f"key {place}", "n")
        assert rest is not None
        assert rest.until - clock.now == here
        assert (None if other is None else other.until - clock.now) == elsewhere
    for seconds in (1, 2, 4, 8, 16, 32, 60, 60):
        breaker.key_failed("key z", "m", RateLimited("x"))
        rest = breaker.resting("key z", "m")
        assert rest is not None
        assert rest.until - clock.now == seconds


def test_a_key_that_works_is_forgiven_all_but_a_limit_that_it_told_of() -> None:
    """What is throttled stays so until its reset, also by answers to requests that were under way."""
    breaker, clock, _ = made()
    breaker.key_failed("key", "m", AuthenticationFailed("x"))
    breaker.key_works("key", "m")
    assert breaker.resting("key", "m") is None
    breaker.throttle("key", "m", 20)
    breaker.throttle("key", "m", 5)
    breaker.key_works("key", "m")
    rest = breaker.resting("key", "m")
    assert rest is not None
    assert (rest.why, rest.until - clock.now) == (THROTTLED, 20)
    breaker.throttle("other", "m", 86_400)
    rest = breaker.resting("other", "m")
    assert rest is not None
    assert rest.until - clock.now == 120, "a header alone keeps nobody away for a day"


def test_what_is_kept_is_bounded() -> None:
    """Clients make up names of models."""
    breaker, _, rests = made()
    for i in range(MOST_NAMES + 50):
        breaker.key_failed("key", f"m{i}", RateLimited("x", retry_after=60))
        breaker.failed(f"a/{i}", UpstreamError("x"))
    assert breaker.resting("key", "m0") is None
    assert breaker.resting("key", f"m{MOST_NAMES + 49}") is not None
    rests.put("x", Rest(1.0, "y"))
    rests.drop("x")
    assert rests.get("x") is None

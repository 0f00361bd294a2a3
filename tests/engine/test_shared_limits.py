"""Limits that are counted where all ask: on a real Redis, and without one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from interlingua.engine.limits import Limiter, LimitStates
from interlingua.engine.principal import LOCAL, Limits
from interlingua.engine.shared_limits import Admission, Refusal, SharedLimiter
from interlingua.errors import Overloaded, RateLimited
from interlingua.stores.settings import SharedSettings
from interlingua.stores.shared import Shared
from interlingua.stores.shared_counters import SharedCounters
from tests.engine.test_limits import Hand, who
from tests.services import Redis

MODELS = {"m*": Limits(rpm=100, concurrency=2), "*": Limits(tpm=60_000)}


@pytest.fixture
async def counters(redis: Redis) -> AsyncIterator[SharedCounters]:
    """On an empty server."""
    redis.run("FLUSHALL")
    shared = Shared(SharedSettings(url=redis.url, timeout=60), {})
    yield SharedCounters(shared)
    await shared.aclose()


@pytest.fixture
async def nobody(tmp_path: object) -> AsyncIterator[SharedCounters]:
    """On a server that is not there."""
    shared = Shared(SharedSettings(url=f"unix://{tmp_path}/none"), {})
    yield SharedCounters(shared)
    await shared.aclose()


def shared_by(counters: SharedCounters, *, refuse: bool = False) -> SharedLimiter:
    """A process's limits."""
    return SharedLimiter(Limiter(Hand(), MODELS), counters, refuse=refuse)


def let_in(found: Admission | Refusal) -> Admission:
    """It was."""
    assert not isinstance(found, Refusal)
    return found


def refused(found: Admission | Refusal) -> RateLimited:
    """It was not, for a limit."""
    assert isinstance(found, Refusal)
    assert isinstance(found.error, RateLimited)
    return found.error


async def test_what_one_process_lets_in_another_counts(counters: SharedCounters) -> None:
    """Keys by name, models by pattern; states are the tightest."""
    first, second = shared_by(counters), shared_by(counters)
    one = let_in(await first.acquire(who("a", rpm=3), "m1", 1000))
    states = one.states()
    assert states.requests is not None
    assert states.tokens is not None
    assert (states.requests.limit, states.requests.remaining) == (3, 2)
    assert (states.tokens.limit, states.tokens.remaining) == (60_000, 59_000)
    let_in(await second.acquire(who("b"), "m2"))
    error = refused(await second.acquire(who("c"), "m3"))
    assert (error.scope, error.fault, error.retry_after) == ("gateway:model/m*/concurrency", "gateway", 1.0)
    assert "this model may use 2 calls at once" in error.message
    let_in(await second.acquire(who("c"), "x"))


async def test_a_refusal_names_the_limit_that_stands_against_it_longest(counters: SharedCounters) -> None:
    """And never is longer than any while."""
    limiter = shared_by(counters)
    for _ in range(2):
        let_in(await limiter.acquire(who("a", rpm=2, tpm=1000), "m", 500)).release()
    await counters._shared.flush()
    error = refused(await limiter.acquire(who("a", rpm=2, tpm=1000), "m", 900))
    assert error.scope == "gateway:key/tpm"
    assert error.retry_after is not None
    assert 50 < error.retry_after <= 54
    error = refused(await limiter.acquire(who("a", rpm=2, tpm=1000), "m", 100))
    assert error.scope == "gateway:key/rpm"
    error = refused(await limiter.acquire(who("a", rpm=2, tpm=1000), "m", 1001))
    assert (error.scope, error.retry_after, error.retryable) == ("gateway:key/tpm", None, False)
    assert "this request alone may take 1001" in error.message


async def test_a_lease_is_put_right_once_and_given_back_once(counters: SharedCounters) -> None:
    """As in one process."""
    limiter = shared_by(counters)
    lease = let_in(await limiter.acquire(LOCAL, "m", 10_000))
    for _ in range(2):
        lease.settle(1_000)
        lease.release()
    await counters._shared.flush()
    states = let_in(await limiter.acquire(LOCAL, "m", 0)).states()
    assert states.tokens is not None
    assert 59_000 <= states.tokens.remaining < 59_100
    let_in(await limiter.acquire(LOCAL, "m", 0))
    refused(await limiter.acquire(LOCAL, "m", 0))


async def test_who_has_no_limit_asks_nobody(nobody: SharedCounters) -> None:
    """Not even where limited calls are refused."""
    limiter = SharedLimiter(Limiter(Hand()), nobody, refuse=True)
    assert let_in(await limiter.acquire(LOCAL, "m", 5)).states() == LimitStates()
    assert not nobody._shared.away


async def test_while_nobody_can_be_asked_each_counts_for_itself_or_refuses(nobody: SharedCounters) -> None:
    """What was let in so is given back here."""
    alone = shared_by(nobody)
    leases = [let_in(await alone.acquire(LOCAL, "m")) for _ in range(2)]
    assert refused(await alone.acquire(LOCAL, "m")).scope == "gateway:model/m*/concurrency"
    leases[0].release()
    let_in(await alone.acquire(LOCAL, "m"))
    found = await shared_by(nobody, refuse=True).acquire(LOCAL, "m")
    assert isinstance(found, Refusal)
    assert isinstance(found.error, Overloaded)
    assert (found.error.fault, found.error.retry_after, found.states()) == ("gateway", 2.0, LimitStates())

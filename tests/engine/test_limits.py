"""Limits let in what they allow, and no more; slots come back whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.engine.limits import MINUTE, Bucket, Lease, Limiter
from interlingua.engine.principal import LOCAL, Limits, Principal
from interlingua.errors import RateLimited


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        """Not asked."""
        raise AssertionError

    def monotonic(self) -> float:
        """As it was set."""
        return self.now

    def chance(self) -> float:
        """Not asked."""
        raise AssertionError

    async def sleep(self, seconds: float) -> None:
        """Not asked."""
        raise AssertionError


def who(key: str = "bench", *, rpm: int | None = None, tpm: int | None = None, at_once: int | None = None) -> Principal:
    """Somebody with limits."""
    return Principal(tenant="acme", key=key, limits=Limits(rpm=rpm, tpm=tpm, concurrency=at_once))


Steps = Sequence[tuple[int, int]]
STEPS = st.lists(
    st.tuples(st.integers(0, MINUTE // 2), st.integers(0, 30)), min_size=1, max_size=60
)  # nanoseconds until, and amount


@given(limit=st.integers(1, 40), steps=STEPS)
def test_no_window_lets_in_more_than_the_limit_and_what_refilled(limit: int, steps: Steps) -> None:
    """In any span of t seconds at most limit × (1 + t/60): exactly, in integers."""
    bucket, now = Bucket(limit, 0), 0
    taken: list[tuple[int, int]] = []
    for wait, amount in steps:
        now += wait
        if bucket.wait(amount, now) == 0:
            bucket.take(amount, now)
            taken.append((now, amount))
    for i, (start, _) in enumerate(taken):
        total = 0
        for end, amount in taken[i:]:
            total += amount
            assert total <= limit + Fraction(limit * (end - start), MINUTE)


@given(limit=st.integers(1, 1000), steps=STEPS, wanted=st.integers(1, 1000))
def test_the_wait_that_is_named_is_exact(limit: int, steps: Steps, wanted: int) -> None:
    """After it there is enough, and a nanosecond earlier there is not."""
    bucket, now = Bucket(limit, 0), 0
    for wait, amount in steps:
        now += wait
        bucket.take(amount, now)
    wait_for = bucket.wait(wanted, now)
    if wait_for is None:
        assert wanted > limit
        return
    if wait_for:
        assert bucket.wait(wanted, now + wait_for - 1) == 1
    assert bucket.wait(wanted, now + wait_for) == 0
    assert bucket.state(now + wait_for).remaining >= wanted


@given(limit=st.integers(1, 1000), steps=STEPS)
def test_what_is_put_back_is_as_if_it_had_not_been_taken(limit: int, steps: Steps) -> None:
    """A refund at once changes nothing, and never makes more than the limit."""
    bucket, now = Bucket(limit, 0), 0
    for wait, amount in steps:
        now += wait
        before = bucket.state(now)
        bucket.take(amount, now)
        bucket.take(-amount, now)
        assert bucket.state(now) == before
        bucket.take(amount, now)
        bucket.take(-amount - limit, now + 1)
        assert bucket.state(now + 1).remaining == limit
        now += 1


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Nor does it take anything."""
    bucket = Bucket(60, 10 * MINUTE)
    bucket.take(60, 10 * MINUTE)
    assert bucket.state(5 * MINUTE).remaining == 0
    assert bucket.state(10 * MINUTE + 10**9).remaining == 1


@given(
    limit=st.integers(1, 5),
    acts=st.lists(st.tuples(st.sampled_from(["in", "out", "settle", "crash"]), st.integers(0, 9)), max_size=80),
)
def test_slots_never_leak_and_are_never_given_twice(limit: int, acts: Sequence[tuple[str, int]]) -> None:
    """Whatever is released how often, and whatever raises in between."""
    limiter = Limiter(Hand(), {"*": Limits(concurrency=limit)})
    principal = who(at_once=limit)
    leases: list[Lease] = []
    running: set[int] = set()
    for act, number in acts:
        if act == "in":
            if len(running) < limit:
                leases.append(limiter.acquire(principal, "m"))
                running.add(len(leases) - 1)
            else:
                with pytest.raises(RateLimited):
                    limiter.acquire(principal, "m")
        elif act == "crash" and len(running) < limit:
            with suppress(ZeroDivisionError), limiter.acquire(principal, "m"):
                raise ZeroDivisionError
        elif leases and act == "out":
            leases[number % len(leases)].release()
            running.discard(number % len(leases))
        elif leases and act == "settle":
            leases[number % len(leases)].settle(number)
    for lease in leases:
        lease.release()
    for again in [limiter.acquire(principal, "m") for _ in range(limit)]:
        again.release()


def test_a_refusal_of_ours_is_told_from_a_providers() -> None:
    """Scope, fault and exact seconds."""
    clock = Hand()
    limiter = Limiter(clock)
    principal = who(rpm=3)
    for _ in range(3):
        limiter.acquire(principal, "m").release()
    clock.now += 5
    with pytest.raises(RateLimited) as caught:
        limiter.acquire(principal, "m")
    error = caught.value
    assert (error.fault, error.scope, error.retry_after) == ("gateway", "gateway:key/rpm", 15.0)
    assert "15 s" in error.remedy
    assert RateLimited("theirs").fault == "provider"
    clock.now += 15
    limiter.acquire(principal, "m").release()


def test_each_kind_of_limit_names_itself() -> None:
    """Of a key, and of a model for all keys together."""
    for limits, scope in (
        (Limits(rpm=1), "gateway:key/rpm"),
        (Limits(tpm=10), "gateway:key/tpm"),
        (Limits(concurrency=1), "gateway:key/concurrency"),
    ):
        limiter = Limiter(Hand())
        principal = Principal(tenant="t", key="k", limits=limits)
        limiter.acquire(principal, "m", 10)
        with pytest.raises(RateLimited) as caught:
            limiter.acquire(principal, "m", 10)
        assert caught.value.scope == scope
    limiter = Limiter(Hand(), {"openai/*": Limits(rpm=2)})
    limiter.acquire(who("a"), "openai/x")
    limiter.acquire(who("b"), "openai/y")
    with pytest.raises(RateLimited) as caught:
        limiter.acquire(who("c"), "openai/x")
    assert caught.value.scope == "gateway:model/openai/*/rpm"
    limiter.acquire(who("c"), "groq/x")


def test_a_call_that_one_limit_refuses_takes_from_none() -> None:
    """Atomic: the requests of a key are not used up by a model that is busy."""
    limiter = Limiter(Hand(), {"busy": Limits(concurrency=1)})
    principal = who(rpm=2, tpm=100)
    running = limiter.acquire(who("other"), "busy")
    for _ in range(10):
        with pytest.raises(RateLimited):
            limiter.acquire(principal, "busy", 50)
    states = limiter.states(principal, "busy")
    assert states.requests is not None and states.requests.remaining == 2
    assert states.tokens is not None and states.tokens.remaining == 100
    running.release()
    limiter.acquire(principal, "busy", 50)


def test_of_several_refusals_the_longest_wait_is_named() -> None:
    """After it all of them let the call in."""
    clock = Hand()
    limiter = Limiter(clock, {"*": Limits(rpm=1)})
    principal = who(rpm=60, at_once=1)
    lease = limiter.acquire(principal, "m")
    with pytest.raises(RateLimited) as caught:
        limiter.acquire(principal, "m")
    assert (caught.value.retry_after, caught.value.scope) == (60.0, "gateway:model/*/rpm")
    lease.release()
    clock.now += 60
    limiter.acquire(principal, "m")


def test_tokens_are_put_right_when_the_answer_is_known() -> None:
    """Once; what was too little is owed."""
    clock = Hand()
    limiter = Limiter(clock)
    principal = who(tpm=6000)

    def left() -> int:
        state = limiter.states(principal, "m").tokens
        assert state is not None
        return state.remaining

    with limiter.acquire(principal, "m", 5000) as lease:
        assert left() == 1000
        lease.settle(200)
        lease.settle(0)
        assert left() == 5800
    with limiter.acquire(principal, "m", 5000) as lease:
        lease.settle(9000)
    assert left() == 0
    with pytest.raises(RateLimited) as caught:
        limiter.acquire(principal, "m", 100)
    assert caught.value.retry_after == 33.0
    clock.now += 33
    limiter.acquire(principal, "m", 100)


def test_a_request_over_the_limit_itself_is_not_worth_another_try() -> None:
    """No wait makes it fit."""
    limiter = Limiter(Hand())
    with pytest.raises(RateLimited, match="may take 200") as caught:
        limiter.acquire(who(tpm=100), "m", 200)
    assert (caught.value.retryable, caught.value.retry_after) == (False, None)
    assert "Shorten" in caught.value.remedy


def test_headers_tell_the_tightest_limit() -> None:
    """Limit, remaining, and seconds until all of it is back."""
    clock = Hand()
    limiter = Limiter(clock, {"m": Limits(rpm=10)})
    lease = limiter.acquire(who(rpm=600, tpm=1000), "m", 250)
    states = lease.states()
    assert states.requests is not None and states.tokens is not None
    assert (states.requests.limit, states.requests.remaining, states.requests.reset) == (10, 9, 6.0)
    assert (states.tokens.limit, states.tokens.remaining, states.tokens.reset) == (1000, 750, 15.0)
    assert limiter.states(LOCAL, "other").requests is None


def test_limits_that_change_keep_what_was_taken() -> None:
    """A reload is no refill."""
    clock = Hand()
    limiter = Limiter(clock, {"m": Limits(rpm=5)})
    running = limiter.acquire(who(rpm=2, at_once=1), "x")
    limiter.acquire(who(rpm=2, at_once=9), "x")
    with pytest.raises(RateLimited):
        limiter.acquire(who(rpm=2, at_once=9), "x")
    states = limiter.states(who(rpm=10), "x")
    assert states.requests is not None and states.requests.remaining == 8
    running.release()
    for _ in range(5):
        limiter.acquire(LOCAL, "m")
    limiter.set_models({"m": Limits(rpm=6), "n": Limits(rpm=1)})
    limiter.acquire(LOCAL, "m")
    with pytest.raises(RateLimited):
        limiter.acquire(LOCAL, "m")
    limiter.set_models({})
    limiter.acquire(LOCAL, "m")


def test_who_has_no_limits_leaves_no_trace() -> None:
    """And names that clients invent do not fill the memory."""
    limiter = Limiter(Hand(), {"m*": Limits(rpm=10**9)})
    for i in range(3000):
        limiter.acquire(LOCAL, f"m{i}").release()
    assert limiter._keys == {}
    assert len(limiter._of_model) <= 1000
    limiter.acquire(who("gone", rpm=1), "x").release()
    running = limiter.acquire(who("runs", at_once=1), "x")
    limiter.forget({"kept"})
    assert set(limiter._keys) == {"runs"}
    running.release()

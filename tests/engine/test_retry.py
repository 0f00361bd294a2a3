"""When a target is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.engine.retry import wait_before_retry
from interlingua.engine.settings import RetrySettings
from interlingua.errors import (
    AuthenticationFailed,
    InterlinguaError,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    UpstreamError,
)

SETTINGS = RetrySettings()


@pytest.mark.parametrize("error", [AuthenticationFailed("no"), QuotaExceeded("no")])
def test_what_cannot_succeed_is_not_tried_again(error: InterlinguaError) -> None:
    """A bad key does not get better."""
    assert wait_before_retry(error, 1, SETTINGS, 0.5) is None


def test_the_number_of_tries_is_limited() -> None:
    """Three tries, and no fourth."""
    assert wait_before_retry(UpstreamError("x"), 2, SETTINGS, 0.0) == 1.0
    assert wait_before_retry(UpstreamError("x"), 3, SETTINGS, 0.0) is None


@pytest.mark.parametrize("kind", [RateLimited, Overloaded])
def test_a_wait_that_the_provider_asks_for_is_kept_exactly(kind: type[RateLimited] | type[Overloaded]) -> None:
    """Coming back early only earns another refusal."""
    assert wait_before_retry(kind("x", retry_after=17.0), 1, SETTINGS, 0.9) == 17.0


def test_a_provider_that_asks_for_too_long_a_wait_is_given_up() -> None:
    """Nobody waits ten minutes for an answer."""
    assert wait_before_retry(RateLimited("x", retry_after=600), 1, SETTINGS, 0.0) is None


@given(tried=st.integers(1, 20), chance=st.floats(0, 0.999))
def test_waits_without_a_hint_grow_to_the_cap_and_are_never_negative(tried: int, chance: float) -> None:
    """Jitter takes off a quarter at the most."""
    settings = RetrySettings(attempts=99)
    wait = wait_before_retry(UpstreamError("x"), tried, settings, chance)
    assert wait is not None
    assert 0.75 * min(8.0, 0.5 * 2 ** (tried - 1)) <= wait <= 8.0

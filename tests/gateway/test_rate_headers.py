"""Limits in the words of each dialect's clients."""

from __future__ import annotations

from interlingua.engine.limits import LimitState, LimitStates
from interlingua.gateway.rate_headers import rate_headers

STATES = LimitStates(requests=LimitState(60, 59, 1.0), tokens=LimitState(1000, 0, 360.5))


def test_most_clients_read_openais_names() -> None:
    """Durations are written as `6m0.5s`."""
    assert dict(rate_headers(STATES, "openai_chat", 0)) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "6m0.5s",
    }


def test_clients_of_anthropic_read_its_own() -> None:
    """Times are written out; never too early."""
    found = dict(rate_headers(STATES, "anthropic_messages", 1_790_000_000.5))
    assert found["anthropic-ratelimit-requests-remaining"] == "59"
    assert found["anthropic-ratelimit-requests-reset"] == "2026-09-21T14:13:22Z"


def test_who_has_no_limit_is_told_none() -> None:
    """Not even that there is none."""
    assert rate_headers(LimitStates(), "gemini", 0) == ()

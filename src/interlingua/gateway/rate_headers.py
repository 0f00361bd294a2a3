"""Our limits in the header names of the client's dialect. Google and Ollama have none, and get those of most others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from interlingua.engine.limits import LimitState, LimitStates
from interlingua.gateway.outgoing import Headers

Named = Callable[[str, LimitState, float], Headers]


def rate_headers(states: LimitStates, dialect: str, now: float) -> Headers:
    """The headers that tell of a caller's limits; none where there is none.

    Args:
        states: the tightest limits.
        dialect: the client's.
        now: seconds since 1970.
    """
    named = NAMES.get(dialect, _openai)
    found: Headers = ()
    for what, state in (("requests", states.requests), ("tokens", states.tokens)):
        if state is not None:
            found += named(what, state, now)
    return found


def _openai(what: str, state: LimitState, now: float) -> Headers:
    return (
        (f"x-ratelimit-limit-{what}", str(state.limit)),
        (f"x-ratelimit-remaining-{what}", str(state.remaining)),
        (f"x-ratelimit-reset-{what}", _duration(state.reset)),
    )


def _anthropic(what: str, state: LimitState, now: float) -> Headers:
    when = datetime.fromtimestamp(int(now + state.reset) + 1, UTC)
    return (
        (f"anthropic-ratelimit-{what}-limit", str(state.limit)),
        (f"anthropic-ratelimit-{what}-remaining", str(state.remaining)),
        (f"anthropic-ratelimit-{what}-reset", f"{when:%Y-%m-%dT%H:%M:%SZ}"),
    )


NAMES: dict[str, Named] = {"anthropic_messages": _anthropic}
"""By dialect, where it differs from OpenAI's."""


def _duration(seconds: float) -> str:
    """Such as `6m0s`, `1.5s` or `20ms`."""
    if not seconds:
        return "0ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"

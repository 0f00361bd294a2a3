"""Whether and when to try the same target again. Pure: time and chance come in as arguments."""

from __future__ import annotations

from interlingua.engine.settings import RetrySettings
from interlingua.errors import InterlinguaError, wait_of

JITTER = 0.25
"""The share of a wait that chance may take off, so that many callers do not come back at once."""


def wait_before_retry(error: InterlinguaError, tried: int, settings: RetrySettings, chance: float) -> float | None:
    """Seconds to wait before trying the target again, or None where another try is not worth it.

    Args:
        error: why the last try failed.
        tried: how many tries were made, at least 1.
        settings: limits.
        chance: a random number in [0, 1).
    """
    if not error.retryable or tried >= settings.attempts:
        return None
    asked = wait_of(error)
    if asked is not None:
        return asked if asked <= settings.longest_wait else None
    return min(settings.cap, settings.base * 2.0 ** (tried - 1)) * (1 - JITTER * chance)

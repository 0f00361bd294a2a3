"""How long a server asks to wait, in whichever of the usual headers it says so; and how we say it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from math import ceil

from interlingua.errors import BudgetExceeded, InterlinguaError, wait_of

_SPAN = re.compile(r"([\d.]+)(ms|h|m|s)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_retry_after(headers: Iterable[tuple[str, str]], now: float = 0.0) -> float | None:
    """Seconds to wait, or None where nothing usable is said.

    Args:
        headers: names in lower case. `retry-after-ms` is more exact and wins over `retry-after` (RFC 9110 §10.2.3:
            seconds or a date).
        now: seconds since 1970; without it dates are not understood.
    """
    found = dict(headers)
    milliseconds = _seconds(found.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = found.get("retry-after", "").strip()
    seconds = _seconds(value)
    if seconds is not None or not now:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def span(text: str) -> float | None:
    """Seconds of a span such as `6m0s`, `1.5s` or `12ms`; None where it is none."""
    found = _SPAN.findall(text.lower())
    try:
        return sum(float(amount) * _UNITS[unit] for amount, unit in found) if found else None
    except ValueError:
        return None


def render_retry_after(error: InterlinguaError) -> tuple[tuple[str, str], ...]:
    """The `retry-after` header of an error, in whole seconds; nothing where no wait is known.

    A budget that is spent says besides that another try is of no use: the SDKs of OpenAI and Anthropic would make two
    by themselves on a 429, and they read `x-should-retry`.
    """
    wait = wait_of(error)
    found = () if wait is None else (("retry-after", str(max(0, ceil(wait)))),)
    return (*found, ("x-should-retry", "false")) if isinstance(error, BudgetExceeded) and not error.retryable else found


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None

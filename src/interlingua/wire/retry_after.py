"""How long a server asks to wait, in whichever of the usual headers it says so."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import parsedate_to_datetime


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


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None

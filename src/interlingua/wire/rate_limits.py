"""Limits in headers: what a host says of how much is left, and how clients are told what is left of ours.

When a host says that nothing is left, the next request would only be refused.

Two spellings are in use, `x-ratelimit-remaining-requests` and `anthropic-ratelimit-requests-remaining`, each with a
`reset` of the same name: a span (`6m0s`), seconds, a time since 1970 in seconds or milliseconds, or a date (RFC 3339).
"""

from __future__ import annotations

from datetime import datetime

from interlingua.wire.retry_after import span

_YEAR_2001, _YEAR_2286 = 1e9, 1e10
"""Seconds since 1970: below is a span, above are milliseconds."""


def until_more(headers: tuple[tuple[str, str], ...], now: float) -> float | None:
    """Seconds until there is something left again; None where something is, or nothing is said.

    Args:
        headers: of an answer, names in lower case.
        now: seconds since 1970.
    """
    longest = None
    for name, value in headers:
        if value == "0" and "ratelimit" in name and "remaining" in name:
            reset = dict(headers).get(name.replace("remaining", "reset"), "")
            wait = _wait(reset.strip(), now)
            if wait is not None and wait > 0 and (longest is None or wait > longest):
                longest = wait
    return longest


def _wait(text: str, now: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return span(text) if text[-1:].isalpha() and "T" not in text else _until(text, now)
    if number > _YEAR_2286:
        return number / 1000 - now
    return number - now if number > _YEAR_2001 else number


def _until(text: str, now: float) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() - now
    except (ValueError, OverflowError):
        return None


def limit_headers(what: str, limit: int, remaining: int, reset: float, now: float) -> tuple[tuple[str, str], ...]:
    """How most clients are told a limit, whatever they speak; see `ports.lens.Lens.limit_headers`."""
    return (
        (f"x-ratelimit-limit-{what}", str(limit)),
        (f"x-ratelimit-remaining-{what}", str(remaining)),
        (f"x-ratelimit-reset-{what}", _duration(reset)),
    )


def _duration(seconds: float) -> str:
    """Such as `6m0s`, `1.5s` or `20ms`."""
    if not seconds:
        return "0ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"

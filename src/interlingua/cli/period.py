"""Times as people type them at `--since` and `--until`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from interlingua.errors import InvalidRequest

_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: float, path: str) -> float:
    """Seconds since 1970 of a time in the past: `30m`, `12h`, `7d`, `4w` ago, `today`, a date, or a date and time.

    Args:
        text: as it was typed; what has no time zone is UTC.
        now: seconds since 1970.
        path: the option, for the error.

    Raises:
        InvalidRequest: it is none of these.
    """
    today = datetime.fromtimestamp(now, UTC)
    span = _SPAN.fullmatch(text)
    try:
        if text == "today":
            found = today.replace(hour=0, minute=0, second=0, microsecond=0)
        elif span:
            found = today - timedelta(**{_UNITS[span[2]]: int(span[1])})
        else:
            found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            f"{text!r} is not a time", path=path, remedy="Write 12h, 30d, today, 2026-11-01 or 2026-11-01T12:00:00Z."
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()

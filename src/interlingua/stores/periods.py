"""Spans of time as people write them."""

from __future__ import annotations

import re

from interlingua.errors import ConfigError
from interlingua.stores.settings import KeepSettings

_PERIOD = re.compile(r"\s*(\d{1,6})\s*(h|hours?|d|days?|w|weeks?|y|years?)\s*", re.IGNORECASE)
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}


def microseconds(key: str, text: str) -> int:
    """How long a text says.

    Args:
        key: what it was said for, for the error.
        text: such as `90 days`, `12 weeks`, `1 year`, `36h`.

    Raises:
        ConfigError: it says nothing of the kind.
    """
    found = _PERIOD.fullmatch(text)
    if found is None or not int(found[1]):
        raise ConfigError(f"{key}: {text!r} is no span of time", remedy="Write such as 90 days, 12 weeks or 36 hours.")
    return int(found[1]) * _HOURS[found[2][0].lower()] * 3_600_000_000


def periods(keep: KeepSettings) -> dict[str, int]:
    """How long what is to be kept, in microseconds, of what is not kept for ever. Raises ConfigError."""
    names = ("calls", "conversations", "responses", "contents")
    return {name: microseconds(f"store.keep.{name}", age) for name in names if (age := getattr(keep, name)) is not None}

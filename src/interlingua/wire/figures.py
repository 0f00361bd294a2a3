"""Whole numbers inside the words of others: bounded, for a server may write as many digits as it likes."""

from __future__ import annotations

import re


def digits(text: str) -> int | None:
    """The number that `text` is; None where it is none, or has more than 15 digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def figure(pattern: re.Pattern[str], message: str) -> int | None:
    """The number that the pattern's first group finds in a message, commas left out; None where there is none."""
    found = pattern.search(message)
    return digits(found[1].replace(",", "")) if found else None

"""Limits and cursors of pages, which come from clients."""

from __future__ import annotations

from interlingua.errors import InvalidRequest

MOST_ROWS = 1000
"""Most rows of a page."""


def checked_limit(limit: int) -> int:
    """How many rows a page may have. Raises InvalidRequest."""
    if not 1 <= limit <= MOST_ROWS:
        raise InvalidRequest(f"limit must be 1 to {MOST_ROWS}", path="limit")
    return limit


def after_number(cursor: str) -> int:
    """The number that a cursor is. Raises InvalidRequest where it is none."""
    if not cursor.isdecimal() or not cursor.isascii() or len(cursor) > 18:
        raise InvalidRequest("the cursor is not one that we gave", path="after", remedy="Begin with the first page.")
    return int(cursor)

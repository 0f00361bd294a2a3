"""Ids of requests: random, and drawn from the system many at a time, for each drawing is a system call."""

from __future__ import annotations

import os
from collections.abc import Iterator

_BYTES = 12
_AT_ONCE = 256


def _drawn() -> Iterator[str]:
    while True:
        text = os.urandom(_BYTES * _AT_ONCE).hex()
        yield from (f"req_{text[at : at + 2 * _BYTES]}" for at in range(0, len(text), 2 * _BYTES))


_ids = _drawn()


def request_id() -> str:
    """An id that no other request has: `req_` and 24 hexadecimal digits."""
    return next(_ids)


def _after_fork() -> None:
    """A child must not draw what its parent draws."""
    global _ids
    _ids = _drawn()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

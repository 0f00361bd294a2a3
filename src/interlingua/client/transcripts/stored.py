"""What a kept message tells: who made it, whether it broke off, and which messages lead to it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from interlingua.ports.store import StoredMessage

INTERRUPTED = ("cancelled", "stream_interrupted")
"""Codes of errors that broke an answer off which may be continued."""


def new_id() -> str:
    """An id for what the store has not given one."""
    return secrets.token_hex(12)


def path_to(leaf: str | None, messages: Iterable[StoredMessage]) -> list[StoredMessage]:
    """The messages that lead to `leaf`, the first one first."""
    by_id = {one.id: one for one in messages}
    path: list[StoredMessage] = []
    while leaf is not None and leaf in by_id:
        path.append(by_id[leaf])
        leaf = by_id[leaf].parent
    return path[::-1]


def is_interrupted(one: StoredMessage) -> bool:
    """Whether a message is the beginning of an answer that broke off."""
    return one.answer is not None and one.answer.error in INTERRUPTED


def maker(one: StoredMessage) -> str:
    """Who made a message, as `provider/model`; empty for people and tools."""
    if one.answer is None or not one.answer.model:
        return ""
    return f"{one.answer.provider}/{one.answer.model}" if one.answer.provider else one.answer.model

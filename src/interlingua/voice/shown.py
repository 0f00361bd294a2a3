"""What is in force, as callers' programs can read it: an attribute of the agent's, beside what is said aloud.

It is JSON: the three names, why wishes were refused, and the wishes that were decided on, so that a program knows
which of its own this answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Protocol

import msgspec

from interlingua.voice.choices import NAMES, Chosen

ATTRIBUTE = "interlingua.choice"


class Holder(Protocol):
    """Who has attributes; a room's own participant."""

    def set_attributes(self, attributes: dict[str, str]) -> Awaitable[None]:
        """Changes them."""
        ...


class Shown:
    """Keeps the attribute as it should be; the latest wins, and none overtakes another.

    Args:
        holder: whose attribute it is.
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._latest = self._told = ""
        self._task: asyncio.Task[None] | None = None

    def show(self, chosen: Chosen, wishes: Mapping[str, str]) -> None:
        """Takes what is in force.

        Args:
            chosen: it.
            wishes: of the caller, on which this was decided.
        """
        names = {name: getattr(chosen, name) for name in NAMES}
        self._latest = msgspec.json.encode({**names, "refused": chosen.refused, "wishes": dict(wishes)}).decode()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._tell(), name="choice")

    async def _tell(self) -> None:
        while self._told != self._latest:
            latest = self._latest
            await self._holder.set_attributes({ATTRIBUTE: latest})
            self._told = latest

"""Who of several processes asks, where all of them are asked the same at the same time."""

from __future__ import annotations

from typing import Literal, Protocol

Claim = Literal["ours", "theirs", "nobodys"]
"""We ask, and others wait for us; another asks; there is nothing to wait for, and each asks for itself."""


class Claims(Protocol):
    """Claims names for a while. A claim ends by itself soon after its process did."""

    async def take(self, name: str) -> Claim:
        """Claims a name."""
        ...

    def give_up(self, name: str, *, alone: bool) -> None:
        """Ends a claim of ours, soon; returns at once.

        Args:
            name: what was claimed.
            alone: there is nothing for those who wait: for a moment the name is nobody's, so that they all ask, and
                not one after the other.
        """
        ...

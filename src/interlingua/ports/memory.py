"""A bounded memory with lifetimes, per tenant: in this process, or shared by several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Memory(Protocol):
    """Remembers bytes under keys, for a while. What is forgotten early is an inconvenience, never an error."""

    async def get(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """What is remembered under those keys that are known."""
        ...

    async def put(self, tenant: str, entries: Mapping[str, bytes], seconds: float) -> None:
        """Remembers entries for so many seconds; an entry of the same key is replaced."""
        ...

    async def forget(self, tenant: str, keys: Sequence[str]) -> int:
        """Forgets entries; how many there were."""
        ...

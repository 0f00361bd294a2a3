"""The memory of one process: bounded in bytes, oldest out first, gone when the process ends; and one of two parts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from interlingua.ports.memory import Memory

MOST_BYTES = 64 * 1024 * 1024
_OVERHEAD = 200
"""Bytes that an entry costs beside its key and value, about."""


class ProcessMemory:
    """Remembers in this process.

    Args:
        clock: seconds of a clock that never goes back.
        most_bytes: how much all tenants may hold together.
    """

    def __init__(self, clock: Callable[[], float], most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self._most = most_bytes
        self._held = 0
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()

    async def get(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """What is remembered under those keys that are known."""
        now = self._clock()
        found: dict[str, bytes] = {}
        with self._lock:
            for key in keys:
                entry = self._entries.get((tenant, key))
                if entry is None:
                    continue
                if entry[0] <= now:
                    self._drop((tenant, key))
                else:
                    self._entries.move_to_end((tenant, key))
                    found[key] = entry[1]
        return found

    async def put(self, tenant: str, entries: Mapping[str, bytes], seconds: float) -> None:
        """Remembers entries for so many seconds; an entry of the same key is replaced."""
        until = self._clock() + seconds
        with self._lock:
            for key, value in entries.items():
                self._drop((tenant, key))
                self._entries[tenant, key] = (until, value)
                self._held += self._size(tenant, key, value)
            while self._held > self._most and self._entries:
                self._drop(next(iter(self._entries)))

    async def forget(self, tenant: str, keys: Sequence[str]) -> int:
        """Forgets entries; how many there were."""
        with self._lock:
            return sum(self._drop((tenant, key)) for key in keys)

    def _drop(self, place: tuple[str, str]) -> bool:
        entry = self._entries.pop(place, None)
        if entry is not None:
            self._held -= self._size(*place, entry[1])
        return entry is not None

    @staticmethod
    def _size(tenant: str, key: str, value: bytes) -> int:
        return len(tenant) + len(key) + len(value) + _OVERHEAD


class DividedMemory:
    """Remembers in two places.

    Args:
        prefix: how the keys begin that are remembered apart.
        apart: where those are.
        rest: where all others are.
    """

    def __init__(self, prefix: str, apart: Memory, rest: Memory) -> None:
        self._prefix = prefix
        self._apart = apart
        self._rest = rest

    async def get(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """What is remembered under those keys that are known."""
        found: dict[str, bytes] = {}
        for memory, own in self._divided(keys):
            found |= await memory.get(tenant, own)
        return found

    async def put(self, tenant: str, entries: Mapping[str, bytes], seconds: float) -> None:
        """Remembers entries for so many seconds; an entry of the same key is replaced."""
        for memory, own in self._divided(list(entries)):
            await memory.put(tenant, {key: entries[key] for key in own}, seconds)

    async def forget(self, tenant: str, keys: Sequence[str]) -> int:
        """Forgets entries; how many there were."""
        return sum([await memory.forget(tenant, own) for memory, own in self._divided(keys)])

    def _divided(self, keys: Sequence[str]) -> list[tuple[Memory, list[str]]]:
        apart = [key for key in keys if key.startswith(self._prefix)]
        rest = [key for key in keys if not key.startswith(self._prefix)]
        return [(memory, own) for memory, own in ((self._apart, apart), (self._rest, rest)) if own]

"""What is kept of measurements of models, and what a store promises about it.

Whatever fails at the disk, the file or the server that keeps it is a LocalFileError.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from interlingua.types.opaque import Json


class Benchmark(Struct, frozen=True, kw_only=True):
    """A measurement of models.

    Args:
        id: ours.
        started: microseconds since 1970.
        state: `running`, `stopping`, `done`, `stopped` or `failed`.
        value: what was to be measured and what came of it, as `bench/kept.py` writes it.
    """

    id: str
    started: int
    state: str
    value: dict[str, Json]


class BenchmarkStore(Protocol):
    """Keeps measurements, by tenant."""

    async def put(self, tenant: str, benchmark: Benchmark) -> str:
        """Writes one, or what it is now; the state that it is in: one that is to stop stays so while it runs."""
        ...

    async def read(self, tenant: str, id: str) -> Benchmark | None:
        """One, or None: no such id, or another tenant's. Raises LocalFileError."""
        ...

    async def list(self, tenant: str, limit: int = 50) -> tuple[Benchmark, ...]:
        """Newest first. Raises LocalFileError."""
        ...

    async def stop(self, tenant: str, id: str) -> bool:
        """Says to one that runs that it is to stop; whether there is such. Raises LocalFileError."""
        ...

    async def delete(self, tenant: str, id: str) -> bool:
        """Deletes one; whether it was there. Raises LocalFileError."""
        ...

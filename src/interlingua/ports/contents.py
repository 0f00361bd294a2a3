"""What is kept of what calls asked and were answered, and what a store promises about it.

Whatever fails at the disk, the file or the server that keeps it is a LocalFileError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class ContentRow(Struct, frozen=True):
    """What was asked and answered in one call.

    Args:
        tenant, request_id: of its row in the ledger.
        created: microseconds since 1970.
        size: bytes that it takes.
        content: as `engine/contents.py` packs it.
    """

    tenant: str
    request_id: str
    created: int
    size: int
    content: bytes


class ContentStore(Protocol):
    """Keeps what was asked and answered."""

    async def keep(self, rows: Sequence[ContentRow]) -> None:
        """Writes contents; one that is there already stays. Raises LocalFileError."""
        ...

    async def read(self, tenant: str | None, request_id: str) -> ContentRow | None:
        """One, or None: nothing was kept, or it is another tenant's. Raises LocalFileError."""
        ...

    async def forget(self, tenant: str | None, request_id: str) -> bool:
        """Deletes one; whether it was there. Raises LocalFileError."""
        ...

    async def trim(self, most: int) -> int:
        """Deletes the oldest until all together take less than so many bytes; how many. Raises LocalFileError."""
        ...

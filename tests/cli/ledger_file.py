"""A store with calls in it, for the commands that show them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.stores.opening import open_store
from interlingua.types.loss import Loss
from interlingua.types.usage import Usage

NOW = time.time()
LUNA = "openai/gpt-6-luna"
"""0.1 in, 0.5 out."""


def call_row(
    number: int,
    *,
    target: str = LUNA,
    key: str = "bench",
    tenant: str = "lab",
    cost: int | None = 600_000_000,
    ago: float = 60.0,
    error: str | None = None,
    tags: tuple[str, ...] = (),
    before: tuple[AttemptRow, ...] = (),
    saved: int | None = None,
) -> LedgerRow:
    """A call of a thousand tokens in and a thousand out, ended so many seconds ago; where it saved something, nobody
    was asked."""
    when = int((time.time() - ago) * 1e6)
    usage = None if error else Usage(input_tokens=1000, output_tokens=1000)
    status = 200 if error is None else 503
    attempt = AttemptRow(
        *(target, "openai_chat", "verbatim", when, 900_000, 200_000, status, error, "stop", usage, cost, "DLG"),
    )
    if saved is not None:
        attempt = replace(attempt, lane="cache", status=None, cost=0, saved=saved)
    loss = Loss("seed", "openai_chat", "there is no such setting", "warn")
    return LedgerRow(
        *(f"req_{number}", tenant, key, "", when, 1_000_000, "openai_chat", "chat", True, "fast", status, error),
        *((loss,) if number == 0 else (), (*before, attempt), (), tags),
    )


def write(path: Path, rows: Sequence[LedgerRow]) -> None:
    """Puts calls into a store's file."""

    async def work() -> None:
        store = await open_store(path)
        await store.write(rows)
        await store.aclose()

    asyncio.run(work())

"""For how long what is kept, and what the store holds.

What is too old goes in steps of a transaction each, so that a gateway that runs meanwhile goes on writing. Rows of the
ledger are added up by the hour before they go: no total changes (`rollups.py`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from msgspec import Struct
from sqlalchemy import func, select, text

from interlingua.errors import InterlinguaError
from interlingua.stores.migrate import STEPS
from interlingua.stores.periods import periods
from interlingua.stores.schema import metadata
from interlingua.stores.settings import KeepSettings
from interlingua.stores.sql import SqlStore

EVERY = 3600.0
"""Seconds between two prunings of a gateway that runs."""

log = logging.getLogger("interlingua.store")


class Pruned(Struct, frozen=True):
    """How much went: rows of the ledger, conversations, answers that could be continued, and contents of calls."""

    calls: int = 0
    conversations: int = 0
    responses: int = 0
    contents: int = 0


class Contents(Struct, frozen=True):
    """What a store holds.

    Args:
        place: where it is, as people may see it.
        kind: `sqlite` or `postgresql`.
        schema: which.
        bytes: that it takes; None where that is unknown.
        rows: by table.
        oldest: when the oldest call of the ledger began, in microseconds since 1970.
    """

    place: str
    kind: str
    schema: str
    bytes: int | None
    rows: dict[str, int]
    oldest: int | None


async def prune(store: SqlStore, keep: KeepSettings, now: int | None = None) -> Pruned:
    """Deletes what is older than it is to be kept.

    Args:
        store: where.
        keep: for how long what; what is not named stays.
        now: microseconds since 1970.

    Raises:
        ConfigError: a span of time is none.
        LocalFileError: the disk, the file or the server fails; what went is gone.
    """
    now = time.time_ns() // 1000 if now is None else now
    ages = periods(keep)
    await store.batches.prune(now)
    return Pruned(
        calls=await store.rollups.roll_up(now - ages["calls"]) if "calls" in ages else 0,
        conversations=await store.conversations.prune(now - ages["conversations"]) if "conversations" in ages else 0,
        responses=await store.responses.prune(now),
        contents=await store.contents.prune(now - min(ages["contents"], ages.get("calls", ages["contents"]))),
    )


async def keep_pruned(store: SqlStore, keep: KeepSettings) -> None:
    """Prunes each hour until it is cancelled; a failure is logged, and tried again in an hour."""
    while True:
        try:
            done = await prune(store, keep)
        except InterlinguaError as error:
            log.warning("the store was not pruned: %s", error.message)
        else:
            if done != Pruned():
                counts = (done.calls, done.conversations, done.responses, done.contents)
                log.info("pruned: %d calls added up by the hour, %d conversations, %d answers, %d contents", *counts)
        await asyncio.sleep(EVERY)


async def contents(store: SqlStore) -> Contents:
    """What a store holds. Raises LocalFileError."""
    place = store.database.place
    async with store.database.reading() as connection:
        rows = {}
        for table in metadata.sorted_tables:
            if table.name != "meta":
                rows[table.name] = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        oldest = (await connection.execute(text("SELECT min(started) FROM calls"))).scalar_one()
        if place.is_file:
            size = await asyncio.to_thread(_file_size, place.path)
        else:
            size = (await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one()
    return Contents(str(place), "sqlite" if place.is_file else "postgresql", STEPS[-1], size, rows, oldest)


def _file_size(path: Path) -> int:
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())

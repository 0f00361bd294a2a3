"""For how long what is kept, on both kinds of database."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from msgspec.structs import replace

from interlingua.errors import ConfigError
from interlingua.ports.store import ConversationChanges
from interlingua.stores.keeping import Pruned, contents, keep_pruned, prune
from interlingua.stores.periods import periods
from interlingua.stores.rollups import HOUR
from interlingua.stores.settings import KeepSettings
from interlingua.stores.sql import SqlStore
from interlingua.types.messages import user
from tests.stores.ledger_rows import ANSWERED, FAILED, row

DAY = 24 * HOUR


async def test_what_is_too_old_goes_and_totals_stay(store: SqlStore) -> None:
    """Each by its own age; what is not named stays for ever."""
    now = time.time_ns() // 1000 + HOUR  # of the clock that answers expire by
    old = [replace(row(f"old{n}", attempts=(FAILED, ANSWERED)), started=now - (91 + n) * DAY) for n in range(3)]
    await store.write([*old, replace(row("new"), started=now - 89 * DAY)])
    await store.responses.put("t", {"a": b"x"}, 10)
    made = await store.conversations.create("t")
    before = await store.rollups.hours(None, 0, now)
    assert await prune(store, KeepSettings(), now) == Pruned(0, 0, 1)
    assert await prune(store, KeepSettings(calls="90 days"), now) == Pruned(3, 0, 0)
    assert await prune(store, KeepSettings(calls="90 days"), now) == Pruned(0, 0, 0)
    assert [one.request_id for one in (await store.page(None)).rows] == ["new"]
    assert await store.rollups.hours(None, 0, now) == before
    later = made.updated + 8 * DAY
    await store.conversations.append("t", (await store.conversations.create("t")).id, None, user("x"))
    await store.conversations.update("t", made.id, ConversationChanges(pinned=True))
    assert (await prune(store, KeepSettings(conversations="1 week"), later)).conversations == 1
    assert [one.id for one in (await store.conversations.page("t")).conversations] == [made.id]


async def test_a_span_that_is_none_is_refused_before_anything_goes(store: SqlStore) -> None:
    """By the key's name."""
    await store.write([replace(row("old"), started=1)])
    with pytest.raises(ConfigError, match=r"store\.keep\.conversations"):
        await prune(store, KeepSettings(calls="1 day", conversations="soon"))
    assert len((await store.page(None)).rows) == 1
    kept = {"calls": 2 * HOUR, "responses": 30 * DAY, "contents": 7 * DAY}
    assert periods(KeepSettings(calls="2 hours")) == kept


async def test_a_gateway_prunes_as_soon_as_it_serves_and_says_so(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """And again each hour."""
    await store.write([replace(row("old"), started=1)])
    with caplog.at_level(logging.INFO, logger="interlingua.store"):
        task = asyncio.create_task(keep_pruned(store, KeepSettings(calls="1 day")))
        for _ in range(1000):
            if caplog.records:
                break
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert "1 calls added up by the hour" in caplog.records[0].getMessage()
    assert (await store.page(None)).rows == ()


async def test_contents_are_counted(store: SqlStore) -> None:
    """With the size and the age."""
    await store.write([replace(row("a", attempts=(FAILED, ANSWERED)), started=5), row("b")])
    await store.conversations.create("t")
    found = await contents(store)
    assert (found.rows["calls"], found.rows["attempts"], found.rows["conversations"]) == (2, 1, 1)
    assert found.oldest == 5
    assert found.bytes
    assert found.kind == ("sqlite" if store.database.place.is_file else "postgresql")
    assert found.place == str(store.database.place)

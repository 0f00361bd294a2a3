"""What was asked and answered, on both kinds of database."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from interlingua.ports.contents import ContentRow
from interlingua.stores import contents
from interlingua.stores.keeping import prune
from interlingua.stores.rollups import HOUR
from interlingua.stores.settings import KeepSettings
from interlingua.stores.sql import SqlStore
from tests.stores.ledger_rows import row

DAY = 24 * HOUR
NOW = 1_800_000_000_000_000


def content(id: str, tenant: str = "acme", created: int = NOW, size: int = 10) -> ContentRow:
    """One of so many bytes."""
    return ContentRow(tenant, id, created, size, b"x" * size)


async def test_a_content_is_its_tenants_alone(store: SqlStore) -> None:
    """Two tenants may have the same id; the administrator asks without one."""
    await store.contents.keep([content("r"), content("r", "other", size=20), content("s")])
    await store.contents.keep([content("s", size=99)])
    assert await store.contents.read("acme", "r") == content("r")
    assert await store.contents.read("nobody", "r") is None
    assert await store.contents.read("acme", "unknown") is None
    assert await store.contents.read(None, "s") == content("s"), "what is there stays"
    assert not await store.contents.forget("nobody", "r")
    assert await store.contents.forget("acme", "r")
    assert await store.contents.read("other", "r") == content("r", "other", size=20)


async def test_the_oldest_goes_where_all_take_too_much(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Down to nine tenths, whoever's it is; nothing where there is room."""
    monkeypatch.setattr(contents, "SLICE", 3)
    await store.contents.keep([content(f"r{n}", f"t{n % 2}", NOW + n, 100) for n in range(20)])
    assert await store.contents.trim(2000) == 0
    assert await store.contents.trim(1000) == 11
    left = [n for n in range(20) if await store.contents.read(None, f"r{n}") is not None]
    assert left == list(range(11, 20))


async def test_contents_go_after_their_time_and_never_outlive_their_rows(store: SqlStore) -> None:
    """A week, or as long as calls are kept where that is shorter."""
    ages = (0, 2, 6, 8)
    await store.contents.keep([content(f"d{age}", created=NOW - age * DAY) for age in ages])
    await store.write([replace(row(f"d{age}"), started=NOW - age * DAY) for age in ages])
    assert (await prune(store, KeepSettings(), NOW)).contents == 1
    done = await prune(store, KeepSettings(calls="3 days"), NOW)
    assert (done.calls, done.contents) == (2, 1)
    assert (await prune(store, KeepSettings(contents="1 hour"), NOW)).contents == 1
    assert await store.contents.read("acme", "d0") is not None

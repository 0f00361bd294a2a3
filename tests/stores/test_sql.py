"""Ledger and keys in a real SQLite file and on a real PostgreSQL; what only a file has, in a file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from interlingua.errors import Conflict, InvalidRequest, LocalFileError, NotFound
from interlingua.ports.store import KeyRow, LedgerRow
from interlingua.stores import database
from interlingua.stores.opening import open_store
from interlingua.stores.place import Place
from interlingua.stores.sql import SqlStore
from tests.services import Postgres
from tests.stores.ledger_rows import ANSWERED, FAILED, row

KEY = KeyRow(
    name="bench",
    digest="d1",
    tail="abcd",
    tenant="acme",
    models=("openai/*", "fast"),
    rpm=600_000,
    budget="5 USD / month",
    expires=1_900_000_000_000_000,
    created=1,
)


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A store in a file."""
    store = await open_store(tmp_path / "s.db")
    yield store
    await store.aclose()


def with_pragma(store: SqlStore, pragma: str) -> None:
    """Sets it on every connection that is made from now on."""

    def connected(driver: Any, record: object) -> None:
        driver.cursor().execute(f"PRAGMA {pragma}")

    event.listen(store.database.engine.sync_engine, "connect", connected)


async def reopened(store: SqlStore) -> SqlStore:
    """The same file, with new connections."""
    await store.aclose()
    return store


async def test_what_is_written_is_read(store: SqlStore) -> None:
    """Several attempts, none, and every field."""
    rows = [
        row("a", attempts=(FAILED, FAILED, ANSWERED)),
        row("b", attempts=(), status=429, error="rate_limited"),
        row("c", "other"),
    ]
    await store.write(rows)
    assert [await store.read(one.tenant, one.request_id) for one in rows] == rows
    assert await store.read(None, "c") == rows[2]


async def test_an_unknown_and_a_foreign_id_are_the_same(store: SqlStore) -> None:
    """Contracts §6.8."""
    await store.write([row("c", "other")])
    assert await store.read("acme", "c") is None
    assert await store.read("acme", "nothing") is None
    assert (await store.page("acme")).rows == ()


async def test_two_tenants_with_one_id_do_not_see_each_others_attempts(store: SqlStore) -> None:
    """The tenant is in every key."""
    ours, theirs = row("a", attempts=(FAILED, ANSWERED)), row("a", "other", attempts=(ANSWERED, FAILED))
    await store.write([ours, theirs])
    assert await store.read("acme", "a") == ours
    assert (await store.page("other")).rows == (theirs,)


async def test_a_row_that_is_written_again_is_there_once(store: SqlStore) -> None:
    """A batch whose commit got lost on the way back is simply tried again."""
    await store.write([row("a", attempts=(FAILED, ANSWERED))])
    await store.write([row("a", attempts=(FAILED, ANSWERED)), row("b")])
    assert [one.request_id for one in (await store.page("acme")).rows] == ["b", "a"]
    assert await store.read("acme", "a") == row("a", attempts=(FAILED, ANSWERED))


async def test_pages_lead_through_all_rows_of_a_tenant_once(store: SqlStore) -> None:
    """Newest first, whatever is written meanwhile."""
    await store.write([row(f"r{i}", "acme" if i % 2 else "other") for i in range(25)])
    seen: list[str] = []
    after = None
    while True:
        page = await store.page("acme", after=after, limit=5)
        seen += [one.request_id for one in page.rows]
        await store.write([row(f"later{len(seen)}")])
        if page.next is None:
            break
        after = page.next
    assert seen == [f"r{i}" for i in range(23, 0, -2)]
    assert len((await store.page(None, limit=1000)).rows) == 25 + 3


@pytest.mark.parametrize("arguments", [{"after": "x"}, {"after": "-1"}, {"after": "1" * 30}, {"limit": 0}])
async def test_a_cursor_or_limit_that_is_none_is_refused(store: SqlStore, arguments: dict[str, Any]) -> None:
    """They come from clients."""
    with pytest.raises(InvalidRequest):
        await store.page("acme", **arguments)


async def test_a_disk_that_is_full_is_a_typed_error_and_leaves_nothing_half_written(file: SqlStore) -> None:
    """The rows before it stay; when there is room again, the same batch goes through."""
    await file.write([row("before")])
    full = await reopened(file)
    with_pragma(full, "max_page_count=20")
    batch = [row(f"r{i}") for i in range(500)]
    with pytest.raises(LocalFileError, match="disk is full") as caught:
        await full.write(batch)
    assert (caught.value.exit_code, caught.value.path) == (74, str(file.database.place))
    assert [one.request_id for one in (await full.page(None)).rows] == ["before"]
    await full.aclose()
    roomy = SqlStore(file.database.place)
    await roomy.write(batch)
    assert len((await roomy.page(None, limit=1000)).rows) == 501
    await roomy.aclose()


async def test_a_database_that_may_not_be_written_is_a_typed_error(file: SqlStore) -> None:
    """It can still be read."""
    await file.write([row("before")])
    protected = await reopened(file)
    with_pragma(protected, "query_only=ON")
    with pytest.raises(LocalFileError, match="may not be written"):
        await protected.write([row("r")])
    assert await protected.read("acme", "before") is not None


async def test_a_locked_database_is_waited_for_and_then_a_typed_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers do not wait at all."""
    monkeypatch.setattr(database, "LOCK_WAIT", 0.2)
    store = await open_store(tmp_path / "s.db")
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LocalFileError, match="locked") as caught:
        await store.write([row("r")])
    assert caught.value.retryable
    assert await store.read("acme", "r") is None
    other.execute("ROLLBACK")
    other.close()
    await store.write([row("r")])
    assert await store.read("acme", "r") is not None
    await store.aclose()


@pytest.mark.parametrize("bad", ["lone \udcff surrogate", 2**63])
async def test_a_value_that_cannot_be_stored_is_refused_with_its_whole_batch(store: SqlStore, bad: object) -> None:
    """The error does not repeat it."""
    name = bad if isinstance(bad, str) else "a"
    started = bad if isinstance(bad, int) else 1
    wrong: LedgerRow = replace(row("r"), model=name, started=started)
    with pytest.raises(InvalidRequest, match="cannot be stored") as caught:
        await store.write([row("good"), wrong])
    assert "lone" not in caught.value.message
    assert (await store.page(None)).rows == ()


async def test_writers_of_several_stores_take_turns(store: SqlStore) -> None:
    """Two connections that write at once are two processes as far as SQLite knows."""
    other = SqlStore(store.database.place)
    writes = [one.write([row(f"{n}-{i}") for i in range(20)]) for n, one in enumerate([store, other] * 10)]
    await asyncio.gather(*writes)
    assert len((await store.page(None, limit=1000)).rows) == 400
    await other.aclose()


async def test_a_write_that_is_cancelled_is_whole_or_not_at_all(store: SqlStore) -> None:
    """And the store works on."""
    for delay in (0.0, 0.001, 0.005, 0.02):
        task = asyncio.create_task(store.write([row(f"{delay}-{i}") for i in range(300)]))
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        count = sum(one.request_id.startswith(f"{delay}-") for one in (await store.page(None, limit=1000)).rows)
        assert count in (0, 300)
        await store.write([row(f"after{delay}")])


async def test_keys_are_kept_and_every_change_is_counted(store: SqlStore) -> None:
    """So that a running gateway sees it by reading one number."""
    assert await store.keys() == ()
    versions = [await store.keys_version()]
    await store.add_key(KEY)
    versions.append(await store.keys_version())
    assert await store.keys() == (KEY,)
    fresh = await store.rotate_key("bench", "d2", "wxyz", 5)
    versions.append(await store.keys_version())
    assert fresh == replace(KEY, digest="d2", tail="wxyz", created=5)
    assert await store.keys() == (fresh,)
    assert await store.revoke_key("bench", 9) == replace(fresh, revoked=9)
    versions.append(await store.keys_version())
    assert await store.keys() == ()
    assert await store.keys(revoked=True) == (replace(KEY, revoked=5), replace(fresh, revoked=9))
    assert versions == sorted(set(versions))


async def test_a_name_in_use_is_refused_and_a_revoked_one_is_free(store: SqlStore) -> None:
    """A digest is never used again, so that a revoked key cannot come back."""
    await store.add_key(KEY)
    with pytest.raises(Conflict, match="bench"):
        await store.add_key(replace(KEY, digest="d2"))
    await store.revoke_key("bench", 2)
    with pytest.raises(Conflict):
        await store.add_key(KEY)
    await store.add_key(replace(KEY, digest="d2"))
    assert [one.digest for one in await store.keys()] == ["d2"]


async def test_a_rotation_that_fails_leaves_the_old_key_good(store: SqlStore) -> None:
    """Revoking and writing are one transaction."""
    await store.add_key(KEY)
    version = await store.keys_version()
    with pytest.raises(Conflict):
        await store.rotate_key("bench", KEY.digest, "wxyz", 5)
    assert await store.keys() == (KEY,)
    assert await store.keys_version() == version


async def test_a_key_that_is_not_there_cannot_be_ended(store: SqlStore) -> None:
    """Nor one that was ended already."""
    await store.add_key(KEY)
    await store.revoke_key("bench", 2)
    for name in ("bench", "nobody"):
        with pytest.raises(NotFound):
            await store.revoke_key(name, 3)
        with pytest.raises(NotFound):
            await store.rotate_key(name, "d3", "tail", 3)


async def test_a_call_whose_client_sends_nul_is_written_down_all_the_same(store: SqlStore) -> None:
    """PostgreSQL keeps none; a call must not hide behind one."""
    await store.write([row("a"), replace(row("b"), model="claude\0")])
    found = await store.read("acme", "b")
    assert found is not None
    assert found.model == ("claude\0" if store.database.place.is_file else "claude\ufffd")
    assert await store.read("acme", "a") == row("a")


async def test_connections_that_the_server_closed_are_replaced(postgres: Postgres) -> None:
    """It was restarted, or somebody ended them."""
    name = postgres.prepared()
    store = SqlStore(Place(url=postgres.url(name)))
    await store.open()
    await store.write([row("a")])
    assert await store.keys() == ()
    postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'interlingua'")
    await store.write([row("b")])
    assert await store.keys() == ()
    assert [one.request_id for one in (await store.page(None)).rows] == ["b", "a"]
    await store.aclose()


async def test_a_server_that_refuses_to_write_is_a_typed_error(postgres: Postgres) -> None:
    """What is kept can still be read; no value stands in the error."""
    name = postgres.prepared()
    store = SqlStore(Place(url=postgres.url(name)))
    await store.open()
    await store.write([row("a")])
    postgres.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await store.aclose()
    with pytest.raises(LocalFileError, match="may not be written") as caught:
        await store.write([row("secret-id")])
    assert "secret-id" not in str(caught.value)
    assert await store.read("acme", "a") is not None
    await store.aclose()

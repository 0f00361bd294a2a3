"""Answers that are continued by their id, on both kinds of database."""

from __future__ import annotations

from interlingua.stores.responses import SqlResponses
from interlingua.stores.sql import SqlStore


async def test_what_was_put_is_found_until_its_time_is_over_and_kept_at_least_so_long(store: SqlStore) -> None:
    """Also by another process."""
    time = [0]
    brief = SqlResponses(store.database, now=lambda: time[0])
    long = SqlResponses(store.database, least=100.0, now=lambda: time[0])
    await brief.put("t", {"a": b"1\0\xff", "b": b"2"}, 10)
    await long.put("t", {"c": b"3"}, 10)
    assert await long.get("t", ["a", "b", "x"]) == {"a": b"1\0\xff", "b": b"2"}
    time[0] = 10_000_000
    assert await brief.get("t", ["a", "b", "c"]) == {"c": b"3"}
    await brief.put("t", {"c": b"4"}, 10)
    assert await brief.get("t", ["c"]) == {"c": b"4"}
    assert await brief.prune(time[0] + 1) == 2
    assert await brief.get("t", ["c"]) == {"c": b"4"}


async def test_tenants_do_not_see_each_other(store: SqlStore) -> None:
    """Unknown and foreign are the same."""
    await store.responses.put("t", {"a": b"1"}, 10)
    assert await store.responses.get("u", ["a", "nul\0", "\udcff"]) == {}
    assert await store.responses.forget("u", ["a", "nul\0"]) == 0
    assert await store.responses.forget("t", ["a", "b"]) == 1
    assert await store.responses.get("t", ["a"]) == {}
    await store.responses.put("t", {}, 10)

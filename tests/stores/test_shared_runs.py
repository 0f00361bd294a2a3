"""Runs at the server: written by one process, read by all, and inherited when it dies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from interlingua.ports.runs import RunHead
from interlingua.stores import shared_runs
from interlingua.stores.settings import SharedSettings
from interlingua.stores.shared import Shared
from interlingua.stores.shared_runs import SharedRuns, _behind
from tests.services import Redis

NONE: frozenset[str] = frozenset()


def head(id: str = "run_1", tenant: str = "t", owner: str = "a") -> RunHead:
    return RunHead(
        id=id, tenant=tenant, conversation="c", parent="m", model="p/m", request_id="req", owner=owner, started=1
    )


def event(number: int) -> bytes:
    return b"id: %d\nevent: event\ndata: {}\n\n" % number


@asynccontextmanager
async def two(redis: Redis) -> AsyncIterator[tuple[SharedRuns, SharedRuns]]:
    """Two processes before an empty server."""
    redis.run("FLUSHALL")
    first, second = (Shared(SharedSettings(url=redis.url), {}) for _ in range(2))
    try:
        yield SharedRuns(first, "a"), SharedRuns(second, "b")
    finally:
        await first.aclose()
        await second.aclose()


async def test_what_one_writes_all_read_from_wherever_they_left_off(redis: Redis) -> None:
    async with two(redis) as (owner, reader):
        assert await owner.begin(head(), 32) == -1
        assert await owner.add(head(), 1, 3, event(1) + event(2) + event(3), NONE, NONE) == 1
        assert await owner.add(head(), 4, 4, event(4), NONE, NONE) == 1
        for after in range(5):
            found = await reader.read("t", "run_1", after)
            assert found is not None
            assert (found.text, found.last, found.over) == (b"".join(map(event, range(after + 1, 5))), 4, False)
        await owner.end(head())
        found = await reader.read("t", "run_1", 4)
        assert found is not None
        assert (found.text, found.over) == (b"", True)


async def test_events_that_are_written_again_are_there_once(redis: Redis) -> None:
    """As after a time limit that struck when the server had written them."""
    async with two(redis) as (owner, reader):
        await owner.begin(head(), 32)
        for _ in range(2):
            assert await owner.add(head(), 1, 1, event(1), NONE, NONE) == 1
        found = await reader.read("t", "run_1", 0)
        assert found is not None
        assert found.text == event(1)


async def test_a_tenants_runs_are_its_own_and_no_more_than_it_may_have(redis: Redis) -> None:
    async with two(redis) as (owner, reader):
        assert await owner.begin(head("run_1"), 2) == -1
        assert await owner.begin(head("run_2"), 2) == -1
        assert await reader.begin(head("run_3"), 2) == 2
        assert [one.id for one in await reader.of("t")] == ["run_1", "run_2"]
        assert await reader.of("u") == []
        assert await reader.head("u", "run_1") is None
        await owner.end(head("run_1"))
        assert [one.id for one in await reader.of("t")] == ["run_2"]
        assert await reader.head("t", "run_1") == head("run_1")


async def test_a_call_that_waits_is_decided_once_and_its_owner_hears_of_it(redis: Redis) -> None:
    async with two(redis) as (owner, other):
        await owner.begin(head(), 32)
        await owner.add(head(), 1, 1, event(1), frozenset({"c 1", "c2"}), NONE)
        assert await other.decide("t", "run_1", "c3", b"x") is False
        assert await other.decide("u", "run_1", "c2", b"x") is False
        assert await other.decide("t", "run_1", "c 1", b"yes") is True
        assert await other.decide("t", "run_1", "c 1", b"no") is False
        await owner.add(head(), 2, 1, b"", NONE, frozenset({"c2"}))
        assert await other.decide("t", "run_1", "c2", b"late") is False
        await other.mark("t", "run_1", "stop")
        await other.mark("t", "run_1", "watched")
        standing = await owner.renew(head())
        assert standing is not None
        assert (standing.owned, standing.stop, standing.watched, standing.decided) == (
            True,
            True,
            True,
            {"c 1": b"yes"},
        )
        again = await owner.renew(head())
        assert again is not None
        assert again.decided == {}


async def test_a_dead_owners_run_is_inherited_by_one_and_it_learns_so(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(redis) as (owner, heir):
        await owner.begin(head(), 32)
        assert await heir.inherit() == []
        monkeypatch.setattr(shared_runs, "STALE_MS", -1)
        assert await heir.inherit() == [head()]
        standing = await owner.renew(head())
        assert standing is not None
        assert standing.owned is False
        assert await owner.add(head(), 1, 1, event(1), NONE, NONE) == 0
        await heir.end(head())
        assert await heir.inherit() == []


async def test_a_run_that_the_server_forgot_is_no_run_of_another(redis: Redis) -> None:
    async with two(redis) as (owner, heir):
        await owner.begin(head(), 32)
        redis.run("FLUSHALL")
        standing = await owner.renew(head())
        assert standing is not None
        assert standing.owned is None
        assert await owner.add(head(), 1, 1, event(1), NONE, NONE) == -1
        assert await heir.inherit() == []


async def test_everything_ends_by_itself(redis: Redis) -> None:
    async with two(redis) as (owner, _):
        await owner.begin(head(), 32)
        await owner.add(head(), 1, 1, event(1), frozenset({"c"}), NONE)
        await owner.renew(head())
        keys = [key for key in redis.run("KEYS", "*").split() if not key.endswith("runs-alive")]
        assert len(keys) == 4
        assert all(0 < int(redis.run("PTTL", key)) <= shared_runs.LIFE_MS for key in keys)
        await owner.end(head())
        left = redis.run("KEYS", "*").split()
        assert len(left) == 3
        assert all(0 < int(redis.run("PTTL", key)) <= shared_runs.KEPT_MS for key in left)


async def test_while_the_server_is_away_nothing_is_known_and_nobody_is_taken_for_dead(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_runs, "STALE_MS", 60_000)
    gone = SharedRuns(Shared(SharedSettings(url="unix:///nowhere.sock", timeout=0.2), {}), "a")
    assert await gone.begin(head(), 32) is None
    assert await gone.add(head(), 1, 1, event(1), NONE, NONE) is None
    assert await gone.renew(head()) is None
    assert await gone.read("t", "run_1", 0) is None
    assert await gone.decide("t", "run_1", "c", b"") is None
    assert await gone.of("t") == []
    assert await gone.inherit() == []


@pytest.mark.parametrize("after", range(6))
def test_a_piece_is_cut_behind_a_number(after: int) -> None:
    piece = b"".join(map(event, range(2, 6)))
    assert _behind(after, 2, piece) == b"".join(map(event, range(max(2, after + 1), 6)))

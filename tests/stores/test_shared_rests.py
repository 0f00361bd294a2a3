"""Rests that all processes know, on a real Redis."""

from __future__ import annotations

import math

from interlingua.ports.rests import Rest
from interlingua.stores.shared import Shared
from interlingua.stores.shared_rests import MOST_NAMES, REMEMBERED, SharedRests
from tests.services import Redis

NOW = 1_790_000_000.0


async def test_a_rest_is_known_here_at_once_and_elsewhere_after_one_reading(shared: Shared) -> None:
    """And so is its end."""
    other = Shared(shared.settings, {})
    here, there = SharedRests(shared, lambda: NOW), SharedRests(other, lambda: NOW)
    assert not here
    rest = Rest(math.inf, "authentication_failed", 2)
    here.put("key openai/team", rest)
    assert here.get("key openai/team") == rest
    await here.read()
    await there.read()
    assert there
    assert there.get("key openai/team") == rest
    assert there.get("key openai/other") is None
    there.drop("key openai/team")
    there.put("target a/b", Rest(NOW - 5, "overloaded"))
    await there.read()
    await here.read()
    assert here.get("key openai/team") is None
    assert here.get("target a/b") == Rest(NOW - 5, "overloaded")
    await other.aclose()


async def test_what_has_no_end_ends_for_all_when_a_configuration_is_read_anew(shared: Shared) -> None:
    """The rest goes on."""
    other = Shared(shared.settings, {})
    here, there = SharedRests(shared, lambda: NOW), SharedRests(other, lambda: NOW)
    here.put("key openai/team", Rest(math.inf, "authentication_failed"))
    here.put("key openai/own", Rest(NOW + 9, "quota_exceeded"))
    await here.read()
    await there.read()
    there.renew()
    await there.read()
    await here.read()
    for rests in (here, there):
        assert rests.get("key openai/team") is None
        assert rests.get("key openai/own") == Rest(NOW + 9, "quota_exceeded")
    await other.aclose()


async def test_what_was_written_here_is_not_undone_by_a_reading_that_missed_it(shared: Shared, redis: Redis) -> None:
    """Until it has been sent."""
    rests = SharedRests(shared, lambda: NOW)
    rests.put("a", Rest(NOW + 5, "x"))
    await rests.read()
    redis.run("CLIENT", "KILL", "TYPE", "normal")
    rests.put("b", Rest(NOW + 5, "x"))
    rests.drop("a")
    await rests.read()
    assert rests.get("a") is None
    assert rests.get("b") == Rest(NOW + 5, "x")


async def test_rests_long_over_are_forgotten_by_all(shared: Shared, redis: Redis) -> None:
    """The map stays small."""
    rests = SharedRests(shared, lambda: NOW)
    rests.put("old", Rest(NOW - REMEMBERED - 1, "x"))
    rests.put("new", Rest(NOW - 1, "x"))
    await rests.read()
    await rests.read()
    assert rests.get("old") is None
    assert redis.run("HKEYS", shared.key("rests")) == "new"
    for number in range(MOST_NAMES + 10):
        rests.put(str(number), Rest(NOW, "x"))
    await rests.read()
    assert int(redis.run("HLEN", shared.key("rests"))) <= MOST_NAMES


async def test_without_a_server_each_knows_its_own(tmp_path: object, shared: Shared) -> None:
    """As without sharing."""
    shared.settings = shared.settings.__class__(url=f"unix://{tmp_path}/none.sock")
    away = Shared(shared.settings, {})
    rests = SharedRests(away, lambda: NOW)
    rests.put("a", Rest(NOW + 5, "x"))
    await rests.read()
    assert rests.get("a") == Rest(NOW + 5, "x")
    await away.aclose()

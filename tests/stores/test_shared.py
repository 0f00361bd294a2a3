"""What workers and machines share, on a real Redis, and what becomes of them without it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from operator import methodcaller
from pathlib import Path

import pytest

from interlingua.errors import ConfigError
from interlingua.stores.settings import SharedSettings
from interlingua.stores.shared import BETWEEN_LOOKS, Shared
from tests.services import Redis, redis_at


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_commands_are_told_in_order_and_all_of_them(shared: Shared, redis: Redis) -> None:
    """Without anybody waiting; one that the server refuses does not keep the others from it."""
    for number in range(2500):
        shared.tell(methodcaller("rpush", "list", number))
    shared.tell(lambda pipeline: pipeline.incr("list"))
    shared.tell(lambda pipeline: pipeline.rpush("list", "end"))
    assert await shared.flush()
    assert redis.run("LRANGE", "list", "0", "-1").split() == [*map(str, range(2500)), "end"]


async def test_of_many_only_one_does_what_is_to_be_done_once(shared: Shared, redis: Redis) -> None:
    """Until it is done, or its time is over."""
    other = Shared(shared.settings, {})
    async with shared.only_one("job", 60) as ours:
        assert ours
        async with other.only_one("job", 60) as theirs:
            assert not theirs
        async with other.only_one("another", 60) as theirs:
            assert theirs
    await shared.flush()
    async with other.only_one("job", 60) as theirs:
        assert theirs
        redis.run("DEL", shared.key("lock", "job"))  # its time is over
        async with shared.only_one("job", 60) as ours:
            assert ours
            await other.flush()
    await other.flush()
    await other.aclose()


async def test_a_lock_whose_time_is_over_is_not_taken_from_who_has_it_then(shared: Shared, redis: Redis) -> None:
    """Only its own holder gives it back."""
    other, key = Shared(shared.settings, {}), shared.key("lock", "job")
    async with other.only_one("another", 60):
        async with shared.only_one("job", 60):
            redis.run("SET", key, "somebody else's by now")
        await shared.flush()
        assert redis.run("GET", key) == "somebody else's by now"
    await other.aclose()


async def test_a_secret_is_the_first_ones(shared: Shared) -> None:
    """What one process seals, all can open."""
    other = Shared(shared.settings, {})
    assert await shared.secret("envelopes", b"ours\0\xff") == b"ours\0\xff"
    assert await other.secret("envelopes", b"theirs") == b"ours\0\xff"
    await other.aclose()


async def test_a_server_that_goes_away_is_told_of_once_and_looked_for_each_second(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """What was told meanwhile is sent when it is back. `redis` is asked for to skip where there is none."""
    path = Path(tempfile.mkdtemp(prefix="il-redis-")) / "r.sock"  # short, as socket paths must be
    clock = Hand()
    shared = Shared(SharedSettings(url=f"unix://{path}"), {}, now=clock)
    asked = 0

    async def ask() -> bool | None:
        async def work() -> bool:
            nonlocal asked
            asked += 1
            return bool(await shared.redis.ping())

        return await shared.ask(work)

    with redis_at(path):
        assert await ask()
    with caplog.at_level(logging.INFO, logger="interlingua.shared"):
        assert [await ask() for _ in range(5)] == [None] * 5
        assert (asked, shared.away) == (2, True)
        with redis_at(path) as again:
            assert await ask() is None
            shared.tell(lambda pipeline: pipeline.set("told", "1"))
            assert not await shared.flush()
            await asyncio.sleep(0)
            clock.now += BETWEEN_LOOKS
            assert await asyncio.gather(*(ask() for _ in range(3))) == [True, None, None]
            assert not shared.away
            assert await shared.flush()
            assert again.run("GET", "told") == "1"
    lost, found = [record.getMessage() for record in caplog.records]
    assert "does not answer" in lost
    assert "each process counts for itself" in lost
    assert "answers again" in found
    await shared.aclose()
    shutil.rmtree(path.parent)


async def test_addresses_are_checked_and_their_passwords_never_shown(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor logged when the server refuses them."""
    for url, says in (
        ("http://h", "not an address of Redis"),
        ("redis://:hunter22@h", "a password may not stand"),
        ("env:NOT_SET", "NOT_SET is not set"),
    ):
        with pytest.raises(ConfigError, match=says) as caught:
            Shared(SharedSettings(url=url), {})
        assert "hunter22" not in f"{caught.value} {caught.value.remedy}"
    for settings in (
        SharedSettings(url=redis.url, password="env:PW"),  # noqa: S106
        SharedSettings(url="env:WHOLE"),
    ):
        shared = Shared(settings, {"PW": "hunter22", "WHOLE": f"unix://me:hunter22@{redis.path}"})
        assert await shared.ask(shared.redis.ping) is None
        await shared.aclose()
    assert "does not answer" in caplog.text
    assert "hunter22" not in caplog.text

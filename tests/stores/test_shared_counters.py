"""Limits that processes have in common, on a real Redis."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from interlingua.ports.counters import Demand, Taken
from interlingua.stores.settings import SharedSettings
from interlingua.stores.shared import Shared
from interlingua.stores.shared_counters import SharedCounters
from tests.services import Redis

RPM = Demand("key/a", rpm=5)
AT_ONCE = Demand("model/m*", concurrency=2)
TPM = Demand("key/t", tpm=6000)


def earlier(redis: Redis, shared: Shared, name: str, seconds: float) -> None:
    """Moves what was taken of a limit into the past, as if so much time had gone by on the server's clock."""
    key = shared.key("limit", name)
    for kind in ("1", "2"):
        at = redis.run("HGET", key, f"{kind}:at")
        if at:
            redis.run("HSET", key, f"{kind}:at", str(int(at) - int(seconds * 1e6)))


async def take(counters: SharedCounters, *demands: Demand, tokens: int = 0) -> Taken:
    """Asks; the server is there."""
    taken = await counters.take(demands, tokens)
    assert taken is not None
    return taken


async def test_processes_take_from_one_bucket_and_it_refills_by_the_servers_clock(shared: Shared, redis: Redis) -> None:
    """Whoever comes sixth within a minute waits a fifth of it."""
    other = Shared(shared.settings, {})
    both = [SharedCounters(shared), SharedCounters(other)]
    left = [(await take(both[number % 2], RPM)).standings[0].requests for number in range(5)]
    assert left == [4, 3, 2, 1, 0]
    refused = await take(both[0], RPM)
    assert not refused.lease
    wait = refused.standings[0].requests_wait
    assert wait is not None
    assert 11_000_000 < wait <= 12_000_000
    assert 59_000_000 < refused.standings[0].requests_full <= 60_000_000
    earlier(redis, shared, RPM.name, 12)
    assert (await take(both[1], RPM)).lease
    assert not (await take(both[1], RPM)).lease
    earlier(redis, shared, RPM.name, 3600)
    assert (await take(both[1], RPM)).standings[0].requests == 4
    await other.aclose()


async def test_of_calls_at_once_as_many_are_let_in_as_the_limit_says(shared: Shared) -> None:
    """Looking and taking is one step."""
    others = [Shared(shared.settings, {}) for _ in range(4)]
    counters = [SharedCounters(one) for one in others]
    demand = Demand("key/b", rpm=50, concurrency=20)
    taken = await asyncio.gather(*(take(counters[number % 4], demand) for number in range(200)))
    assert sum(bool(one.lease) for one in taken) == 20
    for one in others:
        await one.aclose()


async def test_a_call_is_let_in_by_all_of_its_limits_or_takes_from_none(shared: Shared) -> None:
    """A refusal costs nothing."""
    counters = SharedCounters(shared)
    first, second = await take(counters, RPM, AT_ONCE), await take(counters, RPM, AT_ONCE)
    for _ in range(5):
        refused = await take(counters, RPM, AT_ONCE)
        assert not refused.lease
        assert (refused.standings[0].requests, refused.standings[0].requests_wait) == (3, 0)
        assert refused.standings[1].used == 2
    counters.release([RPM, AT_ONCE], first.lease)
    counters.release([RPM, AT_ONCE], first.lease)
    await shared.flush()
    third = await take(counters, RPM, AT_ONCE)
    assert third.standings[0].requests == 2
    assert not (await take(counters, AT_ONCE)).lease
    counters.release([RPM, AT_ONCE], second.lease)
    counters.release([RPM, AT_ONCE], third.lease)
    await shared.flush()
    assert (await take(counters, AT_ONCE)).standings[0].used == 0


async def test_tokens_are_put_right_and_owed(shared: Shared, redis: Redis) -> None:
    """What was too much comes back, what was too little is waited for; more than the limit is never let in."""
    counters = SharedCounters(shared)
    assert (await take(counters, TPM, tokens=5000)).standings[0].tokens == 1000
    counters.settle([TPM], -4000)
    await shared.flush()
    assert 5000 <= (await take(counters, TPM, tokens=0)).standings[0].tokens <= 5100
    counters.settle([TPM], 11_000)
    await shared.flush()
    owing = (await take(counters, TPM, tokens=100)).standings[0]
    assert owing.tokens == 0
    assert owing.tokens_wait is not None
    assert 60_000_000 < owing.tokens_wait <= 61_000_000
    earlier(redis, shared, TPM.name, 61)
    assert (await take(counters, TPM, tokens=100)).lease
    counters.settle([TPM], -(10**9))
    await shared.flush()
    assert (await take(counters, TPM, tokens=0)).standings[0].tokens == 6000
    never = await take(counters, TPM, tokens=6001)
    assert (never.lease, never.standings[0].tokens_wait) == ("", None)


async def test_another_limit_leaves_taken_what_was_taken(shared: Shared) -> None:
    """A configuration that is read anew; large limits are exact enough."""
    counters = SharedCounters(shared)
    await take(counters, RPM)
    await take(counters, RPM)
    assert (await take(counters, Demand(RPM.name, rpm=10))).standings[0].requests == 7
    assert (await take(counters, Demand(RPM.name, rpm=4))).standings[0].requests == 0
    huge = Demand("key/huge", rpm=10**15, tpm=10**15)
    for _ in range(3):
        last = await take(counters, huge, tokens=10**14)
    assert 10**15 - 3 * 10**14 <= last.standings[0].tokens <= 10**15 - 10**14


async def test_slots_end_with_the_worker_that_held_them(shared: Shared, redis: Redis) -> None:
    """Unless it renews them: a call may last as long as it likes."""
    counters = SharedCounters(shared)
    slots = shared.key("slots", AT_ONCE.name)
    kept, lost = await take(counters, AT_ONCE), await take(counters, AT_ONCE)
    assert not (await take(counters, AT_ONCE)).lease
    for lease in (kept.lease, lost.lease):
        redis.run("ZADD", slots, "1", lease)  # their time is over
    counters._held.pop(lost.lease)  # as if its worker had died
    counters.renew()
    await shared.flush()
    assert (await take(counters, AT_ONCE)).lease
    refused = await take(counters, AT_ONCE)
    assert (refused.lease, refused.standings[0].used) == ("", 2)
    assert lost.lease not in redis.run("ZRANGE", slots, "0", "-1")


WORKER = """
import asyncio, os, signal, sys
from interlingua.ports.counters import Demand
from interlingua.stores.settings import SharedSettings
from interlingua.stores.shared import Shared
from interlingua.stores.shared_counters import SharedCounters

async def main():
    counters = SharedCounters(Shared(SharedSettings(url=sys.argv[1], timeout=60), {}))
    for _ in range(2):
        assert (await counters.take([Demand("model/m*", concurrency=2)], 0)).lease
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_worker_that_is_killed_keeps_its_slots_until_its_lease_ends_and_no_longer(
    shared: Shared, redis: Redis
) -> None:
    """The lease is some seconds; the server forgets it by itself."""
    command = [sys.executable, "-c", WORKER, redis.url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    counters, slots = SharedCounters(shared), shared.key("slots", AT_ONCE.name)
    assert not (await take(counters, AT_ONCE)).lease
    seconds = int(redis.run("TIME").split()[0])
    ends = [float(score) / 1e6 for score in redis.run("ZRANGE", slots, "0", "-1", "WITHSCORES").split()[1::2]]
    assert all(seconds < end <= seconds + shared.settings.lease + 1 for end in ends)
    for member in redis.run("ZRANGE", slots, "0", "-1").split():
        redis.run("ZADD", slots, str(seconds * 10**6), member)  # the seconds are over
    assert (await take(counters, AT_ONCE)).lease


async def test_a_call_that_is_cancelled_while_it_asks_keeps_no_slot(shared: Shared, redis: Redis) -> None:
    """Whether the server had let it in already or not."""
    counters = SharedCounters(shared)
    await take(counters, Demand("warm", rpm=1))
    for turns in range(12):
        task = asyncio.create_task(counters.take([AT_ONCE], 0))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(done, Taken):
            counters.release([AT_ONCE], done.lease)
        await shared.flush()
        assert redis.run("ZCARD", shared.key("slots", AT_ONCE.name)) == "0"


async def test_a_server_that_forgot_all_learns_again_which_calls_run(shared: Shared, redis: Redis) -> None:
    """And its scripts; buckets begin full."""
    counters = SharedCounters(shared)
    await take(counters, RPM, AT_ONCE)
    redis.run("FLUSHALL")
    redis.run("SCRIPT", "FLUSH")
    counters.renew()
    await shared.flush()
    found = await take(counters, RPM, AT_ONCE)
    assert (found.standings[0].requests, found.standings[1].used) == (4, 1)


@pytest.mark.parametrize("demand", [RPM, TPM, AT_ONCE])
async def test_nothing_stays_at_the_server_for_ever(shared: Shared, redis: Redis, demand: Demand) -> None:
    """Every key ends by itself."""
    counters = SharedCounters(shared)
    await take(counters, demand, tokens=1)
    counters.settle([demand], 5)
    counters.renew()
    await shared.flush()
    keys = redis.run("KEYS", "*").split()
    assert keys
    assert all(int(redis.run("TTL", key)) > 0 for key in keys)
    assert all(key.startswith("{il}:") for key in keys)


async def test_without_a_server_nobody_is_asked(tmp_path: object) -> None:
    """Who asks is told so."""
    shared = Shared(SharedSettings(url=f"unix://{tmp_path}/none.sock"), {})
    counters = SharedCounters(shared)
    assert await counters.take([RPM], 0) is None
    counters.settle([TPM], 1)
    counters.release([AT_ONCE], "x")
    await shared.aclose()

"""The memory that processes share, on a real Redis."""

from __future__ import annotations

from msgspec.structs import replace

from interlingua.stores.shared import Shared
from interlingua.stores.shared_memory import SharedMemory
from tests.services import Redis


def bounded(shared: Shared, most: int) -> SharedMemory:
    """With so much room for each tenant."""
    shared.settings = replace(shared.settings, most_bytes=most)
    return SharedMemory(shared)


async def test_what_one_process_puts_another_finds_until_its_time_is_over(shared: Shared, redis: Redis) -> None:
    """Any bytes, under any key."""
    other = Shared(shared.settings, {})
    await SharedMemory(shared).put("t", {"a": b"1\0\xff", "\0 \udcff": b""}, 10)
    assert await SharedMemory(other).get("t", ["a", "b", "\0 \udcff"]) == {"a": b"1\0\xff", "\0 \udcff": b""}
    assert await SharedMemory(other).get("t", []) == {}
    await SharedMemory(shared).put("t", {}, 10)
    for key in redis.run("KEYS", "*").split():
        assert 0 < int(redis.run("PTTL", key)) <= 10_000
    await other.aclose()


async def test_tenants_do_not_see_each_other(shared: Shared) -> None:
    """Not even where names run into each other."""
    memory = SharedMemory(shared)
    await memory.put("t", {"a": b"1"}, 10)
    assert await memory.get("u", ["a"]) == {}
    assert await memory.get("", ["ta", "t:a"]) == {}
    assert await memory.forget("u", ["a"]) == 0
    assert await memory.forget("t", ["a", "b"]) == 1
    assert await memory.forget("t", []) == 0
    assert await memory.get("t", ["a"]) == {}


async def test_a_tenant_holds_so_much_and_what_ends_next_goes_first(shared: Shared, redis: Redis) -> None:
    """Others are not touched, and the account is exact."""
    memory = bounded(shared, 2000)
    await memory.put("u", {"theirs": b"x" * 500}, 1)
    for name, seconds in (("a", 30), ("b", 10), ("c", 20)):
        await memory.put("t", {name: b"x" * 300}, seconds)
    await memory.put("t", {"d": b"x" * 300}, 40)
    assert sorted(await memory.get("t", ["a", "b", "c", "d"])) == ["a", "c", "d"]
    assert await memory.get("u", ["theirs"])
    await memory.put("t", {"huge": b"x" * 5000, "a": b"y"}, 40)
    assert sorted(await memory.get("t", ["a", "c", "d", "huge"])) == ["a", "c", "d"]
    await memory.forget("t", ["a", "c", "d"])
    accounts = [redis.run("HGETALL", key).split() for key in redis.run("KEYS", "*memory-sizes*").split()]
    assert sorted(len(one) for one in accounts) == [1, 3]  # what `t` holds in all, and that of `u` with its entry
    assert ["0"] in accounts


async def test_what_has_ended_gives_its_room_back(shared: Shared, redis: Redis) -> None:
    """Else it would leak by accounting."""
    memory = bounded(shared, 2000)
    await memory.put("t", {"a": b"x" * 500, "b": b"x" * 500}, 10)
    (ends,) = redis.run("KEYS", "*memory-ends*").split()
    for member in redis.run("ZRANGE", ends, "0", "-1").split():
        redis.run("ZADD", ends, "1", member)  # their time is over
    await memory.put("t", {"c": b"x" * 500, "d": b"x" * 500}, 10)
    assert sorted(await memory.get("t", ["a", "b", "c", "d"])) == ["c", "d"]
    (sizes,) = redis.run("KEYS", "*memory-sizes*").split()
    held, *entries = sorted(map(int, redis.run("HVALS", sizes).split()), reverse=True)  # in any order: it is a hash
    assert len(entries) == 2
    assert held == sum(entries)


async def test_without_a_server_nothing_is_known_and_nothing_fails(tmp_path: object, shared: Shared) -> None:
    """What is forgotten is an inconvenience, never an error."""
    away = Shared(replace(shared.settings, url=f"unix://{tmp_path}/none.sock"), {})
    memory = SharedMemory(away)
    await memory.put("t", {"a": b"1"}, 10)
    assert await memory.get("t", ["a"]) == {}
    assert await memory.forget("t", ["a"]) == 0
    await away.aclose()

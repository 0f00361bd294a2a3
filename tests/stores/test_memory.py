"""The memory of one process."""

from __future__ import annotations

from interlingua.stores.memory import DividedMemory, ProcessMemory


class Time:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_what_was_put_is_found_until_its_time_is_over() -> None:
    """And not a moment longer."""
    time = Time()
    memory = ProcessMemory(time)
    await memory.put("t", {"a": b"1", "b": b"2"}, 10)
    time.now = 9.9
    assert await memory.get("t", ["a", "b", "c"]) == {"a": b"1", "b": b"2"}
    time.now = 10
    assert await memory.get("t", ["a"]) == {}


async def test_tenants_do_not_see_each_other() -> None:
    """By construction of the key."""
    memory = ProcessMemory(Time())
    await memory.put("t", {"a": b"1"}, 10)
    assert await memory.get("u", ["a"]) == {}
    assert await memory.forget("u", ["a"]) == 0
    assert await memory.forget("t", ["a"]) == 1


async def test_the_longest_unused_is_dropped_when_there_is_no_room() -> None:
    """Bounded in bytes."""
    memory = ProcessMemory(Time(), most_bytes=1000)
    for name in ("a", "b", "c"):
        await memory.put("t", {name: b"x" * 100}, 10)
    await memory.get("t", ["a"])
    await memory.put("t", {"d": b"x" * 100}, 10)
    assert sorted(await memory.get("t", ["a", "b", "c", "d"])) == ["a", "c", "d"]


async def test_replacing_and_forgetting_give_the_room_back() -> None:
    """Otherwise it would leak by accounting."""
    memory = ProcessMemory(Time(), most_bytes=1000)
    for _ in range(50):
        await memory.put("t", {"a": b"x" * 500}, 10)
    assert await memory.get("t", ["a"]) == {"a": b"x" * 500}
    await memory.forget("t", ["a"])
    assert memory._held == 0


async def test_what_is_remembered_apart_is_in_no_other_place() -> None:
    """Told apart by how its keys begin."""
    apart, rest = ProcessMemory(Time()), ProcessMemory(Time())
    memory = DividedMemory("response", apart, rest)
    await memory.put("t", {"response:1": b"1", "recall:1": b"2"}, 10)
    assert await memory.get("t", ["response:1", "recall:1", "x"]) == {"response:1": b"1", "recall:1": b"2"}
    assert await apart.get("t", ["response:1", "recall:1"]) == {"response:1": b"1"}
    assert await rest.get("t", ["response:1", "recall:1"]) == {"recall:1": b"2"}
    assert await memory.forget("t", ["response:1", "recall:1", "x"]) == 2
    assert await memory.get("t", ["response:1", "recall:1"]) == {}

"""Calls wait for limits of ours: in turns, in bounds, and not for longer than they may."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from interlingua.engine.limits import Limiter
from interlingua.engine.principal import Limits, Principal
from interlingua.engine.queue import Queue
from interlingua.engine.settings import QueueSettings
from interlingua.engine.shared_limits import Admission, AtOnce, Refusal
from interlingua.errors import Overloaded, RateLimited
from tests.engine.clock import Clock

M = "h/m"


class Door:
    """A limiter with a queue before it, and whoever comes to it.

    Args:
        models: limits by pattern.
        keys: limits by key.
    """

    def __init__(self, models: dict[str, Limits], keys: dict[str, Limits] | None = None, **settings: Any) -> None:
        self.clock = Clock()
        self.limits = AtOnce(Limiter(self.clock, models))
        self.keys = keys or {}
        self.queue = Queue(QueueSettings(**{"wait": 60.0, **settings}))
        self.inside: list[tuple[str, Admission]] = []
        self.tasks: dict[str, asyncio.Task[Admission | Refusal]] = {}

    def come(self, name: str, key: str = "", model: str = M, tokens: int = 0) -> asyncio.Task[Admission | Refusal]:
        """A call comes; `name` is what it is called here, its key is that without its number."""
        key = key or name.rstrip("0123456789")
        who = Principal(tenant=key, key=key, limits=self.keys.get(key, Limits()))

        async def enter() -> Admission | Refusal:
            found = await self.queue.admit(key, model, partial(self.limits.acquire, who, model, tokens))
            if not isinstance(found, Refusal):
                self.inside.append((name, found))
            return found

        self.tasks[name] = task = asyncio.create_task(enter())
        return task

    async def settle(self) -> list[str]:
        """Who is inside when nothing happens any more."""
        for _ in range(60):
            await asyncio.sleep(0)
        return [name for name, _ in self.inside]

    async def leave(self) -> list[str]:
        """The first of those inside goes; who is inside then."""
        _, lease = self.inside.pop(0)
        lease.release()
        self.queue.wake()
        return await self.settle()


async def test_keys_take_turns_and_within_a_key_the_first_comes_first() -> None:
    """One that came with four calls holds up nobody but itself."""
    door = Door({"*": Limits(concurrency=1)})
    for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
        door.come(name)
        await door.settle()
    order = [(await door.settle())[0]]
    for _ in range(6):
        order += await door.leave()
    assert order == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]
    assert (door.queue.waiting, door.queue.ended) == (0, {"admitted": 6, "refused": 0, "left": 0})


async def test_nobody_passes_those_who_wait_for_the_same() -> None:
    """A call that would fit does not take what a larger one waits for; another model is not concerned."""
    door = Door({M: Limits(tpm=100, concurrency=9)})
    door.come("a1", tokens=90)
    await door.settle()
    door.come("b1", tokens=50)
    await door.settle()
    door.come("c1", tokens=5)
    door.come("d1", model="h/other", tokens=5)
    assert await door.settle() == ["a1", "d1"]
    door.clock.now += 30
    door.queue.wake()
    assert await door.settle() == ["a1", "d1", "b1", "c1"]


async def test_who_waits_for_a_limit_of_its_own_holds_up_nobody_else() -> None:
    """Though it came first, for the same model."""
    door = Door({M: Limits(concurrency=2)}, {"a": Limits(concurrency=1)})
    for name in ("a1", "a2", "b1"):
        door.come(name)
        await door.settle()
    assert await door.settle() == ["a1", "b1"]
    assert await door.leave() == ["b1", "a2"]


async def test_who_leaves_gives_up_its_place() -> None:
    """And what it was let in to at the same moment."""
    door = Door({"*": Limits(concurrency=1)})
    for name in ("a1", "a2", "b1"):
        door.come(name)
        await door.settle()
    door.tasks["a2"].cancel()
    await door.settle()
    assert door.queue.waiting == 1
    door.inside.pop(0)[1].release()
    door.queue.wake()
    while not door.queue.ended["admitted"]:
        # Let in, and gone before it could know.
        if not door.queue.waiting:
            door.tasks["b1"].cancel()
        await asyncio.sleep(0)
        if door.tasks["b1"].done():
            break
    door.come("c1")
    assert (await door.settle())[-1] == "c1"
    assert door.queue.ended["left"] >= 1


async def test_who_waited_long_enough_is_told_when_to_come_back() -> None:
    """With the refusal that it would have had at once."""
    door = Door({"*": Limits(concurrency=1)}, wait=0.01)
    door.come("a1")
    await door.settle()
    found = await door.come("b1")
    assert isinstance(found, Refusal)
    assert isinstance(found.error, RateLimited)
    assert (found.error.retry_after, found.error.scope) == (1.0, "gateway:model/*/concurrency")
    assert door.queue.ended == {"admitted": 0, "refused": 1, "left": 0}
    assert await door.leave() == []
    door.come("c1")
    assert await door.settle() == ["c1"]


@pytest.mark.parametrize("tokens", [90, 200])
async def test_who_would_wait_for_too_long_or_for_ever_is_refused_at_once(tokens: int) -> None:
    """So that it can go elsewhere."""
    door = Door({"*": Limits(tpm=100)}, wait=5.0)
    door.come("a1", tokens=90)
    await door.settle()
    found = await door.come("b1", tokens=tokens)
    assert isinstance(found, Refusal)
    assert isinstance(found.error, RateLimited)
    assert found.error.retry_after == (48.0 if tokens == 90 else None)
    assert door.queue.ended["refused"] == 0


async def test_a_full_queue_refuses_who_has_the_largest_share() -> None:
    """Whoever came."""
    door = Door({"*": Limits(concurrency=1)}, length=3)
    for name in ("z1", "a1", "a2", "a3", "a4", "b1"):
        door.come(name)
        await door.settle()
    refused = [name for name, task in door.tasks.items() if task.done() and isinstance(task.result(), Refusal)]
    assert refused == ["a3", "a4"]
    assert door.queue.waiting == 3
    full = door.tasks["a4"].result()
    assert isinstance(full, Refusal)
    assert full.error.message == "3 calls wait already, and no more may"
    assert (full.error.fault, full.error.status) == ("gateway", 429)
    assert [await door.leave() for _ in range(3)] == [["a1"], ["b1"], ["a2"]]


async def test_what_is_no_limit_is_told_at_once() -> None:
    """Such as that nobody can be asked."""
    queue = Queue(QueueSettings(wait=60.0))
    away = Refusal(Overloaded("away", retry_after=2.0), None)  # type: ignore[arg-type]  # nobody looks

    async def take() -> Refusal:
        return away

    assert await queue.admit("a", M, take) is away


async def test_it_asks_again_by_itself_when_the_time_has_come() -> None:
    """Nobody ends a call here."""
    queue, asked = Queue(QueueSettings(wait=60.0)), 0

    class Lease:
        def settle(self, tokens: int) -> None:
            raise AssertionError

        release = states = settle

    async def take() -> Any:
        nonlocal asked
        asked += 1
        error = RateLimited("slowly", retry_after=0.01, scope="gateway:model/*/rpm")
        return Refusal(error, None) if asked < 3 else Lease()  # type: ignore[arg-type]  # nobody looks

    assert isinstance(await queue.admit("a", M, take), Lease)
    assert asked == 3

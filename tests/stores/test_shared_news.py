"""News between processes, over a real Redis."""

from __future__ import annotations

import asyncio

from interlingua.stores.settings import SharedSettings
from interlingua.stores.shared import Shared
from interlingua.stores.shared_news import SharedNews
from tests.services import Redis


async def heard(redis: Redis, shared: Shared, subject: str, listeners: int) -> None:
    """Waits until the server knows of so many processes that listen."""
    channel = shared.key("news", subject)
    async with asyncio.timeout(20):
        while redis.run("PUBSUB", "NUMSUB", channel).split()[-1] != str(listeners):  # noqa: ASYNC110 - a server's word
            await asyncio.sleep(0.01)


async def test_who_waits_in_another_process_is_woken_and_nobody_else(redis: Redis) -> None:
    first, second = (Shared(SharedSettings(url=redis.url, timeout=60), {}) for _ in range(2))
    teller, listener = SharedNews(first, "process a"), SharedNews(second, "process b")
    listening = asyncio.ensure_future(listener.watch())
    try:
        with listener.of("run 1") as one, listener.of("run 2") as two, listener.of("run 1") as again:
            await heard(redis, second, "run 1", 1)
            await heard(redis, second, "run 2", 1)
            await teller.tell("run 1")
            async with asyncio.timeout(20):
                await one.wait()
                await again.wait()
            assert not two.is_set()
        await heard(redis, second, "run 1", 0)
        with listener.of("run 3") as three:
            await heard(redis, second, "run 3", 1)
            redis.run("CLIENT", "KILL", "TYPE", "pubsub")
            await heard(redis, second, "run 3", 1)
            await teller.tell("run 3")
            async with asyncio.timeout(20):
                await three.wait()
    finally:
        listening.cancel()
        await asyncio.wait({listening})
        await first.aclose()
        await second.aclose()


async def test_a_listener_whose_server_is_away_goes_on_trying() -> None:
    shared = Shared(SharedSettings(url="unix:///nowhere.sock", timeout=0.1), {})
    news = SharedNews(shared, "process a")
    listening = asyncio.ensure_future(news.watch())
    with news.of("run 1") as event:
        await news.tell("run 1")
        assert not event.is_set()
        news.wake("run 1")
        assert event.is_set()
    assert not listening.done()
    listening.cancel()
    await asyncio.wait({listening})
    await shared.aclose()

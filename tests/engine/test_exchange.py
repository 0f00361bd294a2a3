"""Waiting for a provider, and for no longer than is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from interlingua.engine.exchange import Patience
from interlingua.errors import TimedOut

SHORT, LONG = 0.02, 60.0


class Pieces:
    """A body whose pieces come when somebody puts them."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self.queue.get()
        if piece is None:
            raise StopAsyncIteration
        return piece


async def test_pieces_come_one_by_one_and_none_after_the_last() -> None:
    pieces, patience = Pieces(), Patience("lab")
    for piece in (b"one", b"two", None):
        pieces.queue.put_nowait(piece)
    assert [await patience.next(pieces, LONG) for _ in range(3)] == [b"one", b"two", None]
    patience.stop()


async def test_a_provider_that_falls_silent_is_waited_for_no_longer_than_the_limit() -> None:
    pieces, patience = Pieces(), Patience("lab")
    pieces.queue.put_nowait(b"one")
    assert await patience.next(pieces, SHORT) == b"one"
    with pytest.raises(TimedOut, match=r"lab sent nothing for 0\.02 s") as raised:
        await patience.next(pieces, SHORT)
    assert raised.value.phase == "idle"
    task = asyncio.current_task()
    assert task is not None and not task.cancelling()


async def test_time_that_the_reader_takes_is_not_the_providers() -> None:
    pieces, patience = Pieces(), Patience("lab")
    pieces.queue.put_nowait(b"one")
    await patience.next(pieces, SHORT)
    went_off = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(3 * SHORT, went_off.set_result, None)
    await went_off  # the timer went off meanwhile, and found nobody waiting
    pieces.queue.put_nowait(b"two")
    assert await patience.next(pieces, SHORT) == b"two"
    patience.stop()


async def test_another_limit_holds_at_once() -> None:
    pieces, patience = Pieces(), Patience("lab")
    pieces.queue.put_nowait(b"one")
    await patience.next(pieces, LONG)
    with pytest.raises(TimedOut):
        await patience.next(pieces, SHORT)


async def test_whoever_cancels_the_reader_cancels_it() -> None:
    pieces, patience = Pieces(), Patience("lab")
    reading = asyncio.create_task(patience.next(pieces, LONG))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    patience.stop()


async def test_one_task_may_wait_for_the_first_piece_and_another_for_the_next() -> None:
    pieces, patience = Pieces(), Patience("lab")
    pieces.queue.put_nowait(b"one")
    assert await asyncio.create_task(patience.next(pieces, SHORT)) == b"one"
    with pytest.raises(TimedOut):
        await patience.next(pieces, SHORT)

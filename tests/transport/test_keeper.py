from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlingua.errors import ConnectionFailed, LocalFileError, ModelNotFound
from interlingua.ports.transport import HttpRequest, HttpResponse
from interlingua.stores.memory import ProcessMemory
from interlingua.transport.keeper import KeeperAddress, KeptMemory, KeptTransport, keep
from tests.transport.servers import SOON


class Answer:
    """An answer that comes piece by piece, or never ends."""

    status = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/event-stream"),)

    def __init__(self, *pieces: bytes, endless: bool = False) -> None:
        self.pieces = pieces
        self.endless = endless
        self.closed = asyncio.Event()

    async def read(self) -> bytes:
        return b"".join(self.pieces)

    async def stream(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.endless:
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed.set()


class Model:
    """A local model that says what it is told to."""

    def __init__(self) -> None:
        self.says: Answer | Exception | None = None
        self.asked: list[HttpRequest] = []
        self.left = asyncio.Event()

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        if isinstance(self.says, Exception):
            raise self.says
        if self.says is None:
            try:
                await asyncio.Event().wait()
            finally:
                self.left.set()
        assert isinstance(self.says, Answer)
        return self.says

    async def aclose(self) -> None:
        return None


class Kept:
    """A keeper that runs."""

    def __init__(self, folder: Path) -> None:
        self.address = KeeperAddress(str(folder / "k.sock"), "secret")
        self.model = Model()
        self.time = 0.0
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.ready.clear()
        self.stop.clear()
        memory = ProcessMemory(lambda: self.time)
        self.task = asyncio.create_task(keep(self.address, self.model, memory, self.ready.set, self.stop))
        await self.ready.wait()

    async def end(self) -> None:
        self.stop.set()
        assert self.task is not None
        await self.task


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    kept = Kept(tmp_path)
    await kept.start()
    yield kept
    await kept.end()


@pytest.fixture
async def transport(kept: Kept) -> AsyncIterator[KeptTransport]:
    transport = KeptTransport(kept.address)
    yield transport
    await transport.aclose()


async def test_an_answer_comes_through_piece_by_piece(kept: Kept, transport: KeptTransport) -> None:
    kept.model.says = Answer(b"data: a\n\n", b"data: b\n\n", endless=True)
    request = HttpRequest(url="local:///v1/chat/completions", headers=(("x-no", "no"),), body=b'{"a": 1}', stream=True)
    response = await transport.send(request)
    assert (response.status, dict(response.headers)["content-type"]) == (200, "text/event-stream")
    pieces = response.stream()
    got = b""
    while b"data: b" not in got:
        got += await anext(pieces)
    (asked,) = kept.model.asked
    assert (asked.method, asked.url, asked.body) == ("POST", "local:///v1/chat/completions", b'{"a": 1}')
    assert not kept.model.says.closed.is_set()
    await response.aclose()
    await asyncio.wait_for(kept.model.says.closed.wait(), SOON)


async def test_a_worker_that_gives_up_waiting_stops_the_model(kept: Kept, transport: KeptTransport) -> None:
    call = asyncio.create_task(transport.send(HttpRequest(url="local:///chat/completions")))
    while not kept.model.asked:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0.01)
    assert not kept.model.left.is_set()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(kept.model.left.wait(), SOON)
    assert len(kept.model.asked) == 1


@pytest.mark.parametrize(
    "error", [ModelNotFound("no such model", remedy="il pull"), LocalFileError("no file", path="/x")]
)
async def test_what_the_model_raises_is_raised_at_the_worker(
    error: ModelNotFound | LocalFileError, kept: Kept, transport: KeptTransport
) -> None:
    kept.model.says = error
    with pytest.raises(type(error), match=error.message) as caught:
        await transport.send(HttpRequest(url="local:///chat/completions"))
    assert caught.value.remedy == error.remedy


async def test_all_workers_remember_the_same_until_its_time_is_over(kept: Kept) -> None:
    one, other = KeptMemory(kept.address), KeptMemory(kept.address)
    await one.put("lab", {"a": b"1", "b": b"\xff"}, 10)
    assert await other.get("lab", ["a", "b", "c"]) == {"a": b"1", "b": b"\xff"}
    assert await other.get("elsewhere", ["a"]) == {}
    assert await other.forget("lab", ["a", "c"]) == 1
    kept.time = 11.0
    assert await one.get("lab", ["a", "b"]) == {}
    await one.aclose()
    await other.aclose()


async def test_without_the_right_key_nothing_is_told(kept: Kept) -> None:
    memory = KeptMemory(kept.address)
    await memory.put("lab", {"a": b"1"}, 10)
    stranger = KeptTransport(KeeperAddress(kept.address.path, "guess"))
    response = await stranger.send(HttpRequest(url="local:///chat/completions"))
    assert response.status == 401
    assert kept.model.asked == []
    await response.aclose()
    await stranger.aclose()
    await memory.aclose()


async def test_only_its_user_may_open_the_socket(kept: Kept) -> None:
    assert stat.S_IMODE(os.stat(kept.address.path).st_mode) == 0o600
    assert "secret" not in repr(kept.address)


async def test_where_the_keeper_is_away_the_worker_says_so_and_remembers_nothing(
    kept: Kept, transport: KeptTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And all is well when it is back, at the same place. A proxy of the environment does not matter."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    await kept.end()
    memory = KeptMemory(kept.address)
    assert await memory.get("lab", ["a"]) == {}
    assert await memory.forget("lab", ["a"]) == 0
    with pytest.raises(ConnectionFailed, match="local model is away") as caught:
        await transport.send(HttpRequest(url="local:///chat/completions"))
    assert caught.value.retryable
    await kept.start()
    await memory.put("lab", {"a": b"1"}, 10)
    assert await memory.get("lab", ["a"]) == {"a": b"1"}
    await memory.aclose()

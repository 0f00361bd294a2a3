"""Of the same requests at once one goes on its way, and all get its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from interlingua.engine.relay import Piece
from interlingua.errors import Overloaded
from interlingua.gateway.cached import ahead
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.caching import (
    ON,
    Gate,
    ask,
    both,
    cached,
    leaving,
    told,
    waiting,
)
from tests.gateway.test_sockets import body_of, listening, until
from tests.gateway.upstreams import (
    DIALECTS,
    parsed,
    read,
    script,
    text_of,
    whole,
)
from tests.transport.servers import Exchange


@pytest.mark.parametrize("stream", [True, False])
async def test_of_the_same_requests_at_once_one_goes_on_its_way(stream: bool, tmp_path: Path) -> None:
    """All get the answer, each in its dialect; one is charged."""
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(ask(app, "openai_chat", "gemini", stream=stream))
        await gate.asked.wait()
        others = [asyncio.create_task(ask(app, client, "gemini", stream=stream)) for client in DIALECTS * 4]
        await waiting(app, 20)
        gate.open.set()
        found = [await one for one in (first, *others)]
        for client, answer in zip(("openai_chat", *DIALECTS * 4), found, strict=True):
            assert told(client, answer, stream=stream).text.replace(" ", "") == "Onetwothree."
        assert [one.headers["x-interlingua-cache"] for one in found] == ["miss"] + ["hit"] * 20
        assert not app.state.cache._flights
        assert not app.state.running
    assert len(gate.requests) == 1


async def test_a_failure_goes_to_all_that_wait(tmp_path: Path) -> None:
    """Each in its dialect, none of them tries again; the next call does."""
    refusal = Script.json({"error": {"message": "slowly", "status": "RESOURCE_EXHAUSTED"}}, 429)
    gate = Gate(ScriptedTransport([refusal, whole("gemini")]))
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(ask(app, "openai_chat", "gemini"))
        await gate.asked.wait()
        others = [asyncio.create_task(ask(app, client, "gemini")) for client in DIALECTS]
        await waiting(app, 5)
        gate.open.set()
        found = [await one for one in (first, *others)]
        assert {one.status for one in found} == {429}
        assert all(b"slowly" in one.body for one in found)
        assert len(gate.requests) == 1
        assert (await ask(app, "openai_chat", "gemini")).status == 200


@pytest.mark.parametrize("stream", [True, False])
async def test_one_that_leaves_does_not_cancel_the_others(stream: bool, tmp_path: Path) -> None:
    """Nor does one that waits and leaves; what was asked for is paid once."""
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate) as app:
        gone, also = asyncio.Event(), asyncio.Event()
        first = asyncio.create_task(leaving(app, gone, stream=stream))
        await gate.asked.wait()
        leaver = asyncio.create_task(leaving(app, also, stream=stream, client="ollama"))
        stays = asyncio.create_task(ask(app, "anthropic_messages", "gemini", stream=stream))
        await waiting(app, 2)
        gone.set()
        also.set()
        await waiting(app, 1)
        gate.open.set()
        answer = await stays
        assert told("anthropic_messages", answer, stream=stream).text.replace(" ", "") == "Onetwothree."
        await asyncio.gather(first, leaver)
        rows = (await app.state.ledger.page(None)).rows
        lanes = sorted(attempt.lane for row in rows for attempt in row.attempts)
        assert lanes == ["cache", "translated"]
        assert sorted(row.status for row in rows) == [200, 200, 499]
    assert (len(gate.requests), gate.given_up) == (1, 0)


async def test_when_all_have_left_nobody_is_asked_any_more(tmp_path: Path) -> None:
    """Whoever leaves last."""
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate) as app:
        ends = [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(leaving(app, ends[0]))]
        await gate.asked.wait()
        tasks += [asyncio.create_task(leaving(app, end, client="ollama")) for end in ends[1:]]
        await waiting(app, 2)
        for end in ends:
            assert gate.given_up == 0
            end.set()
            await asyncio.wait(tasks, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*tasks)
        assert gate.given_up == 1
        assert not app.state.running
        assert not app.state.cache._flights


async def flow(pieces: list[bytes], closed: list[bool], fails: bool = False) -> AsyncGenerator[Piece]:
    try:
        for data in pieces:
            await asyncio.sleep(0)
            closed[0] = False
            closed.append(True)
            yield Piece(data, True)
        if fails:
            raise Overloaded("full")
    finally:
        closed[0] = True


async def test_a_stream_is_read_ahead_for_those_who_wait_and_else_only_a_little() -> None:
    """However slowly its client takes it; what it raises comes after all of it, and leaving closes it."""
    data = [bytes([65 + number % 26]) * 1000 for number in range(500)]
    hurry, seen = asyncio.Event(), [False]
    reading = ahead(flow(data, seen, fails=True), hurry)
    found = [(await anext(reading)).data]
    for _ in range(2000):
        await asyncio.sleep(0)
    assert len(seen) - 1 == 67  # the one that was taken, and as many as it takes to be more than a little
    hurry.set()
    for _ in range(2000):
        await asyncio.sleep(0)
    assert len(seen) - 1 == 500
    with pytest.raises(Overloaded):
        async for piece in reading:
            found += [piece.data]
    assert found == data
    seen = [False]
    reading = ahead(flow(data, seen), asyncio.Event())
    await anext(reading)
    await reading.aclose()
    assert seen[0]


async def test_one_that_reads_slowly_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """Its client took the head and nothing since."""
    gate = Gate(both("gemini"))
    stuck, go_on = asyncio.Event(), asyncio.Event()
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(leaving(app, asyncio.Event(), stream=True, stuck=stuck, go_on=go_on))
        await gate.asked.wait()
        other = asyncio.create_task(ask(app, "openai_chat", "gemini"))
        await waiting(app, 1)
        gate.open.set()
        await stuck.wait()
        assert parsed("openai_chat", (await other).body).text.replace(" ", "") == "Onetwothree."
        assert not first.done()
        go_on.set()
        await first


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", ["openai_chat", "gemini"])
async def test_an_answer_that_is_too_large_is_neither_shared_nor_given_again(
    client: str, stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for it asks at once, all beside each other."""
    monkeypatch.setattr("interlingua.gateway.cached.MOST_OF_ONE", 50)
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(ask(app, client, "gemini", stream=stream))
        await gate.asked.wait()
        others = [asyncio.create_task(ask(app, client, "gemini", stream=stream)) for _ in range(3)]
        await waiting(app, 3)
        gate.open.set()
        found = [await one for one in (first, *others)]
        assert [one.headers["x-interlingua-cache"] for one in found] == ["miss"] * 4
        assert {told(client, one, stream=stream).text.replace(" ", "") for one in found} == {"Onetwothree."}
        assert not app.state.cache._flights
    assert len(gate.requests) == 4


async def test_over_sockets_one_that_leaves_does_not_cancel_the_others_and_the_next_gets_the_same(
    tmp_path: Path,
) -> None:
    """A real server, a real upstream; the leaver closes its connection in the middle of the stream."""
    host, go_on, begun_ = "openai_chat", asyncio.Event(), asyncio.Event()

    async def slowly(exchange: Exchange) -> None:
        await exchange.begin_chunks("content-type: text/event-stream\r\n")
        for piece in script(host).chunks:
            await exchange.chunk(piece)
            begun_.set()
            await go_on.wait()
        await exchange.send(b"0\r\n\r\n")

    async with listening(tmp_path, host, slowly) as served:
        served.app.state.cache.settings = ON
        _, leaver = await served.ask("openai_chat", host)
        await begun_.wait()
        reader, writer = await served.ask("openai_chat", host)
        (flight,) = served.app.state.cache._flights.values()
        await until(lambda: flight._waiting == 1)
        leaver.close()
        await until(lambda: flight._forsaken is not None)
        go_on.set()
        head, body = await body_of(reader)
        writer.close()
        reader, writer = await served.ask("openai_chat", host)
        again = await body_of(reader)
        writer.close()
        assert "x-interlingua-cache: hit" in head
        assert text_of(read("openai_chat", body)) == "Onetwothree."
        assert again[1] == body
        assert len(served.upstream.exchanges) == 1

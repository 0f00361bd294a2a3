"""The gateway under its real server, between a real client and a real upstream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import uvicorn

from interlingua.config.schema import Config, ServerSettings, StoreSettings
from interlingua.gateway import process
from interlingua.gateway.app import Gateway
from interlingua.gateway.build import build_gateway
from interlingua.gateway.process import BoundedProtocol
from interlingua.types.events import Failed
from tests.gateway.upstreams import ENVIRONMENT, asks, begun, config, failure, host_of, read, script, text_of
from tests.transport.servers import Answer, Exchange, Server, serve

PAIRS = [("openai_chat", "openai_chat"), ("openai_chat", "anthropic_messages"), ("anthropic_messages", "gemini")]
each_way_out = pytest.mark.parametrize("owns_exit", [False, True], ids=["aiohttp", "pyreqwest"])
each_pair = pytest.mark.parametrize(("client", "host"), PAIRS, ids=lambda name: name)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what nobody announces."""
    while not condition():  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0.01)


class Served:
    """A gateway that listens, and the upstream behind it."""

    def __init__(self, app: Gateway, server: uvicorn.Server, upstream: Server, port: int) -> None:
        self.app, self.server, self.upstream, self.port = app, server, upstream, port
        self.task: asyncio.Task[None] | None = None

    async def ask(
        self, client: str, host: str, *, stream: bool = True, headers: str = ""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which a question was sent."""
        path, body = asks(client, host, stream=stream)
        data = msgspec.json.encode(body)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**16)
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncontent-length: {len(data)}\r\n{headers}\r\n"
        writer.write(head.encode() + data)
        await writer.drain()
        return reader, writer


@asynccontextmanager
async def listening(
    tmp_path: Path, host: str, answer: Answer, *, owns_exit: bool = False, **server: float
) -> AsyncIterator[Served]:
    async with serve(answer) as upstream:
        settings = config(server=ServerSettings(**server))  # type: ignore[arg-type]  # numbers all
        settings["providers"][host_of(host)]["base_url"] = upstream.url
        made = Config(store=StoreSettings(path=str(tmp_path / "il.db")), **settings)
        app = await build_gateway(made, environment=ENVIRONMENT, owns_exit=owns_exit)
        one = uvicorn.Server(
            uvicorn.Config(
                app,
                host="127.0.0.1",
                port=0,
                http=BoundedProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                timeout_graceful_shutdown=2,
            )
        )
        with contextlib.suppress(AttributeError):
            one.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # of some versions
        task = asyncio.create_task(one._serve())
        await until(lambda: one.started)
        port = one.servers[0].sockets[0].getsockname()[1]
        served = Served(app, one, upstream, port)
        served.task = task
        try:
            yield served
        finally:
            one.should_exit = True
            await task


async def body_of(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Head and body of a chunked answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return head, body


def sends(host: str, *, after: str = "") -> Answer:
    """An upstream that sends a whole stream, or breaks off after its first word."""

    async def answer(exchange: Exchange) -> None:
        await exchange.begin_chunks(f"content-type: {dict(script(host).headers)['content-type']}\r\n")
        for piece in begun(host) if after else script(host).chunks:
            await exchange.chunk(piece)
        if after == "cut":
            exchange.writer.close()
        elif after == "silence":
            await exchange.gone()
        else:
            await exchange.send(b"0\r\n\r\n")

    return answer


@each_pair
async def test_a_stream_is_told_whole_over_sockets(client: str, host: str, tmp_path: Path) -> None:
    """Chunk by chunk."""
    async with listening(tmp_path, host, sends(host)) as served:
        reader, writer = await served.ask(client, host)
        head, body = await body_of(reader)
        writer.close()
    assert head.startswith("HTTP/1.1 200")
    assert text_of(read(client, body)) == "Onetwothree."


@each_pair
async def test_a_connection_that_is_cut_becomes_an_error_event(client: str, host: str, tmp_path: Path) -> None:
    """And the answer ends as HTTP says, so that no client waits."""
    async with listening(tmp_path, host, sends(host, after="cut")) as served:
        reader, writer = await served.ask(client, host)
        _, body = await body_of(reader)
        writer.close()
    assert isinstance(failure(client, body), Failed)


@each_way_out
@each_pair
@pytest.mark.parametrize("moment", ["before the head", "in mid-stream", "during a whole answer"])
async def test_a_client_that_goes_away_closes_the_upstream(
    moment: str, client: str, host: str, tmp_path: Path, owns_exit: bool
) -> None:
    """One row, cancelled; nothing runs on."""

    async def silent(exchange: Exchange) -> None:
        await exchange.gone()

    answer = sends(host, after="silence") if moment == "in mid-stream" else silent
    async with listening(tmp_path, host, answer, owns_exit=owns_exit) as served:
        reader, writer = await served.ask(client, host, stream="whole" not in moment)
        if moment == "in mid-stream":
            await reader.readuntil(b"\r\n\r\n")
            await reader.read(1)
        else:
            await until(lambda: bool(served.upstream.exchanges))
        writer.transport.abort()
        async with asyncio.timeout(30):  # it was silent for good, and nothing else ends it
            await served.upstream.client_left.wait()
            await until(lambda: not served.app.state.running)
        (row,) = (await served.app.state.ledger.page(None)).rows
        assert (row.error, [attempt.error for attempt in row.attempts]) == ("cancelled", ["cancelled"])


@each_way_out
@each_pair
async def test_a_slow_reader_slows_the_upstream(client: str, host: str, tmp_path: Path, owns_exit: bool) -> None:
    """What it has not read waits with the provider, not in our memory."""
    sent = 0
    unit = script(host).chunks
    word = next(piece for piece in unit if b"two" in piece)

    async def flood(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.begin_chunks(f"content-type: {dict(script(host).headers)['content-type']}\r\n")
        for piece in begun(host):
            await exchange.chunk(piece)
        many = word * 200
        for _ in range(100_000_000 // len(many)):
            await exchange.chunk(many)
            sent += len(many)

    async with listening(tmp_path, host, flood, owns_exit=owns_exit) as served:
        reader, writer = await served.ask(client, host)
        await reader.readuntil(b"\r\n\r\n")
        last = -1
        while last != sent:
            last = sent
            await asyncio.sleep(0.3)
        assert sent < 32_000_000  # what sockets hold on both sides, and little of ours
        writer.transport.abort()


@each_pair
async def test_running_streams_end_well_when_the_server_is_told_to_stop(client: str, host: str, tmp_path: Path) -> None:
    """No new connections, and the ledger is flushed."""
    go = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.begin_chunks(f"content-type: {dict(script(host).headers)['content-type']}\r\n")
        first, *rest = script(host).chunks
        await exchange.chunk(first)
        await go.wait()
        for piece in rest:
            await exchange.chunk(piece)
        await exchange.send(b"0\r\n\r\n")

    async with listening(tmp_path, host, answer, drain=5.0) as served:
        reader, writer = await served.ask(client, host)
        await until(lambda: bool(served.upstream.exchanges))
        served.server.should_exit = True
        await until(lambda: not any(one.is_serving() for one in served.server.servers))
        with pytest.raises(ConnectionError):
            await served.ask(client, host)
        go.set()
        _, body = await body_of(reader)
        writer.close()
        assert served.task is not None
        await served.task
        assert text_of(read(client, body)) == "Onetwothree."
        assert served.app.state.ledger.waiting == 0


@each_pair
async def test_a_stream_that_does_not_end_in_time_is_told_so(client: str, host: str, tmp_path: Path) -> None:
    """An error event instead of a cut, and a row that says why."""
    async with listening(tmp_path, host, sends(host, after="silence")) as served:
        reader, writer = await served.ask(client, host)
        await reader.readuntil(b"\r\n\r\n")
        served.server.should_exit = True
        served.server.config.timeout_graceful_shutdown = 1
        data = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        assert b"stopped before the answer was whole" in data


@each_pair
@pytest.mark.parametrize("fault", ["full", "cut", "limited"])
async def test_the_next_target_answers_over_sockets(fault: str, client: str, host: str, tmp_path: Path) -> None:
    """As the client sets it by a header: the first is full, breaks off before its content, or is at its limit."""

    async def answer(exchange: Exchange) -> None:
        if b"m-1" not in exchange.body + exchange.line.encode():
            await sends(host)(exchange)
        elif fault == "cut":
            await exchange.begin_chunks("content-type: text/event-stream\r\n")
            exchange.writer.close()
        elif fault == "full":
            await exchange.reply(b"{}", "503 Service Unavailable")
        else:
            await exchange.reply(b"{}", "429 Too Many Requests", "retry-after: 60\r\n")

    async with listening(tmp_path, host, answer) as served:
        for asked in (2, 1 if fault == "limited" else 2):
            header = f"x-interlingua-targets: {host_of(host)}/m-1, {host_of(host)}/m-2\r\n"
            before = len(served.upstream.exchanges)
            reader, writer = await served.ask(client, host, headers=header)
            head, body = await body_of(reader)
            writer.close()
            assert head.startswith("HTTP/1.1 200")
            assert "x-interlingua-model: m-2" in head
            assert text_of(read(client, body)) == "Onetwothree."
            assert len(served.upstream.exchanges) - before == asked


ALIVE = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n"
PIECE = b"a" * 2**16


async def nothing(exchange: Exchange) -> None:
    """An upstream that nobody asks."""
    raise AssertionError("nobody is asked")


async def connected(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", served.port)


async def floods(writer: asyncio.StreamWriter, piece: bytes, most: int) -> int:
    """Sends until the gateway hangs up, or so many bytes; how many went out."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < most and not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
    return sent


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\nx-a: ", id="the first head"),
        pytest.param(ALIVE + b"\r\nGET /healthz HTTP/1.1\r\nx-a: ", id="a later head"),
        pytest.param(ALIVE + b"transfer-encoding: chunked\r\n\r\n1;", id="an extension of a chunk"),
        pytest.param(ALIVE + b"transfer-encoding: chunked\r\n\r\n0\r\nx-a: ", id="behind the body"),
    ],
)
async def test_what_is_only_held_is_bounded_wherever_it_stands(begin: bytes, tmp_path: Path) -> None:
    """It would fill the memory before anybody looks at it."""
    async with listening(tmp_path, "openai_chat", nothing) as served:
        reader, writer = await connected(served)
        writer.write(begin)
        sent = await floods(writer, PIECE, 64 * 2**20)
        assert sent < 64 * 2**20
        writer.transport.abort()
        del reader


async def test_a_head_behind_a_running_stream_is_bounded_too(tmp_path: Path) -> None:
    """A client that sends its next request early has no more room for it than others."""
    async with listening(tmp_path, "openai_chat", sends("openai_chat", after="silence")) as served:
        reader, writer = await served.ask("openai_chat", "openai_chat")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET /healthz HTTP/1.1\r\nx-a: ")
        assert await floods(writer, PIECE, 64 * 2**20) < 64 * 2**20
        async with asyncio.timeout(10.0):
            await served.upstream.client_left.wait()


async def test_headers_behind_a_body_change_nothing_about_its_request(tmp_path: Path) -> None:
    """A balancer that checks the head has not seen them."""
    async with listening(tmp_path, "openai_chat", nothing) as served:
        reader, writer = await connected(served)
        writer.write(b"GET /healthz HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nhost: 127.0.0.1\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"403"
        writer.close()


async def test_who_is_refused_reads_why_though_its_body_is_long(tmp_path: Path) -> None:
    """What it still sends is let go of, and the connection takes the next request."""
    async with listening(tmp_path, "openai_chat", nothing) as served:
        reader, writer = await connected(served)
        size = 4 * 2**20
        writer.write(b"POST /nowhere HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % size)
        assert (await reader.readline()).split()[1] == b"404"
        assert await floods(writer, PIECE, size) == size
        writer.write(ALIVE + b"\r\n")
        await reader.readuntil(b"HTTP/1.1 200")
        writer.close()


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nx-a:", id="half a head"),
        pytest.param(ALIVE + b"\r\nGET /hea", id="half of a later head"),
        pytest.param(ALIVE.replace(b"GET", b"POST") + b"content-length: 9\r\n\r\nab", id="half a body"),
    ],
)
async def test_a_client_that_says_no_more_is_not_waited_for_without_end(
    begin: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each such connection takes one of as many as there may be."""
    monkeypatch.setattr(process, "PATIENCE", 0.05)
    async with listening(tmp_path, "openai_chat", nothing) as served:
        reader, writer = await connected(served)
        writer.write(begin)
        with contextlib.suppress(ConnectionError):
            await reader.read()  # ends when the gateway hangs up
        assert reader.at_eof() or reader.exception() is not None
        writer.close()


async def test_who_waits_for_an_answer_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the answer takes: it is the provider's time."""

    async def answer(exchange: Exchange) -> None:
        await exchange.begin_chunks(f"content-type: {dict(script('openai_chat').headers)['content-type']}\r\n")
        (line,) = served.server.server_state.connections
        assert isinstance(line, BoundedProtocol)
        assert line._watch is not None
        line._watch.cancel()
        with monkeypatch.context() as patch:
            patch.setattr(process, "PATIENCE", 0.0)
            line._look()
        line._watch.cancel()
        for piece in script("openai_chat").chunks:
            await exchange.chunk(piece)
        await exchange.send(b"0\r\n\r\n")

    async with listening(tmp_path, "openai_chat", answer) as served:
        reader, writer = await served.ask("openai_chat", "openai_chat")
        _, body = await body_of(reader)
        writer.close()
    assert text_of(read("openai_chat", body)) == "Onetwothree."

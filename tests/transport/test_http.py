"""What both HTTP clients promise, on real sockets; and what aiohttp's alone does."""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import shutil
import socket
import ssl
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from interlingua.errors import ConnectionFailed, InvalidRequest, LocalFileError, TimedOut, UpstreamError
from interlingua.ports.transport import HttpRequest, Timeouts, Transport
from interlingua.transport.http import HttpTransport
from interlingua.transport.http_fast import FastHttpTransport
from tests.transport.servers import SOON, Exchange, read_exchange, serve

CANARY = "canary-9f2k"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


Make = Callable[..., Transport]


@pytest.fixture(params=[HttpTransport, FastHttpTransport], ids=["aiohttp", "pyreqwest"])
def make(request: pytest.FixtureRequest) -> Make:
    """A client's class."""
    found: Make = request.param
    return found


@pytest.fixture
async def transport(make: Make) -> AsyncIterator[Transport]:
    transport = make()
    yield transport
    await transport.aclose()


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that nobody listens on, nor can before the end."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


async def fetch(transport: Transport, url: str, body: bytes = b"{}", **changes: object) -> bytes:
    response = await transport.send(HttpRequest(url=url, body=body, **changes))  # type: ignore[arg-type]  # forwarded
    try:
        return await response.read()
    finally:
        await response.aclose()


async def say_ok(exchange: Exchange) -> None:
    await exchange.reply(b'{"ok":true}', headers="X-Request-Id: r1\r\n")


def test_importing_it_imports_no_http_client() -> None:
    code = "import sys, interlingua.transport.http as h; h.HttpTransport(); print('aiohttp' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


async def test_a_request_arrives_as_it_was_given_and_the_answer_comes_back(transport: Transport) -> None:
    async with serve(say_ok) as server:
        url = f"{server.url}/v1/models/a%2Fb:generate?alt=sse"
        headers = (("content-type", "application/json"), ("x-api-key", "k"))
        response = await transport.send(HttpRequest(url=url, headers=headers, body=b'{"a": 1 }'))
        assert response.status == 200
        assert ("x-request-id", "r1") in response.headers
        assert await response.read() == b'{"ok":true}'
        await response.aclose()
        await response.aclose()
        got = server.exchanges[0]
        assert got.line == "POST /v1/models/a%2Fb:generate?alt=sse HTTP/1.1"
        assert got.body == b'{"a": 1 }'
        assert (got.header("x-api-key"), got.header("content-type")) == ("k", "application/json")
        assert str(got.header("user-agent")).startswith("interlingua/")


async def test_a_body_of_many_megabytes_goes_out_whole_and_without_a_warning(transport: Transport) -> None:
    body = os.urandom(3_000_000)
    async with serve(say_ok) as server:
        await fetch(transport, server.url, body)
        assert server.exchanges[0].body == body
        assert server.exchanges[0].header("content-length") == "3000000"


async def test_connections_are_kept_alive_and_used_again(transport: Transport) -> None:
    async with serve(say_ok) as server:
        for _ in range(3):
            await fetch(transport, server.url)
        assert (server.connections, len(server.exchanges)) == (1, 3)


async def test_more_than_a_hundred_calls_run_at_once(transport: Transport) -> None:
    arrived = asyncio.Barrier(120)

    async def together(exchange: Exchange) -> None:
        await arrived.wait()
        await exchange.reply()

    async with serve(together) as server, asyncio.timeout(SOON):
        bodies = await asyncio.gather(*(fetch(transport, server.url) for _ in range(120)))
        assert bodies == [b"{}"] * 120


async def test_a_connection_that_the_server_closed_while_idle_is_not_used_again(transport: Transport) -> None:
    async def close_after(exchange: Exchange) -> None:
        await exchange.reply()
        exchange.writer.close()

    async with serve(close_after) as server:
        await fetch(transport, server.url)
        await asyncio.wait_for(server.client_left.wait(), SOON)
        await asyncio.sleep(0.05)
        await fetch(transport, server.url)
        assert server.connections == 2


async def test_a_post_that_a_server_dropped_unanswered_is_not_sent_twice(transport: Transport) -> None:
    async def drop_second(exchange: Exchange) -> None:
        if exchange.line.startswith("POST /drop"):
            exchange.writer.close()
        else:
            await exchange.reply()

    async with serve(drop_second) as server:
        await fetch(transport, server.url)
        with pytest.raises(ConnectionFailed, match="broke off"):
            await fetch(transport, f"{server.url}/drop")
        assert [exchange.line for exchange in server.exchanges[1:]] == ["POST /drop HTTP/1.1"]


async def test_a_redirect_is_an_answer_and_not_followed(transport: Transport) -> None:
    async def redirect(exchange: Exchange) -> None:
        await exchange.reply(b"", "307 Temporary Redirect", "location: http://127.0.0.1:1/\r\nset-cookie: a=b\r\n")

    async with serve(redirect) as server:
        response = await transport.send(HttpRequest(url=server.url))
        assert response.status == 307
        assert dict(response.headers)["location"] == "http://127.0.0.1:1/"
        await response.aclose()
        await fetch(transport, server.url)
        assert server.exchanges[1].header("cookie") is None


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_answer_is_handed_on_plain(transport: Transport, encoding: str) -> None:
    plain = b'{"a": "' + b"x" * 10_000 + b'"}'
    packed = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)

    async def compressed(exchange: Exchange) -> None:
        await exchange.reply(packed, headers=f"content-encoding: {encoding}\r\n")

    async with serve(compressed) as server:
        assert await fetch(transport, server.url) == plain
        response = await transport.send(HttpRequest(url=server.url, stream=True))
        assert b"".join([piece async for piece in response.stream()]) == plain
        assert not {"content-encoding", "content-length"} & dict(response.headers).keys()
        await response.aclose()
        assert [exchange.header("accept-encoding") for exchange in server.exchanges] == ["gzip, deflate", "identity"]


async def test_a_compressed_stream_is_handed_on_while_it_comes(transport: Transport) -> None:
    go_on = asyncio.Event()

    async def compressed(exchange: Exchange) -> None:
        deflate = zlib.compressobj(wbits=31)
        await exchange.begin_chunks("content-encoding: gzip\r\n")
        await exchange.chunk(deflate.compress(b"first") + deflate.flush(zlib.Z_SYNC_FLUSH))
        await go_on.wait()
        await exchange.chunk(deflate.compress(b"second") + deflate.flush())
        await exchange.send(b"0\r\n\r\n")

    async with serve(compressed) as server, asyncio.timeout(SOON):
        response = await transport.send(HttpRequest(url=server.url, stream=True))
        pieces = response.stream()
        assert await anext(pieces) == b"first"
        go_on.set()
        assert b"".join([piece async for piece in pieces]) == b"second"
        await response.aclose()


async def test_a_bomb_is_refused_before_it_fills_the_memory(make: Make) -> None:
    transport = make(max_body=1_000_000)
    deflate = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(deflate.compress(bytes(1_000_000)) for _ in range(200)), deflate.flush()])

    async def explode(exchange: Exchange) -> None:
        await exchange.reply(bomb, headers="content-encoding: gzip\r\n")
        await exchange.gone()

    async with serve(explode) as server, asyncio.timeout(SOON):
        with pytest.raises(UpstreamError, match="larger than 1000000 bytes"):
            await fetch(transport, server.url)
        await server.client_left.wait()
    await transport.aclose()


async def test_a_body_that_is_not_what_its_encoding_says_is_an_upstream_error(transport: Transport) -> None:
    async def lie(exchange: Exchange) -> None:
        await exchange.reply(b"this is no gzip", headers="content-encoding: gzip\r\n")

    async with serve(lie) as server:
        with pytest.raises(UpstreamError, match="cannot be decompressed"):
            await fetch(transport, server.url)


async def test_a_stream_that_is_cut_gives_what_came_and_then_fails(transport: Transport) -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.begin_chunks()
        await exchange.chunk(b"data: a\n\n")
        exchange.writer.close()

    async with serve(cut) as server:
        response = await transport.send(HttpRequest(url=f"{server.url}/?key={CANARY}", stream=True))
        pieces = response.stream()
        assert await anext(pieces) == b"data: a\n\n"
        with pytest.raises(ConnectionFailed, match="broke off") as caught:
            await anext(pieces)
        assert f"127.0.0.1:{server.port}" in caught.value.message
        assert CANARY not in caught.value.message
        assert caught.value.__suppress_context__
        await response.aclose()


async def test_a_whole_answer_that_is_cut_fails(transport: Transport) -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        exchange.writer.close()

    async with serve(cut) as server:
        with pytest.raises(ConnectionFailed, match="broke off"):
            await fetch(transport, server.url)


async def test_a_server_that_stays_silent_is_given_up_after_the_time_for_the_first_byte(
    transport: Transport,
) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.gone()

    async with serve(silent) as server:
        limits = Timeouts(first_byte=0.05, first_byte_whole=0.1)
        for stream, limit in ((True, "0.05 s"), (False, "0.1 s")):
            with pytest.raises(TimedOut, match=limit) as caught:
                await fetch(transport, server.url, stream=stream, timeouts=limits)
            assert caught.value.phase == "first_byte"
        await asyncio.wait_for(server.client_left.wait(), SOON)


async def test_a_stalled_stream_ends_with_its_reader_and_the_server_notices_at_once(transport: Transport) -> None:
    async def stall(exchange: Exchange) -> None:
        await exchange.begin_chunks()
        await exchange.chunk(b"data: a\n\n")
        await exchange.gone()

    async with serve(stall) as server:
        response = await transport.send(HttpRequest(url=server.url, stream=True))
        pieces = response.stream()
        await anext(pieces)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(pieces)
        await asyncio.wait_for(server.client_left.wait(), SOON)
        await response.aclose()


async def test_a_call_cancelled_before_the_head_closes_the_connection(transport: Transport) -> None:
    arrived = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        arrived.set()
        await exchange.gone()

    async with serve(silent) as server:
        task = asyncio.create_task(fetch(transport, server.url))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.client_left.wait(), SOON)


async def test_a_cancellation_is_heeded_though_data_comes_with_it(transport: Transport) -> None:
    """Else who left would be answered to the end, and pay for it."""
    line = b"data: x\n\n"

    async def flow(exchange: Exchange) -> None:
        await exchange.begin_chunks()
        for _ in range(100):
            await exchange.chunk(line)
            await asyncio.sleep(0)
        await exchange.gone()

    async def read(lines: int, came: asyncio.Event) -> None:
        response = await transport.send(HttpRequest(url=server.url, stream=True))
        size = 0
        try:
            async for piece in response.stream():
                size += len(piece)
                if size >= lines * len(line):
                    came.set()
        finally:
            await response.aclose()

    async with serve(flow) as server:
        for lines in range(1, 60):
            came = asyncio.Event()
            task = asyncio.create_task(read(lines, came))
            await came.wait()
            task.cancel()
            await asyncio.wait({task}, timeout=SOON)
            assert task.cancelled()


async def test_giving_up_an_unread_response_closes_the_connection(transport: Transport) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.begin_chunks()
        while True:
            await exchange.chunk(b"x" * 1000)
            await asyncio.sleep(0.001)

    async with serve(endless) as server:
        response = await transport.send(HttpRequest(url=server.url, stream=True))
        assert not server.client_left.is_set()
        await response.aclose()
        await asyncio.wait_for(server.client_left.wait(), SOON)
        assert server.client_left.is_set()


async def test_a_slow_reader_slows_the_server(transport: Transport) -> None:
    sent = 0

    async def flood(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.begin_chunks()
        while True:
            await exchange.chunk(bytes(1 << 20))
            sent += 1

    async with serve(flood) as server:
        response = await transport.send(HttpRequest(url=server.url, stream=True))
        await asyncio.sleep(0.3)
        assert sent < 40
        await response.aclose()


async def test_a_host_without_a_server_is_named_with_a_remedy(transport: Transport) -> None:
    with (
        taken_port() as port,
        pytest.raises(ConnectionFailed, match=f"nothing listens at 127.0.0.1:{port}") as caught,
    ):
        await fetch(transport, f"http://127.0.0.1:{port}/v1?key={CANARY}")
    assert "Start the server" in caught.value.remedy
    assert CANARY not in caught.value.message


async def test_a_host_without_an_address_is_named_with_a_remedy(transport: Transport) -> None:
    with pytest.raises(ConnectionFailed, match=r"no-such-host\.invalid cannot be resolved") as caught:
        await fetch(transport, "http://no-such-host.invalid/")
    assert "online" in caught.value.remedy


async def test_a_connection_that_never_stands_is_given_up_in_time(transport: Transport) -> None:
    """Here TLS does not: the other side says nothing."""

    async def silent(_: Exchange) -> None:
        raise AssertionError("a request came")

    async with serve(silent) as server:
        with pytest.raises(TimedOut, match="no connection to 127") as caught:
            await fetch(transport, f"https://127.0.0.1:{server.port}/", timeouts=Timeouts(connect=0.05))
        assert caught.value.phase == "connect"


async def test_a_server_that_does_not_speak_http_is_named(transport: Transport) -> None:
    async def banner(exchange: Exchange) -> None:
        await exchange.send(b"220 mail.example ESMTP ready\r\n\r\n")
        exchange.writer.close()

    async with serve(banner) as server:
        with pytest.raises(ConnectionFailed, match="did not answer in HTTP"):
            await fetch(transport, server.url)


@pytest.mark.parametrize(
    "url", ["http://", "nonsense", "http://[broken/", "ftp://127.0.0.1/", "http://127.0.0.1:99999/"]
)
async def test_an_address_that_is_none_is_refused_by_a_typed_error(transport: Transport, url: str) -> None:
    with pytest.raises((InvalidRequest, ConnectionFailed)):
        await fetch(transport, url)


async def test_a_header_that_would_split_the_request_is_refused(transport: Transport) -> None:
    async with serve(say_ok) as server:
        with pytest.raises(InvalidRequest, match="malformed") as caught:
            await fetch(transport, server.url, headers=(("x-a", f"{CANARY}\r\nx-b: c"),))
        assert CANARY not in caught.value.message
        assert server.exchanges == []


async def test_the_proxy_of_the_environment_is_used_and_gets_its_credentials(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(say_ok) as proxy, serve(say_ok) as direct:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        transport = make()
        await fetch(transport, "http://far.example/v1")
        await fetch(transport, direct.url)
        await transport.aclose()
        assert proxy.exchanges[0].line == "POST http://far.example/v1 HTTP/1.1"
        assert proxy.exchanges[0].header("proxy-authorization") == "Basic bWU6cEBzcw=="
        assert len(direct.exchanges) == 1
        assert direct.exchanges[0].header("proxy-authorization") is None


async def test_a_proxy_that_refuses_or_is_away_is_named_without_its_credentials(make: Make) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(b"", "407 Proxy Authentication Required")

    async with serve(refuse) as proxy:
        transport = make(proxy=f"http://me:{CANARY}@127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectionFailed, match="refused with status 407") as caught:
            await fetch(transport, "https://far.example/v1")
        assert CANARY not in caught.value.message
        assert proxy.exchanges[0].line == "CONNECT far.example:443 HTTP/1.1"
        assert proxy.exchanges[0].header("proxy-authorization") is not None
        await transport.aclose()
    with taken_port() as port:
        transport = make(proxy=f"http://me:{CANARY}@127.0.0.1:{port}")
        with pytest.raises(ConnectionFailed, match="cannot be reached") as caught:
            await fetch(transport, "https://far.example/v1")
        await transport.aclose()
    assert CANARY not in caught.value.message


async def test_a_proxy_of_a_kind_that_is_not_supported_is_named(make: Make) -> None:
    transport = make(proxy="socks5://127.0.0.1:1080")
    with pytest.raises(ConnectionFailed, match="speaks socks5"):
        await fetch(transport, "https://far.example/v1")
    await transport.aclose()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority (`ca.crt`), and what it signed for a server and for a client (`.crt`, `.key`)."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make certificates")
    folder = tmp_path_factory.mktemp("tls")
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    signed = "-CA ca.crt -CAkey ca.key -addext basicConstraints=critical,CA:FALSE -addext keyUsage=digitalSignature"
    for name, more in (
        ("ca", "-subj /CN=authority"),
        ("server", f"-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 {signed}"),
        ("other", f"-subj /CN=other -addext subjectAltName=DNS:other.example {signed}"),
        ("client", f"-subj /CN=me {signed}"),
    ):
        command = f"{new} {more} -keyout {name}.key -out {name}.crt"
        subprocess.run(command.split(), check=True, capture_output=True, cwd=folder)
    return folder


def tls_of(authority: Path, name: str = "server", *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority / "ca.crt"))
    context.load_cert_chain(authority / f"{name}.crt", authority / f"{name}.key")
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_certificate_that_nobody_vouches_for_is_refused_with_a_remedy(
    transport: Transport, authority: Path
) -> None:
    async with serve(say_ok, tls_of(authority)) as server:
        with pytest.raises(ConnectionFailed, match="no trusted connection to 127") as caught:
            await fetch(transport, f"https://127.0.0.1:{server.port}/")
        assert "SSL_CERT_FILE" in caught.value.remedy
        assert not caught.value.retryable


async def test_a_certificate_for_another_name_is_refused(make: Make, authority: Path) -> None:
    transport = make(ca_file=str(authority / "ca.crt"))
    async with serve(say_ok, tls_of(authority, "other")) as server:
        with pytest.raises(ConnectionFailed, match=r"no trusted connection to localhost.*(name|match)"):
            await fetch(transport, f"https://localhost:{server.port}/")
    await transport.aclose()


async def test_a_server_without_tls_is_named(transport: Transport) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConnectionFailed, match=f"no trusted connection to {place}"):
            await fetch(transport, f"https://{place}/")


async def test_a_server_that_asks_who_we_are_is_shown_it(make: Make, authority: Path) -> None:
    both = authority / "both.pem"
    both.write_bytes((authority / "client.crt").read_bytes() + (authority / "client.key").read_bytes())
    ca_file = str(authority / "ca.crt")
    files = (
        {"client_certificate": str(authority / "client.crt"), "client_key": str(authority / "client.key")},
        {"client_certificate": str(both)},
    )
    async with serve(say_ok, tls_of(authority, asks=True)) as server:
        for shown in files:
            transport = make(ca_file=ca_file, **shown)
            assert await fetch(transport, f"https://localhost:{server.port}/") == b'{"ok":true}'
            await transport.aclose()
        transport = make(ca_file=ca_file)
        with pytest.raises(ConnectionFailed):
            await fetch(transport, f"https://localhost:{server.port}/")
        await transport.aclose()


@pytest.mark.parametrize("how", ["argument", "environment"])
async def test_an_authority_of_ones_own_is_trusted(
    make: Make, authority: Path, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes((authority / "client.crt").read_bytes() + (authority / "ca.crt").read_bytes())
    if how == "environment":
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    transport = make(ca_file=str(bundle) if how == "argument" else None)
    async with serve(say_ok, tls_of(authority)) as server:
        assert await fetch(transport, f"https://localhost:{server.port}/") == b'{"ok":true}'
        await transport.aclose()


async def test_a_tunnel_through_a_proxy_carries_tls(make: Make, authority: Path) -> None:
    async def tunnel(exchange: Exchange) -> None:
        host, _, port = exchange.line.split()[1].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        try:
            await asyncio.gather(pump(exchange.reader, writer), pump(reader, exchange.writer))
        finally:
            writer.close()

    async with serve(say_ok, tls_of(authority)) as server, serve(tunnel) as proxy:
        transport = make(ca_file=str(authority / "ca.crt"), proxy=f"http://127.0.0.1:{proxy.port}")
        assert await fetch(transport, f"https://127.0.0.1:{server.port}/") == b'{"ok":true}'
        assert proxy.exchanges[0].line == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"
        await transport.aclose()


async def test_a_certificate_file_that_cannot_be_read_is_named(make: Make, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for transport in (make(ca_file="/no/such.pem"), make(client_certificate=str(empty))):
        with pytest.raises(LocalFileError, match="certificate file") as caught:
            await fetch(transport, "https://127.0.0.1:1/")
        assert caught.value.path in ("/no/such.pem", str(empty))


def test_one_transport_serves_several_event_loops_in_turn_and_leaves_nothing_open() -> None:
    transport = HttpTransport()

    async def once() -> int:
        async with serve(say_ok) as server:
            await fetch(transport, server.url)
            await fetch(transport, server.url)
            return server.connections

    assert [asyncio.run(once()) for _ in range(3)] == [1, 1, 1]
    assert transport._pools == {}


async def test_after_closing_it_opens_again(transport: Transport) -> None:
    async with serve(say_ok) as server:
        await fetch(transport, server.url)
        await transport.aclose()
        await asyncio.wait_for(server.client_left.wait(), SOON)
        await fetch(transport, server.url)
        assert server.connections == 2


async def test_a_forked_child_leaves_the_connections_of_its_parent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = HttpTransport()
    async with serve(say_ok) as server:
        await fetch(transport, server.url)
        parents = dict(transport._pools)
        monkeypatch.setattr(os, "getpid", lambda: -1)
        await fetch(transport, server.url)
        assert server.connections == 2
        assert not any(pool.session.closed for pool in parents.values())
        await transport.aclose()
        for pool in parents.values():
            await pool.aclose()


async def test_a_transport_that_is_dropped_unclosed_closes_its_connections(caplog: pytest.LogCaptureFixture) -> None:
    """As with a client made for one call; neither aiohttp nor asyncio complains."""
    async with serve(say_ok) as server:
        dropped = HttpTransport()
        await fetch(dropped, server.url)
        del dropped
        gc.collect()
        await asyncio.wait_for(server.client_left.wait(), SOON)
        assert caplog.records == []


async def test_the_server_of_these_tests_reads_what_it_is_sent() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    reader.feed_eof()
    exchange = await read_exchange(reader, None)  # type: ignore[arg-type]  # nothing is written
    assert exchange is not None
    assert exchange.header("host") == "x"

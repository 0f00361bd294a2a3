"""What only pyreqwest's client needs; `test_http.py` holds what it shares with aiohttp's."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlingua.errors import ConnectionFailed
from interlingua.ports.transport import HttpRequest, Timeouts
from interlingua.transport.http_fast import FastHttpTransport
from interlingua.transport.marked_sockets import Severing, milliseconds, shut
from tests.transport.servers import SOON, Exchange, serve


@pytest.fixture
async def transport() -> AsyncIterator[FastHttpTransport]:
    transport = FastHttpTransport()
    yield transport
    await transport.aclose()


async def fetch(transport: FastHttpTransport, url: str, *, stream: bool = False) -> bytes:
    response = await transport.send(HttpRequest(url=url, body=b"{}", stream=stream))
    return await response.read()


async def test_a_call_that_is_given_up_closes_its_own_connection_and_no_other(transport: FastHttpTransport) -> None:
    """Many wait for the same host; each in turn leaves."""
    came: asyncio.Queue[str] = asyncio.Queue()
    left: asyncio.Queue[str] = asyncio.Queue()

    async def answer(exchange: Exchange) -> None:
        path = exchange.line.split()[1]
        came.put_nowait(path)
        await exchange.gone()
        left.put_nowait(path)

    async with serve(answer) as server, asyncio.timeout(2 * SOON):
        calls = {
            f"/{n}": asyncio.create_task(fetch(transport, f"{server.url}/{n}", stream=n % 2 == 0)) for n in range(8)
        }
        for _ in calls:
            await came.get()
        for path in ("/3", "/6", "/0"):
            calls[path].cancel()
            assert await asyncio.wait_for(left.get(), SOON) == path
        assert [path for path, call in calls.items() if not call.done()] == ["/1", "/2", "/4", "/5", "/7"]
        for call in calls.values():
            call.cancel()
        for _ in range(5):
            await asyncio.wait_for(left.get(), SOON)


async def test_the_next_call_goes_well_after_one_that_was_given_up(transport: FastHttpTransport) -> None:
    came = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        if exchange.line.startswith("POST /silent"):
            came.set()
            await exchange.gone()
        else:
            await exchange.reply()

    async with serve(answer) as server:
        assert await fetch(transport, server.url) == b"{}"
        call = asyncio.create_task(fetch(transport, f"{server.url}/silent"))
        await came.wait()
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        assert [await fetch(transport, server.url) for _ in range(3)] == [b"{}"] * 3


async def test_calls_at_once_share_nothing_and_their_connections_are_used_again(transport: FastHttpTransport) -> None:
    barrier = asyncio.Barrier(5)

    async def answer(exchange: Exchange) -> None:
        if exchange.line.startswith("POST /together"):
            await barrier.wait()
        await exchange.reply(exchange.line.split()[1].encode())

    async with serve(answer) as server:
        await asyncio.gather(*(fetch(transport, f"{server.url}/together{n}") for n in range(5)))
        assert server.connections == 5
        for n in range(10):
            assert await fetch(transport, f"{server.url}/{n}", stream=True) == f"/{n}".encode()
        assert server.connections == 5


async def test_a_header_that_is_not_ascii_takes_no_other_with_it(transport: FastHttpTransport) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.send("HTTP/1.1 200 OK\r\nx-a: café\r\nX-B: b\r\ncontent-length: 0\r\n\r\n".encode("latin-1"))

    async with serve(answer) as server:
        response = await transport.send(HttpRequest(url=server.url))
        assert response.headers == (("x-b", "b"), ("content-length", "0"))
        await response.aclose()


async def test_a_self_made_certificate_is_refused_with_what_helps(transport: FastHttpTransport) -> None:
    """The names of its errors are those that the client is known to use."""
    from pyreqwest.exceptions import ConnectError

    from interlingua.transport.http_fast import _name_failure

    causes = ["error sending request", "client error (Connect)", "invalid peer certificate: Other(CaUsedAsEndEntity)"]
    error = ConnectError("", {"causes": [{"message": cause} for cause in causes]})
    found = _name_failure(error, "lab:443", None)
    assert isinstance(found, ConnectionFailed)
    assert 'http.client = "aiohttp"' in found.remedy


def test_only_sockets_with_the_mark_are_shut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ends = [socket.create_connection(server.getsockname()) for _ in range(2)]
        others = [server.accept()[0] for _ in ends]
        for mark, end in enumerate(ends):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds(mark))
        assert shut([1, 7]) == {1}
        assert others[1].recv(1) == b""
        others[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            others[0].recv(1)
        for each in (*ends, *others):
            each.close()


def test_looking_for_sockets_gives_up_no_lock_on_a_file(tmp_path: Path) -> None:
    """Closing any copy of a file would, and SQLite's database would be damaged by the next process that writes."""
    file = tmp_path / "locked"
    take = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with file.open("w") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        shut([1])
        found = subprocess.run([sys.executable, "-c", take, str(file)], capture_output=True, text=True, check=False)
        assert "BlockingIOError" in found.stderr


async def test_a_connection_that_only_comes_later_is_shut_as_well() -> None:
    severing = Severing()
    with socket.create_server(("127.0.0.1", 0)) as server:
        severing.sever(5, SOON)
        await asyncio.sleep(0.15)
        end = socket.create_connection(server.getsockname())
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds(5))
        other = server.accept()[0]
        other.settimeout(SOON)
        assert await asyncio.to_thread(other.recv, 1) == b""
        end.close()
        other.close()
    await severing.aclose()


async def test_a_connection_is_given_up_while_it_is_made(transport: FastHttpTransport) -> None:
    """TLS stands never, and its time is long; the call's own limit ends it, and the server notices."""
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        gone.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        limits = Timeouts(connect=30.0, first_byte_whole=0.1)
        with pytest.raises(Exception, match=r"0\.1 s"):
            await transport.send(HttpRequest(url=url, timeouts=limits))
        await asyncio.wait_for(gone.wait(), SOON)

"""Addresses that somebody else chose lead nowhere but to the public internet."""

from __future__ import annotations

import asyncio
import socket

import pytest

from interlingua.errors import ConnectionFailed, InvalidRequest, PermissionDenied, TimedOut
from interlingua.transport.guarded import fetch, is_public
from tests.transport.servers import Exchange, serve


def here(address: str) -> bool:
    return address == "127.0.0.1"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "ff02::1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "198.18.0.1", "fd00:ec2::254", "no address"),
    ],
)
def test_networks_that_are_not_public_are_known(address: str) -> None:
    """Private, link-local, metadata, and the same dressed up as something else."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_the_public_internet_is_public(address: str) -> None:
    """In both families."""
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"]
)
async def test_no_form_of_an_address_leads_to_this_machine(host: str) -> None:
    """A server that listens sees no connection."""

    async def answer(exchange: Exchange) -> None:
        await exchange.reply()

    async with serve(answer) as server:
        with pytest.raises((PermissionDenied, ConnectionFailed, InvalidRequest)):
            await fetch(f"http://{host}:{server.port}/", ports=None)
        assert server.connections == 0


async def test_what_was_checked_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers otherwise the second time gains nothing, and one bad address of several is enough."""
    answers = [["1.1.1.1", "127.0.0.1"], ["127.0.0.1"]]
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *args: object, **more: object) -> list[object]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(PermissionDenied, match="not public"):
        await fetch("http://two-faced.example/")
    assert asked == ["two-faced.example"]


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "gopher://x.example/", "//x.example", "http://", "http://a\\@b.example/", "x"),
        *("http://user:pass@x.example/", "http://x.example/\r\nhost: y"),
    ],
)
async def test_only_plain_addresses_of_the_web_are_asked(url: str) -> None:
    """Before any name is looked up."""
    with pytest.raises(InvalidRequest):
        await fetch(url)


async def test_ports_that_are_not_the_webs_are_refused() -> None:
    """Mail servers and databases answer to GET as well, in their way."""
    with pytest.raises(PermissionDenied, match="port 25"):
        await fetch("http://x.example:25/")


async def test_an_answer_is_cut_where_it_is_too_long_and_a_redirect_is_told() -> None:
    """Nothing is followed, and no more is read than was asked for."""

    async def answer(exchange: Exchange) -> None:
        if "/moved" in exchange.line:
            await exchange.reply(b"", status="302 Found", headers="location: /there\r\n")
        else:
            await exchange.reply(b"x" * 1000, headers="content-type: text/plain; charset=latin-1\r\n")

    async with serve(answer) as server:
        page = await fetch(f"{server.url}/", most=10, allowed=here, ports=None)
        assert (page.body, page.cut, page.content_type, page.charset) == (b"x" * 10, True, "text/plain", "latin-1")
        moved = await fetch(f"{server.url}/moved", allowed=here, ports=None)
        assert moved.location == f"{server.url}/there"
        assert not any(one.header("cookie") or one.header("authorization") for one in server.exchanges)


async def test_a_host_that_drips_is_given_up() -> None:
    """The time is for all of it."""

    async def answer(exchange: Exchange) -> None:
        await exchange.begin_chunks()
        await exchange.chunk(b"a")
        await asyncio.Event().wait()

    async with serve(answer) as server:
        with pytest.raises(TimedOut):
            await fetch(f"{server.url}/", seconds=0.1, allowed=here, ports=None)

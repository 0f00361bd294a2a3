"""Fetches an address that somebody else chose: resolved, checked, pinned, with caps of size and time (contracts §6.4).

The rule: a connection is only made to an address that was looked at, and every address of the name must be public.
Because the resolver itself checks, what was checked is what is connected to: a name that answers otherwise the second
time (DNS rebinding) gains nothing. Proxies are not used, since behind one nobody can tell where a request ends; no
cookie, no credential and no referrer goes along; redirects are told, not followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urljoin

from msgspec import Struct

from interlingua.errors import ConnectionFailed, InvalidRequest, PermissionDenied, TimedOut
from interlingua.transport.http import USER_AGENT

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import ResolveResult
    from yarl import URL

Ip: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_BYTES = 5 * 1024 * 1024
SECONDS = 20.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = (80, 443, 8080, 8443)


class Fetched(Struct, frozen=True, kw_only=True):
    """What an address answered.

    Args:
        url: what was asked.
        status: the HTTP status.
        content_type: the media type without parameters; empty where it was not told.
        charset: of the text, as told; empty where it was not.
        body: decompressed; never more than was allowed.
        cut: whether there was more.
        location: where a redirect leads; empty where there is none.
    """

    url: str
    status: int
    content_type: str = ""
    charset: str = ""
    body: bytes = b""
    cut: bool = False
    location: str = ""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whatever form it is written in."""
    try:
        ip: Ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        within = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if within is None and ip in _NAT64:
            within = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if within is not None:
            return is_public(str(within))
    return ip.is_global and not ip.is_multicast


async def fetch(
    url: str,
    *,
    most: int = MOST_BYTES,
    seconds: float = SECONDS,
    allowed: Callable[[str], bool] = is_public,
    ports: tuple[int, ...] | None = _PORTS,
) -> Fetched:
    """What a public address answers to GET.

    Args:
        url: http or https, with a host.
        most: bytes that are read.
        seconds: for all of it.
        allowed: whether an IP address may be connected to.
        ports: that may be connected to; None is any.

    Raises:
        InvalidRequest: it is no such address.
        PermissionDenied: it leads to a network that is not public, or to a port that is not the web's.
        ConnectionFailed: it could not be reached, or broke off.
        TimedOut: it took too long.
    """
    import aiohttp

    address = _checked(url, allowed, ports)
    host = address.host or ""
    refused: list[str] = []
    connector = aiohttp.TCPConnector(resolver=_resolver(allowed, refused), use_dns_cache=False, force_close=True)
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session,
            session.get(
                address,
                headers={"user-agent": USER_AGENT, "accept": "text/html, text/*, application/json, */*;q=0.5"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=10.0),
            ) as response,
        ):
            body = await _body(response.content, most + 1)
            told = response.headers.get("location", "")
            return Fetched(
                url=url,
                status=response.status,
                content_type=response.content_type if "content-type" in response.headers else "",
                charset=response.charset or "",
                body=body[:most],
                cut=len(body) > most,
                location=urljoin(url, told) if told and 300 <= response.status < 400 else "",
            )
    except TimeoutError as error:
        raise TimedOut(f"{host} did not answer within {seconds:g} s", phase="fetch") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if refused:
            raise _not_public(host) from None
        raise ConnectionFailed(f"{host} could not be fetched: {type(error).__name__}") from error


def _checked(url: str, allowed: Callable[[str], bool], ports: tuple[int, ...] | None) -> URL:
    """An address that may be asked; who connects is given what was looked at here, and reads it no second time.

    Raises:
        InvalidRequest, PermissionDenied: it may not.
    """
    from yarl import URL

    if not url.isprintable() or "\\" in url:
        raise InvalidRequest("an address may hold no \\ and no control character", path="url")
    try:
        found = URL(url)
        port = found.port
    except ValueError as error:
        raise InvalidRequest(f"{url[:200]!r} is no address: {error}", path="url") from error
    host = found.host
    if found.scheme not in ("http", "https") or not host:
        raise InvalidRequest(
            f"{url[:200]!r} is no web address", path="url", remedy="It begins with http:// or https://."
        )
    if found.user is not None or found.password is not None:
        raise InvalidRequest(f"{host}: an address may hold no user", path="url")
    if ports is not None and port not in ports:
        raise PermissionDenied(f"port {port} is none of the web's", remedy="Ports: " + ", ".join(map(str, ports)))
    # A host of digits, dots and x may be an IP address in one of its odd forms (0x7f.1, 2130706433), which a
    # connector may not hand to the resolver.
    try:
        literal = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        literal = host if ":" in host else ""
    if literal and not allowed(literal):
        raise _not_public(host)
    return found


def _not_public(host: str) -> PermissionDenied:
    return PermissionDenied(
        f"{host} leads to a network that is not public",
        remedy="Only the public internet is fetched from, so that nobody reaches what is behind your firewall.",
    )


def _resolver(allowed: Callable[[str], bool], refused: list[str]) -> aiohttp.abc.AbstractResolver:
    from aiohttp.resolver import ThreadedResolver

    class Checked(ThreadedResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found = await super().resolve(host, port, family)
            bad = [one["host"] for one in found if not allowed(one["host"])]
            if bad:
                refused.extend(bad)
                raise OSError(f"{host} is not public")
            return found

    return Checked()


async def _body(content: aiohttp.StreamReader, most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in content.iter_chunked(64 * 1024):
        pieces.append(piece)
        size += len(piece)
        if size >= most:
            break
    return b"".join(pieces)

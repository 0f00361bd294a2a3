"""What the workers of one gateway share on this machine, kept by a process of its own: the local model, and a memory.

The keeper listens on a Unix socket that only its user can open, in a folder that only its user can enter, and asks
for a random key. Both ends speak HTTP: what a worker asks of the model is the request that `LocalTransport` takes, and
its answer is passed on piece by piece; a worker that gives up closes its connection, which stops the model.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlingua.errors import BY_CODE, ConnectionFailed, InterlinguaError
from interlingua.ports.memory import Memory
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts, Transport
from interlingua.transport.http import HttpTransport

if TYPE_CHECKING:
    from aiohttp import web

_MODEL, _MEMORY = "http://local-model", "http://keeper/memory"
_ERROR = "x-interlingua-error"
_MOST_BODY = 256 * 1024 * 1024
_PATIENT = Timeouts(connect=None, first_byte=None, first_byte_whole=None, idle=None, idle_before_content=None)
"""The worker knows the time limits, and leaves when they have passed."""
_FOR_MEMORY = Timeouts(connect=5.0, first_byte=5.0, first_byte_whole=5.0)


class KeeperAddress(Struct, frozen=True):
    """Where the keeper is.

    Args:
        path: of its socket.
        key: what it asks for.
    """

    path: str
    key: str

    def __repr__(self) -> str:
        return f"KeeperAddress({self.path!r})"


class _Asked(Struct):
    tenant: str
    keys: list[str] = []
    entries: dict[str, bytes] = {}
    seconds: float = 0.0


class KeptTransport:
    """The local model as a worker reaches it.

    Args:
        address: where the keeper is.
    """

    def __init__(self, address: KeeperAddress) -> None:
        self._http = HttpTransport(socket=address.path)
        self._headers = _headers(address)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As `LocalTransport.send`.

        Raises:
            ConnectionFailed: the keeper is away; it is started anew.
            InterlinguaError: as `LocalTransport.send`.
        """
        url = _MODEL + urlsplit(request.url).path
        try:
            response = await self._http.send(replace(request, url=url, headers=self._headers))
        except ConnectionFailed:
            raise ConnectionFailed(
                "the process that holds the local model is away", remedy="It is started anew; try again in a moment."
            ) from None
        code = dict(response.headers).get(_ERROR)
        if code is None:
            return response
        said = msgspec.json.decode(await response.read(), type=dict[str, str])
        raise BY_CODE[code](said["message"], remedy=said["remedy"])

    async def aclose(self) -> None:
        """Closes the connections to the keeper; the model stays loaded for the others."""
        await self._http.aclose()


class KeptMemory:
    """The memory that all workers share. Where the keeper is away nothing is known, and nothing is remembered.

    Args:
        address: where the keeper is.
    """

    def __init__(self, address: KeeperAddress) -> None:
        self._http = HttpTransport(socket=address.path)
        self._headers = _headers(address)

    async def get(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """What is remembered under those keys that are known."""
        found = await self._ask("get", _Asked(tenant, keys=list(keys)))
        return msgspec.msgpack.decode(found, type=dict[str, bytes]) if found else {}

    async def put(self, tenant: str, entries: Mapping[str, bytes], seconds: float) -> None:
        """Remembers entries for so many seconds; an entry of the same key is replaced."""
        await self._ask("put", _Asked(tenant, entries=dict(entries), seconds=seconds))

    async def forget(self, tenant: str, keys: Sequence[str]) -> int:
        """Forgets entries; how many there were."""
        found = await self._ask("forget", _Asked(tenant, keys=list(keys)))
        return msgspec.msgpack.decode(found, type=int) if found else 0

    async def aclose(self) -> None:
        """Closes the connections to the keeper."""
        await self._http.aclose()

    async def _ask(self, what: str, asked: _Asked) -> bytes:
        body = msgspec.msgpack.encode(asked)
        request = HttpRequest(url=f"{_MEMORY}/{what}", headers=self._headers, body=body, timeouts=_FOR_MEMORY)
        try:
            response = await self._http.send(request)
            return await response.read()
        except InterlinguaError:
            return b""  # what is forgotten early is an inconvenience, never an error (`ports/memory.py`)


async def keep(
    address: KeeperAddress, model: Transport, memory: Memory, ready: Callable[[], None], stop: asyncio.Event
) -> None:
    """Serves the workers until it is told to stop.

    Args:
        address: where to listen; a socket that a former keeper left there is replaced.
        model: the local model.
        memory: what they share.
        ready: is called once it listens.
        stop: ends it.
    """
    from aiohttp import web

    wanted = f"Bearer {address.key}".encode()

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted):
            raise web.HTTPUnauthorized
        return await handler(request)

    async def remember(request: web.Request) -> web.StreamResponse:
        asked = msgspec.msgpack.decode(await request.read(), type=_Asked)
        found: object = None
        if request.match_info["what"] == "get":
            found = await memory.get(asked.tenant, asked.keys)
        elif request.match_info["what"] == "put":
            await memory.put(asked.tenant, asked.entries, asked.seconds)
        else:
            found = await memory.forget(asked.tenant, asked.keys)
        return web.Response(body=msgspec.msgpack.encode(found))

    async def answer(request: web.Request) -> web.StreamResponse:
        return await _answer(request, model)

    app = web.Application(middlewares=[check], client_max_size=_MOST_BODY)
    app.router.add_post("/memory/{what:get|put|forget}", remember)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(address.path)
    before = os.umask(0o177)
    try:
        await web.UnixSite(runner, address.path).start()
    finally:
        os.umask(before)
    try:
        ready()
        await stop.wait()
    finally:
        await runner.cleanup()


async def _answer(request: web.Request, model: Transport) -> web.StreamResponse:
    """What the model says, piece by piece; what it raises, by its code."""
    from aiohttp import web

    wire = HttpRequest(
        method=request.method, url=f"local://{request.path}", body=await request.read(), stream=True, timeouts=_PATIENT
    )
    try:
        response = await model.send(wire)
    except InterlinguaError as error:
        said = {"message": error.message, "remedy": error.remedy}
        return web.Response(status=error.status, headers={_ERROR: error.code}, body=msgspec.json.encode(said))
    try:
        answer = web.StreamResponse(status=response.status, headers=dict(response.headers))
        await answer.prepare(request)
        async for piece in response.stream():
            await answer.write(piece)
        await answer.write_eof()
        return answer
    finally:
        await response.aclose()


def _headers(address: KeeperAddress) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {address.key}"), ("content-type", "application/json"))

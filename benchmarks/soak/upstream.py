"""A provider of all five dialects that answers as the model's name tells it to: `python -m benchmarks.soak.upstream`.

It prints its port and serves until it is ended. The dialect is the first part of the path.
"""

from __future__ import annotations

import asyncio
import contextlib
import re

from aiohttp import web

from benchmarks.soak import talk
from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.errors import InterlinguaError, RateLimited, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse

WHOLE = {name: talk.whole(name) for name in DIALECTS}
PIECES = {name: talk.pieces(name) for name in DIALECTS}
ERRORS: dict[str, InterlinguaError] = {
    "limited": RateLimited("too many requests", retry_after=0.01),
    "broken": UpstreamError("something broke", upstream_status=500),
}
_MANNER = re.compile(rb"\b(" + "|".join(talk.MANNERS).encode() + rb")\b")
_STREAMS = re.compile(rb'"stream"\s*:\s*true')
STALL = 30.0
"""Seconds: longer than the gateway waits."""
PACE = 0.002


async def answer(request: web.Request) -> web.StreamResponse:
    """As the model says."""
    name = request.match_info["dialect"].replace("-", "_")
    body = await request.read()
    found = _MANNER.search(request.path.encode()) or _MANNER.search(body)
    manner = found[1].decode() if found else "well"
    if manner in ERRORS:
        return _plain(dialect(name).render_error(ERRORS[manner], TranslationContext(dialect=name)))
    if _STREAMS.search(body) or "stream" in request.path:
        return await _stream(request, name, manner)
    return await _whole(request, name, manner)


def _plain(wire: WireResponse) -> web.Response:
    return web.Response(status=wire.status, headers=dict(wire.headers), body=wire.body)


async def _whole(request: web.Request, name: str, manner: str) -> web.StreamResponse:
    wire = WHOLE[name]
    if manner == "well":
        await asyncio.sleep(PACE)
        return _plain(wire)
    if manner == "malformed":
        return web.Response(headers=dict(wire.headers), body=wire.body[:-20])
    if manner == "stall":
        await asyncio.sleep(STALL)
        return _plain(wire)
    response = web.StreamResponse(headers={**dict(wire.headers), "content-length": str(len(wire.body))})
    await response.prepare(request)
    await response.write(wire.body[: len(wire.body) // 2])
    _cut(request)
    return response


async def _stream(request: web.Request, name: str, manner: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": dialect(name).STREAM_CONTENT_TYPE})
    await response.prepare(request)
    pieces = PIECES[name]
    with contextlib.suppress(ConnectionError):  # the gateway may leave: its client did
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2:
                if manner == "cut":
                    _cut(request)
                    return response
                if manner == "stall":
                    await asyncio.sleep(STALL)
                if manner == "malformed":
                    piece = b'data: {"what": [}\n\n' if b"data:" in piece else b'{"what": [}\n'
            await response.write(piece)
            await asyncio.sleep(PACE)
        await response.write_eof()
    return response


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def main() -> None:
    """Serves."""
    app = web.Application()
    app.router.add_post("/{dialect}/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
    await site.start()
    print("port", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

"""The server and the HTTP client of ours with nothing between: `floor_worker.py CLIENT PORT UPSTREAM UPSTREAM`.

It passes bodies on and answers back, those of `/stream` piece by piece, and looks at neither: what any gateway on these
two libraries costs at the least.
"""

from __future__ import annotations

import gc
import sys

import uvicorn

from interlingua.gateway.incoming import Receive, Scope, Send
from interlingua.gateway.process import BACKLOG, COLLECT, BoundedProtocol
from interlingua.ports.transport import HttpRequest, HttpResponse, Transport
from interlingua.transport.http import HttpTransport
from interlingua.transport.http_fast import FastHttpTransport

CLIENTS: dict[str, type[HttpTransport] | type[FastHttpTransport]] = {
    "aiohttp": HttpTransport,
    "pyreqwest": FastHttpTransport,
}


class Floor:
    """An ASGI application that asks an upstream and nothing else.

    Args:
        transport: the way there.
        upstreams: of whole answers and of streams, by path.
        headers: what every request bears.
    """

    def __init__(self, transport: Transport, upstreams: dict[str, str], headers: tuple[tuple[str, str], ...]) -> None:
        self._transport = transport
        self._upstreams = upstreams
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        message = await receive()
        body: bytes = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        is_streamed = scope["path"] == "/stream"
        asked = HttpRequest(url=self._upstreams[scope["path"]], headers=self._headers, body=body, stream=is_streamed)
        response = await self._transport.send(asked)
        try:
            await (self._pieces(response, send) if is_streamed else self._whole(response, send))
        finally:
            await response.aclose()

    async def _whole(self, response: HttpResponse, send: Send) -> None:
        body = await response.read()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _pieces(self, response: HttpResponse, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        async for piece in response.stream():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def main(client: str, port: int, whole: int, streamed: int) -> None:
    """Serves until it is ended."""
    upstreams = {
        "/whole": f"http://127.0.0.1:{whole}/v1/chat/completions",
        "/stream": f"http://127.0.0.1:{streamed}/v1/chat/completions",
    }
    gc.set_threshold(*COLLECT)
    headers = (("content-type", "application/json"), ("authorization", "Bearer x"), ("accept-encoding", "identity"))
    uvicorn.run(
        Floor(CLIENTS[client](), upstreams, headers),
        port=port,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
    )


if __name__ == "__main__":
    main(sys.argv[1], *(int(port) for port in sys.argv[2:]))

"""Speaks ASGI to a gateway as a server would, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from interlingua.config.schema import Config, StoreSettings
from interlingua.gateway.app import Gateway
from interlingua.gateway.build import build_gateway
from interlingua.ports.transport import Transport
from tests.services import prepared_file


class Answer:
    """What came back.

    Attributes:
        pieces: the body as it was sent.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.ended = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@asynccontextmanager
async def gateway(
    folder: Path, transport: Transport | None, environment: dict[str, str] | None = None, **settings: Any
) -> AsyncIterator[Gateway]:
    """A gateway that is started and ended as a server does it."""
    if not (folder / "il.db").exists():
        prepared_file(folder / "il.db")
    config = Config(**{"store": StoreSettings(path=str(folder / "il.db")), **settings})
    app = await build_gateway(config, transport=transport, environment=environment or {})
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    life = asyncio.ensure_future(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    try:
        yield app
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
        await life


async def call(
    app: Gateway,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: dict[str, str] | None = None,
    leave_after: int | None = None,
    seen: Callable[[Answer], object] | None = None,
) -> Answer:
    """One request and its answer.

    Args:
        body: JSON, or bytes as they are.
        leave_after: the client leaves after so many pieces; 0 is before anything came.
        seen: is told after each piece what came so far.
    """
    answer = Answer()
    gone = asyncio.Event()
    sent = False
    data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    target, _, query = path.partition("?")

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            if leave_after == 0:
                asyncio.get_running_loop().call_later(0.02, gone.set)
            return {"type": "http.request", "body": data, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        if message.get("body"):
            answer.pieces.append(message["body"])
        answer.ended = not message.get("more_body")
        if seen is not None:
            seen(answer)
        if leave_after is not None and len(answer.pieces) >= leave_after > 0:
            gone.set()
            await asyncio.sleep(0)

    scope = {
        "type": "http",
        "method": method,
        "path": target,
        "query_string": query.encode(),
        "headers": [
            (name.encode(), value.encode()) for name, value in {"host": "127.0.0.1:8100", **(headers or {})}.items()
        ],
    }
    await app(scope, receive, send)
    return answer

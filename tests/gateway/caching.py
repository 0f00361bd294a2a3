"""A gateway that gives answers again, and how it is asked: for the tests of the cache."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.settings import CacheSettings
from interlingua.gateway.app import Gateway
from interlingua.ports.transport import HttpRequest, HttpResponse
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.response import ChatResponse
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.upstreams import (
    ENVIRONMENT,
    asks,
    config,
    parsed,
    read,
    script,
    whole,
)

ON = CacheSettings(ttl=60)


KEYS = {name: f"il-the-key-of-{name.lower()}-and-more" for name in ("ONE", "ALSO", "TWO")}


BEARER = {name: {"authorization": f"Bearer {key}"} for name, key in KEYS.items()}


COUNT = "Count to three."


def cached(folder: Path, transport: Any, settings: CacheSettings = ON, **more: Any) -> Any:
    """A gateway that remembers, for two keys of one tenant and one of another, where they are asked for."""
    return gateway(folder, transport, {**ENVIRONMENT, **KEYS}, **config(cache=settings, **more))


def keys(**of_also: Any) -> tuple[VirtualKeySettings, ...]:
    """ONE and ALSO are of one tenant, TWO of another."""
    return (
        VirtualKeySettings(name="one", key="env:ONE", tenant="t"),
        VirtualKeySettings(name="also", key="env:ALSO", tenant="t", **of_also),
        VirtualKeySettings(name="two", key="env:TWO", tenant="u"),
    )


def question(client: str, host: str, *, stream: bool, **more: Any) -> tuple[str, dict[str, Any]]:
    """The same request in every dialect: Anthropic's must name the most tokens, so all do."""
    path, body = asks(client, host, stream=stream)
    fields: dict[str, dict[str, Any]] = {
        "openai_chat": {"max_completion_tokens": 100},
        "openai_responses": {"max_output_tokens": 100},
        "anthropic_messages": {"max_tokens": 100},
        "gemini": {"generationConfig": {"maxOutputTokens": 100}},
        "ollama": {"options": {"num_predict": 100}},
    }
    return path, {**body, **fields[client], **more}


async def ask(app: Gateway, client: str, host: str, *, stream: bool = False, key: str = "", **more: Any) -> Answer:
    headers = {**(BEARER[key] if key else {}), **more.pop("headers", {})}
    path, body = question(client, host, stream=stream, **more)
    return await call(app, "POST", path, body, headers=headers)


def told(client: str, answer: Answer, *, stream: bool) -> ChatResponse:
    """The answer as its client reads it; a stream by its grammar."""
    assert answer.status == 200, answer.body
    if not stream:
        return parsed(client, answer.body)
    from interlingua.types.accumulate import Accumulator

    grown = Accumulator()
    for event in read(client, answer.body):
        grown.add(event)
    assert grown.complete
    return grown.response()


def both(host: str, answer: ChatResponse | None = None) -> Any:
    """A host that answers as it is asked, whole or as a stream."""

    def choose(request: HttpRequest) -> Script:
        return script(host, answer) if request.stream else whole(host, answer)

    return ScriptedTransport(choose)


async def row_of(app: Gateway, answer: Answer, key: str = "") -> dict[str, Any]:
    path = f"/api/requests/{answer.headers['x-request-id']}"
    return dict((await call(app, "GET", path, headers=BEARER[key] if key else None)).json)


class Gate:
    """A host that answers when it is let."""

    def __init__(self, inner: ScriptedTransport) -> None:
        self.inner = inner
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.given_up = 0

    @property
    def requests(self) -> list[HttpRequest]:
        return self.inner.requests

    async def send(self, request: HttpRequest) -> HttpResponse:
        answer = await self.inner.send(request)
        self.asked.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()


async def waiting(app: Gateway, count: int) -> None:
    """Until so many wait for another's answer."""
    for _ in range(1000):
        if sum(flight._waiting for flight in app.state.cache._flights.values()) == count:
            return
        await asyncio.sleep(0)
    raise AssertionError("they do not wait")


async def leaving(
    app: Gateway,
    gone: asyncio.Event,
    *,
    stream: bool = False,
    client: str = "openai_chat",
    stuck: asyncio.Event | None = None,
    go_on: asyncio.Event | None = None,
) -> None:
    """Asks, and leaves when it is told to; with `stuck`, takes the first piece only when it may go on."""
    import msgspec

    path, body = question(client, "gemini", stream=stream)
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": msgspec.json.encode(body), "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        # As a server does whose client has left, or does not read.
        if stuck is not None and go_on is not None and message.get("body"):
            stuck.set()
            await go_on.wait()

    path, _, query = path.partition("?")
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query.encode()}
    await app({**scope, "headers": [(b"host", b"127.0.0.1:8100")]}, receive, send)

"""The gateway as an ASGI application: guard, route, doorkeeper, handler. Nothing else stands in between.

Every failure becomes an answer in the envelope of the dialect whose path was asked; our own paths get the error tree
as JSON.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.principal import Principal
from interlingua.errors import InterlinguaError, InvalidRequest, NotFound, Overloaded, Unsupported
from interlingua.gateway import beside, health, native, pages, passed
from interlingua.gateway.auth import key_of
from interlingua.gateway.greeting import greeting
from interlingua.gateway.ids import request_id
from interlingua.gateway.incoming import Incoming, Receive, Scope, Send
from interlingua.gateway.inference import Inference
from interlingua.gateway.outgoing import problem, send_whole, told
from interlingua.gateway.routes import WEBSOCKET, Found, find, methods, spoken
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse

log = logging.getLogger("interlingua.gateway")

NOT_IMPLEMENTED = frozenset({"passed", "unsupported"})
"""Operations whose absence is no fault of the request: 501."""
SIGNED_IN = frozenset({"session", "admin"})
"""Access that a session gives, and loses when it is ended."""
_INSTEAD = "Use /v1/responses over plain HTTP, with or without a stream."
JSON = (("content-type", "application/json"),)


class Gateway:
    """The application.

    Args:
        state: what it holds.
        startup, shutdown: what is to be done when the server starts and ends.
    """

    def __init__(
        self,
        state: State,
        startup: Callable[[], Awaitable[None]] | None = None,
        shutdown: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.state = state
        self._startup = startup
        self._shutdown = shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what ASGI brings."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1003})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = Incoming(scope, receive, request_id())
        found = find(incoming.method, incoming.path)
        if incoming.header("upgrade").lower() == "websocket":
            found = Found(WEBSOCKET)
        dialect = found.route.dialect if found is not None else spoken(incoming.method, incoming.path)
        self.state.seeing.arrived(incoming.headers)
        try:
            self.state.guard.check(incoming)
            if found is None:
                raise _unknown(incoming)
            principal = self.state.doorkeeper.admit(incoming, found.route.access)
            if found.route.access in SIGNED_IN:
                await self.state.sessions.check(key_of(incoming))
            if self.state.draining and found.route.access == "key":
                raise Overloaded("this gateway is about to stop", retry_after=5.0)
            if found.route.operation == "chat":
                await Inference(self.state, incoming, principal, dialect).answer(send)
                return
            answer = await self._answer(incoming, found, principal, send)
        except InterlinguaError as error:
            answer = failed(error, dialect, incoming)
            if found is not None and isinstance(error, Unsupported) and found.route.operation in NOT_IMPLEMENTED:
                answer = replace(answer, status=501)
            operation = found.route.operation if found is not None else ""
            now = self.state.engine.clock.time()
            self.state.seeing.refused(incoming.request_id, dialect, operation, now, answer.status, error.code)
        if answer is not None:
            await send_whole(send, answer, incoming.notes)

    async def _answer(self, incoming: Incoming, found: Found, principal: Principal, send: Send) -> WireResponse | None:
        route, state = found.route, self.state
        if route.operation == "embeddings":
            return await beside.embeddings(state, incoming, principal, route.dialect, send)
        if route.operation == "count_tokens":
            return await beside.count(state, incoming, principal, route.dialect, send)
        if route.operation == "passed":
            return await passed.answer(state, incoming, principal, route.dialect, send)
        if route.operation == "models":
            return beside.models(state, incoming, principal, route.dialect)
        if route.operation == "model":
            return beside.model(state, incoming, principal, route.dialect, found.value)
        if route.operation == "health":
            return health.answer(state, incoming.path, incoming.header("accept"))
        if route.operation == "page":
            return pages.answer(incoming, state.livekit)
        if route.operation == "greeting":
            return greeting(incoming, state.livekit)
        if route.operation == "native":
            return await native.answer(state, incoming, found, principal, send)
        raise Unsupported(f"{incoming.path} is not offered", feature=incoming.path, remedy=_INSTEAD)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    if self._startup is not None:
                        await self._startup()
                except InterlinguaError as error:
                    await send({"type": "lifespan.startup.failed", "message": error.message})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._drain()
                if self._shutdown is not None:
                    await self._shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def ending(self) -> None:
        """Says to those who follow calls that no more will come: else they would be waited for like answers."""
        for watcher in self.state.watchers:
            if watcher.full():
                watcher.get_nowait()
            watcher.put_nowait(None)

    async def _drain(self) -> None:
        """Lets running answers finish."""
        self.state.draining = True
        running = self.state.running
        if running:
            await asyncio.wait(running, timeout=self.state.config.server.drain)
        if running:
            log.warning("%d answers were still running and are broken off", len(running))


def _unknown(incoming: Incoming) -> InterlinguaError:
    known = methods(incoming.path)
    if known:
        return InvalidRequest(f"{incoming.path} takes {', '.join(known)}, not {incoming.method}", status=405)
    return NotFound(f"there is nothing at {incoming.path}", what="path")


def failed(error: InterlinguaError, dialect: str, incoming: Incoming) -> WireResponse:
    """An error as the client of a path gets it; in our own form where the path has no dialect."""
    if dialect:
        return registry.dialect(dialect).render_error(told(error), TranslationContext(dialect=dialect))
    body = {"error": problem(error, incoming.request_id)}
    return WireResponse(status=error.status, headers=JSON, body=msgspec.json.encode(body))

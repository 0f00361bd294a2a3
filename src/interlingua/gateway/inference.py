"""One handler for chat in every dialect and both modes.

A streamed answer's head waits for its first piece, or 15 seconds: until then a failure is a status of its own, after
that an event. Then a heartbeat goes out whenever nothing else did for 15 seconds (contracts §1.3, §1.5).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.conversation import conversation_of
from interlingua.engine.estimate import estimate_prompt, estimate_size
from interlingua.engine.passage import Passage
from interlingua.engine.principal import Principal
from interlingua.engine.relay import Piece
from interlingua.engine.route import Route
from interlingua.errors import InterlinguaError
from interlingua.gateway.cached import Cached, looked
from interlingua.gateway.call import Call, ended
from interlingua.gateway.capture import Capture
from interlingua.gateway.heart import Heart
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.loading import loaded
from interlingua.gateway.outgoing import reframed, send_end, send_head, send_piece, send_whole, told
from interlingua.gateway.overrides import planned
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest

CONVERSATION_HEADER = "x-interlingua-conversation"


class Inference:
    """Answers one chat request.

    Args:
        state: the gateway.
        incoming: the request.
        principal: who asks.
        dialect: what they speak.
    """

    def __init__(self, state: State, incoming: Incoming, principal: Principal, dialect: str) -> None:
        self._state = state
        self._incoming = incoming
        self._call = Call(state, incoming, principal, dialect)
        self._id = dialect
        self._dialect = registry.dialect(dialect)
        self._committed: Send | None = None

    async def answer(self, send: Send) -> None:
        """Reads the request and answers it."""
        async with self._call as call:
            try:
                await self._answer(call, send)
            except InterlinguaError as error:
                call.outcome.error = error
                if self._committed is not None:
                    # Its event went out; all that is left is to end the stream.
                    await send_end(self._committed)
                    return
                await call.record()
                await send_whole(send, self._dialect.render_error(told(error), self._context()), call.headers())

    async def _answer(self, call: Call, send: Send) -> None:
        wire = await call.wire()
        call.peek = registry.lens(self._id).peek(wire)
        if call.peek.reframing is not None:
            send = reframed(send, call.peek.reframing(), self._dialect.STREAM_CONTENT_TYPE)
        if self._state.hooks is not None:
            wire = await call.hooked(wire)
            call.peek = registry.lens(self._id).peek(wire)
            send = call.watched(send, wire)
        if self._state.contents.covers(call.principal.key):
            call.capture = capture = Capture(wire)
            send = capture.watching(send)
        call.conversation = conversation_of(
            self._id, wire.body, call.principal.tenant, self._incoming.header(CONVERSATION_HEADER)
        )
        local = loaded(wire, call.peek, self._id, int(call.started))
        if local is not None:
            await call.record()
            await send_whole(send, local, call.headers())
            return
        passage = await self._passage(call, wire)
        if call.peek.stream:
            await self._streamed(passage, send)
        else:
            answer = await passage.whole()
            await call.record()
            await send_whole(send, answer, call.headers())

    async def _passage(self, call: Call, wire: WireRequest) -> Passage | Cached:
        route = planned(call, self._id, len(wire.body))
        await call.admit(route.targets[0], estimate_size(len(wire.body), call.peek))
        if self._state.cache.is_on and (look := looked(call, self._id, wire, route)) is not None:
            return Cached(call, look, route, partial(self._asking, call, wire, route))
        return await self._asking(call, wire, route)

    async def _asking(self, call: Call, wire: WireRequest, route: Route) -> Passage:
        if call.is_budgeted:
            prompt = estimate_prompt(wire.body, call.peek)
            route = replace(route, targets=tuple(await call.afford(list(route.targets), prompt, call.peek.most_output)))
        passage = Passage(
            self._state.engine,
            dialect=self._id,
            wire=wire,
            peek=call.peek,
            route=route,
            tenant=call.principal.tenant,
            key=self._state.envelope_key,
            memory=self._state.memory,
            request_id=self._incoming.request_id,
        )
        call.outcome = passage.outcome
        return passage

    async def _streamed(self, passage: Passage | Cached, send: Send) -> None:
        call, server = self._call, self._state.config.server
        async with aclosing(passage.stream()) as pieces:
            waiting = asyncio.ensure_future(anext(pieces, None))
            try:
                await asyncio.wait({waiting}, timeout=server.head_wait)
                began = waiting.done()
                first = waiting.result() if began else None
                await self._begin(send, passage)
                heart = Heart(send, self._id, server.heartbeat)
                try:
                    if not began:
                        await heart.now()
                        first = await waiting
                    if first is not None:
                        await self._flow(first, pieces, send, heart)
                    await call.record()
                except InterlinguaError as error:
                    # The head is out already: the failure goes as the dialect's own event.
                    call.outcome.error = error
                    await send_piece(send, passage.error_event(told(error)))
                except asyncio.CancelledError:
                    if not self._incoming.gone:
                        call.outcome.error = ended()
                        await send_piece(send, passage.error_event(call.outcome.error))
                        await send_end(send)
                    raise
                finally:
                    heart.stop()
            finally:
                if not waiting.done():
                    waiting.cancel()
                    await asyncio.wait({waiting})
        await call.record()
        await send_end(send)

    async def _begin(self, send: Send, passage: Passage | Cached) -> None:
        """Commits to a stream: from here on failures are events of its own."""
        self._committed = send
        headers = (*self._call.headers(), *passage.headers_down)
        await send_head(send, self._dialect.STREAM_CONTENT_TYPE, headers)

    async def _flow(self, first: Piece, pieces: AsyncGenerator[Piece], send: Send, heart: Heart) -> None:
        self._call.first = self._state.engine.clock.time()
        if first.data:
            await send_piece(send, first.data)
        async for piece in pieces:
            if piece.data:
                heart.postpone()
                await send_piece(send, piece.data)

    def _context(self) -> TranslationContext:
        return TranslationContext(
            dialect=self._id,
            model=self._call.peek.model,
            seed=self._incoming.request_id,
            created=int(self._call.started),
        )

"""Chat on our own paths: canonical events, or the whole answer with everything that is known of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.answer import Answer
from interlingua.engine.cache import Form, Kept, look_at
from interlingua.engine.conversation import conversation_key
from interlingua.engine.estimate import size_of
from interlingua.engine.principal import Principal
from interlingua.engine.route import Route
from interlingua.errors import InterlinguaError, InvalidRequest, StreamInterrupted
from interlingua.gateway.cached import FREE, Lookup, ahead, wished
from interlingua.gateway.call import Call
from interlingua.gateway.capture import Capture
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.outgoing import send_end, send_head, send_piece, send_whole, told
from interlingua.gateway.overrides import planned
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek
from interlingua.types.accumulate import unfold
from interlingua.types.events import Failed
from interlingua.types.request import ChatRequest
from interlingua.wire.sse import render_sse

MESSAGES = "openai_chat"
"""The format in which our own chat paths take messages."""


async def stream(state: State, incoming: Incoming, principal: Principal, send: Send) -> None:
    """Canonical events, one SSE event each; the last is `answer`, or `failed`."""
    async with Call(state, incoming, principal, "") as call:
        asked, wire = await _begun(call, stream=True)
        send = call.watched(send, wire)
        committed = False
        try:
            async with aclosing(asked.stream()) as pieces:
                async for piece in pieces:
                    if not committed:
                        call.first = state.engine.clock.time()
                        await send_head(send, "text/event-stream", call.headers())
                        committed = True
                    if piece.answer is not None:
                        settle(call, piece.answer)
                        await call.record()
                    await send_piece(send, piece.data)
        except InterlinguaError as error:
            call.outcome.error = error
            if isinstance(error, StreamInterrupted):
                call.outcome.usage = error.usage
            if not committed:
                raise
            await send_piece(send, _event(Failed.of(told(error))))
        await call.record()
        await send_end(send)


async def complete(state: State, incoming: Incoming, principal: Principal, send: Send) -> None:
    """The whole answer: its text, and everything that is known of it."""
    async with Call(state, incoming, principal, "") as call:
        asked, _ = await _begun(call, stream=False)
        answer = await asked.whole()
        settle(call, answer)
        await call.record()
        body = msgspec.json.encode(_summary(answer))
        whole = WireResponse(headers=(("content-type", "application/json"),), body=body)
        await send_whole(send, whole, call.headers())


class _Piece(Struct, frozen=True):
    """An event's bytes; with the answer where it is the last."""

    data: bytes
    answer: Answer | None = None


class _Asked:
    """One chat, whose answer may be there already.

    Args:
        call: whose request it is.
        request: what is asked.
        route: where it may go.
        lookup: what it has to do with the cache; None where nothing is to be remembered.
    """

    def __init__(self, call: Call, request: ChatRequest, route: Route, lookup: Lookup[Kept] | None) -> None:
        self._call = call
        self._request = request
        self._route = route
        self._lookup = lookup

    async def whole(self) -> Answer:
        """The answer at once.

        Raises:
            InterlinguaError: there is none.
        """
        if self._lookup is None:
            return await self._answer()
        found = await self._lookup.once(self._answer, lambda answer: _kept(answer, stream=False))
        return self._again(found) if isinstance(found, Kept) else found

    async def stream(self) -> AsyncGenerator[_Piece]:
        """The answer piece by piece.

        Raises:
            InterlinguaError: there is none, or it breaks off.
        """
        lookup = self._lookup
        try:
            kept = await lookup.found() if lookup is not None else None
            if kept is not None:
                for event in unfold(kept.response):
                    yield _Piece(_event(event))
                answer = self._again(kept)
                yield _Piece(_event(answer), answer)
                return
            route = await self._let_in()
            flow = self._led(route)
            async with aclosing(flow if lookup is None else ahead(flow, lookup.joined)) as pieces:
                async for piece in pieces:
                    yield piece
        except InterlinguaError as error:
            if lookup is not None:
                lookup.failed(error)
            raise
        finally:
            if lookup is not None:
                lookup.over()

    async def _led(self, route: Route) -> AsyncGenerator[_Piece]:
        """The stream, for all who wait for it."""
        call = self._call
        async with aclosing(call.state.engine.stream(self._request, route, call.outcome.attempts)) as items:
            async for item in items:
                answer = item if isinstance(item, Answer) else None
                if answer is not None and self._lookup is not None:
                    await self._lookup.arrived(_kept(answer, stream=True))
                yield _Piece(_event(item), answer)

    async def _answer(self) -> Answer:
        route = await self._let_in()
        return await self._call.state.engine.generate(self._request, route, self._call.outcome.attempts)

    async def _let_in(self) -> Route:
        waiting = affordable(self._call, self._request, self._route)
        return await (waiting if self._lookup is None else self._lookup.let_in(waiting))

    def _again(self, kept: Kept) -> Answer:
        """An answer that somebody was given already."""
        outcome = self._call.outcome
        assert outcome.target is not None, "a hit has a target"
        tries = tuple(outcome.attempts)
        return Answer(response=kept.response, target=outcome.target, losses=kept.losses, cost=FREE, attempts=tries)


def _kept(answer: Answer, *, stream: bool) -> Kept | None:
    """What is remembered of an answer; None where that is nothing."""
    if not answer.response.choices:
        return None
    spoken, form = answer.target.dialect, Form("", stream)
    return Kept(response=answer.response, target=answer.target.name, spoken=spoken, losses=answer.losses, form=form)


def parse(body: bytes, seed: str) -> ChatRequest:
    """A request on one of our own paths: messages as openai_chat has them; `model` may be left out.

    Raises:
        InvalidRequest: it is none.
    """
    return registry.dialect(MESSAGES).parse_request(_wire(body), TranslationContext(dialect=MESSAGES, seed=seed))


def _wire(body: bytes) -> WireRequest:
    try:
        values = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InvalidRequest("the body is not a JSON object")
    return WireRequest(body=msgspec.json.encode({"model": "", **values}))


async def _begun(call: Call, *, stream: bool) -> tuple[_Asked, WireRequest]:
    wire = await call.hooked(await call.wire())
    request = parse(wire.body, call.incoming.request_id)
    call.peek = Peek(model=request.model, stream=stream)
    named = call.incoming.header("x-interlingua-conversation")
    call.conversation = conversation_key(request, call.principal.tenant, named)
    route = await admitted(call, request, len(wire.body))
    return _Asked(call, request, route, _lookup(call, wire, route)), wire


def _lookup(call: Call, wire: WireRequest, route: Route) -> Lookup[Kept] | None:
    wish = wished(call, route)
    if wish is None:
        return None
    engine, tenant, stream = call.state.engine, call.principal.tenant, call.peek.stream
    fresh = wish == "refresh"
    look = look_at(engine, MESSAGES, _wire(wire.body), route, tenant, stream=stream, fresh=fresh)
    return None if look is None else Lookup(call, look, Kept, route)


async def let_in(call: Call, request: ChatRequest, length: int) -> Route:
    """The way of a call that asks in any case: `admitted`, and then `affordable`."""
    return await affordable(call, request, await admitted(call, request, length))


async def admitted(call: Call, request: ChatRequest, length: int) -> Route:
    """The way of a call of canonical values, which falls under the caller's limits from here on.

    Args:
        call: whose `peek` is known.
        request: what is asked.
        length: of its body, in bytes.

    Raises:
        InterlinguaError: it must not be made.
    """
    if call.state.contents.covers(call.principal.key):
        call.capture = Capture(request)
    route = planned(call, "", length)
    size = size_of(request)
    await call.admit(route.targets[0], size.prompt + size.output)
    return route


async def affordable(call: Call, request: ChatRequest, route: Route) -> Route:
    """What the caller's budgets leave of the way; the call falls under them from here on.

    Args:
        call, request: as for `admitted`.
        route: where it may go.

    Raises:
        InterlinguaError: it must not be made.
    """
    if call.is_budgeted:
        targets = await call.afford(list(route.targets), size_of(request).prompt, request.max_output_tokens)
        route = replace(route, targets=tuple(targets))
    call.outcome.target = route.targets[0]
    return route


def settle(call: Call, answer: Answer) -> None:
    """Takes down what came of a call."""
    outcome = call.outcome
    outcome.target, outcome.cost, outcome.losses = answer.target, answer.cost, answer.losses
    outcome.usage = answer.response.usage
    if call.capture is not None:
        call.capture.response = answer.response
    outcome.finish = answer.response.finish if answer.response.choices else None
    outcome.decisions.extend(answer.decisions)


def _event(item: Any) -> bytes:
    if isinstance(item, Answer):
        return render_sse(msgspec.json.encode(_summary(item)).decode(), "answer")
    value = msgspec.to_builtins(item)
    return render_sse(msgspec.json.encode(value).decode(), value["type"])


def _summary(answer: Answer) -> dict[str, Any]:
    response = answer.response
    return {
        "text": response.text,
        "message": response.message if response.choices else None,
        "finish": response.finish if response.choices else None,
        "usage": response.usage,
        "model": answer.target.name,
        "cost": None if answer.cost is None else f"{answer.cost.usd:f}",
        "losses": answer.losses,
        "attempts": len(answer.attempts),
    }

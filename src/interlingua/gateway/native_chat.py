"""Chat on our own paths: canonical events, or the whole answer with everything that is known of it."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import msgspec
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.answer import Answer
from interlingua.engine.conversation import conversation_key
from interlingua.engine.estimate import size_of
from interlingua.engine.principal import Principal
from interlingua.engine.route import Route
from interlingua.errors import InterlinguaError, InvalidRequest, StreamInterrupted
from interlingua.gateway.call import Call
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.outgoing import send_end, send_head, send_piece, send_whole, told
from interlingua.gateway.overrides import planned
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek
from interlingua.types.events import Failed
from interlingua.types.request import ChatRequest
from interlingua.wire.sse import render_sse

MESSAGES = "openai_chat"
"""The format in which our own chat paths take messages."""


async def stream(state: State, incoming: Incoming, principal: Principal, send: Send) -> None:
    """Canonical events, one SSE event each; the last is `answer`, or `failed`."""
    async with Call(state, incoming, principal, "") as call:
        request, wire, route = await _begun(call, stream=True)
        send = call.watched(send, wire)
        committed = False
        try:
            async with aclosing(state.engine.stream(request, route, call.outcome.attempts)) as items:
                async for item in items:
                    if not committed:
                        call.first = state.engine.clock.time()
                        await send_head(send, "text/event-stream", call.headers())
                        committed = True
                    if isinstance(item, Answer):
                        settle(call, item)
                        await call.record()
                    await send_piece(send, _event(item))
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
        request, _, route = await _begun(call, stream=False)
        answer = await state.engine.generate(request, route, call.outcome.attempts)
        settle(call, answer)
        await call.record()
        body = msgspec.json.encode(_summary(answer))
        whole = WireResponse(headers=(("content-type", "application/json"),), body=body)
        await send_whole(send, whole, call.headers())


def parse(body: bytes, seed: str) -> ChatRequest:
    """A request on one of our own paths: messages as openai_chat has them; `model` may be left out.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        values = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InvalidRequest("the body is not a JSON object")
    wire = WireRequest(body=msgspec.json.encode({"model": "", **values}))
    return registry.dialect(MESSAGES).parse_request(wire, TranslationContext(dialect=MESSAGES, seed=seed))


async def _begun(call: Call, *, stream: bool) -> tuple[ChatRequest, WireRequest, Route]:
    wire = await call.hooked(await call.wire())
    request = parse(wire.body, call.incoming.request_id)
    call.peek = Peek(model=request.model, stream=stream)
    named = call.incoming.header("x-interlingua-conversation")
    call.conversation = conversation_key(request, call.principal.tenant, named)
    return request, wire, await let_in(call, request, len(wire.body))


async def let_in(call: Call, request: ChatRequest, length: int) -> Route:
    """The way of a call of canonical values, which falls under the caller's limits and budgets from here on.

    Args:
        call: whose `peek` is known.
        request: what is asked.
        length: of its body, in bytes.

    Raises:
        InterlinguaError: it must not be made.
    """
    route = planned(call, "", length)
    size = size_of(request)
    await call.admit(route.targets[0], size.prompt + size.output)
    if call.is_budgeted:
        affordable = await call.afford(list(route.targets), size.prompt, request.max_output_tokens)
        route = replace(route, targets=tuple(affordable))
    call.outcome.target = route.targets[0]
    return route


def settle(call: Call, answer: Answer) -> None:
    """Takes down what came of a call."""
    outcome = call.outcome
    outcome.target, outcome.cost, outcome.losses = answer.target, answer.cost, answer.losses
    outcome.usage = answer.response.usage
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

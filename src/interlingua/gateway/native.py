"""Our own paths, and the few of other dialects that ask about the server and not a model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec

from interlingua._version import __version__
from interlingua.dialects import registry
from interlingua.engine.answer import Answer
from interlingua.engine.operations import health
from interlingua.engine.principal import Principal
from interlingua.engine.stored_responses import forget
from interlingua.errors import InterlinguaError, NotFound, PermissionDenied, Unsupported
from interlingua.gateway.beside import listed
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.outgoing import send_end, send_head, send_piece
from interlingua.gateway.routes import Found
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.providers.provider import find
from interlingua.types.events import Failed
from interlingua.types.request import ChatRequest
from interlingua.wire.sse import render_sse

Handler = Callable[[State, Incoming, Found, Principal, Send], Awaitable[WireResponse | None]]
JSON = (("content-type", "application/json"),)
MESSAGES = "openai_chat"
"""The format in which our own chat paths take messages."""


async def answer(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """The answer of a path, or None where the handler sent it itself."""
    handler = HANDLERS.get((found.route.method, found.route.path))
    if handler is None:
        raise Unsupported(f"{found.route.path} is not offered yet", feature=found.route.path)
    return await handler(state, incoming, found, principal, send)


async def _stream(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """Canonical events, one SSE event each; the last is `answer`, or `failed`."""
    request = await _request(state, incoming, principal)
    task = asyncio.current_task()
    assert task is not None
    watcher = incoming.watch(task)
    committed = False
    try:
        async with aclosing(state.engine.stream(request)) as items:
            async for item in items:
                if not committed:
                    await send_head(send, "text/event-stream", (("x-request-id", incoming.request_id),))
                    committed = True
                name, value = ("answer", _summary(item)) if isinstance(item, Answer) else _event(item)
                await send_piece(send, render_sse(msgspec.json.encode(value).decode(), name))
    except InterlinguaError as error:
        if not committed:
            raise
        name, value = _event(Failed.of(error))
        await send_piece(send, render_sse(msgspec.json.encode(value).decode(), name))
    except asyncio.CancelledError:
        if not incoming.gone:
            raise
        return None
    finally:
        watcher.cancel()
    await send_end(send)
    return None


async def _complete(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """The whole answer: its text, and everything that is known of it."""
    request = await _request(state, incoming, principal)
    return _json(_summary(await state.engine.generate(request)))


async def _models(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """The models that can be asked, with what they can do."""
    rows = {row.name: row for row in state.engine.catalog.models}
    names = [model.id for model in listed(state, principal)]
    return _json({"models": [{"id": name, "traits": rows[name].traits if name in rows else None} for name in names]})


async def _explain(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """Where a request would go, without sending it."""
    request = await _request(state, incoming, principal)
    targets = state.engine.route(request.model)
    return _json(
        {
            "targets": [
                {
                    "target": target.name,
                    "dialect": target.dialect,
                    "callable": state.engine.has_credential(target.provider),
                }
                for target in targets
            ]
        }
    )


async def _recorded(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """A call's row in the ledger."""
    row = await state.ledger.read(None if principal.admin else principal.tenant, found.value)
    return _json({**msgspec.to_builtins(row), "cost": row.cost})


async def _providers(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """The hosts, and whether they can be called."""
    engine = state.engine
    return _json(
        {
            "providers": [
                {
                    "id": provider.id,
                    "title": provider.title,
                    "dialects": provider.dialects,
                    "default_model": provider.default_model or None,
                    "state": "present" if engine.has_credential(provider) else "missing",
                }
                for provider in engine.providers.values()
            ]
        }
    )


async def _tested(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """Whether a host can be called, tried."""
    provider = find(found.value, state.engine.providers)
    if provider is None:
        raise NotFound(f"there is no provider {found.value!r}", what="provider")
    return _json(await health(state.engine, provider))


async def _forgotten(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """A stored response, deleted."""
    if not await forget(found.value, state.memory, principal.tenant):
        raise NotFound(f"there is no response {found.value!r}", what="response")
    return _json({"id": found.value, "object": "response", "deleted": True})


async def _version(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """What Ollama's clients ask first."""
    return _json({"version": __version__})


async def _loaded(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """Models in memory: a question that only Ollama itself can answer."""
    return _json({"models": []})


HANDLERS: dict[tuple[str, str], Handler] = {
    ("POST", "/api/chat/stream"): _stream,
    ("POST", "/api/chat/complete"): _complete,
    ("GET", "/api/chat/models"): _models,
    ("POST", "/api/explain"): _explain,
    ("GET", "/api/requests/{id}"): _recorded,
    ("GET", "/api/providers"): _providers,
    ("POST", "/api/providers/{id}/test"): _tested,
    ("DELETE", "/v1/responses/{id}"): _forgotten,
    ("GET", "/api/version"): _version,
    ("GET", "/api/ps"): _loaded,
}


async def _request(state: State, incoming: Incoming, principal: Principal) -> ChatRequest:
    body = await incoming.body(state.config.server.max_body)
    context = TranslationContext(dialect=MESSAGES, seed=incoming.request_id)
    values = msgspec.json.decode(body) if body[:1] == b"{" else None
    if isinstance(values, dict):
        body = msgspec.json.encode({"model": "", **values})
    request = registry.dialect(MESSAGES).parse_request(WireRequest(body=body), context)
    targets = state.engine.route(request.model)
    if not any(principal.may_use(request.model, target.name) for target in targets):
        raise PermissionDenied(f"this key may not use {request.model!r}", model=request.model)
    return request


def _event(event: Any) -> tuple[str, Any]:
    value = msgspec.to_builtins(event)
    return value["type"], value


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


def _json(value: Any) -> WireResponse:
    return WireResponse(headers=JSON, body=msgspec.json.encode(value))

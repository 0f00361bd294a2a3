"""Our own paths, and the few of other dialects that ask about the server and not a model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import msgspec

from interlingua._version import __version__
from interlingua.dialects import registry
from interlingua.engine import stored_responses
from interlingua.engine.conversation import conversation_key
from interlingua.engine.estimate import size_of
from interlingua.engine.passing import Passing
from interlingua.engine.principal import Principal
from interlingua.engine.target import Target
from interlingua.errors import ConfigError, InvalidRequest, PermissionDenied, Unsupported
from interlingua.gateway import native_chat, own_paths
from interlingua.gateway.asked import Asked
from interlingua.gateway.auth import hidden
from interlingua.gateway.beside import listed
from interlingua.gateway.explain import explained
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.overrides import asked
from interlingua.gateway.packed import packed
from interlingua.gateway.routes import Found
from interlingua.gateway.shown import described
from interlingua.gateway.state import State
from interlingua.gateway.usage import used
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.wire import glance
from interlingua.wire.strict_json import cut, joined

Handler = Callable[[State, Incoming, Found, Principal, Send], Awaitable[WireResponse | None]]
JSON = (("content-type", "application/json"),)


async def answer(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """The answer of a path, or None where the handler sent it itself."""
    row = (found.route.method, found.route.path)
    own = own_paths.HANDLERS.get(row)
    if own is not None:
        response = await own(Asked(state, incoming, principal, found.values, send))
        return None if response is None else await packed(response, incoming)
    mount = state.mounts.get(row)
    if mount is not None:
        body = await incoming.body(state.config.server.max_body)
        try:
            return WireResponse(headers=JSON, body=mount(state.config, body))
        except ConfigError as error:
            # What is not set up is not there: that is no failure of this process.
            raise Unsupported(error.message, feature=found.route.path, remedy=error.remedy) from error
    handler = HANDLERS.get(row)
    if handler is None:
        raise Unsupported(f"{found.route.path} is not offered yet", feature=found.route.path)
    return await handler(state, incoming, found, principal, send)


async def _stream(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """Canonical events."""
    await native_chat.stream(state, incoming, principal, send)
    return None


async def _complete(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """The whole answer."""
    await native_chat.complete(state, incoming, principal, send)
    return None


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
    """Where a request would go, without sending it; `dialect` says what its client would speak."""
    body = await incoming.body(state.config.server.max_body)
    client, body = _client(body)
    request = native_chat.parse(body, incoming.request_id)
    conversation = conversation_key(request, principal.tenant, incoming.header("x-interlingua-conversation"))
    asking = asked(incoming.headers, principal, conversation, lambda: size_of(request))
    route = state.engine.plan(request.model, client, asking)
    if not asking.targets:
        theirs = tuple(target for target in route.targets if principal.may_use(request.model, target.name))
        if not theirs:
            raise PermissionDenied(f"this key may not use {request.model!r}", model=request.model)
        route = msgspec.structs.replace(route, targets=theirs)
    return _json(explained(state.engine, request, route, admin=principal.admin))


async def _recorded(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """A call's row in the ledger."""
    row = await state.ledger.read(None if principal.admin else principal.tenant, found.value)
    if not principal.admin:
        # What credentials are called is the administrator's business.
        nameless = tuple(msgspec.structs.replace(one, credential="") for one in row.decisions)
        row = msgspec.structs.replace(row, decisions=nameless)
    return _json({**msgspec.to_builtins(row), "cost": row.cost})


async def _usage(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """What was used and cost."""
    return _json(await used(state, incoming, principal))


async def _forgotten(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """A stored response, deleted; at the provider too, where that keeps it."""
    if await stored_responses.pinned(found.value, state.memory, principal.tenant) is not None:
        answer = await _at_provider(state, incoming, found.value, principal)
        await stored_responses.forget(found.value, state.memory, principal.tenant)
        return answer
    if not await stored_responses.forget(found.value, state.memory, principal.tenant):
        raise hidden("response", found.value)
    return _json({"id": found.value, "object": "response", "deleted": True})


async def _kept(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """A response that is kept here, or by the provider that answered."""
    stored = await stored_responses.body(found.value, state.memory, principal.tenant)
    if stored is not None:
        return WireResponse(headers=JSON, body=stored)
    return await _at_provider(state, incoming, found.value, principal)


async def _at_provider(state: State, incoming: Incoming, id: str, principal: Principal) -> WireResponse:
    """What the provider that keeps a response says of it.

    Raises:
        NotFound: none keeps it, or it is another tenant's.
    """
    place = await stored_responses.pinned(id, state.memory, principal.tenant)
    provider = state.engine.providers.get(place.provider) if place is not None else None
    if place is None or provider is None:
        raise hidden("response", id)
    pool = state.engine.pool(provider)
    credential = next((one for one in pool if one.account == place.account), None)
    if credential is None and (pool or place.account):
        raise hidden("response", id)
    target = Target(provider=provider, model=place.model, dialect=stored_responses.DIALECT)
    path = f"/responses/{quote(id, safe='')}"
    passing = Passing(state.engine, target, WireRequest(method=incoming.method, path=path), credential)
    async with aclosing(passing.pieces()) as pieces:
        body = b"".join([piece async for piece in pieces])
    return WireResponse(headers=passing.headers, body=body)


async def _shown(
    state: State, incoming: Incoming, found: Found, principal: Principal, send: Send
) -> WireResponse | None:
    """What Ollama's clients ask of a model before they use it."""
    body = await incoming.body(state.config.server.max_body)
    try:
        asked = msgspec.json.decode(body, type=_Show)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"model: {error}", path="model") from error
    name = asked.model or asked.name
    target = state.engine.route(name)[0]
    if not principal.may_use(name, target.name):
        raise PermissionDenied(f"this key may not use {name!r}", model=name)
    return _json(described(target))


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
    ("GET", "/api/usage"): _usage,
    ("GET", "/v1/responses/{id}"): _kept,
    ("DELETE", "/v1/responses/{id}"): _forgotten,
    ("POST", "/api/show"): _shown,
    ("GET", "/api/version"): _version,
    ("GET", "/api/ps"): _loaded,
}


class _Show(msgspec.Struct):
    model: str = ""
    name: str = ""


def _client(body: bytes) -> tuple[str, bytes]:
    """The dialect that a question names, and the question without it.

    Raises:
        InvalidRequest: there is no such dialect.
    """
    values = cut(body)
    dialect = glance.text(values, "dialect") or native_chat.MESSAGES
    if dialect not in registry.DIALECTS:
        raise InvalidRequest(
            f"dialect: there is none called {dialect!r}",
            path="dialect",
            remedy="Known dialects: " + ", ".join(registry.DIALECTS),
        )
    return dialect, joined({key: value for key, value in values.items() if key != "dialect"})


def _json(value: Any) -> WireResponse:
    return WireResponse(headers=JSON, body=msgspec.json.encode(value))

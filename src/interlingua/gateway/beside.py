"""Embeddings, model lists and token counts, each in the client's dialect."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec.structs import replace

from interlingua.catalog.catalog import Model
from interlingua.dialects import registry
from interlingua.engine.cache import KeptVectors, look_at_texts
from interlingua.engine.engine import Engine
from interlingua.engine.operations import Embeddings, count_tokens, embed
from interlingua.engine.principal import Principal
from interlingua.engine.route import Route
from interlingua.engine.tries import Tries
from interlingua.errors import ConfigError, ModelNotFound, NotFound, Unsupported
from interlingua.gateway import discovery
from interlingua.gateway.cached import Lookup, wished
from interlingua.gateway.call import Call
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.outgoing import send_whole
from interlingua.gateway.overrides import planned
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek
from interlingua.types.embeddings import EmbedRequest
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.usage import Usage


async def embeddings(
    state: State, incoming: Incoming, principal: Principal, dialect: str, send: Send
) -> WireResponse | None:
    """Vectors of texts."""
    codec = registry.embeddings(dialect)
    if codec is None:
        raise Unsupported(f"{dialect} has no embeddings", feature="embeddings")
    async with Call(state, incoming, principal, dialect, "embeddings") as call:
        wire = await call.hooked(await call.wire())
        context = _context(dialect, incoming)
        request = codec.parse_embed_request(wire, context)
        call.peek = Peek(model=request.model)
        route = planned(call, "", len(wire.body))
        await call.admit(route.targets[0], len(wire.body) // 4)
        lookup = _lookup(call, request, wire, context, route)
        found = await _vectors(call, request, len(wire.body) // 4, route, lookup)
        answer = codec.render_embed_response(found.response, _context(dialect, incoming), request)
        await call.record()
        await send_whole(send, answer, call.headers())
    return None


def _lookup(
    call: Call, request: EmbedRequest, wire: WireRequest, context: TranslationContext, route: Route
) -> Lookup[KeptVectors] | None:
    wish = wished(call, route)
    if wish is None:
        return None
    # What was lost on the way to values is part of what was asked.
    rest = hashlib.sha256(wire.body).hexdigest() if context.losses else ""
    engine, tenant = call.state.engine, call.principal.tenant
    place = look_at_texts(engine, request, rest, route, tenant, fresh=wish == "refresh")
    return Lookup(call, place, KeptVectors, route)


async def _vectors(
    call: Call, request: EmbedRequest, prompt: int, route: Route, lookup: Lookup[KeptVectors] | None
) -> Embeddings | KeptVectors:
    """The vectors that are there, or that somebody makes: who is asked, and where next, is decided as for chat."""
    engine, outcome = call.state.engine, call.outcome

    async def affordable() -> Route:
        if not call.is_budgeted:
            return route
        return replace(route, targets=tuple(await call.afford(list(route.targets), prompt, 0)))

    async def ask() -> Embeddings:
        waiting = affordable()
        tries = Tries(engine, await (waiting if lookup is None else lookup.let_in(waiting)))
        outcome.attempts, outcome.decisions, outcome.target = tries.records, tries.decisions, route.targets[0]
        found = await embed(engine, request, tries)
        outcome.target, outcome.cost, outcome.losses = found.target, found.cost, found.losses
        outcome.usage = found.response.usage
        return found

    if lookup is not None:
        found = await lookup.once(ask, _kept)
    else:
        found = await ask()
    return found


def _kept(found: Embeddings) -> KeptVectors:
    target = found.target
    return KeptVectors(response=found.response, target=target.name, spoken=target.dialect, losses=found.losses)


async def count(
    state: State, incoming: Incoming, principal: Principal, dialect: str, send: Send
) -> WireResponse | None:
    """How many tokens a request would take."""
    codec = registry.count_tokens(dialect)
    if codec is None:
        raise Unsupported(f"{dialect} has no token counts", feature="token counts")
    async with Call(state, incoming, principal, dialect, "count_tokens") as call:
        wire = await call.hooked(await call.wire())
        request = codec.parse_count_request(wire, _context(dialect, incoming))
        call.peek = Peek(model=request.model)
        target = call.allowed(state.engine.route(request.model))[0]
        await call.admit(target)
        call.outcome.target = target
        found = await count_tokens(state.engine, request)
        # Nobody bills a count.
        call.outcome.usage = Usage(input_tokens=0, output_tokens=0)
        await call.record()
        await send_whole(send, codec.render_count_response(found, _context(dialect, incoming)), call.headers())
    return None


def models(state: State, incoming: Incoming, principal: Principal, dialect: str) -> WireResponse:
    """The models that this key may use: aliases, and the catalog's of providers that can be called.

    Nothing is asked of any provider, so one that is down neither delays nor empties the list (contracts §8).
    """
    dialect = dialect or list_dialect(incoming)
    return _rendered(dialect, incoming, listed(state, principal))


def model(state: State, incoming: Incoming, principal: Principal, dialect: str, name: str) -> WireResponse:
    """One model of that list."""
    dialect = dialect or list_dialect(incoming)
    found = [one for one in listed(state, principal) if one.id == name.removeprefix("models/")]
    if not found:
        raise NotFound(f"there is no model {name!r} here", what="model")
    rendered = _rendered(dialect, incoming, tuple(found))
    return WireResponse(status=200, headers=rendered.headers, body=_first(rendered.body))


def listed(state: State, principal: Principal) -> tuple[ListedModel, ...]:
    """All that a principal may ask for, by the name to ask with."""
    engine = state.engine
    usable = {provider.id for provider in engine.providers.values() if engine.has_credential(provider)}
    aliases = [alias for alias in engine.aliases if "*" not in alias]
    # An alias may be used by who may use what it leads to.
    allowed = [name for name in aliases if (led := _led_to(engine, name)) and principal.may_use(name, *led)]
    rows = [row for row in engine.catalog.models if row.provider in usable and principal.may_use(row.name)]
    here = [
        ListedModel(id=name, owner=provider.id)
        for provider in engine.providers.values()
        for model in discovery.told(state, provider)
        if principal.may_use(name := f"{provider.id}/{model}")
    ]
    return (*(ListedModel(id=alias, owner="interlingua") for alias in allowed), *map(_listed, rows), *here)


def _led_to(engine: Engine, alias: str) -> tuple[str, ...]:
    """The targets of an alias; none where it leads nowhere, as when its provider was taken out of the configuration."""
    try:
        return tuple(target.name for target in engine.route(alias))
    except (ModelNotFound, ConfigError):
        return ()


def list_dialect(incoming: Incoming) -> str:
    """Three dialects ask for their lists at one path; their headers tell them apart."""
    if incoming.header("anthropic-version"):
        return "anthropic_messages"
    return "gemini" if incoming.header("x-goog-api-key") else "openai_chat"


def _listed(row: Model) -> ListedModel:
    return ListedModel(id=row.name, owner=row.provider, context=row.traits.context, max_output=row.traits.max_output)


def _rendered(dialect: str, incoming: Incoming, models: tuple[ListedModel, ...]) -> WireResponse:
    codec = registry.models(dialect)
    if codec is None:
        raise Unsupported(f"{dialect} has no list of models", feature="list of models")
    return codec.render_models_response(ModelPage(models=models), _context(dialect, incoming))


def _first(body: bytes) -> bytes:
    """The only entry of a rendered list, whatever the list is called."""
    for value in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).values():
        text = bytes(memoryview(value))
        if text[:1] == b"[":
            (entry,) = msgspec.json.decode(text, type=list[msgspec.Raw])
            return bytes(memoryview(entry))
    return body


def _context(dialect: str, incoming: Incoming) -> TranslationContext:
    return TranslationContext(dialect=dialect, seed=incoming.request_id, on_loss={"setting": "warn", "content": "warn"})

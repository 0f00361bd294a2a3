"""Embeddings, model lists and token counts, each in the client's dialect."""

from __future__ import annotations

from interlingua.catalog.catalog import Model
from interlingua.dialects import registry
from interlingua.engine.operations import count_tokens, embed
from interlingua.engine.principal import Principal
from interlingua.errors import NotFound, PermissionDenied, Unsupported
from interlingua.gateway.incoming import Incoming
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.listing import ListedModel, ModelPage


async def embeddings(state: State, incoming: Incoming, principal: Principal, dialect: str) -> WireResponse:
    """Vectors of texts."""
    codec = registry.embeddings(dialect)
    if codec is None:
        raise Unsupported(f"{dialect} has no embeddings", feature="embeddings")
    wire = incoming.wire(await incoming.body(state.config.server.max_body))
    request = codec.parse_embed_request(wire, _context(dialect, incoming))
    _allow(state, principal, request.model)
    found = await embed(state.engine, request)
    return codec.render_embed_response(found.response, _context(dialect, incoming), request)


async def count(state: State, incoming: Incoming, principal: Principal, dialect: str) -> WireResponse:
    """How many tokens a request would take."""
    codec = registry.count_tokens(dialect)
    if codec is None:
        raise Unsupported(f"{dialect} has no token counts", feature="token counts")
    wire = incoming.wire(await incoming.body(state.config.server.max_body))
    request = codec.parse_count_request(wire, _context(dialect, incoming))
    _allow(state, principal, request.model)
    found = await count_tokens(state.engine, request)
    return codec.render_count_response(found, _context(dialect, incoming))


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
    names = [ListedModel(id=alias, owner="interlingua") for alias in engine.aliases if "*" not in alias]
    names += [_listed(row) for row in engine.catalog.models if row.provider in usable]
    return tuple(one for one in names if principal.may_use(one.id))


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
    import msgspec

    for value in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).values():
        text = bytes(memoryview(value))
        if text[:1] == b"[":
            (entry,) = msgspec.json.decode(text, type=list[msgspec.Raw])
            return bytes(memoryview(entry))
    return body


def _allow(state: State, principal: Principal, model: str) -> None:
    target = state.engine.route(model)[0]
    if not principal.may_use(model, target.name):
        raise PermissionDenied(f"this key may not use {model!r}", model=model)


def _context(dialect: str, incoming: Incoming) -> TranslationContext:
    return TranslationContext(dialect=dialect, seed=incoming.request_id, on_loss={"setting": "warn", "content": "warn"})

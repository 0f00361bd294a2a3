"""Embeddings, model lists and token counts, each in the client's dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import msgspec

from interlingua.catalog.catalog import Model
from interlingua.dialects import registry
from interlingua.engine.answer import AttemptRecord
from interlingua.engine.cost import charge_of
from interlingua.engine.operations import count_tokens, embed
from interlingua.engine.principal import Principal
from interlingua.engine.target import Target
from interlingua.errors import Cancelled, InterlinguaError, NotFound, Unsupported
from interlingua.gateway.call import Call
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.outgoing import send_whole
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.ports.lens import Peek
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.usage import Usage

T = TypeVar("T")


async def embeddings(
    state: State, incoming: Incoming, principal: Principal, dialect: str, send: Send
) -> WireResponse | None:
    """Vectors of texts."""
    codec = registry.embeddings(dialect)
    if codec is None:
        raise Unsupported(f"{dialect} has no embeddings", feature="embeddings")
    async with Call(state, incoming, principal, dialect, "embeddings") as call:
        wire = await call.hooked(await call.wire())
        request = codec.parse_embed_request(wire, _context(dialect, incoming))
        call.peek = Peek(model=request.model)
        target = call.allowed(state.engine.route(request.model))[0]
        await call.admit(target, len(wire.body) // 4)
        if call.is_budgeted:
            await call.afford([target], len(wire.body) // 4, 0)
        call.outcome.target = target
        started = state.engine.clock.time()
        found = await tried(call, embed(state.engine, request), target, started)
        call.outcome.target = found.target
        call.outcome.usage, call.outcome.cost, call.outcome.losses = found.response.usage, found.cost, found.losses
        call.outcome.attempts.append(attempted(call, found.target, started, found.response.usage))
        answer = codec.render_embed_response(found.response, _context(dialect, incoming), request)
        await call.record()
        await send_whole(send, answer, call.headers())
    return None


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


async def tried(call: Call, work: Awaitable[T], target: Target, started: float) -> T:
    """What comes of a call that is no chat; where it fails, the try is noted."""
    try:
        return await work
    except InterlinguaError as error:
        call.outcome.attempts.append(attempted(call, target, started, None, error))
        raise
    except asyncio.CancelledError:
        call.outcome.attempts.append(attempted(call, target, started, None, Cancelled("the client left")))
        raise


def attempted(
    call: Call, target: Target, started: float, usage: Usage | None, error: InterlinguaError | None = None
) -> AttemptRecord:
    """The record of a try of a call that is no chat."""
    charge = charge_of(usage, target, started)
    return AttemptRecord(
        target=target.name,
        dialect=target.dialect,
        started=started,
        seconds=call.state.engine.clock.time() - started,
        status=200 if error is None else None,
        error=None if error is None else error.code,
        usage=usage,
        cost=charge.cost,
        price_source=charge.source,
        price_since=charge.since,
    )


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
    allowed = [name for name in aliases if principal.may_use(name, *(target.name for target in engine.route(name)))]
    rows = [row for row in engine.catalog.models if row.provider in usable and principal.may_use(row.name)]
    return (*(ListedModel(id=alias, owner="interlingua") for alias in allowed), *map(_listed, rows))


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

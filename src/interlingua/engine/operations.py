"""What a host is asked beside chat: vectors, its list of models, a count of tokens, and whether it answers at all.

Vectors are asked for as answers are: again and elsewhere where that is worth it, each try noted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.breaker import key_name
from interlingua.engine.engine import Engine
from interlingua.engine.estimate import estimate_tokens
from interlingua.engine.exchange import Exchange, OneExchange
from interlingua.engine.lanes import Lane
from interlingua.engine.retry import wait_before_retry
from interlingua.engine.target import Target
from interlingua.engine.tries import Tries
from interlingua.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    CredentialMissing,
    InterlinguaError,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    TimedOut,
    Unsupported,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.providers.provider import Provider
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.listing import ListedModel
from interlingua.types.loss import Loss
from interlingua.types.money import Money
from interlingua.types.request import ChatRequest
from interlingua.types.secret import Credential
from interlingua.types.token_count import TokenCount
from interlingua.types.traits import Traits

T = TypeVar("T")
State = Literal["missing", "present", "valid", "invalid", "rate-limited", "unreachable"]
"""What is known of a provider's credential (contracts §5); `present` is one that was not tried."""

_BEST: tuple[State, ...] = ("valid", "present", "rate-limited", "unreachable", "invalid", "missing")
MOST_PAGES = 50
"""Pages of a model list that are read; a list that does not end by then is cut."""

_STATES: tuple[tuple[tuple[type[InterlinguaError], ...], State], ...] = (
    ((CredentialMissing,), "missing"),
    ((AuthenticationFailed, PermissionDenied), "invalid"),
    ((RateLimited, QuotaExceeded), "rate-limited"),
    ((ConnectionFailed, TimedOut, Overloaded), "unreachable"),
)


class Embeddings(Struct, frozen=True, kw_only=True):
    """Vectors, and what they cost.

    Args:
        response: the vectors, in the order of the inputs.
        target: who made them.
        cost: or None where it is unknown.
        losses: what could not be carried.
    """

    response: EmbedResponse
    target: Target
    cost: Money | None
    losses: tuple[Loss, ...] = ()


class Health(Struct, frozen=True, kw_only=True):
    """Whether a provider can be called.

    Args:
        provider: its id.
        state: of its credential and itself.
        seconds: how long its model list took.
        models: how many models it serves; None where it was not reached.
        error: why not, for people.
    """

    provider: str
    state: State
    seconds: float
    models: int | None = None
    error: str | None = None


class _Vectors(OneExchange):
    """One try at a host."""

    lane: Lane = "translated"

    def __init__(self, engine: Engine, request: EmbedRequest, target: Target, credential: Credential | None) -> None:
        names = target.provider.dialects
        found = next(((name, codec) for name in names if (codec := registry.embeddings(name))), None)
        if found is None:
            raise _lacks(target.provider, "embeddings")
        dialect, self._codec = found
        self.target = replace(target, dialect=dialect)
        self._asked = replace(request, model=target.model)
        self.context = _context(engine, target.provider, dialect, target.model, target.traits)
        access = engine.access(target.provider, credential)
        self.exchange = Exchange(target.provider, self.context, access, engine.settings.timeouts)

    async def whole(self) -> EmbedResponse:
        try:
            answer = await self.exchange.ask(self._codec.render_embed_request(self._asked, self.context))
            return self._codec.parse_embed_response(answer, self.context)
        except InterlinguaError as error:
            self.exchange.named(error)
            raise


async def embed(engine: Engine, request: EmbedRequest, tries: Tries | None = None) -> Embeddings:
    """The vectors of texts.

    Args:
        engine: the way to the hosts.
        request: the texts.
        tries: of this call; None makes them. They hold every try, also where none succeeds.

    Raises:
        Unsupported: the host has no embeddings in a dialect that we know.
        InterlinguaError: of any other kind.
    """
    tries = tries or Tries(engine, engine.plan(request.model))
    while True:
        asked = await tries.next(partial(_Vectors, engine, request))
        try:
            response = await asked.whole()
        except InterlinguaError as error:
            await tries.failed(asked, error)
        except asyncio.CancelledError:
            tries.left(asked, None)
            raise
        else:
            record = tries.record(asked, response.usage)
            losses = tuple(asked.context.losses)
            return Embeddings(response=response, target=asked.target, cost=record.cost, losses=losses)


async def list_models(
    engine: Engine, provider: Provider, credential: Credential | None = None
) -> tuple[ListedModel, ...]:
    """What a host serves now.

    Args:
        engine: the way there.
        provider: the host.
        credential: the one to ask with; None is any that does not rest.

    Raises:
        Unsupported: the host has no list in a dialect that we know.
        InterlinguaError: of any other kind.
    """
    found = next(((name, codec) for name in provider.dialects if (codec := registry.models(name))), None)
    if found is None:
        raise _lacks(provider, "list of models")
    dialect, codec = found
    listed: list[ListedModel] = []
    page = ""
    for _ in range(MOST_PAGES):
        context = _context(engine, provider, dialect, "", Traits())
        asked = codec.render_models_request(context, page)
        answer = await _ask(
            engine,
            provider,
            context,
            lambda asked=asked: asked,  # type: ignore[misc]  # bound early on purpose
            codec.parse_models_response,
            credential,
        )
        listed += answer.models
        page = answer.next
        if not page:
            break
    return tuple(listed)


async def count_tokens(engine: Engine, request: ChatRequest) -> TokenCount:
    """How many tokens a request's prompt holds: counted by the provider where it counts, else estimated.

    Raises:
        InterlinguaError: the provider counts, and failed to.
    """
    target = engine.route(request.model)[0]
    found = next(((name, codec) for name in target.provider.dialects if (codec := registry.count_tokens(name))), None)
    if found is None:
        return estimate_tokens(request)
    dialect, codec = found
    asked = replace(request, model=target.model, stream=False)
    context = _context(engine, target.provider, dialect, target.model, target.traits)
    return await _ask(
        engine, target.provider, context, lambda: codec.render_count_request(asked, context), codec.parse_count_response
    )


async def health(engine: Engine, provider: Provider, credential: Credential | None = None) -> Health:
    """Whether a provider can be called, tried with its list of models; never raises a provider's error.

    Of several credentials each is tried: one that works is used again from then on, one that is refused no longer. The
    state is that of the best.

    Args:
        engine: the way there.
        provider: the host.
        credential: the only one to try; None is all that are configured.
    """
    started = engine.clock.monotonic()
    pool = engine.pool(provider) if credential is None else (credential,)
    tried = [await _tested(engine, provider, one) for one in pool or (None,)]
    state, models, _ = min(tried, key=lambda one: _BEST.index(one[0]))
    sources = [f"{one.source}: " for one in pool] if len(pool) > 1 else [""]
    errors = [f"{source}{error}" for source, (_, _, error) in zip(sources, tried, strict=True) if error]
    return Health(
        provider=provider.id,
        state=state,
        seconds=engine.clock.monotonic() - started,
        models=models,
        error="; ".join(errors) or None,
    )


async def _tested(
    engine: Engine, provider: Provider, credential: Credential | None
) -> tuple[State, int | None, str | None]:
    try:
        return "valid", len(await list_models(engine, provider, credential)), None
    except Unsupported:
        return "present", None, None
    except InterlinguaError as failed:
        found: State = "unreachable"
        found = next((state for kinds, state in _STATES if isinstance(failed, kinds)), found)
        return found, None, failed.message


async def _ask(
    engine: Engine,
    provider: Provider,
    context: TranslationContext,
    render: Callable[[], WireRequest],
    parse: Callable[[WireResponse, TranslationContext], T],
    credential: Credential | None = None,
) -> T:
    """One exchange, tried again as the settings say; with another credential where one is refused."""
    tried, others = 0, 0 if credential is not None else len(engine.pool(provider)) - 1
    while True:
        tried += 1
        context.losses.clear()
        used = credential or engine.pick(provider)
        key = key_name(provider.id, used)
        exchange = Exchange(provider, context, engine.access(provider, used), engine.settings.timeouts)
        try:
            answer = parse(await exchange.ask(render()), context)
            engine.breaker.key_works(key, context.model)
            return answer
        except InterlinguaError as error:
            exchange.named(error)
            if engine.breaker.key_failed(key, context.model, error) and others > 0:
                others, tried = others - 1, tried - 1
                continue
            wait = wait_before_retry(error, tried, engine.settings.retry, engine.clock.chance())
            if wait is None:
                raise
            await engine.clock.sleep(wait)


def _context(engine: Engine, provider: Provider, dialect: str, model: str, traits: Traits) -> TranslationContext:
    settings = engine.settings.losses
    return TranslationContext(
        dialect=dialect,
        provider=provider.id,
        model=model,
        traits=traits,
        host=provider.host(dialect),
        quirk=provider.quirk_value(dialect),
        created=int(engine.clock.time()),
        on_loss={"setting": settings.setting, "content": settings.content},
    )


def _lacks(provider: Provider, what: str) -> Unsupported:
    return Unsupported(
        f"{provider.id} offers no {what}",
        feature=what,
        provider=provider.id,
    )

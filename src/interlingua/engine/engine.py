"""One call through its stations: route → admit → attempt (again, or elsewhere) → account.

The engine works on canonical values alone; which hosts, keys and wires stand behind them it is handed.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from msgspec.structs import replace

from interlingua.catalog.catalog import Catalog
from interlingua.dialects.registry import dialect as find_dialect
from interlingua.engine.answer import Answer, AttemptRecord
from interlingua.engine.attempt import Attempt
from interlingua.engine.capabilities import check_media
from interlingua.engine.continuity import view
from interlingua.engine.cost import cost_of
from interlingua.engine.defaults import with_defaults
from interlingua.engine.retry import wait_before_retry
from interlingua.engine.router import ModelAlias, resolve
from interlingua.engine.settings import EngineSettings
from interlingua.engine.target import Target
from interlingua.errors import CredentialMissing, InterlinguaError, StreamInterrupted
from interlingua.ports.clock import Clock
from interlingua.ports.context import TranslationContext
from interlingua.ports.credentials import Credentials
from interlingua.ports.transport import Transport
from interlingua.providers.auth import auth_headers
from interlingua.providers.provider import Provider
from interlingua.types.events import Event, MessageStart, UsageUpdate
from interlingua.types.opaque import Origin
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.secret import Credential
from interlingua.types.serde import dump
from interlingua.types.usage import Usage

NETWORK, IN_PROCESS = "network", "in_process"
"""The ways out that an engine is handed."""


class Engine:
    """Answers canonical requests.

    Args:
        catalog: facts about models.
        providers: hosts by id.
        aliases: configured models by name or pattern.
        default_model: what to use when a request names none.
        credentials: where secrets come from.
        transports: the ways out: `NETWORK` and `IN_PROCESS`.
        settings: retries, losses, time limits.
        clock: time and chance.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        providers: Mapping[str, Provider],
        aliases: Mapping[str, ModelAlias],
        default_model: str | None,
        credentials: Credentials,
        transports: Mapping[str, Transport],
        settings: EngineSettings,
        clock: Clock,
    ) -> None:
        self.catalog = catalog
        self.providers = providers
        self.aliases = aliases
        self.default_model = default_model
        self.credentials = credentials
        self.settings = settings
        self.clock = clock
        self._transports = transports

    def route(self, model: str) -> list[Target]:
        """The targets that a model name stands for, best first.

        Raises:
            ModelNotFound: none.
            ConfigError: an alias leads nowhere or in a circle.
        """
        return resolve(
            model,
            catalog=self.catalog,
            providers=self.providers,
            aliases=self.aliases,
            has_credential=self.has_credential,
            default=self.default_model,
        )

    def has_credential(self, provider: Provider) -> bool:
        """Whether a provider can be called: it has a credential, or needs none."""
        return not provider.needs_credential or self.credential(provider) is not None

    def credential(self, provider: Provider) -> Credential | None:
        """The provider's credential, or None."""
        return self.credentials.find(provider.id, provider.env)

    def keyless(self) -> str | None:
        """A model that needs no credential, for who has none; None where there is no such provider."""
        for provider in self.providers.values():
            if not provider.needs_credential and provider.in_process and provider.default_model:
                return f"{provider.id}/{provider.default_model}"
        return None

    async def generate(self, request: ChatRequest) -> Answer:
        """The whole answer.

        Raises:
            InterlinguaError: of the last target that was tried.
        """
        call = _Call(self, replace(request, stream=False))
        while True:
            attempt = call.next_attempt()
            try:
                response = await attempt.whole()
            except InterlinguaError as error:
                await call.failed(attempt, error)
            else:
                return call.answered(attempt, response)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event | Answer]:
        """The answer piece by piece; the last item is the `Answer` that the pieces amount to.

        Nothing is tried again once content went out.

        Raises:
            StreamInterrupted: it broke off after content went out.
            InterlinguaError: of the last target that was tried.
        """
        call = _Call(self, replace(request, stream=True))
        while True:
            attempt = call.next_attempt()
            held: list[Event] = []
            has_content = False
            try:
                async with aclosing(attempt.events()) as events:
                    async for event in events:
                        # What precedes content is held back: until then another target may still take over.
                        if not has_content and isinstance(event, MessageStart | UsageUpdate):
                            held.append(event)
                            continue
                        has_content = True
                        for earlier in held:
                            yield earlier
                        held.clear()
                        yield event
            except InterlinguaError as error:
                await call.failed(attempt, error)
            else:
                for earlier in held:
                    yield earlier
                yield call.answered(attempt, attempt.accumulator.response())
                return

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        for transport in self._transports.values():
            await transport.aclose()

    def transport(self, provider: Provider) -> Transport:
        """The way to a provider."""
        return self._transports[IN_PROCESS if provider.in_process else NETWORK]


class _Call:
    """One request on its way through targets and tries."""

    def __init__(self, engine: Engine, request: ChatRequest) -> None:
        self._engine = engine
        self._request = request
        self._targets = engine.route(request.model)
        self._at = 0
        self._tried = 0
        self._records: list[AttemptRecord] = []
        self._started = 0.0

    def next_attempt(self) -> Attempt:
        """The next try: at the present target, or the first of the following that can be tried at all."""
        while True:
            try:
                attempt = self._attempt(self._targets[self._at])
            except InterlinguaError:
                if self._at + 1 >= len(self._targets):
                    raise
                self._next_target()
            else:
                self._tried += 1
                self._started = self._engine.clock.time()
                return attempt

    async def failed(self, attempt: Attempt, error: InterlinguaError) -> None:
        """Records a failed try and waits until the next may be made; raises the error where there is none."""
        self._record(attempt, error.code, attempt.accumulator.usage)
        if isinstance(error, StreamInterrupted) and error.partial is not None:
            raise error
        engine = self._engine
        wait = wait_before_retry(error, self._tried, engine.settings.retry, engine.clock.chance())
        if wait is not None:
            await engine.clock.sleep(wait)
        elif self._at + 1 < len(self._targets) and _another_may_answer(error):
            self._next_target()
        else:
            raise error

    def answered(self, attempt: Attempt, response: ChatResponse) -> Answer:
        """The finished call."""
        record = self._record(attempt, None, response.usage, response.service_tier)
        return Answer(
            response=response,
            target=attempt.target,
            losses=tuple(attempt.context.losses),
            cost=record.cost,
            attempts=tuple(self._records),
        )

    def _next_target(self) -> None:
        self._at += 1
        self._tried = 0

    def _record(
        self, attempt: Attempt, error: str | None, usage: Usage | None, service_tier: str | None = None
    ) -> AttemptRecord:
        now = self._engine.clock.time()
        record = AttemptRecord(
            target=attempt.target.name,
            dialect=attempt.target.dialect,
            started=self._started,
            seconds=now - self._started,
            status=attempt.status,
            error=error,
            usage=usage,
            cost=cost_of(usage, attempt.target, self._started, service_tier),
        )
        self._records.append(record)
        return record

    def _attempt(self, target: Target) -> Attempt:
        engine = self._engine
        request = replace(with_defaults(self._request, target), model=target.model)
        check_media(self._request.messages, target, lambda needed: engine.catalog.alternatives(input=needed))
        credential = _credential(engine, target.provider)
        origin = Origin(
            provider=target.provider.id,
            endpoint=target.dialect,
            model=target.model,
            credential=credential.account if credential else "",
        )
        host = target.provider.host(target.dialect)
        seen = view(
            request.messages,
            origin,
            tool_call_ids=host.tool_call_ids or find_dialect(target.dialect).TOOL_CALL_IDS,
            reasoning=engine.settings.losses.reasoning,
            portable=target.traits.reasoning_portable,
            portable_of=_portable_groups(engine, request),
        )
        request = replace(request, messages=seen.messages)
        settings = engine.settings.losses
        context = TranslationContext(
            dialect=target.dialect,
            provider=target.provider.id,
            model=target.model,
            traits=target.traits,
            host=host,
            quirk=target.provider.quirk_value(target.dialect),
            origin=origin,
            seed=hashlib.sha256(dump(request)).hexdigest(),
            created=int(engine.clock.time()),
            on_loss={"setting": settings.setting, "content": settings.content},
            losses=list(seen.losses),
        )
        return Attempt(
            target=target,
            request=request,
            context=context,
            headers=auth_headers(target.provider, credential),
            transport=engine.transport(target.provider),
            timeouts=engine.settings.timeouts,
        )


def _credential(engine: Engine, provider: Provider) -> Credential | None:
    credential = engine.credential(provider)
    if credential is None and provider.needs_credential:
        name = provider.env[0] if provider.env else None
        raise CredentialMissing(
            f"no credential for {provider.id}",
            looked_in=engine.credentials.looked_in(provider.id, provider.env),
            remedy=f"export {name}=…" if name else "Set api_keys for this provider in the configuration.",
            alternative=engine.keyless(),
            provider=provider.id,
        )
    return credential


def _portable_groups(engine: Engine, request: ChatRequest) -> dict[tuple[str, str], str]:
    """Which models in the history belong to a group that accepts each other's reasoning state."""
    groups: dict[tuple[str, str], str] = {}
    for message in request.messages:
        if message.origin is not None:
            key = (message.origin.provider, message.origin.model)
            row = engine.catalog.find(*key)
            if row is not None and row.traits.reasoning_portable:
                groups[key] = row.traits.reasoning_portable
    return groups


def _another_may_answer(error: InterlinguaError) -> bool:
    """Whether a failure says nothing about the request itself, so that the next target is worth a try."""
    return error.fault == "provider" or error.exit_code == CredentialMissing.exit_code

"""One call through its stations: route → admit → attempt (again, or elsewhere) → account.

The engine works on canonical values alone; which hosts, keys and wires stand behind them it is handed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from msgspec.structs import replace

from interlingua.catalog.catalog import Catalog
from interlingua.engine.answer import Answer
from interlingua.engine.attempt import Attempt
from interlingua.engine.exchange import Access
from interlingua.engine.prepare import prepare
from interlingua.engine.router import ModelAlias, resolve
from interlingua.engine.settings import EngineSettings
from interlingua.engine.target import Target
from interlingua.engine.tries import Tries
from interlingua.errors import CredentialMissing, InterlinguaError
from interlingua.ports.clock import Clock
from interlingua.ports.credentials import Credentials
from interlingua.ports.transport import Transport
from interlingua.providers.auth import auth_headers
from interlingua.providers.provider import Provider
from interlingua.types.events import Event, MessageStart, UsageUpdate
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.secret import Credential

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

    @property
    def transports(self) -> Mapping[str, Transport]:
        """The ways out by name, so that another engine can take them over."""
        return self._transports

    @property
    def network(self) -> Transport:
        """The way to the network, for explicit acts such as fetching a model."""
        return self._transports[NETWORK]

    def route(self, model: str, dialect: str = "") -> list[Target]:
        """The targets that a model name stands for, best first.

        Args:
            model: as the caller wrote it; empty asks for the default.
            dialect: the client's; spoken upstream too where the host speaks it.

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
            dialect=dialect,
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
        request = replace(request, stream=False)
        tries = Tries(self, self.route(request.model))
        while True:
            attempt = tries.next(lambda target: prepare(self, request, target))
            try:
                response = await attempt.whole()
            except InterlinguaError as error:
                await tries.failed(attempt, error)
            else:
                return _answer(attempt, tries, response)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event | Answer]:
        """The answer piece by piece; the last item is the `Answer` that the pieces amount to.

        Nothing is tried again once content went out.

        Raises:
            StreamInterrupted: it broke off after content went out.
            InterlinguaError: of the last target that was tried.
        """
        request = replace(request, stream=True)
        tries = Tries(self, self.route(request.model))
        while True:
            attempt = tries.next(lambda target: prepare(self, request, target))
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
                await tries.failed(attempt, error, attempt.accumulator.usage)
            else:
                for earlier in held:
                    yield earlier
                yield _answer(attempt, tries, attempt.accumulator.response())
                return

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        for transport in self._transports.values():
            await transport.aclose()

    def access(self, provider: Provider) -> Access:
        """The way into a provider.

        Raises:
            CredentialMissing: it needs one, and there is none; the error says where it was looked for.
        """
        credential = self.credential(provider)
        if credential is None and provider.needs_credential:
            looked_in = self.credentials.looked_in(provider.id, provider.env)
            name = next((one for one in looked_in if one not in provider.auth.bearer_env), None)
            raise CredentialMissing(
                f"no credential for {provider.id}",
                looked_in=looked_in,
                remedy=f"export {name}=…" if name else "Set api_keys for this provider in the configuration.",
                alternative=self.keyless(),
                provider=provider.id,
            )
        return Access(
            headers=auth_headers(provider, credential),
            transport=self._transports[IN_PROCESS if provider.in_process else NETWORK],
            account=credential.account if credential else "",
            secrets=(credential.secret,) if credential else (),
        )


def _answer(attempt: Attempt, tries: Tries, response: ChatResponse) -> Answer:
    """The finished call."""
    record = tries.record(attempt, response.usage, service_tier=response.service_tier)
    return Answer(
        response=response,
        target=attempt.target,
        losses=tuple(attempt.exchange.context.losses),
        cost=record.cost,
        attempts=tuple(tries.records),
    )

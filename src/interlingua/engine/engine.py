"""One call through its stations: route → admit → attempt (again, or elsewhere) → account.

The engine works on canonical values alone; which hosts, keys and wires stand behind them it is handed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

from msgspec.structs import replace

from interlingua.catalog.catalog import Catalog
from interlingua.credentials.pool import chosen
from interlingua.engine.answer import Answer, AttemptRecord
from interlingua.engine.attempt import Attempt
from interlingua.engine.breaker import Breaker, ProcessRests, usable
from interlingua.engine.conversation import conversation_key
from interlingua.engine.estimate import size_of
from interlingua.engine.exchange import Access
from interlingua.engine.prepare import accounts_of, prepare
from interlingua.engine.resume import Splice
from interlingua.engine.route import PLAIN, Asking, Route
from interlingua.engine.router import Arrange, ModelAlias, Resolved, resolve
from interlingua.engine.settings import EngineSettings
from interlingua.engine.strategies import Circumstances, Entry, Latencies, Size, Strategy, arranged
from interlingua.engine.target import Target
from interlingua.engine.tries import Tries
from interlingua.errors import Cancelled, CredentialMissing, InterlinguaError, PermissionDenied
from interlingua.ports.clock import Clock
from interlingua.ports.credentials import Credentials
from interlingua.ports.rests import Rests
from interlingua.ports.transport import Transport
from interlingua.providers.auth import auth_headers
from interlingua.providers.provider import Provider
from interlingua.types.events import Event, MessageStart, UsageUpdate
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.secret import Credential

NETWORK, IN_PROCESS = "network", "in_process"
"""The ways out that an engine is handed."""
MOST_LASTING = 1024
"""Names whose targets are kept."""


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
        rests: who is not asked for now, where several engines share it.
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
        rests: Rests | None = None,
    ) -> None:
        self.catalog = catalog
        self.providers = providers
        self.aliases = aliases
        self.default_model = default_model
        self.credentials = credentials
        self.settings = settings
        self.clock = clock
        self.latencies = Latencies()
        self._lasting: dict[tuple[str, str], Resolved] = {}
        self._accesses: dict[tuple[str, str], tuple[Provider, Credential | None, Access]] = {}
        self.rests: Rests = ProcessRests() if rests is None else rests
        self.breaker = Breaker(self.rests, self.now, settings.breaker)
        self._transports = transports

    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock.time()

    @property
    def transports(self) -> Mapping[str, Transport]:
        """The ways out by name, so that another engine can take them over."""
        return self._transports

    @property
    def network(self) -> Transport:
        """The way to the network, for explicit acts such as fetching a model."""
        return self._transports[NETWORK]

    def route(self, model: str, dialect: str = "") -> list[Target]:
        """The targets that a model name stands for, in the order of the configuration.

        Args:
            model: as the caller wrote it; empty asks for the default.
            dialect: the client's; spoken upstream too where the host speaks it.

        Raises:
            ModelNotFound: none.
            ConfigError: an alias leads nowhere or in a circle.
        """
        return list(self._resolved(model, dialect).targets)

    def plan(self, model: str, dialect: str = "", asking: Asking = PLAIN) -> Route:
        """The way of one call, its targets in the order of the strategies.

        Args:
            model, dialect: as for `route`.
            asking: what is known of the call, and what it sets.

        Raises:
            ModelNotFound, ConfigError: as `route`.
            PermissionDenied: the call names targets, and one of the names stands for none that is the caller's.
        """
        if asking.targets:
            return self._named(model, dialect, asking)
        # Most names stand for the same as long as the configuration does.
        found = self._lasting.get((model, dialect)) if asking.strategy is None else None
        why: dict[str, str] = {}
        if found is None:
            found = self._resolved(model, dialect, self._arrange(asking, why), asking.strategy)
            if found.lasting and asking.strategy is None:
                if len(self._lasting) >= MOST_LASTING:
                    self._lasting.clear()  # clients make up names
                self._lasting[model, dialect] = found
        return Route(found.targets, model, why, found.fallbacks, asking, dialect)

    def _named(self, model: str, dialect: str, asking: Asking) -> Route:
        """The way of a call that names its targets itself."""
        why: dict[str, str] = {}
        fallbacks: dict[str, tuple[str, ...]] = {}
        arrange = self._arrange(asking, why)
        entries: list[Entry] = []
        for name in asking.targets:
            found = self._resolved(name, dialect, arrange)
            entries.append(Entry(_theirs(name, found.targets, asking)))
            fallbacks = {**found.fallbacks, **fallbacks}
        order = entries if asking.strategy is None else arrange(asking.strategy, entries)
        targets = {target.name: target for entry in order for target in entry.targets}
        return Route(tuple(targets.values()), model, why, fallbacks, asking, dialect)

    def _resolved(
        self, name: str, dialect: str, arrange: Arrange | None = None, strategy: Strategy | None = None
    ) -> Resolved:
        return resolve(
            name,
            catalog=self.catalog,
            providers=self.providers,
            aliases=self.aliases,
            has_credential=self.has_credential,
            default=self.default_model,
            dialect=dialect,
            arrange=arrange,
            strategy=strategy,
        )

    def _arrange(self, asking: Asking, why: dict[str, str]) -> Arrange:
        """What carries out strategies for a call; the reasons go into `why`."""

        def arrange(strategy: Strategy, entries: Sequence[Entry]) -> Sequence[Entry]:
            around = Circumstances(
                conversation=asking.conversation,
                size=asking.size or (lambda: Size(0, 0)),
                now=self.clock.time(),
                chance=self.clock.chance,
                latencies=self.latencies,
            )
            order, reasons = arranged(entries, strategy, around)
            why.update(reasons)
            return order

        return arrange

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

    async def generate(
        self, request: ChatRequest, route: Route | None = None, records: list[AttemptRecord] | None = None
    ) -> Answer:
        """The whole answer.

        Args:
            request: what is asked.
            route: the way to take; None plans it.
            records: gets every try, also where none succeeds.

        Raises:
            InterlinguaError: of the last target that was tried.
        """
        asked = request = replace(request, stream=False)
        tries = self._tries(request, route, records)
        while True:
            attempt = await tries.next(self._asks(request), lambda provider: accounts_of(asked.messages, provider))
            try:
                response = await attempt.whole()
            except InterlinguaError as error:
                await tries.failed(attempt, error)
            except asyncio.CancelledError:
                tries.broken(attempt, Cancelled("the caller left"))
                raise
            else:
                return _answer(attempt, tries, response)

    async def stream(
        self, request: ChatRequest, route: Route | None = None, records: list[AttemptRecord] | None = None
    ) -> AsyncGenerator[Event | Answer]:
        """The answer piece by piece; the last item is the `Answer` that the pieces amount to.

        Nothing is tried again once content went out; where the configuration says so, plain text is continued.

        Args:
            request: what is asked.
            route: the way to take; None plans it.
            records: gets every try, also where none succeeds.

        Raises:
            StreamInterrupted: it broke off after content went out.
            InterlinguaError: of the last target that was tried.
        """
        request = asked = replace(request, stream=True)
        tries = self._tries(request, route, records)
        splice = Splice() if tries.continues else None
        has_content = False
        while True:
            held: list[Event] = []
            try:
                attempt = await tries.next(self._asks(request), lambda provider: accounts_of(asked.messages, provider))
            except InterlinguaError as error:
                if splice is None or not has_content:
                    raise
                raise splice.interruption(error) from error
            try:
                async with aclosing(attempt.events()) as received:
                    async for event in received if splice is None else splice.joined(received):
                        # What precedes content is held back: until then another target may still take over.
                        if not has_content and isinstance(event, MessageStart | UsageUpdate):
                            held.append(event)
                            continue
                        if not has_content:
                            has_content = True
                            tries.began()
                        for earlier in held:
                            yield earlier
                        held.clear()
                        yield event
            except InterlinguaError as error:
                if splice is None or not has_content:
                    await tries.failed(attempt, error, attempt.accumulator.usage)
                elif splice.continues(error, asked) and tries.interrupted(attempt, error, attempt.accumulator.usage):
                    request = splice.request(asked)
                else:
                    tries.broken(attempt, error, attempt.accumulator.usage)
                    raise splice.interruption(error) from error
            except (asyncio.CancelledError, GeneratorExit):
                tries.broken(attempt, Cancelled("the caller left"), attempt.accumulator.usage)
                raise
            else:
                for earlier in held:
                    yield earlier
                yield _answer(attempt, tries, attempt.accumulator.response(), splice)
                return

    def _asks(self, request: ChatRequest) -> Callable[[Target, Credential | None], Attempt]:
        return lambda target, credential: prepare(self, request, target, credential=credential)

    def _tries(self, request: ChatRequest, route: Route | None, records: list[AttemptRecord] | None) -> Tries:
        if route is None:
            size = lambda: size_of(request)  # noqa: E731 - reckoned only where an order depends on it
            route = self.plan(request.model, asking=Asking(size=size))
        tries = Tries(self, route, lambda: route.asking.conversation or conversation_key(request, ""))
        if records is not None:
            tries.records = records
        return tries

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        for transport in self._transports.values():
            await transport.aclose()

    def pool(self, provider: Provider) -> tuple[Credential, ...]:
        """All of a provider's credentials, in the order of the configuration."""
        return self.credentials.every(provider.id, provider.env)

    def pick(self, provider: Provider) -> Credential | None:
        """One of a provider's credentials that do not rest, by chance and weight; None where there is none."""
        pool = self.pool(provider)
        if len(pool) < 2:
            return pool[0] if pool else None
        free, _ = usable(self.breaker, provider.id, "", pool)
        return chosen(free or pool, f"{self.clock.chance()}")

    def access(self, provider: Provider, credential: Credential | None = None) -> Access:
        """The way into a provider.

        Args:
            provider: the host.
            credential: the one to use; None is any that does not rest.

        Raises:
            CredentialMissing: it needs one, and there is none; the error says where it was looked for.
        """
        if credential is None:
            credential = self.pick(provider)
        which = provider.id, credential.profile if credential is not None else ""
        kept = self._accesses.get(which)
        if kept is not None and kept[0] is provider and kept[1] is credential:
            return kept[2]
        if credential is None and provider.needs_credential:
            looked_in = self.credentials.looked_in(provider.id, provider.env)
            name = next((one for one in looked_in if one.isidentifier() and one not in provider.auth.bearer_env), None)
            raise CredentialMissing(
                f"no credential for {provider.id}",
                looked_in=looked_in,
                remedy=f"il credentials set {provider.id}   or   export {name}=…"
                if name
                else "Set api_keys for this provider in the configuration.",
                alternative=self.keyless(),
                provider=provider.id,
            )
        found = Access(
            headers=auth_headers(provider, credential),
            transport=self._transports[IN_PROCESS if provider.in_process else NETWORK],
            account=credential.account if credential else "",
            secrets=(credential.secret,) if credential else (),
        )
        self._accesses[which] = provider, credential, found
        return found


def _theirs(name: str, targets: tuple[Target, ...], asking: Asking) -> tuple[Target, ...]:
    """Those of a name's targets that the caller may use."""
    may_use = asking.may_use
    found = targets if may_use is None else tuple(target for target in targets if may_use(name, target))
    if not found:
        raise PermissionDenied(
            f"this key may not use {name!r}", model=name, remedy="Name targets that /v1/models lists for this key."
        )
    return found


def _answer(attempt: Attempt, tries: Tries, response: ChatResponse, splice: Splice | None = None) -> Answer:
    """The finished call."""
    record = tries.record(attempt, response.usage, service_tier=response.service_tier)
    return Answer(
        response=response if splice is None else splice.response(),
        target=attempt.target,
        losses=(*tries.losses, *attempt.exchange.context.losses),
        cost=record.cost,
        attempts=tuple(tries.records),
        decisions=tuple(tries.decisions),
    )

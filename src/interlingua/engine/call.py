"""One request on its way through targets and tries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from interlingua.dialects.registry import dialect as find_dialect
from interlingua.engine.answer import Answer, AttemptRecord
from interlingua.engine.attempt import Attempt
from interlingua.engine.capabilities import admit
from interlingua.engine.continuity import view
from interlingua.engine.cost import cost_of
from interlingua.engine.defaults import with_defaults
from interlingua.engine.endpoints import speaking
from interlingua.engine.exchange import Exchange
from interlingua.engine.retry import wait_before_retry
from interlingua.engine.target import Target
from interlingua.errors import CredentialMissing, InterlinguaError, InvalidRequest, StreamInterrupted
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Origin
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.serde import dump
from interlingua.types.traits import HostTraits
from interlingua.types.usage import Usage

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine


class Call:
    """One request.

    Args:
        engine: what it is answered with.
        request: what is asked.
        dialect: the client's dialect; empty for the library.
    """

    def __init__(self, engine: Engine, request: ChatRequest, dialect: str = "") -> None:
        self._engine = engine
        self._request = request
        self._targets = engine.route(request.model)
        self._dialect = dialect
        self._at = 0
        self._tried = 0
        self._records: list[AttemptRecord] = []
        self._started = 0.0
        self._failure: InterlinguaError | None = None

    def next_attempt(self) -> Attempt:
        """The next try: at the present target, or the first of the following that can be tried at all.

        Raises:
            InterlinguaError: none is left; why the last one that was tried failed, else why the first cannot be tried.
        """
        while True:
            try:
                attempt = self._attempt(self._targets[self._at])
            except InterlinguaError as error:
                self._failure = self._failure or error
                if self._at + 1 >= len(self._targets):
                    raise self._failure from None
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
            self._failure = error
            self._next_target()
        else:
            raise error

    def answered(self, attempt: Attempt, response: ChatResponse) -> Answer:
        """The finished call."""
        record = self._record(attempt, None, response.usage, response.service_tier)
        return Answer(
            response=response,
            target=attempt.target,
            losses=tuple(attempt.exchange.context.losses),
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
            status=attempt.exchange.status,
            error=error,
            usage=usage,
            cost=cost_of(usage, attempt.target, self._started, service_tier),
        )
        self._records.append(record)
        return record

    def _attempt(self, target: Target) -> Attempt:
        engine, settings = self._engine, self._engine.settings
        target = speaking(target, self._request, self._dialect)
        request, losses = admit(self._request, target, settings.losses, self._alternatives)
        request = replace(with_defaults(request, target), model=target.model)
        access = engine.access(target.provider)
        origin = Origin(
            provider=target.provider.id, endpoint=target.dialect, model=target.model, credential=access.account
        )
        host = _host(target)
        seen = view(
            request.messages,
            origin,
            tool_call_ids=host.tool_call_ids or find_dialect(target.dialect).TOOL_CALL_IDS,
            reasoning=settings.losses.reasoning,
            portable=target.traits.reasoning_portable,
            portable_of=_portable_groups(engine, request),
        )
        request = replace(request, messages=seen.messages)
        context = TranslationContext(
            dialect=target.dialect,
            provider=target.provider.id,
            model=target.model,
            traits=target.traits,
            host=host,
            quirk=target.provider.quirk_value(target.dialect),
            origin=origin,
            seed=_seed(request),
            created=int(engine.clock.time()),
            on_loss={"setting": settings.losses.setting, "content": settings.losses.content},
            losses=[*losses, *seen.losses],
        )
        exchange = Exchange(target.provider, context, access, settings.timeouts)
        return Attempt(target=target, request=request, exchange=exchange)

    def _alternatives(self, needed: str) -> Sequence[str]:
        find = self._engine.catalog.alternatives
        abilities = {"tools": partial(find, tools=True), "reasoning": partial(find, reasoning=True)}
        if needed in abilities:
            return abilities[needed]()
        modality = needed.removesuffix(" output")
        return find(input=modality) if modality == needed else find(output=modality)


def _seed(request: ChatRequest) -> str:
    """What invented ids are made of: the same request gives the same ones."""
    try:
        return hashlib.sha256(dump(request)).hexdigest()
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            "the request holds characters that no text can (half of a surrogate pair)",
            remedy="They often come from file names or bytes that are not UTF-8: decode those with errors='replace'.",
        ) from error


def _host(target: Target) -> HostTraits:
    """The host's flavour as this model has it: older models of a host refuse what newer ones know."""
    host = target.provider.host(target.dialect)
    if host.cache_field == "prompt_cache_breakpoint" and not target.traits.cache_breakpoints:
        return replace(host, cache_field="")
    return host


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

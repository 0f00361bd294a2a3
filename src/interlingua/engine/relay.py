"""One try at a target in the verbatim lane: the client's bytes go on, the provider's come back."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from interlingua.dialects import registry
from interlingua.engine.exchange import Exchange, reading
from interlingua.engine.lanes import Lane
from interlingua.engine.prepare import origin_of
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek, Seen
from interlingua.types.accumulate import Accumulator
from interlingua.types.loss import Loss
from interlingua.types.messages import Message
from interlingua.types.usage import Usage
from interlingua.wire.cutter import json_of

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine

PASSED_DOWN = ("content-type", "retry-after")
"""Headers of an answer that reach the client as they are; the provider's request id gets another name."""
REQUEST_IDS = ("x-request-id", "request-id", "x-goog-request-id")
UPSTREAM_ID = "x-upstream-request-id"
MOST_REMEMBERED = 4 * 1024 * 1024
"""Bytes of a stream that are kept to learn whose reasoning state passed through."""
STATE_MARKS = (b"signature", b"encrypted_content", b"thoughtSignature", b"redacted_thinking", b"reasoning_details")

_TIER = re.compile(rb'"service_tier"\s*:\s*"(\w+)"')


class Relay:
    """One try.

    Args:
        engine: the way to the provider.
        target: who is asked.
        wire: the client's request, its headers those that go on.
        peek: what the lens sees of it.
        losses: headers that do not go on.
    """

    def __init__(
        self, engine: Engine, target: Target, wire: WireRequest, peek: Peek, losses: tuple[Loss, ...] = ()
    ) -> None:
        access = engine.access(target.provider)
        self.target = target
        self._lens = registry.lens(target.dialect)
        self._dialect = registry.dialect(target.dialect)
        self._context = TranslationContext(
            dialect=target.dialect,
            provider=target.provider.id,
            model=target.model,
            traits=target.traits,
            host=target.host,
            origin=origin_of(target, access),
            losses=list(losses),
        )
        ask_usage = peek.stream and target.host.usage == "asked"
        edited = self._lens.edit(wire, target.model, ask_usage=ask_usage)
        self._wire = WireRequest(
            path=edited.path, body=edited.body, headers=(*edited.headers, ("accept-encoding", "identity"))
        )
        self._exchange = Exchange(target.provider, self._context, access, engine.settings.timeouts)
        self.usage: Usage | None = None
        self.service_tier: str | None = None
        self.first_event = b""
        self.headers: tuple[tuple[str, str], ...] = ()
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    @property
    def lane(self) -> Lane:
        """The client's bytes are passed on."""
        return "verbatim"

    @property
    def account(self) -> str:
        """Whose credential it is."""
        origin = self._context.origin
        return origin.credential if origin is not None else ""

    @property
    def status(self) -> int | None:
        """The HTTP status, or None where no answer came."""
        return self._exchange.status

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be carried."""
        return tuple(self._context.losses)

    async def whole(self) -> WireResponse:
        """The provider's answer as it came, with the headers that go down.

        Raises:
            InterlinguaError: of any kind.
        """
        try:
            answer = await self._exchange.ask(self._wire)
        except InterlinguaError as error:
            self._exchange.named(error)
            raise
        self.usage = self._lens.usage(answer, self._context)
        self.service_tier = _tier(answer.body)
        return WireResponse(status=answer.status, headers=headers_down(answer.headers), body=answer.body)

    async def events(self) -> AsyncGenerator[Seen]:
        """The provider's events as they come; complete when it ends without raising.

        Raises:
            StreamInterrupted: it ended too early.
            InterlinguaError: of any other kind.
        """
        try:
            response = await self._exchange.open(self._wire, stream=True)
            self.headers = headers_down(response.headers)
            try:
                async with reading(response) as pieces, aclosing(self._watched(pieces)) as found:
                    async for seen in found:
                        yield seen
            finally:
                await response.aclose()
        except InterlinguaError as error:
            self._exchange.named(error)
            raise

    async def _watched(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[Seen]:
        watcher = self._lens.Watcher(self._context)
        timeouts, has_content = self._exchange.timeouts, False
        while True:
            limit = timeouts.idle if has_content else timeouts.idle_before_content
            piece = await self._exchange.within(anext(pieces, None), limit)
            for seen in watcher.close() if piece is None else watcher.feed(piece):
                if seen.usage is not None:
                    self.usage = seen.usage
                    self.service_tier = _tier(seen.raw) or self.service_tier
                if seen.failed is not None:
                    raise seen.failed.error()
                has_content = has_content or seen.content
                self.first_event = self.first_event or json_of(seen.raw)
                self._keep(seen.raw)
                yield seen
            if piece is None:
                return

    def message(self, answer: WireResponse) -> Message | None:
        """The answer's message, where it holds reasoning state; parsed only then."""
        if not any(mark in answer.body for mark in STATE_MARKS):
            return None
        try:
            parsed = self._dialect.parse_response(answer, self._context)
        except InterlinguaError:
            return None  # what the client got is the provider's business; we only wanted to remember
        return parsed.message if parsed.choices else None

    def streamed_message(self) -> Message | None:
        """The same of a stream that was relayed."""
        data = b"".join(self._kept)
        if self._kept_bytes > MOST_REMEMBERED or not any(mark in data for mark in STATE_MARKS):
            return None
        accumulator = Accumulator()
        parser = self._dialect.StreamParser(self._context)
        try:
            for event in (*parser.feed(data), *parser.close()):
                accumulator.add(event)
        except (InterlinguaError, ValueError):
            return None
        response = accumulator.response()
        return response.message if response.choices else None

    def _keep(self, raw: bytes) -> None:
        self._kept_bytes += len(raw)
        if self._kept_bytes <= MOST_REMEMBERED:
            self._kept.append(raw)
        elif self._kept:
            self._kept.clear()


def _tier(data: bytes) -> str | None:
    """The service tier that an answer names; within a JSON string the quotes would be escaped."""
    found = _TIER.search(data) if b"service_tier" in data else None
    return found[1].decode() if found else None


def headers_down(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The headers of a provider's answer that a client gets."""
    passed = [(name, value) for name, value in headers if name in PASSED_DOWN]
    ids = [(UPSTREAM_ID, value) for name, value in headers if name in REQUEST_IDS]
    return (*passed, *ids[:1])

"""One try at a target in the verbatim lane: the client's bytes go on, the provider's come back."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from msgspec import Struct

from interlingua.dialects import registry
from interlingua.engine import at_once
from interlingua.engine.exchange import Exchange, OneExchange, content_type, reading
from interlingua.engine.lanes import Lane
from interlingua.engine.prepare import origin_of
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek, Seen, Watcher
from interlingua.ports.transport import HttpResponse
from interlingua.types.accumulate import Accumulator
from interlingua.types.loss import Loss
from interlingua.types.messages import Message
from interlingua.types.response import ChatResponse, FinishReason
from interlingua.types.secret import Credential
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


class Piece(Struct, frozen=True, gc=False):
    """A part of an answer's bytes; `content` where a client would show something of it."""

    data: bytes
    content: bool


_TIER = re.compile(rb'"service_tier"\s*:\s*"(\w+)"')


class Relay(OneExchange):
    """One try.

    Args:
        engine: the way to the provider.
        target: who is asked.
        wire: the client's request, its headers those that go on.
        peek: what the lens sees of it.
        losses: headers that do not go on.
        credential: the one to use; None is the provider's first.
    """

    def __init__(
        self,
        engine: Engine,
        target: Target,
        wire: WireRequest,
        peek: Peek,
        losses: tuple[Loss, ...] = (),
        credential: Credential | None = None,
    ) -> None:
        access = engine.access(target.provider, credential)
        self.target = target
        self._asked = wire
        self._lens = registry.lens(target.dialect)
        self._dialect = registry.dialect(target.dialect)
        self._context = TranslationContext(
            dialect=target.dialect,
            provider=target.provider.id,
            model=target.model,
            traits=target.traits,
            host=target.host,
            origin=origin_of(target, access),
            created=int(engine.clock.time()),
            losses=list(losses),
        )
        ask_usage = peek.stream and target.host.usage == "asked"
        edited = self._lens.edit(wire, target.model, ask_usage=ask_usage)
        self._wire = WireRequest(
            path=edited.path, body=edited.body, headers=(*edited.headers, ("accept-encoding", "identity"))
        )
        self.exchange = Exchange(target.provider, self._context, access, engine.settings.timeouts)
        self._tells_usage = peek.asks_usage
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self._called = False
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
    def losses(self) -> tuple[Loss, ...]:
        """What could not be carried."""
        return tuple(self._context.losses)

    async def whole(self) -> WireResponse:
        """The provider's answer as it came, with the headers that go down.

        Raises:
            InterlinguaError: of any kind.
        """
        try:
            answer = await self.exchange.ask(self._wire)
        except InterlinguaError as error:
            self.exchange.named(error)
            raise
        self.usage = self._lens.usage(answer, self._context)
        self.finish = self._lens.finish(answer.body)
        self.service_tier = _tier(answer.body)
        return WireResponse(status=answer.status, headers=headers_down(answer.headers), body=answer.body)

    async def pieces(self) -> AsyncGenerator[Piece]:
        """The provider's bytes as they come, whole events only; complete when it ends without raising.

        Raises:
            StreamInterrupted: it ended too early.
            InterlinguaError: of any other kind.
        """
        try:
            response = await self.exchange.open(self._wire, stream=True)
            self.headers = headers_down(response.headers)
            try:
                async with reading(response, self.target.provider.id, self.exchange.deadline) as next_piece:
                    watcher = self._watching(response)
                    limit = self.exchange.timeouts.idle_before_content
                    data: bytes | None = b""
                    while data is not None:
                        data = await next_piece(limit)
                        for seen in watcher.close() if data is None else watcher.feed(data):
                            if seen.usage is not None or seen.failed is not None or seen.called or seen.terminal:
                                self._note(seen)
                            self._keep(seen.raw)
                            if seen.content:
                                limit = self.exchange.timeouts.idle
                            if not seen.only_usage or self._tells_usage:
                                yield Piece(seen.raw, seen.content or seen.terminal)
            finally:
                await response.aclose()
        except InterlinguaError as error:
            self.exchange.named(error)
            raise

    def _watching(self, response: HttpResponse) -> Watcher:
        """What watches the stream, or makes one of an answer that came at once."""
        whole = content_type(response) == at_once.CONTENT_TYPE
        return at_once.AtOnce(self._asked, self._context) if whole else self._lens.Watcher(self._context)

    def _note(self, seen: Seen) -> None:
        """Takes down what an event says of usage and of its end; raises the error that it says."""
        if seen.called:
            self._called = True
        if seen.usage is not None:
            self.usage = seen.usage
            self.service_tier = _tier(seen.raw) or self.service_tier
        if seen.usage is not None or seen.terminal:
            self.finish = self._lens.finish(seen.raw, called=self._called) or self.finish
        if seen.failed is not None:
            raise seen.failed.error()

    def _keep(self, raw: bytes) -> None:
        self.first_event = self.first_event or json_of(raw)
        self._kept_bytes += len(raw)
        if self._kept_bytes <= MOST_REMEMBERED:
            self._kept.append(raw)
        elif self._kept:
            self._kept.clear()

    def message(self, answer: WireResponse) -> Message | None:
        """The answer's message, where it holds reasoning state; parsed only then."""
        found = self.response(answer) if _may_hold_state(answer.body) else None
        return found.message if found is not None else None

    def response(self, answer: WireResponse) -> ChatResponse | None:
        """The answer as values; None where it is no answer of this dialect, or holds none."""
        try:
            parsed = self._dialect.parse_response(answer, self._context)
        except InterlinguaError:
            return None  # what the client got is the provider's business; we only wanted to remember
        return parsed if parsed.choices else None

    def streamed_message(self) -> Message | None:
        """The same of a stream that was relayed."""
        data = b"".join(self._kept)
        found = self.streamed_response() if _may_hold_state(data) else None
        return found.message if found is not None else None

    def streamed_response(self) -> ChatResponse | None:
        """The same of its values; None where it was too long to be kept."""
        if self._kept_bytes > MOST_REMEMBERED:
            return None
        data = b"".join(self._kept)
        accumulator = Accumulator()
        parser = self._dialect.StreamParser(self._context)
        try:
            for event in (*parser.feed(data), *parser.close()):
                accumulator.add(event)
        except (InterlinguaError, ValueError):
            return None
        response = accumulator.response()
        return response if response.choices else None


def _may_hold_state(data: bytes) -> bool:
    for mark in STATE_MARKS:  # a generator would take as long as all the searches  # noqa: SIM110
        if mark in data:
            return True
    return False


def _tier(data: bytes) -> str | None:
    """The service tier that an answer names; within a JSON string the quotes would be escaped."""
    found = _TIER.search(data) if b"service_tier" in data else None
    return found[1].decode() if found else None


def headers_down(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The headers of a provider's answer that a client gets."""
    passed = [(name, value) for name, value in headers if name in PASSED_DOWN]
    ids = [(UPSTREAM_ID, value) for name, value in headers if name in REQUEST_IDS]
    return (*passed, *ids[:1])

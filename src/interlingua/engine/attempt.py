"""One try at a target: render, send, parse. Every failure leaves here as an error of the tree."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interlingua.dialects.registry import dialect as find_dialect
from interlingua.engine.called_tools import CalledTools
from interlingua.engine.exchange import Exchange, OneExchange, content_type, reading
from interlingua.engine.lanes import Lane
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError, StreamInterrupted
from interlingua.ports.dialect import Dialect
from interlingua.types.accumulate import Accumulator, unfold
from interlingua.types.events import Event, Failed, MessageStart, UsageUpdate
from interlingua.types.loss import Loss
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.usage import Usage

if TYPE_CHECKING:
    from interlingua.engine.emulated_tools import EmulatedTools


@dataclass(slots=True)
class Attempt(OneExchange):
    """One try.

    Args:
        target: where to.
        request: what to ask, as continuity lets the target see it.
        exchange: the way there; its context collects the losses.
    """

    target: Target
    request: ChatRequest
    exchange: Exchange
    accumulator: Accumulator = field(default_factory=Accumulator)
    _dialect: Dialect = field(init=False)
    _called: CalledTools = field(init=False)
    _emulated: EmulatedTools | None = None
    _has_content: bool = False

    @property
    def lane(self) -> Lane:
        """What is sent is rendered from canonical values."""
        return "translated"

    @property
    def usage(self) -> Usage | None:
        """What it consumed so far."""
        return self.accumulator.usage

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be carried."""
        return tuple(self.exchange.context.losses)

    def __post_init__(self) -> None:
        self._dialect = find_dialect(self.target.dialect)
        self._called = CalledTools(self.request)
        if self.target.traits.tools is False:
            from interlingua.engine.emulated_tools import EmulatedTools, needs_emulation  # few models need it

            if needs_emulation(self.request):
                self._emulated = EmulatedTools(self.request, self.exchange.context.seed)

    @property
    def asked(self) -> ChatRequest:
        """The request as the target's dialect renders it: where the model has no tools, they are words."""
        return self.request if self._emulated is None else self._emulated.request()

    async def whole(self) -> ChatResponse:
        """Asks for the answer at once.

        Raises:
            InterlinguaError: of any kind.
        """
        context = self.exchange.context
        try:
            answer = await self.exchange.ask(self._dialect.render_request(self.asked, context))
            response = self._dialect.parse_response(answer, context)
            return self._called.restore(response if self._emulated is None else self._emulated.restore(response))
        except InterlinguaError as error:
            self.exchange.named(error)
            raise

    async def events(self) -> AsyncGenerator[Event]:
        """Asks for the answer piece by piece; complete when it ends without raising.

        Raises:
            StreamInterrupted: it broke off after content came; partial answer and usage are in the error.
            InterlinguaError: of any other kind, before content came.
        """
        try:
            wire = self._dialect.render_request(self.asked, self.exchange.context)
            response = await self.exchange.open(wire, stream=True)
            try:
                if content_type(response) == "application/json":
                    # Some hosts ignore `stream` and answer at once; the answer is as good as a stream.
                    answer = await self.exchange.whole(response)
                    for event in self._taken(unfold(self._dialect.parse_response(answer, self.exchange.context))):
                        yield event
                    return
                parser = self._dialect.StreamParser(self.exchange.context)
                async with reading(response, self.exchange.provider.id, self.exchange.deadline) as next_piece:
                    piece: bytes | None = b""
                    while piece is not None:
                        timeouts = self.exchange.timeouts
                        piece = await next_piece(timeouts.idle if self._has_content else timeouts.idle_before_content)
                        for event in self._taken(parser.close() if piece is None else parser.feed(piece)):
                            yield event
            finally:
                await response.aclose()
        except InterlinguaError as error:
            broken = self._after_content(self.exchange.named(error))
            if broken is error:
                raise
            raise broken from error

    def _taken(self, received: Iterable[Event]) -> Iterator[Event]:
        """Events on their way on; raises the failure that one of them is, after those before it went on."""
        for one in received:
            if isinstance(one, Failed):
                raise one.error()
            for event in self._restored(one):
                self.accumulator.add(event)
                if not self._has_content and not isinstance(event, MessageStart | UsageUpdate):
                    self._has_content = True
                yield event

    def _restored(self, event: Event) -> Iterable[Event]:
        if self._emulated is None:
            return self._called.restore_event(event)
        return [each for one in self._emulated.restore_event(event) for each in self._called.restore_event(one)]

    def _after_content(self, error: InterlinguaError) -> InterlinguaError:
        """What a failure is once content came: an interruption that holds it."""
        if not self._has_content or (isinstance(error, StreamInterrupted) and error.partial is not None):
            return error
        partial = self.accumulator.response()
        return StreamInterrupted(
            error.message if isinstance(error, StreamInterrupted) else f"the answer broke off: {error.message}",
            partial=partial,
            usage=partial.usage,
            provider=error.provider,
            model=error.model,
            request_id=error.request_id,
            raw_code=error.raw_code or error.code,
        )

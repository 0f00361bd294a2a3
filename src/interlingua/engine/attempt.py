"""One try at a target: render, send, parse. Every failure leaves here as an error of the tree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from interlingua.dialects.registry import dialect as find_dialect
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError, StreamInterrupted, TimedOut
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import Dialect, WireResponse
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts, Transport
from interlingua.types.accumulate import Accumulator, unfold
from interlingua.types.events import Event, Failed, MessageStart, UsageUpdate
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse

T = TypeVar("T")


@dataclass(slots=True)
class Attempt:
    """One try.

    Args:
        target: where to.
        request: what to ask, as continuity lets the target see it.
        context: what the translation may know; collects the losses.
        headers: authentication and the provider's own.
        transport: the way there.
        timeouts: time limits.
    """

    target: Target
    request: ChatRequest
    context: TranslationContext
    headers: tuple[tuple[str, str], ...]
    transport: Transport
    timeouts: Timeouts
    status: int | None = None
    accumulator: Accumulator = field(default_factory=Accumulator)
    _dialect: Dialect = field(init=False)
    _has_content: bool = False

    def __post_init__(self) -> None:
        self._dialect = find_dialect(self.target.dialect)

    async def whole(self) -> ChatResponse:
        """Asks for the answer at once.

        Raises:
            InterlinguaError: of any kind.
        """
        response = await self._send(stream=False)
        try:
            return await self._parse_whole(response)
        finally:
            await response.aclose()

    async def events(self) -> AsyncGenerator[Event]:
        """Asks for the answer piece by piece; complete when it ends without raising.

        Raises:
            StreamInterrupted: it broke off after content came; partial answer and usage are in the error.
            InterlinguaError: of any other kind, before content came.
        """
        response = await self._send(stream=True)
        try:
            async for event in self._read_events(response):
                if isinstance(event, Failed):
                    raise self._named(event.error())
                self.accumulator.add(event)
                if not isinstance(event, MessageStart | UsageUpdate):
                    self._has_content = True
                yield event
        except InterlinguaError as error:
            raise self._after_content(error) from error
        finally:
            await response.aclose()

    async def _send(self, *, stream: bool) -> HttpResponse:
        wire = self._dialect.render_request(self.request, self.context)
        request = HttpRequest(
            url=self.target.provider.url(self.target.dialect, wire.path, self.target.model),
            headers=(("content-type", "application/json"), *wire.headers, *self.headers),
            body=wire.body,
            stream=stream,
            timeouts=self.timeouts,
        )
        try:
            response = await self.transport.send(request)
        except InterlinguaError as error:
            self._named(error)
            raise
        self.status = response.status
        if 200 <= response.status < 300:
            return response
        try:
            body = await self._read(response)
        finally:
            await response.aclose()
        failed = WireResponse(status=response.status, headers=response.headers, body=body)
        raise self._dialect.parse_error(failed, self.context)

    async def _read(self, response: HttpResponse) -> bytes:
        return await self._within(response.read(), self.timeouts.idle)

    async def _parse_whole(self, response: HttpResponse) -> ChatResponse:
        body = await self._within(response.read(), self.timeouts.first_byte_whole)
        return self._dialect.parse_response(
            WireResponse(status=response.status, headers=response.headers, body=body), self.context
        )

    async def _read_events(self, response: HttpResponse) -> AsyncIterator[Event]:
        if _is_whole_json(response):
            # Some hosts ignore `stream` and answer at once; the answer is as good as a stream.
            for event in unfold(await self._parse_whole(response)):
                yield event
            return
        parser = self._dialect.StreamParser(self.context)
        pieces = aiter(response.stream())
        while True:
            limit = self.timeouts.idle if self._has_content else self.timeouts.idle_before_content
            piece = await self._within(anext(pieces, None), limit)
            if piece is None:
                break
            for event in parser.feed(piece):
                yield event
        for event in parser.close():
            yield event

    async def _within(self, waiting: Awaitable[T], limit: float | None) -> T:
        try:
            async with asyncio.timeout(limit):
                return await waiting
        except TimeoutError as error:
            raise TimedOut(
                f"{self.target.provider.id} sent nothing for {limit:g} s",
                phase="idle",
                provider=self.target.provider.id,
                model=self.target.model,
            ) from error

    def _named(self, error: InterlinguaError) -> InterlinguaError:
        error.provider = error.provider or self.target.provider.id
        error.model = error.model or self.target.model
        return error

    def _after_content(self, error: InterlinguaError) -> InterlinguaError:
        """What a failure is once content came: an interruption that holds it."""
        self._named(error)
        if not self._has_content or (isinstance(error, StreamInterrupted) and error.partial is not None):
            return error
        partial = self.accumulator.response()
        return StreamInterrupted(
            f"the answer broke off: {error.message}",
            partial=partial,
            usage=partial.usage,
            provider=error.provider,
            model=error.model,
            request_id=error.request_id,
            raw_code=error.raw_code or error.code,
        )


def _is_whole_json(response: HttpResponse) -> bool:
    kind = next((value for name, value in response.headers if name == "content-type"), "")
    return kind.partition(";")[0].strip().lower() == "application/json"

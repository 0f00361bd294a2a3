"""One try at a target: render, send, parse. Every failure leaves here as an error of the tree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from interlingua.dialects.registry import dialect as find_dialect
from interlingua.engine.custom_tools import CustomTools
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError, StreamInterrupted, TimedOut, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import Dialect, WireResponse
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts, Transport
from interlingua.types.accumulate import Accumulator, unfold
from interlingua.types.events import Event, Failed, MessageStart, UsageUpdate
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.secret import Secret
from interlingua.wire.redact import redact

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
        secrets: what no error may show, should the provider repeat it.
    """

    target: Target
    request: ChatRequest
    context: TranslationContext
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    transport: Transport
    timeouts: Timeouts
    secrets: tuple[Secret, ...] = ()
    status: int | None = None
    accumulator: Accumulator = field(default_factory=Accumulator)
    _dialect: Dialect = field(init=False)
    _custom: CustomTools = field(init=False)
    _has_content: bool = False

    def __post_init__(self) -> None:
        self._dialect = find_dialect(self.target.dialect)
        self._custom = CustomTools(self.request)

    async def whole(self) -> ChatResponse:
        """Asks for the answer at once.

        Raises:
            InterlinguaError: of any kind.
        """
        try:
            response = await self._send(stream=False)
            try:
                return self._custom.restore(await self._parse_whole(response))
            finally:
                await response.aclose()
        except InterlinguaError as error:
            self._named(error)
            raise

    async def events(self) -> AsyncGenerator[Event]:
        """Asks for the answer piece by piece; complete when it ends without raising.

        Raises:
            StreamInterrupted: it broke off after content came; partial answer and usage are in the error.
            InterlinguaError: of any other kind, before content came.
        """
        try:
            response = await self._send(stream=True)
            try:
                async for received in self._read_events(response):
                    if isinstance(received, Failed):
                        raise received.error()
                    for event in self._custom.restore_event(received):
                        self.accumulator.add(event)
                        if not isinstance(event, MessageStart | UsageUpdate):
                            self._has_content = True
                        yield event
            finally:
                await response.aclose()
        except InterlinguaError as error:
            broken = self._after_content(self._named(error))
            if broken is error:
                raise
            raise broken from error

    async def _send(self, *, stream: bool) -> HttpResponse:
        wire = self._dialect.render_request(self.request, self.context)
        request = HttpRequest(
            url=self.target.provider.url(self.target.dialect, wire.path, self.target.model),
            headers=_merged((("content-type", "application/json"),), wire.headers, self.headers),
            body=wire.body,
            stream=stream,
            timeouts=self.timeouts,
        )
        response = await self.transport.send(request)
        self.status = response.status
        if 200 <= response.status < 300:
            if _content_type(response) == "text/html":
                await response.aclose()
                raise self._not_an_api("answered with a web page")
            return response
        if 300 <= response.status < 400:
            await response.aclose()
            raise self._not_an_api(f"redirects{_elsewhere(response)}, which is not followed")
        try:
            body = await self._read(response)
        except InterlinguaError:
            body = b""  # the status alone says more than that its explanation broke off
        finally:
            await response.aclose()
        failed = WireResponse(status=response.status, headers=response.headers, body=body)
        raise self._dialect.parse_error(failed, self.context)

    def _not_an_api(self, what: str) -> UpstreamError:
        return UpstreamError(
            f"{self.target.provider.id} {what} (status {self.status})",
            upstream_status=self.status,
            remedy="Check the provider's base_url, and that no proxy or sign-in page stands in between.",
            retryable=False,
        )

    async def _read(self, response: HttpResponse) -> bytes:
        return await self._within(response.read(), self.timeouts.idle)

    async def _parse_whole(self, response: HttpResponse) -> ChatResponse:
        body = await self._within(response.read(), self.timeouts.first_byte_whole)
        return self._dialect.parse_response(
            WireResponse(status=response.status, headers=response.headers, body=body), self.context
        )

    async def _read_events(self, response: HttpResponse) -> AsyncIterator[Event]:
        if _content_type(response) == "application/json":
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
        # Providers repeat the key that they refuse, and addresses that they were asked at.
        error.message, error.remedy = (redact(text, self.secrets) for text in (error.message, error.remedy))
        error.args = (error.message,)
        if error.raw_code:
            error.raw_code = redact(error.raw_code, self.secrets)
        return error

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


def _merged(*headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """All headers, each name once: later ones win."""
    return tuple({name: value for some in headers for name, value in some}.items())


def _elsewhere(response: HttpResponse) -> str:
    """Where a redirect leads: the host alone, because the rest may hold what is nobody's business."""
    try:
        place = urlsplit(dict(response.headers).get("location", "")).hostname
    except ValueError:
        place = None
    return f" to {place}" if place else ""


def _content_type(response: HttpResponse) -> str:
    kind = next((value for name, value in response.headers if name == "content-type"), "")
    return kind.partition(";")[0].strip().lower()

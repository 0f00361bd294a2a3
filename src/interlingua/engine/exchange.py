"""One request to a host and its answer's head: what every call does alike, whatever it asks for.

Every failure leaves here as an error of the tree that names provider and model and holds no secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from interlingua.dialects.registry import dialect as find_dialect
from interlingua.errors import InterlinguaError, TimedOut, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts, Transport
from interlingua.providers.provider import Provider
from interlingua.types.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """The way into a provider.

    Args:
        headers: authentication, and the provider's own.
        transport: the way there.
        account: what reasoning state may be bound to; empty without a credential.
        secrets: what no error may show, should the provider repeat it.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    transport: Transport
    account: str = ""
    secrets: tuple[Secret, ...] = ()


@dataclass(slots=True)
class Exchange:
    """One request.

    Args:
        provider: who is asked.
        context: names the dialect and the model.
        access: the way there.
        timeouts: time limits.
    """

    provider: Provider
    context: TranslationContext
    access: Access
    timeouts: Timeouts
    status: int | None = None

    async def open(self, wire: WireRequest, *, stream: bool) -> HttpResponse:
        """A response that is a success; must be closed.

        Raises:
            InterlinguaError: any other.
        """
        request = HttpRequest(
            method=wire.method,
            url=self.provider.url(self.context.dialect, wire.path, self.context.model),
            headers=_merged((("content-type", "application/json"),), wire.headers, self.access.headers),
            body=wire.body,
            stream=stream,
            timeouts=self.timeouts,
        )
        response = await self.access.transport.send(request)
        self.status = response.status
        if 200 <= response.status < 300:
            if content_type(response) == "text/html":
                await response.aclose()
                raise self._not_an_api("answered with a web page")
            return response
        if 300 <= response.status < 400:
            await response.aclose()
            raise self._not_an_api(f"redirects{_elsewhere(response)}, which is not followed")
        try:
            body = await self.within(response.read(), self.timeouts.idle)
        except InterlinguaError:
            body = b""  # the status alone says more than that its explanation broke off
        finally:
            await response.aclose()
        failed = WireResponse(status=response.status, headers=response.headers, body=body)
        raise find_dialect(self.context.dialect).parse_error(failed, self.context)

    async def whole(self, response: HttpResponse) -> WireResponse:
        """A success with its body."""
        body = await self.within(response.read(), self.timeouts.first_byte_whole)
        return WireResponse(status=response.status, headers=response.headers, body=body)

    async def ask(self, wire: WireRequest) -> WireResponse:
        """A whole success.

        Raises:
            InterlinguaError: any other.
        """
        response = await self.open(wire, stream=False)
        try:
            return await self.whole(response)
        finally:
            await response.aclose()

    async def within(self, waiting: Awaitable[T], limit: float | None) -> T:
        """What comes of waiting, if it comes in time.

        Raises:
            TimedOut: phase `idle`.
        """
        try:
            async with asyncio.timeout(limit):
                return await waiting
        except TimeoutError as error:
            raise TimedOut(f"{self.provider.id} sent nothing for {limit:g} s", phase="idle") from error

    def named(self, error: InterlinguaError) -> InterlinguaError:
        """The error with the names of those concerned, and without secrets."""
        error.provider = error.provider or self.provider.id
        error.model = error.model or self.context.model or None
        from interlingua.wire.redact import redact  # its patterns take their time, and only errors need them

        # Providers repeat the key that they refuse, and addresses that they were asked at.
        for name, value in vars(error).items():
            if isinstance(value, str):
                setattr(error, name, redact(value, self.access.secrets))
        error.args = (error.message,)
        return error

    def _not_an_api(self, what: str) -> UpstreamError:
        return UpstreamError(
            f"{self.provider.id} {what} (status {self.status})",
            upstream_status=self.status,
            remedy="Check the provider's base_url, and that no proxy or sign-in page stands in between.",
            retryable=False,
        )


@asynccontextmanager
async def reading(response: HttpResponse) -> AsyncIterator[AsyncIterator[bytes]]:
    """A response's body piece by piece; what reads it ends with the context, and not when memory is tidied up."""
    pieces = response.stream()
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


def content_type(response: HttpResponse) -> str:
    """The media type of a response, without parameters."""
    kind = next((value for name, value in response.headers if name == "content-type"), "")
    return kind.partition(";")[0].strip().lower()


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

"""One request to a host and its answer's head: what every call does alike, whatever it asks for.

Every failure leaves here as an error of the tree that names provider and model and holds no secret.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TypeVar
from urllib.parse import urlsplit

from interlingua.dialects.registry import dialect as find_dialect
from interlingua.engine.deadline import Deadline, late
from interlingua.errors import InterlinguaError, TimedOut, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts, Transport
from interlingua.providers.provider import Provider
from interlingua.types.secret import Secret

T = TypeVar("T")

_LONGEST = 4_000
"""Letters of what a provider says of a failure; some repeat the whole request."""
_TITLE = re.compile(rb"<title[^>]*>(.{1,300}?)</title>", re.IGNORECASE | re.DOTALL)


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
        deadline: by when all must be over; None is no such limit.

    Attributes:
        head: seconds until the head of the answer came; None where none came.
    """

    provider: Provider
    context: TranslationContext
    access: Access
    timeouts: Timeouts
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    deadline: Deadline | None = None
    head: float | None = None

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
        sending = self.access.transport.send(request)
        began = monotonic()
        response = await (sending if self.deadline is None else self.within(sending, None))
        self.head = monotonic() - began
        self.status, self.headers = response.status, response.headers
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
        if content_type(response) == "text/html":
            body = _headline(body)
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
            TimedOut: phase `idle`, or `deadline`.
        """
        patience = Patience(self.provider.id, self.deadline)
        try:
            return await patience.wait(waiting, limit)
        finally:
            patience.stop()

    def named(self, error: InterlinguaError) -> InterlinguaError:
        """The error with the names of those concerned, and without secrets."""
        error.provider = error.provider or self.provider.id
        error.model = error.model or self.context.model or None
        from interlingua.wire.redact import redact  # its patterns take their time, and only errors need them

        # Providers repeat the key that they refuse, and addresses that they were asked at.
        for name, value in vars(error).items():
            if isinstance(value, str):
                setattr(error, name, redact(value, self.access.secrets)[:_LONGEST])
        error.args = (error.message,)
        return error

    def _not_an_api(self, what: str) -> UpstreamError:
        return UpstreamError(
            f"{self.provider.id} {what} (status {self.status})",
            upstream_status=self.status,
            remedy="Check the provider's base_url, and that no proxy or sign-in page stands in between.",
            retryable=False,
        )


class OneExchange:
    """What a try tells of itself that is one exchange (`tries.Try`); `exchange` is its."""

    __slots__ = ()
    exchange: Exchange

    @property
    def status(self) -> int | None:
        """The HTTP status, or None where no answer came."""
        return self.exchange.status

    @property
    def answer_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of the answer; none where none came."""
        return self.exchange.headers

    @property
    def head(self) -> float | None:
        """Seconds until the head of the answer came; None where none came."""
        return self.exchange.head

    def bound(self, deadline: Deadline | None) -> None:
        """Sets the moment by which it must be over, or its first piece be there; None is none."""
        self.exchange.deadline = deadline


class Patience:
    """Bounds waits for a provider, with one timer for all of them.

    A timer that is set and cancelled for every piece of a stream costs more than everything else that is done for it.
    So this one is left alone while pieces come, and looks only when it goes off how long the present wait has lasted.

    Args:
        provider: who is waited for, for the error.
        deadline: of the whole call, where it has one.
    """

    __slots__ = ("_cancelling", "_deadline", "_expired", "_limit", "_loop", "_provider", "_since", "_task", "_timer")

    def __init__(self, provider: str, deadline: Deadline | None = None) -> None:
        self._provider = provider
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._since = 0.0
        self._limit = 0.0
        self._cancelling = 0
        self._expired = False

    async def wait(self, waiting: Awaitable[T], limit: float | None) -> T:
        """What comes of waiting, if it comes in time.

        Args:
            waiting: what is waited for.
            limit: seconds; None waits for ever.

        Raises:
            TimedOut: phase `idle`, or `deadline`.
        """
        deadline = self._deadline
        if deadline is not None and deadline.is_met:
            deadline = self._deadline = None
        if deadline is not None:
            left = deadline.left
            if limit is None or left < limit:
                limit = left
            else:
                deadline = None
        if limit is not None:
            self._begin(limit)
        try:
            return await waiting
        except asyncio.CancelledError as error:
            if self._expired and self._task is not None and self._task.uncancel() <= self._cancelling:
                if deadline is not None:
                    raise late(deadline) from error
                raise TimedOut(f"{self._provider} sent nothing for {limit:g} s", phase="idle") from error
            raise
        finally:
            self._task = None

    async def next(self, pieces: AsyncIterator[bytes], limit: float | None) -> bytes | None:
        """The next piece of a stream, or None after the last.

        Raises:
            TimedOut: phase `idle`.
        """
        try:
            return await self.wait(pieces.__anext__(), limit)
        except StopAsyncIteration:
            return None

    def stop(self) -> None:
        """No more is waited for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self, limit: float) -> None:
        self._task = task = asyncio.current_task(self._loop)
        self._cancelling = task.cancelling() if task is not None else 0
        self._since = self._loop.time()
        if limit != self._limit:
            self.stop()
            self._limit = limit
        if self._timer is None:
            self._timer = self._loop.call_later(limit, self._due)

    def _due(self) -> None:
        self._timer = None
        left = self._since + self._limit - self._loop.time()
        if self._task is None or left > 0:
            self._timer = self._loop.call_later(left if left > 0 else self._limit, self._due)
        else:
            self._expired = True
            self._task.cancel()


Reader = Callable[[float | None], Awaitable[bytes | None]]
"""Given a time limit in seconds: the next piece, or None after the last."""


@asynccontextmanager
async def reading(response: HttpResponse, provider: str, deadline: Deadline | None = None) -> AsyncIterator[Reader]:
    """A response's body piece by piece; what reads it ends with the context, and not when memory is tidied up.

    Args:
        response: whose.
        provider: who sends it, for errors.
        deadline: of the whole call, where it has one.
    """
    pieces = response.stream()
    patience = Patience(provider, deadline)
    try:
        yield partial(patience.next, pieces)
    finally:
        patience.stop()
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


def content_type(response: HttpResponse) -> str:
    """The media type of a response, without parameters."""
    for name, value in response.headers:
        if name == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""


def _merged(*headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """All headers, each name once: later ones win."""
    return tuple({name: value for some in headers for name, value in some}.items())


def _headline(page: bytes) -> bytes:
    """What a web page says of itself in its title, as those of proxies do; nothing without one."""
    found = _TITLE.search(page)
    if found is None:
        return b""
    from html import unescape  # a table of some thousand names, for failures alone

    title = unescape(found[1].decode("utf-8", "replace"))
    return f"a web page came instead: {' '.join(title.split())}".encode()


def _elsewhere(response: HttpResponse) -> str:
    """Where a redirect leads: the host alone, because the rest may hold what is nobody's business."""
    try:
        place = urlsplit(dict(response.headers).get("location", "")).hostname
    except ValueError:
        place = None
    return f" to {place}" if place else ""

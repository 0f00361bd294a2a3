"""A question on one of our own paths: who asks, what the path and query held, and the body as a value."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from interlingua.engine.principal import Principal
from interlingua.errors import InvalidRequest
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.state import State
from interlingua.ports.dialect import WireResponse

T = TypeVar("T")
JSON = (("content-type", "application/json"), ("cache-control", "no-store"))
MOST_ITEMS = 200


class Asked(Struct, frozen=True):
    """One question.

    Args:
        state: the gateway.
        incoming: the request.
        principal: who asks.
        values: what the path held, in order.
        send: the way out, for answers that are streams.
    """

    state: State
    incoming: Incoming
    principal: Principal
    values: tuple[str, ...]
    send: Send

    @property
    def tenant(self) -> str:
        """Whose things are asked for."""
        return self.principal.tenant

    def query(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        found = parse_qs(self.incoming.query, keep_blank_values=True).get(name)
        return found[-1] if found else default

    def queries(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return parse_qs(self.incoming.query).get(name, [])

    def flag(self, name: str) -> bool | None:
        """A parameter that is true or false; None where it is not given.

        Raises:
            InvalidRequest: it is neither.
        """
        text = self.query(name).lower()
        if text not in ("", "true", "1", "false", "0"):
            raise InvalidRequest(f"{name} must be true or false", path=name)
        return None if not text else text in ("true", "1")

    def limit(self, default: int = 50, most: int = MOST_ITEMS) -> int:
        """How many items are asked for.

        Raises:
            InvalidRequest: it is no number of items.
        """
        text = self.query("limit") or str(default)
        if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= most):
            raise InvalidRequest(f"limit must be 1 to {most}", path="limit")
        return int(text)

    @asynccontextmanager
    async def until_gone(self) -> AsyncIterator[None]:
        """Work that ends when the client leaves, as if it had come to its end."""
        task = asyncio.current_task()
        assert task is not None
        watcher = self.incoming.watch(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self.incoming.gone:
                raise
        finally:
            watcher.cancel()

    async def body(self, kind: type[T]) -> T:
        """The body as a value of that type.

        Raises:
            InvalidRequest: it is not one; the path of what is wrong is named.
        """
        data = await self.incoming.body(self.state.config.server.max_body)
        try:
            return msgspec.json.decode(data or b"{}", type=kind)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `")
            raise InvalidRequest(message, path=path.rstrip("`").removeprefix("$.").removeprefix("$")) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(f"the body is not JSON: {error}") from error


Handler: TypeAlias = Callable[[Asked], Awaitable[WireResponse | None]]
"""Answers a question, or None where it sent the answer itself."""


def json_answer(value: Any, *, status: int = 200) -> WireResponse:
    """A value as JSON."""
    return WireResponse(status=status, headers=JSON, body=msgspec.json.encode(value))


def tagged(asked: Asked, value: Any) -> WireResponse:
    """A value as JSON with its tag; 304 where the client has it already."""
    body = msgspec.json.encode(value)
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = (("content-type", "application/json"), ("cache-control", "private, no-cache"), ("etag", tag))
    if asked.incoming.header("if-none-match").removeprefix("W/") == tag:
        return WireResponse(status=304, headers=headers)
    return WireResponse(headers=headers, body=body)


def nothing() -> WireResponse:
    """204."""
    return WireResponse(status=204)


def time_of(microseconds: int | None) -> str | None:
    """RFC 3339 in UTC, of microseconds since 1970."""
    if microseconds is None:
        return None
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dollars(pico: int | None) -> str | None:
    """Pico-dollars as a decimal text in dollars; None is unknown."""
    if pico is None:
        return None
    whole, rest = divmod(abs(pico), 10**12)
    text = f"{whole}.{rest:012d}".rstrip("0").rstrip(".")
    return f"-{text}" if pico < 0 else text

"""What every dialect offers: the same names in each, both directions, without I/O.

A dialect is a package under `dialects/` whose `__init__` exports these names; `registry.py` hands it out as a
`Dialect`. Parsing takes wire bytes to canonical values, rendering the reverse; `context` carries everything else.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.types.events import Event
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.traits import ToolCallIds


class WireRequest(Struct, frozen=True, kw_only=True):
    """A request as it goes over the wire.

    Args:
        path: below the endpoint's base address, with query; begins with `/`.
        body: the JSON text.
        headers: those that the dialect itself demands; names in lower case. Authentication is not among them.
    """

    path: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class WireResponse(Struct, frozen=True, kw_only=True):
    """A whole response; header names in lower case."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        """The first value of a header; `name` in lower case."""
        return next((value for key, value in self.headers if key == name), None)


class StreamParser(Protocol):
    """Turns a provider's byte stream into events; the chunking of the bytes makes no difference."""

    def __init__(self, context: TranslationContext) -> None: ...

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises:
            UpstreamError: the bytes are not this dialect. In-band errors are `Failed` events, not exceptions.
        """
        ...

    def close(self) -> list[Event]:
        """The events that the end of the stream completes; the last is MessageEnd, or Failed if it came too early."""
        ...


class StreamRenderer(Protocol):
    """Turns events into a byte stream for a client."""

    def __init__(self, context: TranslationContext, request: ChatRequest | None = None) -> None: ...

    def render(self, event: Event) -> bytes:
        """The bytes that tell of `event`; may be empty when they must wait for what follows."""
        ...

    def close(self) -> bytes:
        """The bytes that end the stream: the terminator, or nothing after a failure."""
        ...


class Dialect(Protocol):
    """One wire format."""

    ID: str
    """Its name, such as `openai_chat`."""
    CHAT_PATHS: tuple[str, ...]
    """Paths that a server of this dialect answers chat on, `{model}` standing for a model's name."""
    STREAM_CONTENT_TYPE: str
    """Content type of its streams."""
    TOOL_CALL_IDS: ToolCallIds
    """Which tool call ids it accepts."""
    StreamParser: type[StreamParser]
    StreamRenderer: type[StreamRenderer]

    @staticmethod
    def parse_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
        """What a client asks. Raises InvalidRequest naming the field."""
        ...

    @staticmethod
    def render_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
        """What we ask a provider. Losses go to the context. Raises Unsupported, InvalidRequest."""
        ...

    @staticmethod
    def parse_response(response: WireResponse, context: TranslationContext) -> ChatResponse:
        """What a provider answered with a 2xx. Raises UpstreamError where it is not this dialect, or the error
        that a 200 hides."""
        ...

    @staticmethod
    def render_response(response: ChatResponse, context: TranslationContext) -> WireResponse:
        """What a client gets."""
        ...

    @staticmethod
    def parse_error(response: WireResponse, context: TranslationContext) -> InterlinguaError:
        """What a provider's non-2xx answer means; never raises, whatever the body is."""
        ...

    @staticmethod
    def render_error(error: InterlinguaError, context: TranslationContext) -> WireResponse:
        """An error in this dialect's own envelope, with status and headers (retry-after)."""
        ...

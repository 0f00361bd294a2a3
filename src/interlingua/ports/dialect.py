"""What every dialect offers: the same names in each, both directions, without I/O.

A dialect is a package under `dialects/` whose `__init__` exports these names; `registry.py` hands it out as a
`Dialect`. Parsing takes wire bytes to canonical values, rendering the reverse; `context` carries everything else.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.events import Event
from interlingua.types.listing import ModelPage
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.token_count import TokenCount
from interlingua.types.traits import ToolCallIds


class WireRequest(Struct, frozen=True, kw_only=True):
    """A request as it goes over the wire.

    Args:
        path: below the endpoint's base address, with query; begins with `/`.
        body: the JSON text.
        headers: those that the dialect itself demands; names in lower case. Authentication is not among them.
        method: GET for lists, else POST.
    """

    method: str = "POST"
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


class Embeddings(Protocol):
    """A dialect's `embeddings.py`, where it has one."""

    PATHS: tuple[str, ...]
    """Paths that a server of this dialect answers embeddings on, `{model}` standing for a model's name."""

    @staticmethod
    def parse_embed_request(request: WireRequest, context: TranslationContext) -> EmbedRequest:
        """What a client asks. Raises InvalidRequest naming the field."""
        ...

    @staticmethod
    def render_embed_request(request: EmbedRequest, context: TranslationContext) -> WireRequest:
        """What we ask a provider. Losses go to the context."""
        ...

    @staticmethod
    def parse_embed_response(response: WireResponse, context: TranslationContext) -> EmbedResponse:
        """What a provider answered. Raises UpstreamError where it is not this dialect."""
        ...

    @staticmethod
    def render_embed_response(
        response: EmbedResponse, context: TranslationContext, request: EmbedRequest | None = None
    ) -> WireResponse:
        """What a client gets; `request` is what it asked, whose `form` is that of the answer."""
        ...


class Models(Protocol):
    """A dialect's `models.py`, where it has one."""

    PATHS: tuple[str, ...]
    """Paths that a server of this dialect answers lists on."""

    @staticmethod
    def render_models_request(context: TranslationContext, page: str = "") -> WireRequest:
        """What we ask a provider for its list; `page` is the `next` of the page before."""
        ...

    @staticmethod
    def parse_models_response(response: WireResponse, context: TranslationContext) -> ModelPage:
        """What a provider serves. Raises UpstreamError where it is not this dialect."""
        ...

    @staticmethod
    def render_models_response(page: ModelPage, context: TranslationContext) -> WireResponse:
        """The list that a client gets."""
        ...


class CountTokens(Protocol):
    """A dialect's `count_tokens.py`, where it has one."""

    PATHS: tuple[str, ...]
    """Paths that a server of this dialect counts tokens on, `{model}` standing for a model's name."""

    @staticmethod
    def parse_count_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
        """The request that a client wants counted. Raises InvalidRequest naming the field."""
        ...

    @staticmethod
    def render_count_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
        """The request whose tokens a provider shall count. Losses go to the context."""
        ...

    @staticmethod
    def parse_count_response(response: WireResponse, context: TranslationContext) -> TokenCount:
        """What a provider counted. Raises UpstreamError where it is not this dialect."""
        ...

    @staticmethod
    def render_count_response(count: TokenCount, context: TranslationContext) -> WireResponse:
        """The count that a client gets."""
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
    OPERATIONS: tuple[str, ...]
    """What it can do beside chat: some of embeddings, models, count_tokens, each a module of that name."""
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

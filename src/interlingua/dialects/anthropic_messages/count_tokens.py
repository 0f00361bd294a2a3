"""Token counts: a request's body without what only its answer depends on, to a path of its own."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.answer import lose_foreign, open_answer
from interlingua.dialects.anthropic_messages.content import luggage
from interlingua.dialects.anthropic_messages.request import parse_request, render_request
from interlingua.dialects.anthropic_messages.schema import ID
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.request import ChatRequest
from interlingua.types.token_count import TokenCount

PATHS: tuple[str, ...] = ("/v1/messages/count_tokens",)

_COUNTED = ("model", "messages", "tools", "tool_choice", "parallel_tool_calls", "output", "reasoning", "cache", "extra")
_ASIDE = ("max_output_tokens",)
"""Limits how much thinking is asked for, but is not sent."""
_REFUSED = frozenset(
    {"max_tokens", "stream", "stop_sequences", "temperature", "top_p", "top_k", "metadata", "service_tier"}
    | {"container", "inference_geo", "diagnostics", "fallbacks", "fallback_credit_token", "thread"}
)
"""Fields of a request that a count must not hold (the parameter types of both in anthropic 2.10)."""
_MISSED = "container"
"""The one among them that tokens come from: skills."""


def parse_count_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
    """The request that a client wants counted; see `Dialect.parse_request`."""
    return parse_request(request, context)


def render_count_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
    """The request whose tokens a provider shall count; see `Dialect.render_request`."""
    known: dict[str, Any] = {name: getattr(request, name) for name in (*_COUNTED, *_ASIDE)}
    if request.extra.get(ID, {}).get(_MISSED) is not None:
        context.lose(f"extra.{_MISSED}", "what it adds to the prompt is not counted")
    wire = render_request(ChatRequest(**known), context)
    body = msgspec.json.decode(wire.body, type=dict[str, msgspec.Raw])
    body = {key: value for key, value in body.items() if key not in _REFUSED}
    return WireRequest(path="/messages/count_tokens", body=msgspec.json.encode(body), headers=wire.headers)


def parse_count_response(response: WireResponse, context: TranslationContext) -> TokenCount:
    """What a provider counted.

    Raises:
        UpstreamError: it is no count.
        InterlinguaError: the error that stands inside it.
    """
    fields = open_answer(response, context)
    count = fields.integer("input_tokens", least=0)
    if count is None:
        raise fields.error("input_tokens", "required")
    return TokenCount(input_tokens=count, exact=True, extra=luggage(fields.rest()))


def render_count_response(count: TokenCount, context: TranslationContext) -> WireResponse:
    """The count that a client gets."""
    lose_foreign(count.extra, context)
    if not count.exact:
        context.lose("exact", "the format cannot say that a count is an estimate")
    if count.cache_read is not None:
        context.lose("cache_read", "the format does not say what of it is cached")
    body = {**count.extra.get(ID, {}), "input_tokens": count.input_tokens}
    return WireResponse(body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))

"""Token counts: a request's body without what only its answer depends on, to a path of its own."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.openai_responses.errors import error_of
from interlingua.dialects.openai_responses.request import PATH as RESPONSES
from interlingua.dialects.openai_responses.request import parse_request, render_request
from interlingua.dialects.openai_responses.schema import lose_foreign, luggage, own, put_back
from interlingua.errors import UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.request import ChatRequest
from interlingua.types.token_count import TokenCount
from interlingua.wire.fields import Fields

PATHS: tuple[str, ...] = ("/v1/responses/input_tokens",)

_OBJECT = "response.input_tokens"
_COUNTED = (
    *("model", "messages", "tools", "tool_choice", "parallel_tool_calls", "output", "reasoning", "verbosity"),
    *("previous_response_id", "extra"),
)
_TAKEN = (
    *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning"),
    *("previous_response_id", "conversation", "truncation", "personality"),
)
"""Fields that the endpoint takes (openai 3.51, InputTokenCountParams); it refuses any other."""
_MISSED = "prompt"
"""The one field beside them that tokens come from: a template kept at the provider."""


def parse_count_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
    """The request that a client wants counted; see `Dialect.parse_request`."""
    return parse_request(request, context)


def render_count_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
    """The request whose tokens a provider shall count; see `Dialect.render_request`."""
    known: dict[str, Any] = {name: getattr(request, name) for name in _COUNTED}
    wire = render_request(ChatRequest(**known), context)
    body = msgspec.json.decode(wire.body, type=dict[str, msgspec.Raw])
    if own(request.extra).get(_MISSED) is not None:
        context.lose(f"extra.{_MISSED}", "what it adds to the prompt is not counted")
    body = {key: value for key, value in body.items() if key in _TAKEN}
    return WireRequest(path=f"{RESPONSES}/input_tokens", body=msgspec.json.encode(body), headers=wire.headers)


def _bad_answer(path: str, reason: str) -> Exception:
    return UpstreamError(f"the provider's answer is not a token count: {path or 'body'}: {reason}")


def parse_count_response(response: WireResponse, context: TranslationContext) -> TokenCount:
    """What a provider counted.

    Raises:
        UpstreamError: it is no count.
        InterlinguaError: the error that stands inside it.
    """
    fields = Fields(response.body, _bad_answer)
    if context.quirk.response is not None:
        fields = Fields(msgspec.json.encode(context.quirk.response(fields.rest())), _bad_answer)
    if fields.kind("error") in ("object", "string"):
        raise error_of({"error": fields.json("error")}, response.status, response, context)
    count = fields.integer("input_tokens", least=0)
    if count is None:
        raise fields.error("input_tokens", "required")
    fields.skip("object")
    return TokenCount(input_tokens=count, exact=True, extra=luggage(fields.rest()))


def render_count_response(count: TokenCount, context: TranslationContext) -> WireResponse:
    """The count that a client gets."""
    lose_foreign(count.extra, context)
    if not count.exact:
        context.lose("exact", "the format cannot say that a count is an estimate")
    if count.cache_read is not None:
        context.lose("cache_read", "the format does not say what of it is cached")
    body: dict[str, Any] = {"object": _OBJECT, "input_tokens": count.input_tokens}
    put_back(body, count.extra)
    return WireResponse(body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))

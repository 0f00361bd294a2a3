"""Token counts of a request, which stands there whole (`generateContentRequest`) or as bare contents.

The Developer API takes instructions and tools in the first form only; Vertex takes all fields bare.
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.gemini.answer import JSON_HEADERS, lose_foreign, method_path, open_answer, resource_name
from interlingua.dialects.gemini.request import parse_request, render_request
from interlingua.dialects.gemini.schema import VERSIONS, ProtoFields, bad_request, checked, luggage, own
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.request import ChatRequest
from interlingua.types.token_count import TokenCount

PATHS: tuple[str, ...] = tuple(f"/{version}/models/{{model}}:countTokens" for version in VERSIONS)

_COUNTED = ("model", "messages", "tools", "tool_choice", "output", "reasoning", "modalities", "extra")


def parse_count_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
    """The request that a client wants counted; see `Dialect.parse_request`.

    Raises:
        InvalidRequest: names the field that is missing or of the wrong shape.
    """
    body = ProtoFields(checked(request.body, bad_request), bad_request)
    inner = body.raw("generateContentRequest")
    if inner is None:
        return parse_request(request, context)
    if body.peek("contents") is not None:
        raise body.error("contents", "stands in generateContentRequest as well; only one of them is meant")
    return parse_request(WireRequest(path=request.path, body=inner.encode()), context)


def render_count_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
    """The request whose tokens a provider shall count; see `Dialect.render_request`."""
    known: dict[str, Any] = {name: getattr(request, name) for name in _COUNTED}
    wire = render_request(ChatRequest(**known), context)
    model = context.model or request.model
    body: dict[str, Any] = msgspec.json.decode(wire.body, type=dict[str, msgspec.Raw])
    if body.keys() != {"contents"}:
        body = {"generateContentRequest": {"model": resource_name(model), **body}}
    return WireRequest(path=method_path(model, "countTokens"), body=msgspec.json.encode(body), headers=JSON_HEADERS)


def parse_count_response(response: WireResponse, context: TranslationContext) -> TokenCount:
    """What a provider counted.

    Raises:
        UpstreamError: it is no count.
        InterlinguaError: the error that stands inside it.
    """
    body = open_answer(response, context)
    count = body.integer("totalTokens", least=0)
    if count is None:
        raise body.error("totalTokens", "required")
    cached = body.integer("cachedContentTokenCount", least=0)
    return TokenCount(input_tokens=count, exact=True, cache_read=cached, extra=luggage(body.rest()))


def render_count_response(count: TokenCount, context: TranslationContext) -> WireResponse:
    """The count that a client gets."""
    lose_foreign(count.extra, context)
    if not count.exact:
        context.lose("exact", "the format cannot say that a count is an estimate")
    body = {"totalTokens": count.input_tokens}
    if count.cache_read is not None:
        body["cachedContentTokenCount"] = count.cache_read
    return WireResponse(body=msgspec.json.encode({**own(count.extra), **body}), headers=JSON_HEADERS)

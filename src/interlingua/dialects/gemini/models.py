"""Model lists. On the wire a model's name is that of a resource (`models/…`); ours is what one asks for."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from interlingua.dialects.gemini.answer import JSON_HEADERS, lose_foreign, open_answer, resource_name
from interlingua.dialects.gemini.schema import VERSIONS, ProtoFields, luggage, own
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.opaque import Json

PATHS: tuple[str, ...] = tuple(f"/{version}/models" for version in VERSIONS)

_LARGEST_PAGE = 1000
_METHODS = ["generateContent"]
"""What clients look for before they use a model; said of models whose methods nobody told us."""


def render_models_request(context: TranslationContext, page: str = "") -> WireRequest:
    """What we ask a provider for its list; `page` is the token of the next page."""
    token = f"&pageToken={quote(page, safe='')}" if page else ""
    return WireRequest(method="GET", path=f"/models?pageSize={_LARGEST_PAGE}{token}")


def parse_models_response(response: WireResponse, context: TranslationContext) -> ModelPage:
    """What a provider serves.

    Raises:
        UpstreamError: it is no list of models.
        InterlinguaError: the error that stands inside it.
    """
    body = open_answer(response, context)
    found, token = body.list_of("models"), body.text("nextPageToken") or ""
    if not found and body.keys():  # an empty list may be left out, but nothing else stands beside it
        raise body.error("models", "required")
    return ModelPage(models=tuple(_parse_model(fields) for fields in found), next=token)


def _parse_model(fields: ProtoFields) -> ListedModel:
    name, title = fields.need_text("name"), fields.text("displayName")
    left = fields.rest()
    if left.get("supportedGenerationMethods") == _METHODS:
        del left["supportedGenerationMethods"]
    limits = {key: left.pop(key) for key in ("inputTokenLimit", "outputTokenLimit") if _is_count(left.get(key))}
    return ListedModel(
        id=name.removeprefix("models/"),
        title=title,
        context=limits.get("inputTokenLimit"),
        max_output=limits.get("outputTokenLimit"),
        extra=luggage(left),
    )


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def render_models_response(page: ModelPage, context: TranslationContext) -> WireResponse:
    """The list that a client gets."""
    lose_foreign(page.extra, context)
    for model in page.models:
        lose_foreign(model.extra, context)
    for name in ("owner", "created"):
        if any(getattr(model, name) is not None for model in page.models):
            context.lose(name, "lists have no field for it")
    body: dict[str, Any] = {"models": [_render_model(model) for model in page.models]}
    if page.next:
        body["nextPageToken"] = page.next
    return WireResponse(body=msgspec.json.encode(body), headers=JSON_HEADERS)


def _render_model(model: ListedModel) -> dict[str, Any]:
    known = {"displayName": model.title, "inputTokenLimit": model.context, "outputTokenLimit": model.max_output}
    body: dict[str, Any] = {"name": resource_name(model.id)}
    body.update({key: value for key, value in known.items() if value is not None})
    return {**body, "supportedGenerationMethods": _METHODS, **own(model.extra)}

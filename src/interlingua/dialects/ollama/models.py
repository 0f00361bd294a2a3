"""Model lists (/api/tags): what lies on the server's disk. Limits are told per model only, by /api/show."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.ollama.answer import JSON_HEADERS, open_answer
from interlingua.dialects.ollama.schema import lose_foreign, luggage, own, parse_time, render_time
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.opaque import Json
from interlingua.wire.fields import Fields

PATH = "/api/tags"
PATHS: tuple[str, ...] = (PATH,)

_NOTHING: dict[str, Json] = {"size": 0, "digest": "", "details": {}}
"""What stands for files that there are not."""
_YEAR_10000 = 253_402_300_800


def render_models_request(context: TranslationContext, page: str = "") -> WireRequest:
    """What we ask a provider for its list, which comes whole."""
    return WireRequest(method="GET", path=PATH)


def parse_models_response(response: WireResponse, context: TranslationContext) -> ModelPage:
    """What a provider serves.

    Raises:
        UpstreamError: it is no list of models.
        InterlinguaError: the error that stands inside it.
    """
    fields = open_answer(response, context)
    if not fields.has("models"):
        raise fields.error("models", "required")
    return ModelPage(models=tuple(_parse_model(child) for child in fields.children("models")))


def _parse_model(fields: Fields) -> ListedModel:
    name = fields.text("name")
    id = fields.text("model") or name
    if not id:
        raise fields.error("model", "required")
    left = fields.rest()
    left = {key: value for key, value in left.items() if key not in _NOTHING or value != _NOTHING[key]}
    changed = left.get("modified_at")
    created = parse_time(changed) if isinstance(changed, str) else None
    if created is not None and render_time(created) == changed:
        del left["modified_at"]
    if name and name != id:
        left["name"] = name
    return ListedModel(id=id, created=created or None, extra=luggage(left))


def render_models_response(page: ModelPage, context: TranslationContext) -> WireResponse:
    """The list that a client gets, whole: the format has no pages. Unknown times stand as 1970."""
    lose_foreign(page.extra, context)
    for model in page.models:
        lose_foreign(model.extra, context)
    for name in ("title", "owner", "context", "max_output"):
        if any(getattr(model, name) is not None for model in page.models):
            context.lose(name, "lists have no field for it")
    if page.next:
        context.lose("next", "the format has no pages")
    body = {"models": [_render_model(model) for model in page.models]}
    return WireResponse(body=msgspec.json.encode(body), headers=JSON_HEADERS)


def _render_model(model: ListedModel) -> dict[str, Any]:
    created = model.created if model.created is not None and 0 < model.created < _YEAR_10000 else 0
    body = {"name": model.id, "model": model.id, "modified_at": render_time(created)}
    return {**body, **_NOTHING, **own(model.extra)}

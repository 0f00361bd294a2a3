"""Model lists, in pages that begin after a given id."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from interlingua.dialects.anthropic_messages.answer import lose_foreign, open_answer
from interlingua.dialects.anthropic_messages.content import luggage
from interlingua.dialects.anthropic_messages.schema import ID, VERSION, VERSION_HEADER
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.opaque import Json
from interlingua.wire.fields import Fields

PATHS: tuple[str, ...] = ("/v1/models",)

_LARGEST_PAGE = 1000
_ACTIVE = "active"
_YEAR_10000 = 253_402_300_800


def render_models_request(context: TranslationContext, page: str = "") -> WireRequest:
    """What we ask a provider for its list; `page` is the last id of the page before."""
    after = f"&after_id={quote(page, safe='')}" if page else ""
    headers = ((VERSION_HEADER, context.host.api_version or VERSION),)
    return WireRequest(method="GET", path=f"/models?limit={_LARGEST_PAGE}{after}", headers=headers)


def parse_models_response(response: WireResponse, context: TranslationContext) -> ModelPage:
    """What a provider serves.

    Raises:
        UpstreamError: it is no list of models.
        InterlinguaError: the error that stands inside it.
    """
    fields = open_answer(response, context)
    if fields.kind("data") != "array":
        raise fields.error("data", "required, an array")
    models = tuple(_parse_model(child) for child in fields.children("data"))
    more = fields.boolean("has_more")
    return ModelPage(models=models, next=(fields.text("last_id") or "") if more else "")


def _parse_model(fields: Fields) -> ListedModel:
    id = fields.need_text("id")
    title = fields.text("display_name")
    fields.skip("type")
    left = fields.rest()
    if left.get("lifecycle") == _ACTIVE:
        del left["lifecycle"]
    created = _seconds(left.get("created_at"))
    if created is not None and _time(created) == left["created_at"]:
        del left["created_at"]
    limits = {key: left.pop(key) for key in ("max_input_tokens", "max_tokens") if _is_count(left.get(key))}
    return ListedModel(
        id=id,
        title=title if title and title != id else None,
        created=created or None,
        context=limits.get("max_input_tokens"),
        max_output=limits.get("max_tokens"),
        extra=luggage(left),
    )


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _seconds(text: Json) -> int | None:
    """Seconds since 1970 of an RFC 3339 time; None where it is none, or lies before."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def _time(seconds: int | None) -> str:
    """The RFC 3339 time of seconds since 1970; the format's word for an unknown time is 1970 itself."""
    known = seconds if seconds is not None and 0 < seconds < _YEAR_10000 else 0
    return datetime.fromtimestamp(known, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_models_response(page: ModelPage, context: TranslationContext) -> WireResponse:
    """The list that a client gets; a model without a title goes by its id, and all of them count as active."""
    lose_foreign(page.extra, context)
    for model in page.models:
        lose_foreign(model.extra, context)
    if any(model.owner for model in page.models):
        context.lose("owner", "lists do not say whose models they hold")
    ids = [model.id for model in page.models]
    body = {
        "data": [_render_model(model) for model in page.models],
        "has_more": bool(page.next),
        "first_id": ids[0] if ids else None,
        "last_id": page.next or (ids[-1] if ids else None),
    }
    return WireResponse(body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))


def _render_model(model: ListedModel) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "model",
        "id": model.id,
        "display_name": model.title or model.id,
        "created_at": _time(model.created),
        "lifecycle": _ACTIVE,
    }
    limits = {"max_input_tokens": model.context, "max_tokens": model.max_output}
    body.update({key: value for key, value in limits.items() if value is not None})
    return body | model.extra.get(ID, {})

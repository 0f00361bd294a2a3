"""Model lists. The format itself says only id, creation time and owner; hosts add limits under names of their own.

Limits are read from the names below and stay in the luggage too, so that clients of one host find what they know;
towards others they are `context_length` and `max_completion_tokens`, as routers write them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from interlingua.dialects.openai_chat.errors import error_of
from interlingua.dialects.openai_chat.schema import (
    bad_answer,
    checked,
    lose_foreign,
    luggage,
    put_back,
    text_or,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.opaque import Json
from interlingua.wire.fields import Fields, kind_of

PATHS: tuple[str, ...] = ("/v1/models",)

_CONTEXT = (
    ("context_window",),
    ("max_context_length",),
    ("max_model_len",),
    ("top_provider", "context_length"),
    ("meta", "n_ctx"),
    ("model_spec", "availableContextTokens"),
)
_MAX_OUTPUT = (
    ("max_output_length",),
    ("max_output_tokens",),
    ("top_provider", "max_completion_tokens"),
    ("model_spec", "maxCompletionTokens"),
)
_YEAR_10000 = 253_402_300_800
_QUERY = "=&%+-_.~,:/"


def render_models_request(context: TranslationContext, page: str = "") -> WireRequest:
    """What we ask a provider for its list; `page` is the query of the next page's address."""
    return WireRequest(method="GET", path=f"/models?{quote(page, safe=_QUERY)}" if page else "/models")


def parse_models_response(response: WireResponse, context: TranslationContext) -> ModelPage:
    """What a provider serves: a list in its envelope or bare, or a single model.

    Raises:
        UpstreamError: it is no list of models.
        InterlinguaError: the error that stands inside it.
    """
    source = checked(response.body, bad_answer)
    if kind_of(source) == "array":
        source = b'{"data":' + source + b"}"
    fields = Fields(source, bad_answer)
    if context.quirk.response is not None:
        fields = Fields(msgspec.json.encode(context.quirk.response(fields.rest())), bad_answer)
    if fields.kind("error") in ("object", "string", "array"):
        raise error_of(fields.rest(), response.status, response, context)
    if fields.kind("data") in ("", "null") and fields.kind("id") == "string":
        return ModelPage(models=(_parse_model(fields),))
    if fields.kind("data") != "array":
        raise fields.error("data", "required, an array")
    models = tuple(_parse_model(child) for child in fields.children("data"))
    following = _next(fields.json("links"))
    fields.skip("object")
    return ModelPage(models=models, next=following, extra=luggage(fields.rest()))


def _next(links: Json) -> str:
    """The query of the next page's address; where the address lies is no concern of the answer's."""
    address = links.get("next") if isinstance(links, dict) else None
    try:
        return urlsplit(address).query if isinstance(address, str) else ""
    except ValueError:
        return ""


def _parse_model(fields: Fields) -> ListedModel:
    id = fields.need_text("id")
    owner = text_or(fields, "owned_by")
    fields.skip("object")
    left = fields.rest()
    name, created = left.get("name"), left.get("created")
    if isinstance(name, str):
        del left["name"]
    if isinstance(created, int | float) and 0 <= created < _YEAR_10000:
        del left["created"]
    else:
        created = 0
    limits = {key: left.pop(key) for key in ("context_length", "max_completion_tokens") if _count(left.get(key))}
    titles = (name if name != id else None, left.get("display_name"))
    owners = (owner, left.get("organization"))
    return ListedModel(
        id=id,
        title=next((title for title in titles if isinstance(title, str) and title), None),
        owner=next((owner for owner in owners if isinstance(owner, str) and owner), None),
        created=int(created) or None,
        context=limits.get("context_length") or _first(left, _CONTEXT),
        max_output=limits.get("max_completion_tokens") or _first(left, _MAX_OUTPUT),
        extra=luggage(left),
    )


def _first(left: dict[str, Json], ways: tuple[tuple[str, ...], ...]) -> int | None:
    for way in ways:
        value: Json = left
        for key in way:
            value = value.get(key) if isinstance(value, dict) else None
        if (count := _count(value)) is not None:
            return count
    return None


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def render_models_response(page: ModelPage, context: TranslationContext) -> WireResponse:
    """The list that a client gets, whole: the format has no pages. Unknown times stand as 0, unknown owners empty."""
    for model in page.models:
        lose_foreign(model.extra, context)
    if page.next:
        context.lose("next", "the format has no pages")
    body: dict[str, Any] = {"object": "list", "data": [_render_model(model) for model in page.models]}
    put_back(body, page.extra)
    lose_foreign(page.extra, context)
    return WireResponse(body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))


def _render_model(model: ListedModel) -> dict[str, Any]:
    known = {
        "created": model.created,
        "owned_by": model.owner,
        "name": model.title,
        "context_length": model.context,
        "max_completion_tokens": model.max_output,
    }
    body: dict[str, Any] = {"id": model.id, "object": "model"}
    body.update({key: value for key, value in known.items() if value is not None})
    put_back(body, model.extra)
    return {"created": 0, "owned_by": "", **body}

"""Embeddings: one content at a time (`embedContent`) or many (`batchEmbedContents`).

What a batch says for each content is one setting here where all agree; what differs stays with its place in `extra`.
Tokens cannot be sent, and answers do not name their model: the path did.
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.gemini.answer import JSON_HEADERS, lose_foreign, method_path, open_answer, resource_name
from interlingua.dialects.gemini.request import parse_path
from interlingua.dialects.gemini.schema import VERSIONS, ProtoFields, bad_request, checked, luggage, own
from interlingua.dialects.gemini.usage import parse_usage, render_usage
from interlingua.errors import Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.opaque import Json
from interlingua.types.usage import Usage

ONE, MANY = "embedContent", "batchEmbedContents"
PATHS: tuple[str, ...] = tuple(
    f"/{version}/models/{{model}}:{method}" for version in VERSIONS for method in (ONE, MANY)
)

_TASKS = {
    "query": "RETRIEVAL_QUERY",
    "search_query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "passage": "RETRIEVAL_DOCUMENT",
    "search_document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
"""What other formats say, in this one's words; those in capitals go as they are."""
_vector: msgspec.json.Decoder[tuple[float, ...]] = msgspec.json.Decoder(tuple[float, ...])


def parse_embed_request(request: WireRequest, context: TranslationContext) -> EmbedRequest:
    """What a client asks, by either method.

    Raises:
        InvalidRequest: names the field that is missing or of the wrong shape, or holds more than text.
    """
    body = ProtoFields(checked(request.body, bad_request), bad_request)
    model, _ = parse_path(request.path)
    one = body.peek("requests") is None
    items = [body] if one else body.list_of("requests")
    if not items or (one and body.peek("content") is None):
        raise body.error("content" if one else "requests", "required")
    texts, settings, named = [], [], ""
    for item in items:
        named = item.text("model") or named
        texts.append(_parse_content(item, context))
        settings.append(_parse_settings(item))
    shared = {key: _shared(settings, key) for key in ("taskType", "outputDimensionality")}
    left: dict[str, Json] = {"requests": settings} if any(settings) else {}
    return EmbedRequest(
        model=model or named.removeprefix("models/"),
        inputs=tuple(texts),
        dimensions=shared["outputDimensionality"],
        task=shared["taskType"],
        form=ONE if one else "",
        extra=luggage(left | body.rest()),
    )


def _parse_content(item: ProtoFields, context: TranslationContext) -> str:
    if item.kind("content") == "string":
        return item.need_text("content")
    content = item.child("content")
    if content is None:
        raise item.error("content", "required")
    texts = []
    for part in content.list_of("parts"):
        if part.kind("text") != "string":
            raise part.error("text", "required: only text is embedded here")
        texts.append(part.need_text("text"))
    if not texts:
        raise content.error("parts", "must hold at least one text")
    if len(texts) > 1:
        context.emulate(content.at("parts"), "several texts of one content are joined, one on a line")
    return "\n".join(texts)


def _parse_settings(item: ProtoFields) -> dict[str, Json]:
    """Everything but model and content; Vertex puts it into an object of its own."""
    config = item.child("embedContentConfig")
    found: dict[str, Json] = {}
    for fields in (item, *((config,) if config else ())):
        found["taskType"] = fields.text("taskType") or found.get("taskType")
        found["outputDimensionality"] = fields.integer("outputDimensionality", least=1) or found.get(
            "outputDimensionality"
        )
    found = {key: value for key, value in found.items() if value is not None}
    found |= item.rest()
    return found | ({"embedContentConfig": more} if config and (more := config.rest()) else {})


def _shared(settings: list[dict[str, Json]], key: str) -> Json:
    """What all contents say alike, taken from them."""
    said = settings[0].get(key)
    if said is None or any(each.get(key) != said for each in settings):
        return None
    for each in settings:
        del each[key]
    return said


def render_embed_request(request: EmbedRequest, context: TranslationContext) -> WireRequest:
    """What we ask a provider: one content by `embedContent` where it was asked for so, else a batch.

    Raises:
        Unsupported: an input is tokens, or a setting cannot be carried where configuration refuses its loss.
    """
    model = context.model or request.model
    kept = own(request.extra)
    left = kept.get("requests") or []
    settings = {"taskType": _task(request.task, context), "outputDimensionality": request.dimensions}
    settings = {key: value for key, value in settings.items() if value is not None}
    if request.end_user is not None:
        context.lose("end_user", "there is no field for the person behind the call")
    lose_foreign(request.extra, context)
    items: list[dict[str, Any]] = [
        {**(left[i] if i < len(left) else {}), "content": {"parts": [{"text": _text(given, i, context)}]}, **settings}
        for i, given in enumerate(request.inputs)
    ]
    one = request.form == ONE and len(items) == 1
    body: dict[str, Any] = (
        items[0] if one else {"requests": [{"model": resource_name(model), **item} for item in items]}
    )
    body = {**{key: value for key, value in kept.items() if key != "requests"}, **body}
    if context.quirk.request is not None:
        body = context.quirk.request(msgspec.json.decode(msgspec.json.encode(body)))
    path = method_path(model, ONE if one else MANY)
    return WireRequest(path=path, body=msgspec.json.encode(body), headers=JSON_HEADERS)


def _task(task: str | None, context: TranslationContext) -> str | None:
    if task is None or task.isupper():
        return task
    word = _TASKS.get(task)
    if word is None:
        context.lose("task", f"there is no task type {task!r}")
    else:
        context.emulate("task", f"{task!r} sent as {word}")
    return word


def _text(given: str | tuple[int, ...], place: int, context: TranslationContext) -> str:
    if isinstance(given, str):
        return given
    raise Unsupported(
        f"inputs[{place}]: tokens cannot be embedded, only text",
        feature="tokens",
        path=f"inputs[{place}]",
        provider=context.provider or None,
        model=context.model or None,
    )


def parse_embed_response(response: WireResponse, context: TranslationContext) -> EmbedResponse:
    """What a provider answered with a 2xx, to either method.

    Raises:
        UpstreamError: it holds no vectors.
        InterlinguaError: the error that stands inside it.
    """
    body = open_answer(response, context)
    one = body.child("embedding")
    found = [one] if one is not None else body.list_of("embeddings")
    if not found:
        raise body.error("embeddings", "required")
    vectors = tuple(_parse_vector(each) for each in found)
    more = [each.rest() for each in found]
    usage = _parse_usage(body.json("usageMetadata"))
    left: dict[str, Json] = {"embeddings": more} if any(more) else {}
    return EmbedResponse(model=context.model, embeddings=vectors, usage=usage, extra=luggage(left | body.rest()))


def _parse_vector(fields: ProtoFields) -> tuple[float, ...]:
    try:
        return _vector.decode(fields.raw("values") or "null")
    except msgspec.DecodeError as error:
        raise fields.error("values", str(error)) from error


def _parse_usage(raw: Json) -> Usage | None:
    """Counts; there is no answer, so it has no tokens."""
    usage = parse_usage(raw)
    if usage is None or usage.input_tokens is None:
        return usage
    return msgspec.structs.replace(usage, output_tokens=0)


def render_embed_response(
    response: EmbedResponse, context: TranslationContext, request: EmbedRequest | None = None
) -> WireResponse:
    """What a client gets, in the shape of the method that it called."""
    lose_foreign(response.extra, context)
    kept = own(response.extra)
    left = kept.get("embeddings") or []
    vectors = [{**(left[i] if i < len(left) else {}), "values": vector} for i, vector in enumerate(response.embeddings)]
    body = {key: value for key, value in kept.items() if key != "embeddings"}
    if request is not None and request.form == ONE and len(vectors) == 1:
        body["embedding"] = vectors[0]
    else:
        body["embeddings"] = vectors
    if response.usage is not None:
        body["usageMetadata"] = _render_usage(response.usage)
    return WireResponse(body=msgspec.json.encode(body), headers=JSON_HEADERS)


def _render_usage(usage: Usage) -> dict[str, Any]:
    if isinstance(usage.raw, dict) and _parse_usage(usage.raw) == usage:
        return usage.raw
    return {key: value for key, value in render_usage(usage).items() if key != "candidatesTokenCount"}

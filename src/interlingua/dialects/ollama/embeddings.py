"""Embeddings: /api/embed, and /api/embeddings, its older sibling for one text, whose answer is a single vector."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.ollama.answer import JSON_HEADERS, open_answer
from interlingua.dialects.ollama.schema import Body, bad_request, lose_foreign, luggage, put_back
from interlingua.dialects.ollama.usage import parse_usage, render_usage
from interlingua.errors import Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields

Vectors = tuple[tuple[float, ...], ...]

PATH = "/api/embed"
OLD = "embeddings"
PATHS: tuple[str, ...] = (PATH, f"/api/{OLD}")

_vectors: msgspec.json.Decoder[Vectors] = msgspec.json.Decoder(Vectors)
_UNKNOWN_HERE = {
    "task": "there is no field for what the vectors are for",
    "end_user": "there is no field for the person behind the call",
}


def parse_embed_request(request: WireRequest, context: TranslationContext) -> EmbedRequest:
    """What a client asks, on either path.

    Raises:
        InvalidRequest: names the field that is missing or of the wrong shape.
    """
    fields = Fields(request.body, bad_request)
    old = request.path.partition("?")[0].rstrip("/").endswith(f"/{OLD}")
    key = "prompt" if old and not fields.has("input") else "input"
    if fields.kind(key) in ("", "null"):
        raise fields.error(key, "required")
    inputs = (fields.need_text(key),) if fields.kind(key) == "string" else fields.texts(key)
    if not inputs:
        raise fields.error(key, "must hold at least one text")
    return EmbedRequest(
        model=fields.text("model") or "",
        inputs=inputs,
        dimensions=fields.integer("dimensions", least=1),
        form=OLD if old else "",
        extra=luggage(fields.rest()),
    )


def render_embed_request(request: EmbedRequest, context: TranslationContext) -> WireRequest:
    """What we ask a provider, always on the newer path.

    Raises:
        Unsupported: an input is tokens, or a setting cannot be carried where configuration refuses its loss.
    """
    for i, given in enumerate(request.inputs):
        if not isinstance(given, str):
            raise Unsupported(
                f"inputs[{i}]: tokens cannot be embedded, only text",
                feature="tokens",
                path=f"inputs[{i}]",
                provider=context.provider or None,
                model=context.model or None,
            )
    for name, reason in _UNKNOWN_HERE.items():
        if getattr(request, name) is not None:
            context.lose(name, reason)
    body: Body = {"model": context.model or request.model, "input": request.inputs}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    put_back(body, request.extra)
    lose_foreign(request.extra, context)
    if context.quirk.request is not None:
        body = context.quirk.request(msgspec.json.decode(msgspec.json.encode(body)))
    return WireRequest(path=PATH, body=msgspec.json.encode(body), headers=JSON_HEADERS)


def parse_embed_response(response: WireResponse, context: TranslationContext) -> EmbedResponse:
    """What a provider answered with a 2xx, on either path.

    Raises:
        UpstreamError: it holds no vectors.
        InterlinguaError: the error that stands inside it.
    """
    fields = open_answer(response, context)
    key = "embedding" if fields.kind("embeddings") in ("", "null") else "embeddings"
    raw = fields.raw(key)
    if raw is None:
        raise fields.error("embeddings", "required")
    try:
        vectors = _vectors.decode(f"[{raw}]" if key == "embedding" else raw)
    except msgspec.DecodeError as error:
        raise fields.error(key, str(error)) from error
    usage = parse_usage(fields)
    if usage is not None and usage.input_tokens is not None:  # there is no answer, so it has no tokens
        usage = msgspec.structs.replace(usage, output_tokens=0)
    model = fields.text("model") or context.model
    return EmbedResponse(model=model, embeddings=vectors, usage=usage, extra=luggage(fields.rest()))


def render_embed_response(
    response: EmbedResponse, context: TranslationContext, request: EmbedRequest | None = None
) -> WireResponse:
    """What a client gets, in the shape of the path that it called."""
    lose_foreign(response.extra, context)
    if request is not None and request.form == OLD and len(response.embeddings) == 1:
        body: Body = {"embedding": response.embeddings[0]}
    else:
        body = {"model": response.model, "embeddings": response.embeddings, **_render_usage(response.usage)}
    put_back(body, response.extra)
    return WireResponse(body=msgspec.json.encode(body), headers=JSON_HEADERS)


def _render_usage(usage: Usage | None) -> dict[str, Any]:
    return {key: value for key, value in render_usage(usage).items() if key != "eval_count"}

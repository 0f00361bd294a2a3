"""Embeddings: texts or tokens to vectors, each a list of numbers or base64 of little-endian float32.

Which of the two an answer is stands in the request (`encoding_format`) and nowhere else, and hosts differ in what they
send when nothing is said; reading therefore looks at what came.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from typing import Any

import msgspec

from interlingua.dialects.openai_chat.errors import error_of
from interlingua.dialects.openai_chat.schema import (
    ID,
    bad_answer,
    bad_request,
    checked,
    lose_foreign,
    luggage,
    put_back,
    text_or,
)
from interlingua.dialects.openai_chat.usage import parse_usage, render_usage
from interlingua.errors import UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.opaque import Json
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields

Vector = tuple[float, ...]

PATHS: tuple[str, ...] = ("/v1/embeddings",)
FORMS = ("float", "base64")
"""Values of encoding_format."""

_HEADERS = (("content-type", "application/json"),)
_inputs: msgspec.json.Decoder[str | list[str | int | list[int]]] = msgspec.json.Decoder(
    str | list[str | int | list[int]]
)
_vector: msgspec.json.Decoder[Vector] = msgspec.json.Decoder(Vector)
_SAMPLE = 64
_LEAST, _MOST = 1e-12, 1e6
"""What the components of a vector lie between; four int8 read as one float32 nearly always lie outside."""


def parse_embed_request(request: WireRequest, context: TranslationContext) -> EmbedRequest:
    """What a client asks.

    Raises:
        InvalidRequest: names the field that is missing or of the wrong shape.
    """
    fields = Fields(checked(request.body, bad_request), bad_request)
    form = fields.text("encoding_format") or ""
    if form and form not in FORMS:
        raise fields.error("encoding_format", f"expected float or base64, got {form!r}")
    lengths = [fields.integer(key, least=1) for key in ("dimensions", "output_dimension")]
    return EmbedRequest(
        model=fields.text("model") or "",
        inputs=_parse_inputs(fields),
        dimensions=next((length for length in lengths if length is not None), None),
        end_user=fields.text("user"),
        form=form,
        extra=luggage(fields.rest()),
    )


def _parse_inputs(fields: Fields) -> tuple[str | tuple[int, ...], ...]:
    key = "inputs" if fields.kind("input") in ("", "null") and fields.has("inputs") else "input"
    raw = fields.raw(key)
    if raw is None:
        raise fields.error("input", "required")
    try:
        found = _inputs.decode(raw)
    except msgspec.DecodeError as error:
        reason, _, place = str(error).partition(" - at `$")
        raise fields.error(key + place.rstrip("`"), reason) from error
    if isinstance(found, str):
        return (found,)
    if not found:
        raise fields.error(key, "must hold at least one text")
    tokens = tuple(item for item in found if isinstance(item, int))
    if not tokens:
        return tuple(tuple(item) if isinstance(item, list) else item for item in found if not isinstance(item, int))
    if len(tokens) < len(found):
        raise fields.error(key, "tokens and texts must not be mixed")
    return (tokens,)


def render_embed_request(request: EmbedRequest, context: TranslationContext) -> WireRequest:
    """What we ask a provider; see `Embeddings.render_embed_request`."""
    body: dict[str, Any] = {"model": context.model or request.model, "input": request.inputs}
    for name, key in (("dimensions", "dimensions"), ("end_user", "user")):
        value = getattr(request, name)
        if value is None:
            continue
        if name in context.host.refuses:
            context.lose(name, "the host does not take it")
        else:
            body[key] = value
    if request.form in FORMS:
        body["encoding_format"] = request.form
    if request.task is not None:
        context.lose("task", "there is no field for what the vectors are for")
    put_back(body, request.extra)
    lose_foreign(request.extra, context)
    if context.quirk.request is not None:
        body = context.quirk.request(msgspec.json.decode(msgspec.json.encode(body)))
    return WireRequest(path="/embeddings", body=msgspec.json.encode(body), headers=_HEADERS)


def parse_embed_response(response: WireResponse, context: TranslationContext) -> EmbedResponse:
    """What a provider answered with a 2xx.

    Raises:
        UpstreamError: it is no list of vectors.
        InterlinguaError: the error that stands inside it.
    """
    source = checked(response.body, bad_answer)
    if context.quirk.response is not None:
        source = msgspec.json.encode(context.quirk.response(Fields(source, bad_answer).rest()))
    fields = Fields(source, bad_answer)
    if fields.kind("error") in ("object", "string", "array"):
        raise error_of(fields.rest(), response.status, response, context)
    if fields.kind("data") != "array":
        raise fields.error("data", "required, an array")
    found = [_parse_item(child) for child in fields.children("data")]
    if sorted(index for index, _, _ in found) == list(range(len(found))):
        found.sort(key=lambda item: item[0])
    fields.skip("object")
    usage = _parse_usage(fields.json("usage"))
    model = text_or(fields, "model") or context.model
    left: dict[str, Json] = {"data": [rest for _, _, rest in found]} if any(rest for _, _, rest in found) else {}
    return EmbedResponse(
        model=model,
        embeddings=tuple(vector for _, vector, _ in found),
        usage=usage,
        extra=luggage({**fields.rest(), **left}),
    )


def _parse_item(fields: Fields) -> tuple[int, Vector, dict[str, Json]]:
    """(index, -1 where there is none; vector; the rest)"""
    index = fields.integer("index")
    if fields.kind("embedding") == "string":
        vector = _unpacked(fields)
    else:
        vector = _listed(fields)
    fields.skip("object")
    return -1 if index is None else index, vector, fields.rest()


def _listed(fields: Fields) -> Vector:
    try:
        return _vector.decode(fields.raw("embedding") or "null")
    except msgspec.DecodeError as error:
        raise fields.error("embedding", str(error)) from error


def _unpacked(fields: Fields) -> Vector:
    """The vector of a base64 text: float32, unless that makes no sense; then int8, as some hosts send unasked."""
    try:
        data = base64.b64decode(fields.need_text("embedding"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise fields.error("embedding", f"not base64: {error}") from error
    if len(data) % 4 == 0:
        vector = struct.unpack(f"<{len(data) // 4}f", data)
        sample = vector[:_SAMPLE]
        if sum(not value or _LEAST < abs(value) < _MOST for value in sample) >= 0.9 * len(sample):
            if not math.isfinite(sum(vector)):
                raise fields.error("embedding", "not all of it is finite")
            return vector
    return tuple(map(float, struct.unpack(f"{len(data)}b", data)))


def _parse_usage(raw: Json) -> Usage | None:
    """Counts; some hosts state the total alone, which here is the prompt. There is no answer, so it has no tokens."""
    usage = parse_usage(raw)
    if usage is None:
        return None
    prompt, total = usage.input_tokens, raw.get("total_tokens")
    if prompt is None and isinstance(total, int) and not isinstance(total, bool):
        prompt = total
    return msgspec.structs.replace(usage, input_tokens=prompt, output_tokens=None if prompt is None else 0)


def render_embed_response(
    response: EmbedResponse, context: TranslationContext, request: EmbedRequest | None = None
) -> WireResponse:
    """What a client gets; the format demands counts, so unknown ones stand as 0.

    Raises:
        UpstreamError: a value is too large for the float32 that the client asked for.
    """
    packed = request is not None and request.form == "base64"
    left = response.extra.get(ID, {}).get("data") or []
    data: list[dict[str, Any]] = [
        {"object": "embedding", "index": i, "embedding": _packed(vector) if packed else vector}
        for i, vector in enumerate(response.embeddings)
    ]
    data = [{**more, **item} for item, more in zip(data, left, strict=False)] + data[len(left) :]
    body: dict[str, Any] = {"object": "list", "data": data, "model": response.model}
    body["usage"] = _render_usage(response.usage)
    put_back(body, response.extra)
    lose_foreign(response.extra, context)
    return WireResponse(body=msgspec.json.encode(body), headers=_HEADERS)


def _packed(vector: Vector) -> str:
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except OverflowError as error:
        raise UpstreamError(f"a vector cannot be written as float32: {error}") from error


def _render_usage(usage: Usage | None) -> dict[str, Any]:
    wire = {key: value for key, value in render_usage(usage or Usage()).items() if value is not None}
    prompt = wire.setdefault("prompt_tokens", 0)
    wire.setdefault("total_tokens", prompt)
    raw = usage.raw if usage is not None else None
    if not isinstance(raw, dict) or "completion_tokens" not in raw:
        wire.pop("completion_tokens", None)
    return wire

"""Answers that are not generated content, and the paths that ask for them."""

from __future__ import annotations

import msgspec

from interlingua.dialects.gemini.errors import parse_error_value
from interlingua.dialects.gemini.request import render_path
from interlingua.dialects.gemini.schema import ID, ProtoFields
from interlingua.errors import UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.opaque import Extra

JSON_HEADERS = (("content-type", "application/json"),)


def method_path(model: str, method: str) -> str:
    """The path of a method of a model, below the endpoint's base address."""
    return f"{render_path(model, stream=False).rpartition(':')[0]}:{method}"


def resource_name(model: str) -> str:
    """A model's full name, as bodies and lists write it."""
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def bad_answer(path: str, reason: str) -> Exception:
    """The error for a provider's JSON."""
    return UpstreamError(f"the provider's answer is not this format: {path or 'body'}: {reason}")


def open_answer(response: WireResponse, context: TranslationContext) -> ProtoFields:
    """The object that a 2xx holds.

    Raises:
        UpstreamError: it holds none.
        InterlinguaError: the error that stands inside it.
    """
    body = ProtoFields(response.body, bad_answer)
    if context.quirk.response is not None:
        body = ProtoFields(msgspec.json.encode(context.quirk.response(body.rest())), bad_answer)
    if body.peek("error") is not None:
        raise parse_error_value({"error": body.json("error")}, response, context)
    return body


def lose_foreign(extra: Extra, context: TranslationContext) -> None:
    """Notes the luggage of other dialects as lost, once for each."""
    for key in extra:
        field = f"extra.{key}"
        if key != ID and extra[key] and all(loss.field != field for loss in context.losses):
            context.lose(field, f"fields that only {key} knows: {', '.join(sorted(extra[key]))}")

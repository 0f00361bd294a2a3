"""Answers that are not said by a model: how they are opened."""

from __future__ import annotations

import msgspec

from interlingua.dialects.ollama.errors import parse_error_value
from interlingua.dialects.ollama.schema import bad_answer
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.wire.fields import Fields

JSON_HEADERS = (("content-type", "application/json"),)


def open_answer(response: WireResponse, context: TranslationContext) -> Fields:
    """The object that a 2xx holds.

    Raises:
        UpstreamError: it holds none.
        InterlinguaError: the error that stands inside it.
    """
    fields = Fields(response.body, bad_answer)
    if context.quirk.response is not None:
        fields = Fields(msgspec.json.encode(context.quirk.response(fields.rest())), bad_answer)
    if fields.kind("error") not in ("", "null"):
        raise parse_error_value({"error": fields.json("error")}, response, context)
    return fields

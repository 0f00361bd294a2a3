"""Answers that are not messages: how they are opened, and what of others they cannot hold."""

from __future__ import annotations

import msgspec

from interlingua.dialects.anthropic_messages.errors import parse_in_band
from interlingua.dialects.anthropic_messages.response import nonsense
from interlingua.dialects.anthropic_messages.schema import ID
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.opaque import Extra
from interlingua.wire.fields import Fields


def open_answer(response: WireResponse, context: TranslationContext) -> Fields:
    """The object that a 2xx holds.

    Raises:
        UpstreamError: it holds none.
        InterlinguaError: the error that stands inside it.
    """
    fail = nonsense(context)
    fields = Fields(response.body, fail)
    if context.quirk.response is not None:
        fields = Fields(msgspec.json.encode(context.quirk.response(fields.rest())), fail)
    if fields.kind("error") == "object":
        raise parse_in_band({"error": fields.json("error"), "request_id": fields.text("request_id")}, context, response)
    return fields


def lose_foreign(extra: Extra, context: TranslationContext) -> None:
    """Notes the luggage of other dialects as lost, once for each."""
    for key in extra:
        field = f"extra.{key}"
        if key != ID and extra[key] and all(loss.field != field for loss in context.losses):
            context.lose(field, f"fields that only {key} knows: {', '.join(sorted(extra[key]))}")

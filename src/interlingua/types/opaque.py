"""What we carry without reading: reasoning state, foreign fields, plain JSON."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

Json: TypeAlias = Any
"""A decoded JSON value: None, bool, int, float, str, list or dict with string keys."""

Extra: TypeAlias = dict[str, dict[str, Json]]
"""Fields that only one dialect knows, keyed by dialect id; rendered to that dialect alone."""


class Origin(Struct, frozen=True, omit_defaults=True):
    """Who made something: the only receiver that may get its opaque state back (contracts §2.1).

    Args:
        provider: provider id.
        endpoint: dialect id that was spoken.
        model: the model that answered, as the provider named it in the request.
        credential: account or credential scope; empty where state is not bound to one.
    """

    provider: str
    endpoint: str
    model: str
    credential: str = ""


class Opaque(Struct, frozen=True, omit_defaults=True):
    """A string that a provider wants back unread and unchanged.

    Args:
        kind: what it is, as `dialect.field`, such as `anthropic_messages.signature`,
            `anthropic_messages.redacted_thinking`, `gemini.thought_signature`,
            `openai_chat.reasoning_details`, `openai_responses.encrypted_content`.
        data: the string itself, byte for byte.
        origin: who made it; None when unknown.
    """

    kind: str
    data: str
    origin: Origin | None = None

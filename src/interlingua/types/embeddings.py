"""Texts as vectors."""

from __future__ import annotations

from msgspec import Struct

from interlingua.types.opaque import Extra
from interlingua.types.usage import Usage


class EmbedRequest(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What shall be embedded.

    Args:
        model: the name as the caller wrote it; resolved by the router.
        inputs: texts, or texts already split into tokens; each becomes one vector.
        dimensions: length of the vectors, where the model can shorten them.
        task: what the vectors are for, as the dialect writes it (`RETRIEVAL_QUERY`, `search_document`, …).
        end_user: a stable id of the person behind the call.
        form: how the caller wants the answer written, in its dialect's own word (`base64`, `embedContent`); it says
            nothing about the vectors, so another dialect loses nothing by not knowing it.
        extra: fields that only one dialect knows.
    """

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    task: str | None = None
    end_user: str | None = None
    form: str = ""
    extra: Extra = {}


class EmbedResponse(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The vectors, in the order of the inputs."""

    model: str
    embeddings: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    extra: Extra = {}

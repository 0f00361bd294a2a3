"""What a host says about the models that it serves."""

from __future__ import annotations

from msgspec import Struct

from interlingua.types.opaque import Extra


class ListedModel(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One model of a host's list; None is what the host does not say.

    Args:
        id: the name to ask for it by.
        title: its name for people.
        owner: who made or serves it.
        created: seconds since 1970.
        context, max_output: limits in tokens.
        extra: fields that only one dialect knows.
    """

    id: str
    title: str | None = None
    owner: str | None = None
    created: int | None = None
    context: int | None = None
    max_output: int | None = None
    extra: Extra = {}


class ModelPage(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A part of a host's list.

    Args:
        models: in the host's order.
        next: what to ask the next page with; empty at the end.
        extra: fields beside the list that only one dialect knows.
    """

    models: tuple[ListedModel, ...]
    next: str = ""
    extra: Extra = {}

"""How many tokens a request would take."""

from __future__ import annotations

from msgspec import Struct

from interlingua.types.opaque import Extra


class TokenCount(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A count of a prompt's tokens.

    Args:
        input_tokens: the whole prompt.
        exact: counted by the provider; false is our estimate.
        cache_read: of it, already in the provider's cache, where that is told.
        extra: fields that only one dialect knows.
    """

    input_tokens: int
    exact: bool
    cache_read: int | None = None
    extra: Extra = {}

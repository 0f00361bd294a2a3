"""Who asks: the tenant, and what they may use and how much. Made by whoever checks keys; policy only reads it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

from msgspec import Meta, Struct

Amount = Annotated[int, Meta(ge=1, le=10**15)]
LOCAL_TENANT = "local"
"""Whose all is where there are no keys."""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is allowed; None is no limit.

    Args:
        rpm: requests per minute.
        tpm: tokens per minute, of prompts and answers together.
        concurrency: calls at once.
    """

    rpm: Amount | None = None
    tpm: Amount | None = None
    concurrency: Amount | None = None


UNLIMITED = Limits()


class Principal(Struct, frozen=True, kw_only=True):
    """Somebody who was let in.

    Args:
        tenant: in every row and cache key of theirs.
        key: the virtual key's name; empty without one.
        models: patterns of the models that they may use; `*` and `?` stand for any letters and any one.
        limits: how much they may use.
        budget: how much they may spend, as it was written.
        admin: whether they may see and change settings, keys and all tenants' usage.
    """

    tenant: str
    key: str = ""
    models: tuple[str, ...] = ("*",)
    limits: Limits = UNLIMITED
    budget: str | None = None
    admin: bool = False

    def may_use(self, *names: str) -> bool:
        """Whether a model is theirs.

        Args:
            names: all that it is called: what was asked for, and the `provider/model` that this was resolved to. One
                that matches suffices, so that a key for `groq/*` may use an alias that leads there.
        """
        return "*" in self.models or any(fnmatchcase(name, pattern) for name in names for pattern in self.models)


LOCAL = Principal(tenant=LOCAL_TENANT)
"""Everybody on this machine, where there are no keys."""

"""Who asks: the tenant, and what they may use and how much. Made by whoever checks keys; policy only reads it."""

from __future__ import annotations

import re
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from msgspec import Meta, Struct

from interlingua.errors import InvalidRequest
from interlingua.types.money import PICO_PER_USD, Money

Span = Literal["day", "month", "total"]
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
_MOST_USD = 1_000_000
_TEXT = re.compile(r"(?:\$\s*(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)\s*USD)(?:\s*/\s*(day|month|total))?", re.IGNORECASE)


class Budget(Struct, frozen=True):
    """So much in each period.

    Args:
        limit: pico-dollars.
        span: the period.
    """

    limit: int
    span: Span

    def __str__(self) -> str:
        amount = f"{Money(self.limit).usd.normalize():f} USD"
        return amount if self.span == "total" else f"{amount} / {self.span}"


def parse_budget(text: str, path: str = "budget") -> Budget:
    """A budget as people write it: `5 USD / month`, `0.5 USD / day`, `$20 / total`; without a period it is the total.

    Args:
        text: as it was written.
        path: for the error, where it stands.

    Raises:
        InvalidRequest: it is none.
    """
    found = _TEXT.fullmatch(text.strip())
    amount = Decimal(found[1] or found[2]) if found else Decimal(0)
    pico = amount * PICO_PER_USD
    if found is None or not 0 < amount <= _MOST_USD or pico != int(pico):
        raise InvalidRequest(
            f"{path}: {text!r} is not a budget",
            path=path,
            remedy=f"Write 5 USD / month, 0.50 USD / day or 100 USD; more than 0 and at most {_MOST_USD:,} USD.",
        )
    span: Span = "day" if (word := (found[3] or "total").lower()) == "day" else "month" if word == "month" else "total"
    return Budget(int(pico), span)


class Principal(Struct, frozen=True, kw_only=True):
    """Somebody who was let in.

    Args:
        tenant: in every row and cache key of theirs.
        key: the virtual key's name; empty without one.
        models: patterns of the models that they may use; `*` and `?` stand for any letters and any one.
        limits: how much they may use.
        budget: how much they may spend; None is no limit of their own.
        admin: whether they may see and change settings, keys and all tenants' usage.
    """

    tenant: str
    key: str = ""
    models: tuple[str, ...] = ("*",)
    limits: Limits = UNLIMITED
    budget: Budget | None = None
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

"""What a call cost: what the provider reports, else tokens times price, else unknown (contracts §4.1)."""

from __future__ import annotations

from msgspec import Struct

from interlingua.catalog.pricing import cost, price_at
from interlingua.engine.target import Target
from interlingua.types.money import Money
from interlingua.types.usage import Usage

REPORTED = "reported"
"""The source of a figure that the provider itself gave."""


class Charge(Struct, frozen=True, gc=False):
    """What an attempt cost, and by which price, so that it can be reckoned again.

    Args:
        cost: or None where it is unknown.
        source: who says so: letters of the catalog's `sources`, or `reported`; None where there is no price.
        since: first day of the price row; None where that is open.
    """

    cost: Money | None = None
    source: str | None = None
    since: str | None = None


UNKNOWN = Charge()


def charge_of(usage: Usage | None, target: Target, when: float, service_tier: str | None = None) -> Charge:
    """The cost of one attempt with the price it was reckoned by; arguments as `cost_of`."""
    if usage is None:
        return UNKNOWN
    if usage.reported_cost is not None:
        return Charge(usage.reported_cost, REPORTED)
    if target.row is None:
        return UNKNOWN
    price = price_at(target.row, prompt_tokens=usage.input_tokens, when=when, service_tier=service_tier)
    if price is None:
        return UNKNOWN
    return Charge(cost(usage, price), price.source or None, price.since or None)


def cost_of(usage: Usage | None, target: Target, when: float, service_tier: str | None = None) -> Money | None:
    """The cost of one attempt, or None where it is unknown.

    Args:
        usage: what was consumed; None where the provider said nothing.
        target: who was asked.
        when: seconds since 1970.
        service_tier: as the provider reports it.
    """
    return charge_of(usage, target, when, service_tier).cost

"""What a call cost: what the provider reports, else tokens times price, else unknown (contracts §4.1)."""

from __future__ import annotations

from interlingua.catalog.pricing import cost, price_at
from interlingua.engine.target import Target
from interlingua.types.money import Money
from interlingua.types.usage import Usage


def cost_of(usage: Usage | None, target: Target, when: float, service_tier: str | None = None) -> Money | None:
    """The cost of one attempt, or None where it is unknown.

    Args:
        usage: what was consumed; None where the provider said nothing.
        target: who was asked.
        when: seconds since 1970.
        service_tier: as the provider reports it.
    """
    if usage is None:
        return None
    if usage.reported_cost is not None:
        return usage.reported_cost
    if target.row is None:
        return None
    price = price_at(target.row, prompt_tokens=usage.input_tokens, when=when, service_tier=service_tier)
    return None if price is None else cost(usage, price)

"""What providers' caches spared, reckoned from sums."""

from __future__ import annotations

from typing import Any

from interlingua.catalog.model import Model, PriceRow
from interlingua.engine.savings import prompts_saved
from interlingua.ports.store import UsageHour

HOUR = 497_000
MODEL = Model(
    provider="p", id="m", prices=(PriceRow(input="10", output="20", cache_read="1", cache_write="12", source="x"),)
)


def hour(**counts: int) -> UsageHour:
    """What one hour came to."""
    return UsageHour(HOUR, "t", "k", "p/m", **dict[str, Any](counts))


def test_tokens_from_a_providers_cache_spare_the_difference_of_the_rates() -> None:
    """9 dollars a million, of a hundred thousand."""
    assert prompts_saved([hour(input_tokens=200_000, cache_read=100_000)], lambda _: MODEL) == 900_000_000_000


def test_what_writing_a_cache_costs_is_taken_off() -> None:
    """Two dollars more a million than plain input; so there may be nothing but a loss."""
    assert prompts_saved([hour(cache_creation=1_000_000)], lambda _: MODEL) == -2_000_000_000_000


def test_where_no_price_is_known_nothing_is_guessed() -> None:
    """Nothing cached is nothing spared, whatever it cost; cached tokens without a price are unknown."""
    assert prompts_saved([hour(input_tokens=5)], lambda _: None) == 0
    assert prompts_saved([], lambda _: MODEL) == 0
    assert prompts_saved([hour(cache_read=5)], lambda _: None) is None
    assert (
        prompts_saved([hour(cache_read=1_000_000), UsageHour(HOUR, "t", "k", "x/y", cache_read=1)], {"p/m": MODEL}.get)
        == 9 * 10**12
    )

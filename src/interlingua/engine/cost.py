"""What a call cost: what the provider reports, else tokens times price, else unknown (contracts §4.1)."""

from __future__ import annotations

from bisect import bisect_left

from msgspec import Struct

from interlingua.catalog.model import Model
from interlingua.catalog.pricing import Price, cost, price_at, thresholds
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
    return UNKNOWN if usage is None else charge_for(usage, target.row, when, service_tier)


def charge_for(usage: Usage, row: Model | None, when: float, service_tier: str | None = None) -> Charge:
    """The same for a row of the catalog, None where it has none."""
    if usage.reported_cost is not None:
        return Charge(usage.reported_cost, REPORTED)
    if row is None:
        return UNKNOWN
    price = _price(row, usage.input_tokens, when, service_tier)
    if price is None:
        return UNKNOWN
    return Charge(cost(usage, price), price.source or None, price.since or None)


class _Prices(Struct, frozen=True):
    """Prices of a minute, by how many of the row's prompt sizes are passed; None where the size is unknown."""

    row: Model
    minute: int
    above: tuple[int, ...]
    by_size: dict[int | None, Price | None]


_prices: dict[tuple[int, str | None], _Prices] = {}


def _price(row: Model, prompt: int | None, when: float, service_tier: str | None) -> Price | None:
    """As `price_at`, which calls of one minute, size and tier need not ask again: no price changes within a minute."""
    minute = int(when // 60)
    known = _prices.get((id(row), service_tier))
    if known is None or known.minute != minute or known.row is not row:
        if len(_prices) >= _MOST_QUOTES:
            _prices.clear()
        known = _prices[id(row), service_tier] = _Prices(row, minute, thresholds(row, when), {})
    size = None if prompt is None else bisect_left(known.above, prompt)
    if size not in known.by_size:
        known.by_size[size] = price_at(row, prompt_tokens=prompt, when=when, service_tier=service_tier)
    return known.by_size[size]


def cost_of(usage: Usage | None, target: Target, when: float, service_tier: str | None = None) -> Money | None:
    """The cost of one attempt, or None where it is unknown.

    Args:
        usage: what was consumed; None where the provider said nothing.
        target: who was asked.
        when: seconds since 1970.
        service_tier: as the provider reports it.
    """
    return charge_of(usage, target, when, service_tier).cost


def most_cost(row: Model | None, prompt: int, output: int, when: float) -> int | None:
    """Pico-dollars that a call may cost at most by its size, or None where no price is known.

    The prompt is reckoned as written to the provider's cache where that is dearer, for some providers write every
    long prompt; at hours whose price other things decide too, the dearer one holds. Some sums, once a minute more.

    Args:
        row: the catalog's, of who would be asked; None where it knows none.
        prompt, output: tokens.
        when: seconds since 1970.
    """
    if row is None:
        return None
    minute = int(when // 60)
    quote = _quotes.get(id(row))
    if quote is None or quote.minute != minute or quote.row is not row:
        if len(_quotes) >= _MOST_QUOTES:
            _quotes.clear()
        quote = _quotes[id(row)] = _Quote(row, minute, _steps(row, when))
    for above, rates in quote.steps:
        if prompt > above:
            return None if rates is None else prompt * rates[0] + output * rates[1]
    return None


class _Quote(Struct, frozen=True, gc=False):
    """Rates of a minute: from the highest tier down, the prompt size above which they hold."""

    row: Model
    minute: int
    steps: tuple[tuple[int, tuple[int, int] | None], ...]


_quotes: dict[int, _Quote] = {}
_MOST_QUOTES = 1_000


def _steps(row: Model, when: float) -> tuple[tuple[int, tuple[int, int] | None], ...]:
    found = []
    for above in (*sorted(thresholds(row, when), reverse=True), -1):
        price = price_at(row, prompt_tokens=above + 1, when=when, dearest=True)
        rates = None
        if price is not None and price.input is not None and price.output is not None:
            rates = (max(price.input, price.cache_write or 0), price.output)
        found.append((above, rates))
    return tuple(found)

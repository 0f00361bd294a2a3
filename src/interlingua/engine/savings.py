"""What providers' own caches of prompts spared, whose tokens cost less than others.

It is reckoned from sums by the hour at the price of that hour, for small prompts: an estimate, where a bill is not.
What providers ask for writing their caches is taken off. Where a price is unknown nothing is guessed. What answers
spared that we remembered ourselves stands in the ledger (`UsageHour.saved`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from interlingua.catalog.catalog import Model
from interlingua.catalog.pricing import Price, cost, price_at
from interlingua.ports.store import UsageHour
from interlingua.types.usage import Usage


def prompts_saved(hours: Iterable[UsageHour], find: Callable[[str], Model | None]) -> int | None:
    """Pico-dollars that caches spared; below zero where writing them cost more. None where they were used and no price
    is known.

    Args:
        hours: what was used.
        find: the catalog's row of a `provider/model`.
    """
    cached = (hour for hour in hours if hour.cache_read or hour.cache_creation)
    found = [_saved(hour, find(hour.target)) for hour in cached]
    known = [one for one in found if one is not None]
    return sum(known) if known or not found else None


def _saved(hour: UsageHour, model: Model | None) -> int | None:
    price = None if model is None else price_at(model, prompt_tokens=0, when=hour.hour * 3600.0)
    if price is None:
        return None
    read, written = hour.cache_read, hour.cache_creation
    spared = _cost(price, read) - _cost(price, read, cache_read=read)
    return spared - (_cost(price, written, cache_creation=written) - _cost(price, written))


def _cost(price: Price, input: int, *, cache_read: int = 0, cache_creation: int = 0) -> int:
    usage = Usage(input_tokens=input, output_tokens=0, cache_read=cache_read, cache_creation=cache_creation)
    found = cost(usage, price)
    return 0 if found is None else found.pico

"""What tokens cost: exact, or unknown. Integers throughout; 1 USD per million tokens is 10^6 pico-dollars per token.

Unknown is None and never 0. A price is unknown where none is on record for the day, or where the provider bills by a
condition that we do not apply. A cost is unknown where a count that is billed is unknown or has no rate. A provider
that reports no cached tokens is taken to have billed none at another rate: hosts leave out a count of zero.
Contracts §4.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from interlingua.catalog.model import Model, Peak, PriceRow, Rates, Rule
from interlingua.types.money import Money
from interlingua.types.usage import Usage

PICO_PER_TOKEN = 10**6
STANDARD_TIERS = frozenset({"auto", "default", "standard", "standard_only", "on_demand"})
"""Service tiers that every provider bills at its rates."""


class Price(Struct, frozen=True, kw_only=True):
    """Pico-dollars per token for one call; None is unknown.

    Args:
        input, output, cache_read, cache_write, cache_write_by_ttl: as in `model.Rates`.
        rules: conditions that the provider may yet report, under which these rates do not hold.
        source: who says so: letters of the catalog's `sources`.
        since: first day of the row that was used; empty where it is open.
    """

    input: int | None
    output: int | None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_by_ttl: dict[str, int] = {}
    rules: tuple[Rule, ...] = ()
    source: str = ""
    since: str = ""


def price_at(
    model: Model,
    *,
    prompt_tokens: int | None,
    when: datetime | float,
    service_tier: str | None = None,
) -> Price | None:
    """The rates of one call, or None where they are unknown.

    Args:
        model: the catalog's row.
        prompt_tokens: size of the whole prompt, which decides the tier for the whole request; None is unknown.
        when: the call's time, as a datetime with a time zone or in seconds since 1970.
        service_tier: as the provider reports it.
    """
    moment = when.astimezone(UTC) if isinstance(when, datetime) else datetime.fromtimestamp(when, UTC)
    row = row_of_day(model.prices, moment.date().isoformat())
    if row is None or _billed_otherwise(model.rules, {"service_tier": service_tier}):
        return None
    if row.peak is not None and _within(row.peak, moment):
        # Public holidays decide as well, and we do not know them.
        return None
    if row.tiers and prompt_tokens is None:
        return None
    rates: Rates = row
    for tier in row.tiers:
        if prompt_tokens is not None and prompt_tokens > tier.above:
            rates = tier
    return Price(
        input=_pico(rates.input),
        output=_pico(rates.output),
        cache_read=_pico(rates.cache_read),
        cache_write=_pico(rates.cache_write),
        cache_write_by_ttl={ttl: pico_per_token(rate) for ttl, rate in rates.cache_write_by_ttl.items()},
        rules=model.rules,
        source=row.source,
        since=row.from_,
    )


def cost(usage: Usage, price: Price) -> Money | None:
    """What a call cost, or None where that is unknown.

    Args:
        usage: what was consumed.
        price: from `price_at`.
    """
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    if usage.input_audio or usage.output_audio or usage.output_image or any(usage.server_tool_requests.values()):
        # Priced apart from text, at rates that are not on record.
        return None
    if isinstance(usage.raw, dict) and _billed_otherwise(price.rules, usage.raw):
        return None
    read, written = usage.cache_read or 0, usage.cache_creation or sum(usage.cache_creation_by_ttl.values())
    plain = usage.input_tokens - read - written
    if min(plain, read, written, usage.output_tokens) < 0:
        return None
    items = [(plain, price.input), (read, price.cache_read), (usage.output_tokens, price.output)]
    return _total([*items, *_writes(usage, written, price)])


@lru_cache(maxsize=4096)
def pico_per_token(usd_per_million: str) -> int:
    """Pico-dollars per token of a rate in dollars per million tokens.

    Raises:
        ValueError: the rate is finer than a pico-dollar per token.
    """
    pico = Decimal(usd_per_million) * PICO_PER_TOKEN
    if pico != int(pico) or pico < 0:
        raise ValueError(f"not a whole number of pico-dollars per token: {usd_per_million} USD per million")
    return int(pico)


def _pico(rate: str | None) -> int | None:
    return None if rate is None else pico_per_token(rate)


def row_of_day(rows: Iterable[PriceRow], day: str) -> PriceRow | None:
    """The row that holds on a day (YYYY-MM-DD), or None."""
    return next((row for row in rows if row.from_ <= day <= (row.until or day)), None)


def _within(peak: Peak, moment: datetime) -> bool:
    clock = f"{moment:%H:%M}"
    return moment.weekday() in peak.days and any(start <= clock < end for start, end in peak.utc)


def _billed_otherwise(rules: Iterable[Rule], reported: Mapping[str, object]) -> bool:
    for rule in rules:
        value = reported.get(rule.field)
        if isinstance(value, str) and value and value not in rule.plain:
            return True
    tier = reported.get("service_tier")
    return isinstance(tier, str) and bool(tier) and tier not in STANDARD_TIERS


def _writes(usage: Usage, written: int, price: Price) -> list[tuple[int, int | None]]:
    if not price.cache_write_by_ttl:
        return [(written, price.cache_write)]
    by_ttl = usage.cache_creation_by_ttl
    items = [(count, price.cache_write_by_ttl.get(ttl)) for ttl, count in by_ttl.items()]
    # Without a lifetime the rate is open; with a split that does not add up, so is the rest.
    rest = written - sum(by_ttl.values())
    return [*items, (rest, None)]


def _total(items: Iterable[tuple[int, int | None]]) -> Money | None:
    pico = 0
    for count, rate in items:
        if count == 0:
            continue
        if rate is None:
            return None
        pico += count * rate
    return Money(pico)

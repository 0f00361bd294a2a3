"""What tokens cost: exact, or unknown. Integers throughout; 1 USD per million tokens is 10^6 pico-dollars per token.

The rates are those of the row of the day, of the tier that the whole prompt's size decides, or of the hour; then every
condition that the provider reports (service tier, place, speed) multiplies the sum. Unknown is None and never 0. A
price is unknown where none is on record for the day, or where the provider bills by a condition that is not on
record. A cost is unknown where a count that is billed is unknown or has no rate. A provider that reports no cached
tokens is taken to have billed none at another rate: hosts leave out a count of zero. Contracts §4.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from msgspec import Struct

from interlingua.catalog.model import Model, Peak, PriceRow, Rates, Rule
from interlingua.types.money import Money
from interlingua.types.usage import Usage

PICO_PER_TOKEN = 10**6
STANDARD_TIERS = frozenset({"auto", "default", "standard", "standard_only", "on_demand"})
"""Service tiers that every provider bills at its rates."""
_TIER = "service_tier"


class Price(Struct, frozen=True, kw_only=True):
    """Pico-dollars per token for one call; None is unknown.

    Args:
        input, output, cache_read, cache_write, cache_write_by_ttl, input_audio, output_audio, input_image,
            output_image: as in `model.Rates`.
        rules: conditions that the provider may report, under which multiples of these rates are billed.
        service_tier: as the provider reports it; empty where it does not.
        source: who says so: letters of the catalog's `sources`.
        since: first day of the row that was used; empty where it is open.
    """

    input: int | None
    output: int | None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_by_ttl: dict[str, int] = {}
    input_audio: int | None = None
    output_audio: int | None = None
    input_image: int | None = None
    output_image: int | None = None
    rules: tuple[Rule, ...] = ()
    service_tier: str = ""
    source: str = ""
    since: str = ""


def price_at(
    model: Model,
    *,
    prompt_tokens: int | None,
    when: datetime | float,
    service_tier: str | None = None,
    dearest: bool = False,
) -> Price | None:
    """The rates of one call, or None where they are unknown.

    Args:
        model: the catalog's row.
        prompt_tokens: size of the whole prompt, which decides the tier for the whole request; None is unknown.
        when: the call's time, as a datetime with a time zone or in seconds since 1970.
        service_tier: as the provider reports it.
        dearest: where something unknown decides between two prices, the higher one instead of none.
    """
    moment = _moment(when)
    row = row_of_day(model.prices, f"{moment:%Y-%m-%d}")
    if row is None or _factor(model.rules, {_TIER: service_tier}) is None:
        return None
    rates = _rates(row, prompt_tokens, moment, dearest=dearest)
    if rates is None:
        return None
    return Price(
        input=_pico(rates.input),
        output=_pico(rates.output),
        cache_read=_pico(rates.cache_read),
        cache_write=_pico(rates.cache_write),
        cache_write_by_ttl={ttl: pico_per_token(rate) for ttl, rate in rates.cache_write_by_ttl.items()},
        input_audio=_pico(rates.input_audio),
        output_audio=_pico(rates.output_audio),
        input_image=_pico(rates.input_image),
        output_image=_pico(rates.output_image),
        rules=model.rules,
        service_tier=service_tier or "",
        source=row.source,
        since=row.from_,
    )


def cost(usage: Usage, price: Price) -> Money | None:
    """What a call cost, or None where that is unknown.

    Args:
        usage: what was consumed.
        price: from `price_at`.
    """
    if usage.input_tokens is None or usage.output_tokens is None or any(usage.server_tool_requests.values()):
        # What a provider's own tools cost is not on record.
        return None
    read, written = usage.cache_read or 0, usage.cache_creation or sum(usage.cache_creation_by_ttl.values())
    heard, seen = usage.input_audio or 0, usage.input_image or 0 if price.input_image is not None else 0
    spoken, drawn = usage.output_audio or 0, usage.output_image or 0
    if (heard or seen) and (read or written):
        # Which of the cached tokens were sound or images is not told.
        return None
    plain = usage.input_tokens - read - written - heard - seen
    text = usage.output_tokens - spoken - drawn
    if min(plain, read, written, heard, seen, text, spoken, drawn) < 0:
        return None
    items = [(plain, price.input), (read, price.cache_read), (text, price.output)]
    if heard or seen or spoken or drawn:
        items += [
            (heard, price.input_audio),
            (seen, price.input_image),
            (spoken, price.output_audio),
            (drawn, price.output_image),
        ]
    if written:
        items += _writes(usage, written, price)
    total = _total(items)
    factor = _reported_factor(usage, price)
    if total is None or factor is None:
        return None
    return Money(total if factor == 1 else round(total * factor))


def thresholds(model: Model, when: datetime | float) -> tuple[int, ...]:
    """The prompt sizes above which other rates hold at a time, in ascending order."""
    row = row_of_day(model.prices, f"{_moment(when):%Y-%m-%d}")
    return () if row is None else tuple(tier.above for tier in row.tiers)


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


def _moment(when: datetime | float) -> datetime:
    return when.astimezone(UTC) if isinstance(when, datetime) else datetime.fromtimestamp(when, UTC)


def _rates(row: PriceRow, prompt_tokens: int | None, moment: datetime, *, dearest: bool) -> Rates | None:
    """The rates of a row for a prompt of some size at some time."""
    if row.tiers and prompt_tokens is None:
        return None
    rates: Rates = row
    for tier in row.tiers:
        if prompt_tokens is not None and prompt_tokens > tier.above:
            rates = tier
    if row.peak is None or not _within(row.peak, moment):
        return rates
    if rates is not row or (_is_uncertain(row.peak, moment) and not dearest):
        return None  # what a long prompt costs at a peak hour is not on record
    return row.peak


def _within(peak: Peak, moment: datetime) -> bool:
    clock = f"{moment:%H:%M}"
    return moment.weekday() in peak.days and any(start <= clock < end for start, end in peak.utc)


def _is_uncertain(peak: Peak, moment: datetime) -> bool:
    day = f"{moment:%Y-%m-%d}"
    return any(first <= day <= last for first, last in peak.uncertain)


_ONE = Fraction(1)


def _reported_factor(usage: Usage, price: Price) -> Fraction | None:
    if not isinstance(usage.raw, dict):
        return _factor(price.rules, {_TIER: price.service_tier}) if price.service_tier else _ONE
    if not price.rules:
        return _factor((), {_TIER: usage.raw.get(_TIER) or price.service_tier})
    return _factor(price.rules, usage.raw | {_TIER: usage.raw.get(_TIER) or price.service_tier})


def _factor(rules: Iterable[Rule], reported: Mapping[str, object]) -> Fraction | None:
    """By what the rates are multiplied under reported conditions; None where that is unknown."""
    factor, is_tier_known = _ONE, False
    for rule in rules:
        value = reported.get(rule.field)
        is_tier_known = is_tier_known or rule.field == _TIER
        if not isinstance(value, str) or not value or value in rule.plain:
            continue
        if value not in rule.factors:
            if rule.field == _TIER and value in STANDARD_TIERS:
                continue
            return None
        factor *= Fraction(rule.factors[value])
    tier = reported.get(_TIER)
    is_standard = is_tier_known or not isinstance(tier, str) or not tier or tier in STANDARD_TIERS
    return factor if is_standard else None


def _writes(usage: Usage, written: int, price: Price) -> list[tuple[int, int | None]]:
    if not price.cache_write_by_ttl:
        return [(written, price.cache_write)]
    by_ttl = usage.cache_creation_by_ttl
    items = [(count, price.cache_write_by_ttl.get(ttl)) for ttl, count in by_ttl.items()]
    # Without a lifetime the rate is open; with a split that does not add up, so is the rest.
    rest = written - sum(by_ttl.values())
    return [*items, (rest, None)]


def _total(items: Iterable[tuple[int, int | None]]) -> int | None:
    pico = 0
    for count, rate in items:
        if count == 0:
            continue
        if rate is None:
            return None
        pico += count * rate
    return pico

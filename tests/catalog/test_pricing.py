from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlingua.catalog.catalog import Model, load_catalog
from interlingua.catalog.model import PriceRow, Tier
from interlingua.catalog.pricing import Price, cost, pico_per_token, price_at
from interlingua.types.money import Money
from interlingua.types.usage import Usage

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
COUNTS = st.integers(0, 2_000_000)
RATES = st.integers(0, 10**9)


def row(provider: str, name: str) -> Model:
    found = load_catalog().find(provider, name)
    assert found is not None
    return found


def at(
    provider: str, name: str, tokens: int | None = 10, when: datetime = NOW, tier: str | None = None
) -> Price | None:
    return price_at(row(provider, name), prompt_tokens=tokens, when=when, service_tier=tier)


def test_a_dollar_per_million_tokens_is_a_million_pico_dollars_per_token() -> None:
    assert pico_per_token("1") == 10**6
    assert pico_per_token("0.041667") == 41667
    assert Money(pico_per_token("3") * 1_000_000) == Money.of_usd(3)


@pytest.mark.parametrize("rate", ["0.0000001", "-1"])
def test_a_rate_that_is_no_whole_number_of_pico_dollars_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="pico-dollars"):
        pico_per_token(rate)


def test_every_rate_of_the_catalog_is_a_whole_number_of_pico_dollars() -> None:
    seen = 0
    for model in load_catalog().models:
        for prices in model.prices:
            for rates in (prices, *prices.tiers, *([prices.peak] if prices.peak else [])):
                written = [rates.input, rates.output, rates.cache_read, rates.cache_write]
                for rate in [*filter(None, written), *rates.cache_write_by_ttl.values()]:
                    assert pico_per_token(rate) >= 0
                    seen += 1
    assert seen > 400


def test_a_call_costs_its_tokens_at_their_rates() -> None:
    price = at("openai", "gpt-6-luna")
    assert price is not None
    usage = Usage(input_tokens=1000, cache_read=400, cache_creation=100, output_tokens=50, reasoning=30)
    assert cost(usage, price) == Money(500 * 100_000 + 400 * 10_000 + 100 * 125_000 + 50 * 500_000)


@pytest.mark.parametrize(
    ("provider", "name", "last_of_the_base", "base", "above"),
    [
        ("openai", "gpt-6-sol", 272_000, 2_000_000, 4_000_000),
        ("anthropic", "claude-haiku-5-5", 100_000, 100_000, 500_000),
        ("xai", "grok-4.7", 199_999, 2_000_000, 4_000_000),
        ("google", "gemini-2.5-pro", 200_000, 1_250_000, 2_500_000),
    ],
)
def test_a_long_prompt_bills_the_whole_request_at_its_tier(
    provider: str, name: str, last_of_the_base: int, base: int, above: int
) -> None:
    below, beyond = at(provider, name, last_of_the_base), at(provider, name, last_of_the_base + 1)
    assert below is not None and beyond is not None
    assert (below.input, beyond.input) == (base, above)


def test_an_unknown_prompt_size_leaves_a_tiered_price_unknown_and_a_flat_one_known() -> None:
    assert at("openai", "gpt-6-sol", None) is None
    assert at("openai", "gpt-4.1", None) is not None


def test_the_row_of_the_day_is_used_to_its_last_second() -> None:
    last = at("google", "gemini-4-argon", when=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    first = at("google", "gemini-4-argon", when=datetime(2026, 12, 1, tzinfo=UTC))
    assert last is not None and first is not None
    assert (last.input, first.input) == (2_000_000, 4_000_000)
    assert first.since == "2026-12-01"


def test_seconds_since_1970_and_a_datetime_mean_the_same() -> None:
    model = row("mistral", "mistral-large-4")
    day = datetime(2026, 10, 21, tzinfo=UTC)
    assert price_at(model, prompt_tokens=1, when=day.timestamp()) == price_at(model, prompt_tokens=1, when=day)


@pytest.mark.parametrize(
    ("when", "rate"),
    [
        (datetime(2026, 11, 20, 0, 59, tzinfo=UTC), 150_000),
        (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), 300_000),
        (datetime(2026, 11, 20, 3, 59, 59, tzinfo=UTC), 300_000),
        (datetime(2026, 11, 20, 4, 0, tzinfo=UTC), 150_000),
        (datetime(2026, 11, 20, 6, 0, tzinfo=UTC), 300_000),
        (datetime(2026, 11, 20, 10, 0, tzinfo=UTC), 150_000),
        (datetime(2026, 11, 21, 2, 0, tzinfo=UTC), 150_000),
        (datetime(2026, 11, 22, 7, 0, tzinfo=UTC), 150_000),
    ],
)
def test_at_peak_hours_of_working_days_the_peak_rates_hold(when: datetime, rate: int) -> None:
    price = at("deepseek", "deepseek-flash", when=when)
    assert price is not None
    assert (price.input, price.output, price.cache_read) == (rate, rate * 4, rate // 50)


@pytest.mark.parametrize("day", [datetime(2026, 10, 5, tzinfo=UTC), datetime(2027, 2, 8, tzinfo=UTC)])
def test_a_peak_price_that_also_hangs_on_holidays_is_unknown_around_them(day: datetime) -> None:
    """Off-peak it is known; whoever must reserve takes the dearer one."""
    peak = day.replace(hour=2)
    assert at("deepseek", "deepseek-flash", when=day) is not None
    assert at("deepseek", "deepseek-flash", when=peak) is None
    dearest = price_at(row("deepseek", "deepseek-flash"), prompt_tokens=1, when=peak, dearest=True)
    assert dearest is not None and dearest.input == 300_000


def told(usage: Usage, price: Price | None) -> int:
    assert price is not None
    found = cost(usage, price)
    assert found is not None
    return found.pico


PLAIN = Usage(input_tokens=1000, output_tokens=100, cache_read=200, cache_creation=100)
GOLDEN = 700 * 100_000 + 200 * 10_000 + 100 * 125_000 + 100 * 500_000
"""Of `PLAIN` at gpt-6-luna."""


@pytest.mark.parametrize(
    ("tier", "factor"), [("flex", "1/2"), ("batch", "1/2"), ("priority", "2"), ("fast", "2"), ("default", "1")]
)
def test_a_service_tier_multiplies_all_rates(tier: str, factor: str) -> None:
    """As the provider reports it, beside the usage or in it, and not twice where it stands in both."""
    reported = {"service_tier": tier}
    assert told(PLAIN, at("openai", "gpt-6-luna", tier=tier)) == GOLDEN * Fraction(factor)
    assert told(replace(PLAIN, raw=reported), at("openai", "gpt-6-luna")) == GOLDEN * Fraction(factor)
    assert told(replace(PLAIN, raw=reported), at("openai", "gpt-6-luna", tier=tier)) == GOLDEN * Fraction(factor)


def test_a_tier_by_size_and_one_by_service_multiply() -> None:
    long = Usage(input_tokens=300_000, output_tokens=10)
    assert told(long, at("openai", "gpt-6-sol", 300_000, tier="flex")) == (300_000 * 4_000_000 + 10 * 15_000_000) // 2


@pytest.mark.parametrize(("provider", "tier"), [("openai", "scale"), ("openai", "ultrafast"), ("google", "flex")])
def test_a_service_tier_that_is_not_on_record_leaves_the_price_unknown(provider: str, tier: str) -> None:
    name = {"openai": "gpt-6-luna", "google": "gemini-3.8-flash"}[provider]
    assert at(provider, name, tier=tier) is None


ANTHROPIC = Usage(input_tokens=1000, output_tokens=100)


@pytest.mark.parametrize(
    ("raw", "factor"),
    [
        ({"service_tier": "batch"}, "1/2"),
        ({"inference_geo": "us"}, "11/10"),
        ({"inference_geo": "us", "service_tier": "batch"}, "11/20"),
        ({"inference_geo": "not_available", "speed": "standard"}, "1"),
    ],
)
def test_conditions_in_the_reported_usage_multiply(raw: dict[str, str], factor: str) -> None:
    base = 1000 * 4_000_000 + 100 * 20_000_000
    assert told(replace(ANTHROPIC, raw=raw), at("anthropic", "claude-opus-5-5")) == base * Fraction(factor)


def test_a_models_own_rule_stands_in_for_its_providers() -> None:
    """Fast mode has a price for Fable 5.2 and none on record for others."""
    fast = replace(ANTHROPIC, raw={"speed": "fast"})
    assert told(fast, at("anthropic", "claude-fable-5-2")) == 1000 * 16_000_000 + 100 * 80_000_000
    price = at("anthropic", "claude-opus-5-5")
    assert price is not None and cost(fast, price) is None


SOUND = PriceRow(
    input="1", output="2", cache_read="0.1", input_audio="8", output_audio="16", output_image="30", source="I"
)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(input_tokens=100, output_tokens=10, input_audio=40), 60 * 1 + 40 * 8 + 10 * 2),
        (Usage(input_tokens=100, output_tokens=10, output_audio=4), 100 * 1 + 6 * 2 + 4 * 16),
        (Usage(input_tokens=100, output_tokens=10, output_image=10), 100 * 1 + 10 * 30),
        (Usage(input_tokens=100, output_tokens=10, input_image=50), 100 * 1 + 10 * 2),
        (Usage(input_tokens=100, output_tokens=10, input_audio=40, cache_read=5), None),
        (Usage(input_tokens=100, output_tokens=10, input_audio=140), None),
        (Usage(input_tokens=100, output_tokens=10, output_audio=8, output_image=4), None),
    ],
)
def test_sound_and_images_have_rates_of_their_own(usage: Usage, expected: int | None) -> None:
    """Without an own rate images in the prompt are billed as text; what cached sound costs is not told."""
    price = price_at(Model(provider="lab", id="m", prices=(SOUND,)), prompt_tokens=100, when=0)
    assert price is not None
    assert cost(usage, price) == (None if expected is None else Money(expected * 10**6))


@pytest.mark.parametrize("tier", [None, "", "default", "auto"])
def test_the_plain_service_tier_is_billed_at_the_rates(tier: str | None) -> None:
    assert at("openai", "gpt-6-luna", tier=tier) is not None


def test_a_model_without_a_price_has_none_and_not_zero() -> None:
    assert at("google", "gemini-4-hydrogen") is None


def test_a_free_model_costs_nothing_which_is_not_unknown() -> None:
    price = at("local", "smollm2")
    assert price is not None
    assert cost(Usage(input_tokens=10, output_tokens=5), price) == Money(0)


def test_cache_writes_are_billed_by_their_lifetime() -> None:
    price = at("anthropic", "claude-opus-5-5")
    assert price is not None
    usage = Usage(
        input_tokens=300,
        output_tokens=0,
        cache_creation=300,
        cache_creation_by_ttl={"5m": 100, "1h": 200},
        cache_read=0,
    )
    assert cost(usage, price) == Money(100 * 5_000_000 + 200 * 8_000_000)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input_tokens=None, output_tokens=1),
        Usage(input_tokens=1, output_tokens=None),
        Usage(input_tokens=10, output_tokens=1, cache_read=11),
        Usage(input_tokens=10, output_tokens=1, cache_creation=5),
        Usage(input_tokens=10, output_tokens=1, cache_creation=5, cache_creation_by_ttl={"30m": 5}),
        Usage(input_tokens=10, output_tokens=1, cache_creation=9, cache_creation_by_ttl={"5m": 5}),
        Usage(input_tokens=10, output_tokens=1, input_audio=5),
        Usage(input_tokens=10, output_tokens=1, output_image=5),
        Usage(input_tokens=10, output_tokens=1, server_tool_requests={"web_search": 1}),
        Usage(input_tokens=10, output_tokens=1, raw={"speed": "fast"}),
        Usage(input_tokens=10, output_tokens=1, raw={"inference_geo": "eu"}),
        Usage(input_tokens=10, output_tokens=1, raw={"service_tier": "priority"}),
    ],
)
def test_what_cannot_be_told_exactly_is_unknown(usage: Usage) -> None:
    price = at("anthropic", "claude-opus-5-5")
    assert price is not None
    assert cost(usage, price) is None


def test_plain_conditions_in_the_reported_usage_do_not_matter() -> None:
    price = at("anthropic", "claude-opus-5-5")
    assert price is not None
    raw = {"speed": "standard", "inference_geo": "global", "service_tier": "standard", "input_tokens": 10}
    assert cost(Usage(input_tokens=10, output_tokens=0, raw=raw), price) == Money(40_000_000)


def test_cached_tokens_without_a_rate_of_their_own_are_unknown() -> None:
    price = at("groq", "llama-3.3-70b-versatile")
    assert price is not None
    assert cost(Usage(input_tokens=10, output_tokens=1, cache_read=5), price) is None
    assert cost(Usage(input_tokens=10, output_tokens=1), price) == Money(10 * 590_000 + 790_000)


def usages(read: int, written: int, plain: int, output: int) -> Usage:
    return Usage(input_tokens=read + written + plain, cache_read=read, cache_creation=written, output_tokens=output)


PRICES = st.builds(Price, input=RATES, output=RATES, cache_read=RATES, cache_write=RATES)


@given(PRICES, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_costs_add_up(price: Price, a: int, b: int, c: int, d: int, e: int, f: int, g: int, h: int) -> None:
    first, second = cost(usages(a, b, c, d), price), cost(usages(e, f, g, h), price)
    both = cost(usages(a + e, b + f, c + g, d + h), price)
    assert first is not None and second is not None
    assert both == first + second
    assert type(first.pico) is int


@given(PRICES, COUNTS, COUNTS, COUNTS, COUNTS, st.integers(0, 3), COUNTS)
def test_more_tokens_never_cost_less(price: Price, a: int, b: int, c: int, d: int, which: int, more: int) -> None:
    counts = [a, b, c, d]
    base = cost(usages(*counts), price)
    counts[which] += more
    grown = cost(usages(*counts), price)
    assert base is not None and grown is not None
    assert grown >= base


@given(st.integers(1, 10**6), st.integers(0, 2 * 10**6))
def test_a_tier_begins_above_its_threshold(above: int, tokens: int) -> None:
    prices = PriceRow(input="1", output="1", tiers=(Tier(above=above, input="2", output="2"),), source="I")
    price = price_at(Model(provider="lab", id="m", prices=(prices,)), prompt_tokens=tokens, when=0)
    assert price is not None
    assert price.input == (2_000_000 if tokens > above else 1_000_000)


@given(st.one_of(st.none(), COUNTS), st.one_of(st.none(), COUNTS))
def test_an_unknown_count_never_becomes_a_figure(inputs: int | None, outputs: int | None) -> None:
    found = cost(Usage(input_tokens=inputs, output_tokens=outputs), Price(input=1, output=1))
    assert (found is None) == (inputs is None or outputs is None)

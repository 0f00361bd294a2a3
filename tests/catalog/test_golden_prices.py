"""Every rule by which providers bill, and what a call comes to by it: figures reckoned by hand, in dollars.

A rule that is not here is not known to the catalog; a price of the catalog that changes changes a figure here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from interlingua.catalog.catalog import load_catalog
from interlingua.engine.cost import charge_for
from interlingua.types.usage import Usage

M = 1_000_000
FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
Call = tuple[str, str, dict[str, Any], str]
"""Model, what of it is not plain (service tier, time), the usage, the dollars."""


def used(input: int, output: int = 0, **more: Any) -> dict[str, Any]:
    return {"input_tokens": input, "output_tokens": output, **more}


def at(month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


SIZE: list[tuple[str, dict[str, Any], str]] = [
    # OpenAI since 5.4: above 272,000 input, cached and written double, output one and a half times.
    ("openai/gpt-5.4", used(272_000, 1000, cache_read=100_000), "0.47"),
    ("openai/gpt-5.4", used(272_001, 1000, cache_read=100_000), "0.932505"),
    ("openai/gpt-6.1-sol", used(300_000, cache_creation=100_000), "1.3"),
    ("openai/gpt-5.6-luna", used(272_001, 1000), "0.1106004"),
    # Haiku 5.5: above 100,000 everything five times, whatever the lifetime of what is written.
    ("anthropic/claude-haiku-5-5", used(100_000, 1000), "0.0105"),
    ("anthropic/claude-haiku-5-5", used(100_001, 1000), "0.0525005"),
    ("anthropic/claude-haiku-5-5", used(200_000, cache_read=100_000), "0.055"),
    ("anthropic/claude-haiku-5-5", used(M, cache_creation=M, cache_creation_by_ttl={"5m": M}), "0.625"),
    ("anthropic/claude-haiku-5-5", used(M, cache_creation=M, cache_creation_by_ttl={"1h": M}), "1"),
    ("anthropic/claude-sonnet-4-5", used(200_000, 1000), "0.615"),
    ("anthropic/claude-sonnet-4-5", used(200_001, 1000), "1.222506"),
    # xAI: from 200,000 on; at OpenRouter above it.
    ("xai/grok-4.7", used(199_999, 1000), "0.405998"),
    ("xai/grok-4.7", used(200_000, 1000), "0.812"),
    ("xai/grok-4.5", used(200_000, cache_read=100_000), "0.46"),
    ("openrouter/x-ai/grok-4.7", used(200_000), "0.4"),
    ("openrouter/x-ai/grok-4.7", used(200_001), "0.800004"),
    # Gemini 2.5 and 3.1 Pro: above 200,000.
    ("google/gemini-2.5-pro", used(200_000, 1000), "0.26"),
    ("google/gemini-2.5-pro", used(200_001, 1000), "0.5150025"),
    ("google/gemini-3.1-pro-preview", used(200_001, 1000, cache_read=100_000), "0.458004"),
]


@pytest.mark.parametrize(("model", "usage", "dollars"), SIZE)
def test_by_the_size_of_the_prompt(model: str, usage: dict[str, Any], dollars: str) -> None:
    check(model, usage, dollars)


TIERS: list[tuple[str, str, str]] = [
    ("openai/gpt-6-luna", "default", "0.0006"),
    ("openai/gpt-6-luna", "flex", "0.0003"),
    ("openai/gpt-6-luna", "batch", "0.0003"),
    ("openai/gpt-6-luna", "priority", "0.0012"),
    ("openai/gpt-6-luna", "fast", "0.0012"),
    ("openai/gpt-5.5", "batch", "0.0175"),
    ("anthropic/claude-sonnet-5-5", "standard", "0.012"),
    ("anthropic/claude-sonnet-5-5", "batch", "0.006"),
]


@pytest.mark.parametrize(("model", "tier", "dollars"), TIERS)
def test_by_the_service_tier_and_as_a_batch(model: str, tier: str, dollars: str) -> None:
    """Reported beside the usage or within it."""
    check(model, used(1000, 1000), dollars, tier=tier)
    check(model, used(1000, 1000, raw={"service_tier": tier}), dollars)


def test_by_size_and_service_tier_together() -> None:
    check("openai/gpt-5.4", used(272_001, 1000, cache_read=100_000), "0.4662525", tier="flex")
    check("openai/gpt-5.4", used(272_001, 1000, cache_read=100_000), "1.86501", tier="priority")


CACHED: list[tuple[str, dict[str, Any], str]] = [
    # Read: a tenth, with 5.5 a twentieth, with Fable from 5.1 on a fortieth.
    ("anthropic/claude-haiku-4-5", used(M, cache_read=M), "0.1"),
    ("anthropic/claude-opus-5", used(M, cache_read=M), "0.5"),
    ("anthropic/claude-opus-5-5", used(M, cache_read=M), "0.2"),
    ("anthropic/claude-fable-5", used(M, cache_read=M), "1"),
    ("anthropic/claude-fable-5-1", used(M, cache_read=M), "0.25"),
    ("anthropic/claude-fable-5-2", used(M, cache_read=M), "0.2"),
    # Written: one and a quarter for five minutes, double for an hour.
    ("anthropic/claude-sonnet-5-5", used(M, cache_creation=M, cache_creation_by_ttl={"5m": M}), "2.5"),
    ("anthropic/claude-sonnet-5-5", used(M, cache_creation=M, cache_creation_by_ttl={"1h": M}), "4"),
    ("anthropic/claude-sonnet-5-5", used(3 * M, cache_creation_by_ttl={"5m": M, "1h": M}), "8.5"),
    # OpenAI since 5.6: written at one and a quarter.
    ("openai/gpt-6-luna", used(1000, cache_creation=400, cache_read=100), "0.000101"),
    ("openai/gpt-5.6-sol", used(1000, cache_creation=1000), "0.005"),
    ("openrouter/google/gemini-3.8-flash", used(M, cache_creation=M), "0.041667"),
]


@pytest.mark.parametrize(("model", "usage", "dollars"), CACHED)
def test_by_what_is_cached_and_for_how_long(model: str, usage: dict[str, Any], dollars: str) -> None:
    check(model, usage, dollars)


def test_what_is_written_where_no_price_for_it_is_on_record_is_unknown() -> None:
    """Before 5.6 OpenAI told of no such tokens."""
    assert charge("openai/gpt-5.4", used(1000, cache_creation=400)) is None


DATES: list[tuple[str, datetime, str]] = [
    ("mistral/mistral-large-4", at(10, 19, 23, 59, 59), "2.77"),
    ("mistral/mistral-large-4", at(10, 20), "5.54"),
    ("mistral/mistral-large-4", at(10, 28, 23, 59, 59), "5.54"),
    ("mistral/mistral-large-4", at(10, 29), "2.8"),
    ("google/gemini-4-argon", at(11, 30, 23, 59, 59), "12"),
    ("google/gemini-4-argon", at(12, 1), "24"),
    ("google/gemini-4-carbon", at(11, 30, 23, 59, 59), "12"),
    ("google/gemini-4-carbon", at(12, 1), "24"),
]


@pytest.mark.parametrize(("model", "when", "dollars"), DATES)
def test_by_the_day_from_which_a_price_holds(model: str, when: datetime, dollars: str) -> None:
    check(model, used(M, M), dollars, when=when)


HOURS: list[tuple[str, datetime, str]] = [
    ("deepseek/deepseek-flash", at(11, 20, 0, 59, 59), "0.75"),
    ("deepseek/deepseek-flash", at(11, 20, 1), "1.5"),
    ("deepseek/deepseek-flash", at(11, 20, 4), "0.75"),
    ("deepseek/deepseek-v4-flash", at(11, 20, 6), "1.5"),
    ("deepseek/deepseek-v4-flash-vision-exp", at(11, 20, 9, 59, 59), "1.5"),
    ("deepseek/deepseek-v4-pro", at(11, 20, 2), "5.28"),
    ("deepseek/deepseek-v4-pro", at(11, 20, 10), "2.64"),
    ("deepseek/deepseek-v4-pro", at(11, 21, 2), "2.64"),
    ("deepseek/deepseek-v4-pro", at(11, 22, 7), "2.64"),
]


@pytest.mark.parametrize(("model", "when", "dollars"), HOURS)
def test_by_the_hour(model: str, when: datetime, dollars: str) -> None:
    check(model, used(M, M), dollars, when=when)


REPORTED: list[tuple[str, dict[str, str], str]] = [
    ("anthropic/claude-sonnet-5-5", {"inference_geo": "us"}, "13.2"),
    ("anthropic/claude-sonnet-5-5", {"inference_geo": "us", "service_tier": "batch"}, "6.6"),
    ("anthropic/claude-fable-5-2", {"speed": "fast"}, "96"),
    ("anthropic/claude-mythos-5-2", {"speed": "fast"}, "96"),
    ("anthropic/claude-fable-5-2", {"speed": "standard", "inference_geo": "global"}, "48"),
]


@pytest.mark.parametrize(("model", "raw", "dollars"), REPORTED)
def test_by_place_and_speed(model: str, raw: dict[str, str], dollars: str) -> None:
    check(model, used(M, M, raw=raw), dollars)


def charge(model: str, usage: dict[str, Any], tier: str | None = None, when: datetime = FRIDAY) -> Decimal | None:
    provider, _, name = model.partition("/")
    row = load_catalog().find(provider, name)
    assert row is not None, model
    found = charge_for(Usage(**usage), row, when.timestamp(), tier)
    assert (found.cost is None) or found.source, "a cost says by which price"
    return None if found.cost is None else found.cost.usd


def check(model: str, usage: dict[str, Any], dollars: str, *, tier: str | None = None, when: datetime = FRIDAY) -> None:
    assert charge(model, usage, tier, when) == Decimal(dollars)

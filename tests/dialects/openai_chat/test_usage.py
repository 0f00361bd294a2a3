from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from interlingua.dialects.openai_chat.usage import parse_usage, render_usage
from interlingua.types.money import Money
from interlingua.types.usage import Usage
from tests.dialects.openai_chat.strategies import usages


def read(**raw: Any) -> Usage:
    usage = parse_usage(raw)
    assert usage is not None
    return usage


@given(usages)
def test_counts_survive_being_written(usage: Usage) -> None:
    again = parse_usage(render_usage(usage))
    assert again is not None and msgspec.structs.replace(again, raw=None) == usage


@pytest.mark.parametrize("raw", [None, {}, [], 3, "x"])
def test_no_object_is_no_usage(raw: Any) -> None:
    assert parse_usage(raw) is None


def test_unknown_counts_are_none_and_never_zero() -> None:
    usage = read(prompt_tokens=3, completion_tokens=None)
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read, usage.total_tokens) == (3, None, None, None)
    assert render_usage(Usage(input_tokens=3))["completion_tokens"] is None


@pytest.mark.parametrize(
    "raw",
    [
        {"prompt_tokens_details": {"cached_tokens": 5}},
        {"prompt_cache_hit_tokens": 5},
        {"cached_tokens": 5},
        {"num_cached_tokens": 5},
        {"cache_read_input_tokens": 5},
    ],
)
def test_every_vendors_word_for_a_cache_hit_is_known(raw: dict[str, Any]) -> None:
    assert read(prompt_tokens=9, **raw).cache_read == 5


@pytest.mark.parametrize(
    ("raw", "output"),
    [
        ({"prompt_tokens": 165, "completion_tokens": 2, "total_tokens": 292}, 127),
        ({"prompt_tokens": 61, "completion_tokens": 10, "total_tokens": 71}, 135),
        ({"prompt_tokens": 165, "completion_tokens": 130, "total_tokens": 295}, 130),
    ],
    ids=["the total tells", "more thinking than answer", "included"],
)
def test_reasoning_that_the_answers_count_leaves_out_is_added(raw: dict[str, Any], output: int) -> None:
    usage = read(**raw, completion_tokens_details={"reasoning_tokens": 125})
    assert (usage.output_tokens, usage.reasoning) == (output, 125)
    assert render_usage(usage)["completion_tokens"] == output


@pytest.mark.parametrize(
    ("raw", "pico"),
    [
        ({"cost": 0.0160614}, 16_061_400_000),
        ({"cost": 4.14e-05}, 41_400_000),
        ({"cost": {"total_cost": 0.5}}, 500_000_000_000),
        ({"cost": 0}, 0),
        ({"cost_in_usd_ticks": 731_000}, 73_100_000),
    ],
)
def test_a_reported_cost_is_exact(raw: dict[str, Any], pico: int) -> None:
    assert read(prompt_tokens=1, **raw).reported_cost == Money(pico)


def test_cache_writes_are_told_by_lifetime() -> None:
    usage = read(cache_creation_input_tokens=3, cache_creation={"ephemeral_5m_input_tokens": 3})
    assert (usage.cache_creation, usage.cache_creation_by_ttl) == (3, {"5m": 3})


def test_what_the_provider_wrote_beside_the_counts_is_passed_on() -> None:
    raw = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "queue_time": 0.5}
    assert render_usage(read(**raw)) == raw


def test_a_total_that_holds_more_than_prompt_and_answer_is_passed_on() -> None:
    raw = {"prompt_tokens": 4, "completion_tokens": 22, "total_tokens": 401}
    usage = parse_usage(raw)
    assert usage is not None
    assert usage.total_tokens == 26
    assert render_usage(usage) == raw

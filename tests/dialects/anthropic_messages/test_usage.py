"""Token counts, and what they add up to on either side."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.anthropic_messages.usage import merge_usage, parse_usage, render_usage
from interlingua.types.money import Money
from interlingua.types.usage import Usage

counts = st.none() | st.integers(0, 10**9)


def test_the_prompt_is_the_sum_of_its_three_parts() -> None:
    usage = parse_usage(
        {
            "input_tokens": 5,
            "cache_read_input_tokens": 70,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 3},
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 4},
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
        }
    )
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read, usage.cache_creation) == (98, 70, 23)
    assert usage.cache_creation_by_ttl == {"5m": 20, "1h": 3}
    assert (usage.output_tokens, usage.reasoning, usage.server_tool_requests) == (9, 4, {"web_search": 2})


@pytest.mark.parametrize("raw", [None, {}, [], "x", 3])
def test_nothing_said_is_unknown(raw: Any) -> None:
    assert parse_usage(raw) is None


def test_unknown_figures_stay_unknown_and_nonsense_is_taken_as_unsaid() -> None:
    usage = parse_usage({"input_tokens": "many", "output_tokens": -3, "server_tool_use": 7, "cache_creation": None})
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read, usage.reasoning) == (None, None, None, None)


def test_a_cost_that_the_host_reports_is_kept() -> None:
    usage = parse_usage({"input_tokens": 1, "output_tokens": 1, "cost": 0.0000123})
    assert usage is not None and usage.reported_cost == Money.of_usd("0.0000123")


@given(counts, counts, counts, counts, counts)
def test_figures_survive_rendering_and_are_never_negative(
    fresh: int | None, output: int | None, read: int | None, written: int | None, reasoning: int | None
) -> None:
    total = None if fresh is None else fresh + (read or 0) + (written or 0)
    usage = Usage(
        input_tokens=total, output_tokens=output, cache_read=read, cache_creation=written, reasoning=reasoning
    )
    wire = render_usage(usage)
    assert wire["input_tokens"] == (fresh or 0)
    again = parse_usage(wire)
    assert again is not None
    assert (again.cache_read, again.cache_creation, again.reasoning) == (read, written, reasoning)
    assert render_usage(Usage(input_tokens=1, cache_read=5))["input_tokens"] == 0


def test_lifetimes_of_others_count_as_an_hour() -> None:
    usage = Usage(input_tokens=9, cache_creation=9, cache_creation_by_ttl={"30m": 5, "5m": 4})
    assert render_usage(usage)["cache_creation"] == {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5}


def test_the_figures_of_another_format_are_not_taken_for_ours() -> None:
    raw = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 8}, "output_tokens": 1, "total_tokens": 11}
    wire = render_usage(Usage(input_tokens=10, cache_read=8, output_tokens=1, raw=raw), "priority")
    assert wire == {
        "input_tokens": 2,
        "cache_read_input_tokens": 8,
        "output_tokens": 1,
        "service_tier": "priority",
    }


def test_later_figures_replace_earlier_ones() -> None:
    earlier = {"input_tokens": 5, "output_tokens": 1, "service_tier": "standard"}
    assert merge_usage(earlier, {"output_tokens": 7, "service_tier": None}) == earlier | {"output_tokens": 7}
    assert merge_usage(earlier, {"input_tokens": 0, "output_tokens": 0}) == earlier | {"output_tokens": 0}
    assert merge_usage({"input_tokens": 0}, {"input_tokens": 4}) == {"input_tokens": 4}


def test_where_one_servers_tool_is_counted_both_are_because_clients_read_both() -> None:
    wire = render_usage(Usage(input_tokens=1, output_tokens=1, server_tool_requests={"web_search": 2}))
    assert wire["server_tool_use"] == {"web_search_requests": 2, "web_fetch_requests": 0}

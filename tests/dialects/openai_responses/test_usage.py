from __future__ import annotations

from typing import Any

import pytest

from interlingua.dialects.openai_responses.usage import parse_usage, render_usage
from interlingua.types.money import Money
from interlingua.types.usage import Usage

OPENAI = {
    "input_tokens": 100,
    "input_tokens_details": {
        "cached_tokens": 60,
        "cache_write_tokens": 30,
        "cache_write_tokens_details": {"ttl_30m_tokens": 10, "ttl_12h_tokens": 20},
    },
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 40},
    "total_tokens": 150,
}


def test_every_count_is_kept_apart() -> None:
    assert parse_usage(OPENAI) == Usage(
        input_tokens=100,
        output_tokens=50,
        cache_read=60,
        cache_creation=30,
        cache_creation_by_ttl={"30m": 10, "12h": 20},
        reasoning=40,
        raw=OPENAI,
    )


@pytest.mark.parametrize("raw", [None, {}, [], "x"])
def test_no_usage_is_none(raw: Any) -> None:
    assert parse_usage(raw) is None


def test_what_is_missing_is_unknown_and_never_zero() -> None:
    usage = parse_usage({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
    assert usage is not None and usage.cache_read is None and usage.reasoning is None


def test_reasoning_that_the_total_counts_apart_belongs_to_the_answer() -> None:
    usage = parse_usage(
        {"input_tokens": 10, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 7}, "total_tokens": 22}
    )
    assert usage is not None and usage.output_tokens == 12


def test_costs_and_tool_runs_are_read() -> None:
    usage = parse_usage(
        {"input_tokens": 1, "cost_in_usd_ticks": 7909000, "server_side_tool_usage_details": {"web_search_calls": 2}}
    )
    assert usage is not None and usage.reported_cost == Money(790900000)
    assert usage.server_tool_requests == {"web_search": 2}
    routed = parse_usage({"input_tokens": 1, "cost": 0.00012}, {"web_search": {"num_requests": 3}})
    assert routed is not None and routed.reported_cost == Money.of_usd("0.00012")
    assert routed.server_tool_requests == {"web_search": 3}


def test_own_usage_goes_out_as_it_came() -> None:
    usage = parse_usage(OPENAI)
    assert usage is not None and render_usage(usage) == OPENAI


def test_foreign_usage_gets_the_details_that_clients_insist_on() -> None:
    foreign = Usage(
        input_tokens=10,
        output_tokens=5,
        cache_creation=3,
        cache_creation_by_ttl={"1h": 3},
        reported_cost=Money.of_usd("0.5"),
        raw={"input_tokens": 7, "cache_creation_input_tokens": 3},
    )
    assert render_usage(foreign) == {
        "input_tokens": 10,
        "input_tokens_details": {
            "cached_tokens": 0,
            "cache_write_tokens": 3,
            "cache_write_tokens_details": {"ttl_30m_tokens": 3, "ttl_12h_tokens": 0},
        },
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 15,
        "cost": 0.5,
    }


def test_where_nothing_is_known_there_is_no_usage() -> None:
    assert render_usage(Usage(cache_read=1)) is None

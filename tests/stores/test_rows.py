"""Ledger rows as columns."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.stores.rows import call_values, earlier_values, ledger_row
from interlingua.stores.schema import attempts, calls
from interlingua.types.usage import Usage
from tests.stores.ledger_rows import ANSWERED, FAILED, row

UNKNOWN = AttemptRow("a/b", "openai_chat", "verbatim", 1, 2, usage=Usage())
ROWS = [
    row("several", attempts=(FAILED, FAILED, ANSWERED)),
    row("refused", attempts=(), status=429, error="rate_limited"),
    row("failed", attempts=(FAILED,), status=503, error="overloaded"),
    row("unknown usage", attempts=(UNKNOWN,)),
    replace(row("tagged"), tags=("nightly", "team-a")),
    LedgerRow("least", "t", "", "", 0, 0, "ollama", "chat", False, "", 499),
]


@pytest.mark.parametrize("whole", ROWS, ids=lambda whole: whole.request_id)
def test_a_row_comes_back_from_its_columns_as_it_was(whole: LedgerRow) -> None:
    """A usage of which nothing is known is not the same as no usage."""
    earlier = [values[3:] for values in earlier_values(whole)]
    assert ledger_row(call_values(whole), earlier) == whole


def test_of_a_usage_as_it_came_the_conditions_are_kept_that_decide_its_price() -> None:
    """So that it can be reckoned again; what decides nothing, and whatever else a provider wrote, is not."""
    raw = {"speed": "fast", "inference_geo": "not_available", "service_tier": "standard", "x": "secret", "n": 1}
    whole = row("r", attempts=(replace(ANSWERED, usage=Usage(input_tokens=1, output_tokens=2, raw=raw)),))
    (attempt,) = ledger_row(call_values(whole), ()).attempts
    assert attempt.usage == Usage(input_tokens=1, output_tokens=2, raw={"speed": "fast"})


@pytest.mark.parametrize("whole", ROWS, ids=lambda whole: whole.request_id)
def test_there_are_as_many_values_as_columns(whole: LedgerRow) -> None:
    """They are written by position."""
    assert len(call_values(whole)) == len(calls.c) - 1
    assert all(len(values) == len(attempts.c) for values in earlier_values(whole))
    assert len(earlier_values(whole)) == max(0, len(whole.attempts) - 1)


def test_a_call_costs_what_its_attempts_cost_and_is_unknown_where_an_answered_one_is() -> None:
    """Contracts §4.1: unknown is None, never 0; what a provider refused has cost nothing."""
    assert row("a", attempts=(FAILED, ANSWERED)).cost == ANSWERED.cost
    assert row("a", attempts=(ANSWERED, ANSWERED)).cost == 2 * (ANSWERED.cost or 0)
    broken = AttemptRow("a/b", "openai_chat", "verbatim", 1, 2, None, 200, "stream_interrupted")
    assert row("a", attempts=(broken, ANSWERED)).cost is None
    assert row("a", attempts=()).cost == 0

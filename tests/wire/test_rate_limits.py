"""What a host says of how much is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.wire.rate_limits import until_more

NOW = 1_800_000_000.0


def told(reset: str, remaining: str = "0") -> tuple[tuple[str, str], ...]:
    return (
        ("content-type", "application/json"),
        ("x-ratelimit-remaining-tokens", remaining),
        ("x-ratelimit-reset-tokens", reset),
    )


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("6m0s", 360.0),
        ("12ms", 0.012),
        ("7.5", 7.5),
        ("1800000010", 10.0),
        ("1800000010000", 10.0),
        ("2027-01-15T08:00:30Z", 30.0),
    ],
)
def test_the_reset_is_read_in_each_of_the_usual_forms(reset: str, seconds: float) -> None:
    """Spans, seconds, times since 1970 and dates."""
    assert until_more(told(reset), NOW) == pytest.approx(seconds)


@pytest.mark.parametrize("headers", [(), told("6s", "1"), told(""), told("0"), told("soon"), told("nan"), told("-5")])
def test_where_something_is_left_or_nothing_is_known_there_is_no_wait(headers: tuple[tuple[str, str], ...]) -> None:
    """Nobody rests for a header that says nothing."""
    assert until_more(headers, NOW) is None


def test_of_several_limits_the_longest_counts() -> None:
    """Anthropic's names stand the other way round."""
    headers = (
        *told("2s"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2027-01-15T08:01:00Z"),
    )
    assert until_more(headers, NOW) == 60.0


@given(text=st.text(max_size=30))
def test_no_value_of_a_reset_raises(text: str) -> None:
    """It came over the network."""
    found = until_more(told(text), NOW)
    assert found is None or found > 0

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.errors import InvalidRequest, Overloaded, RateLimited
from interlingua.wire.retry_after import parse_retry_after, render_retry_after, span

NOON = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "30", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "30", "retry-after-ms": "soon"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_from_whichever_header_says_it(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers.items(), NOON) == seconds


def test_without_the_time_of_day_dates_are_not_understood() -> None:
    assert parse_retry_after([("retry-after", "Fri, 15 Jan 2027 08:01:00 GMT")]) is None


@given(st.text())
def test_whatever_the_header_says_the_wait_is_sane(value: str) -> None:
    seconds = parse_retry_after([("retry-after", value)], NOON)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("value", ["Fri, 20 Nov 2026 07:28:" + "9" * 40, "Fri, 20 Nov " + "9" * 40 + " 07:28:00 GMT"])
def test_a_date_that_no_calendar_has_is_nothing(value: str) -> None:
    assert parse_retry_after([("retry-after", value)], now=1.8e9) is None


@pytest.mark.parametrize(("text", "seconds"), [("6m0s", 360.0), ("1h1s", 3601.0), ("x", None), ("1.2.3s", None)])
def test_spans_are_read(text: str, seconds: float | None) -> None:
    assert span(text) == seconds


def test_an_error_asks_to_wait_in_whole_seconds_and_never_less_than_it_knows() -> None:
    assert render_retry_after(RateLimited("slower", retry_after=1.2)) == (("retry-after", "2"),)
    assert render_retry_after(Overloaded("full", retry_after=0.0)) == (("retry-after", "0"),)
    assert render_retry_after(RateLimited("slower")) == render_retry_after(InvalidRequest("no")) == ()

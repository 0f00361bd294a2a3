"""Spans of time as people write them."""

from __future__ import annotations

import pytest

from interlingua.errors import ConfigError
from interlingua.stores.periods import microseconds

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("text", "hours"),
    [("90 days", 2160), ("1 day", 24), ("36h", 36), (" 12 Weeks ", 2016), ("1year", 8760), ("7d", 168)],
)
def test_a_span_is_a_number_and_a_unit(text: str, hours: int) -> None:
    """Short or written out."""
    assert microseconds("store.keep.calls", text) == hours * HOUR


@pytest.mark.parametrize(
    "text", ["", "90", "days", "-1 days", "0 days", "1.5 days", "5 minutes", "1 month", "9999999 d"]
)
def test_what_is_none_is_refused_by_the_keys_name(text: str) -> None:
    """Months are of no one length."""
    with pytest.raises(ConfigError, match=r"store\.keep\.calls"):
        microseconds("store.keep.calls", text)

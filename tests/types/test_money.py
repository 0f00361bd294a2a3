from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.types.money import PICO_PER_USD, Money

amounts = st.integers(-(10**20), 10**20)


@given(st.lists(amounts))
def test_addition_is_exact_in_any_order(picos: list[int]) -> None:
    forwards = backwards = Money(0)
    for pico in picos:
        forwards += Money(pico)
    for pico in reversed(picos):
        backwards += Money(pico)
    assert forwards == backwards == Money(sum(picos))


@given(amounts, amounts)
def test_subtraction_undoes_addition_and_order_is_that_of_the_amounts(a: int, b: int) -> None:
    assert Money(a) + Money(b) - Money(b) == Money(a)
    assert (Money(a) < Money(b)) == (a < b)


@given(amounts)
def test_dollars_and_back_lose_nothing(pico: int) -> None:
    assert Money.of_usd(Money(pico).usd) == Money(pico)


@pytest.mark.parametrize(
    ("usd", "pico"),
    [
        ("1", PICO_PER_USD),
        ("0.000003", 3_000_000),
        (2, 2 * PICO_PER_USD),
        (Decimal("0.0000000000005"), 0),
        ("1e-12", 1),
    ],
)
def test_dollars_become_whole_pico_dollars(usd: Decimal | str | int, pico: int) -> None:
    assert Money.of_usd(usd) == Money(pico)


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0", "free"),
        ("12.345", "$12.34"),
        ("1", "$1.00"),
        ("0.5", "$0.50"),
        ("0.0123", "$0.012"),
        ("0.00001234", "$0.000012"),
        ("0.000000000001", "$0.0000000000010"),
    ],
)
def test_people_see_two_figures_that_mean_something(usd: str, shown: str) -> None:
    assert str(Money.of_usd(usd)) == shown


@given(amounts.filter(bool))
def test_what_is_shown_is_near_what_is_meant(pico: int) -> None:
    shown = Decimal(str(Money(pico)).replace("$", ""))
    assert abs(shown - Money(pico).usd) <= max(abs(Money(pico).usd) * Decimal("0.05"), Decimal(0))

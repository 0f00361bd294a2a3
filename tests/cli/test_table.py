"""Tables that fit."""

from __future__ import annotations

from io import StringIO

import pytest

from interlingua.cli.table import Column, cells, table
from interlingua.cli.terminal import Screen

COLUMNS = (Column("name"), Column("price", right=True, keep=2), Column("note", keep=1))
ROWS = [("alpha", "1.00", "first"), ("be", "10.00", "second")]


class Terminal(StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setenv("NO_COLOR", "1")
    return Screen(Terminal())


def test_numbers_stand_at_the_right_edge() -> None:
    """A pipe gets every column."""
    assert table(Screen(StringIO()), COLUMNS, ROWS) == [
        " name   price  note",
        " alpha   1.00  first",
        " be     10.00  second",
    ]


@pytest.mark.parametrize(("width", "titles"), [(40, "name price note"), (15, "name price"), (8, "name"), (2, "name")])
def test_columns_give_way_the_least_important_first(
    screen: Screen, width: int, titles: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those without `keep` never do: a name that is cut cannot be copied."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert table(screen, COLUMNS, ROWS)[0].split() == titles.split()


def test_a_wide_column_that_goes_makes_room_for_a_narrow_one(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even for a less important one."""
    monkeypatch.setenv("COLUMNS", "16")
    assert table(screen, COLUMNS, [("a", "1" * 20, "second")])[0].split() == ["name", "note"]


def test_a_column_in_which_nothing_stands_is_left_out(screen: Screen) -> None:
    """Such as dates of shutdown where none shuts down."""
    assert table(screen, COLUMNS, [("a", "", "x")])[0].split() == ["name", "note"]
    assert table(screen, COLUMNS, []) == [""]


@pytest.mark.parametrize(("text", "count"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("", 0)])
def test_width_is_counted_in_columns_of_the_terminal(text: str, count: int) -> None:
    """Wide letters take two, combining ones none."""
    assert cells(text) == count

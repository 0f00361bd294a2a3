"""Tools that any model may have: they reach nothing that they were not given."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.safe_tools import calculate, safe_tools, time_now
from interlingua.errors import InterlinguaError, InvalidRequest, LocalFileError


@pytest.mark.parametrize(
    ("expression", "value"),
    [("6 * 7", 42), ("(2 + 3) * sqrt(16)", 20), ("2 ** 10 % 1000", 24), ("-pi // 1", -4), ("max(1, 2, 3)", 3)],
)
def test_arithmetic(expression: str, value: float) -> None:
    """As one would write it."""
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os')",
        "().__class__",
        "9 ** 9 ** 9",
        "1 / 0",
        "x",
        "1 +",
        "'a' * 9",
        "(" * 500,
        "lambda: 1",
        "sqrt(-1)",
    ],
)
def test_nothing_but_arithmetic(expression: str) -> None:
    """No code is run, and no computer is kept busy."""
    with pytest.raises(InvalidRequest):
        calculate(expression)


@given(st.text(max_size=40))
def test_whatever_is_written_gives_a_number_or_an_error_of_ours(expression: str) -> None:
    """Models write all kinds of things."""
    with contextlib.suppress(InvalidRequest):
        assert isinstance(calculate(expression), int | float)


def test_files_below_the_folder_and_none_elsewhere(tmp_path: Path) -> None:
    """Not by `..`, not by a whole path, not through a link."""
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    (inside / "sub" / "a.txt").write_text("hello")
    (tmp_path / "secret.txt").write_text("secret")
    (inside / "link.txt").symlink_to(tmp_path / "secret.txt")
    tools = safe_tools(inside)
    assert tools["read_file"]("sub/a.txt") == "hello"
    assert tools["list_files"](".") == ["link.txt", "sub/"]
    for path in ("../secret.txt", str(tmp_path / "secret.txt"), "link.txt", "sub/../../secret.txt"):
        with pytest.raises(InvalidRequest, match="outside"):
            tools["read_file"](path)
    with pytest.raises(LocalFileError):
        tools["read_file"]("missing.txt")
    with pytest.raises(InterlinguaError):
        tools["read_file"]("a\0b")


def test_the_time_in_a_zone() -> None:
    """And an error of ours for what is none."""
    assert "UTC+0000" in time_now("UTC")
    with pytest.raises(InvalidRequest):
        time_now("Nowhere/Atlantis")

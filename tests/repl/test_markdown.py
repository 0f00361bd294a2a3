"""Markdown on a terminal: wrapped text, whole code, nothing that drives the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from interlingua.repl.blocks import Splitter
from interlingua.repl.live import cells
from interlingua.repl.markdown import MarkdownLines, Pen, markdown_lines
from interlingua.repl.theme import THEMES
from interlingua.wire.clean import clean, one_line


def pen(columns: int = 60, *, coloured: bool = False, theme: str = "dark") -> Pen:
    """A pen for a terminal of some width."""
    return Pen(THEMES[theme], coloured=coloured, columns=lambda: columns)


@pytest.mark.parametrize("columns", [20, 60, 200])
@pytest.mark.parametrize(
    "text", ["word " * 80, "東京は日本の首都です。" * 20, "🎉 " * 60, "- " + "item " * 50, "> " + "q " * 80]
)
def test_text_is_never_wider_than_the_terminal(columns: int, text: str) -> None:
    """Nor than what can be read."""
    assert all(cell_len(line) < min(columns, 101) for line in markdown_lines(text, pen(columns)))


def test_code_is_not_wrapped_so_that_it_can_be_copied() -> None:
    """The terminal breaks what is too long."""
    code = "x = " + "1 + " * 60 + "1"
    assert code in markdown_lines(f"```python\n{code}\n```", pen(40))


@pytest.mark.parametrize("coloured", [True, False])
def test_code_stays_what_it_is(coloured: bool) -> None:
    """Blank lines at both ends, tabs as four spaces."""
    code = "\n\ndef f():\n    '''a\n    b'''\n    return 1\n\n"
    lines = markdown_lines(f"```python\n{code}```", pen(coloured=coloured))
    plain = [_plain(line) for line in lines[1:-1]]
    assert plain == code.split("\n")[:-1]


def _plain(line: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def test_colours_are_those_of_the_terminal() -> None:
    """Sixteen of them, so that they fit what the user has chosen; none without colour."""
    text = "# a\n\n`b` **c** [d](https://e.example)\n\n```python\nreturn 1\n```"
    assert "\x1b[" in "".join(markdown_lines(text, pen(coloured=True)))
    assert "38;2" not in "".join(markdown_lines(text, pen(coloured=True)))
    assert "\x1b" not in "".join(markdown_lines(text, pen()))


def test_a_link_shows_where_it_leads() -> None:
    """A model may write one address and mean another."""
    assert markdown_lines("[bank](https://evil.example)", pen()) == ["bank (https://evil.example)"]
    assert markdown_lines("<https://good.example>", pen()) == ["https://good.example"]


def test_a_table_fits_and_its_numbers_stand_right() -> None:
    """Cells are wrapped where it is too wide."""
    lines = markdown_lines("| a | b |\n|---|--:|\n| x | 1 |\n| y | 1000 |", pen())
    assert lines[2].endswith("   1")
    assert all(cells(line) <= 39 for line in markdown_lines("| a | b |\n|---|---|\n| " + "w " * 50 + "| z |", pen(40)))


def test_lists_are_nested_and_numbered() -> None:
    """As CommonMark has them."""
    assert markdown_lines("1. a\n   - b\n2. c", pen()) == [" 1. a", "     ◦ b", " 2. c"]


def test_html_is_text() -> None:
    """Nothing is swallowed."""
    assert markdown_lines("<script>x</script> <b>y</b>", pen()) == ["<script>x</script> <b>y</b>"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_nothing_drives_the_terminal(text: str) -> None:
    """Whatever a model says."""
    for line in markdown_lines(text, pen()):
        assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in line)


def test_what_is_finished_stays_as_it_is_drawn() -> None:
    """Lines for good are the same as those of the whole text, piece by piece."""
    text = "# a\n\npara **b**\nmore\n\n- x\n- y\n\n```python\ndef f():\n    '''d\n    e'''\n```\n\nend"
    for size in (1, 3, 7):
        splitter, view, lines = Splitter(), MarkdownLines(pen(coloured=True)), []
        for at in range(0, len(text), size):
            splitter.feed(text[at : at + size])
            lines += view.finished(splitter.take())
            view.growing(splitter.rest())
        lines += view.finished(splitter.take(final=True))
        # A string that is not closed yet may have other colours than one that is; its text is the same.
        assert [_plain(line) for line in lines] == markdown_lines(text, pen())


def test_directions_cannot_be_turned() -> None:
    """Code must not read otherwise than it runs."""
    assert clean("a\u202eb\u2066c") == "abc"


@given(st.text(), st.integers(1, 50))
def test_one_line_is_one_line(text: str, most: int) -> None:
    """And no longer than asked."""
    line = one_line(text, most)
    assert "\n" not in line
    assert len(line) <= most

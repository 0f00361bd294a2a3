"""The lower end of the terminal, on a terminal that is emulated."""

from __future__ import annotations

import io

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.repl.live import Live


class Terminal:
    """An emulated terminal with its scrollback."""

    def __init__(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self.stream = pyte.Stream(self.screen)
        self.out = io.StringIO()
        self.live = Live(self.out, lambda: self.size)

    def draw(self, finished: list[str], moving: list[str]) -> None:
        """Draws, and shows it to the emulator."""
        self.live.draw(finished, moving)
        self._feed()

    def end(self) -> None:
        """Ends it."""
        self.live.end()
        self._feed()

    def _feed(self) -> None:
        # The emulator does not know synchronised output and would print its end.
        self.stream.feed(self.out.getvalue())
        self.out.seek(0)
        self.out.truncate()

    @property
    def lines(self) -> list[str]:
        """All lines that were printed, those that scrolled away too."""
        above = ["".join(row[at].data for at in range(self.size[0])) for row in self.screen.history.top]
        return [line.rstrip() for line in [*above, *self.screen.display]]


def test_finished_lines_stay_and_moving_ones_are_replaced() -> None:
    """The rule of it."""
    terminal = Terminal(40, 10)
    terminal.draw([], ["moving 1"])
    terminal.draw(["done 1"], ["moving 2", "moving 3"])
    terminal.draw(["done 2"], [])
    terminal.end()
    assert [line for line in terminal.lines if line] == ["done 1", "done 2"]


def test_moving_lines_that_are_too_many_show_their_end() -> None:
    """The cursor must never have to go above the screen."""
    terminal = Terminal(40, 5)
    terminal.draw([], [f"line {i}" for i in range(50)])
    terminal.draw(["done"], [])
    assert [line for line in terminal.lines if line] == ["done"]


def test_lines_that_are_too_wide_do_not_leave_traces() -> None:
    """What the terminal would break is cut off while it moves."""
    terminal = Terminal(20, 10)
    terminal.draw([], ["x" * 100, "東" * 40])
    terminal.draw([], ["y"])
    terminal.draw(["done"], [])
    assert [line for line in terminal.lines if line] == ["done"]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(10, 40),
    st.integers(3, 12),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20)), min_size=1, max_size=12),
)
def test_every_finished_line_is_there_once_and_in_order(columns: int, rows: int, steps: list[tuple[int, int]]) -> None:
    """However much moves below it."""
    terminal = Terminal(columns, rows)
    wanted: list[str] = []
    for finished, moving in steps:
        lines = [f"done {len(wanted) + i}" for i in range(finished)]
        wanted += lines
        terminal.draw(lines, ["m" * (3 * i + 1) for i in range(moving)])
    terminal.end()
    assert [line for line in terminal.lines if line] == wanted

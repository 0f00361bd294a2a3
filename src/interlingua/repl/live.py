"""The lower end of the terminal while an answer comes: lines that are printed once, and below them a few that are
drawn again and again.

The rule: the cursor never goes above what is drawn now. What is finished belongs to the terminal, which may scroll
it away, wrap it anew or let it be copied. While the moving lines are drawn the terminal must not break lines, so that
their number is known whatever it makes of wide characters; after a change of width it is reckoned anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TextIO

from rich.cells import cell_len

_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_HOLD, _SHOW = "\x1b[?2026h", "\x1b[?2026l"
_HIDE_CURSOR, _CURSOR = "\x1b[?25l", "\x1b[?25h"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"


class Live:
    """Draws on a terminal.

    Args:
        out: where to.
        size: gives columns and rows of the terminal.
    """

    def __init__(self, out: TextIO, size: Callable[[], tuple[int, int]]) -> None:
        self._out = out
        self._size = size
        self._drawn: list[int] = []
        self._columns = 0

    def draw(self, finished: Sequence[str] = (), moving: Sequence[str] = ()) -> None:
        """Prints lines for good, and draws others below them in place of those that were drawn before."""
        columns, rows = self._size()
        shown = list(moving)[-max(1, rows - 1) :]
        if not (finished or shown or self._drawn):
            return
        pieces = [_HOLD, _HIDE_CURSOR, self._erase(columns)]
        pieces += [line + "\r\n" for line in finished]
        if shown:
            pieces += [_NO_WRAP, "\r\n".join(shown), _WRAP]
        else:
            pieces.append(_CURSOR)
        pieces.append(_SHOW)
        self._out.write("".join(pieces))
        self._out.flush()
        self._drawn = [min(cells(line), columns) for line in shown]
        self._columns = columns

    def end(self) -> None:
        """Takes away what is drawn, and gives the cursor back."""
        columns, _ = self._size()
        self._out.write(self._erase(columns) + _WRAP + _CURSOR)
        self._out.flush()
        self._drawn = []

    def _erase(self, columns: int) -> str:
        if not self._drawn:
            return ""
        # A terminal that became narrower has broken the lines that no longer fit.
        rows = sum(max(1, -(-width // max(1, columns))) for width in self._drawn)
        up = f"\x1b[{rows - 1}A" if rows > 1 else ""
        return f"\r{up}\x1b[J"


def cells(line: str) -> int:
    """How many columns a line takes, its colours not counted."""
    return cell_len(_SEQUENCE.sub("", line))

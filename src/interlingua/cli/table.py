"""Tables of text: aligned columns that give way, least important first, until they fit the screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from interlingua.cli.terminal import Screen

_GAP = "  "


class Column(NamedTuple):
    """One column.

    Args:
        title: its head.
        right: numbers stand at the right edge.
        keep: how long it stays when the screen is narrow: columns go in ascending order, those with None never.
    """

    title: str
    right: bool = False
    keep: int | None = None


def table(screen: Screen, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, its head first; columns in which nothing stands are left out.

    Args:
        screen: where it is to be shown; one without a width gets all of it.
        columns: what the cells of a row are.
        rows: cells, as many as there are columns.
    """
    body = [[screen.safe(cell) for cell in row] for row in rows]
    widths = [
        max((cells(row[i]) for row in body), default=0) and max(cells(column.title), *(cells(row[i]) for row in body))
        for i, column in enumerate(columns)
    ]
    shown = _fitting(columns, widths, screen.width)
    head = _line([columns[i] for i in shown], [columns[i].title for i in shown], [widths[i] for i in shown])
    lines = [_line([columns[i] for i in shown], [row[i] for i in shown], [widths[i] for i in shown]) for row in body]
    return [screen.paint(head, "bold"), *lines]


def cells(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int | None) -> list[int]:
    """The columns that are shown: the most important first, each that still fits."""
    filled = [i for i, width in enumerate(widths) if width]
    if room is None:
        return filled
    shown = [i for i in filled if columns[i].keep is None]
    for i in sorted(filled, key=lambda i: -(columns[i].keep or 0)):
        if i not in shown and _total([*shown, i], widths) <= room:
            shown.append(i)
    return sorted(shown)


def _total(shown: Sequence[int], widths: Sequence[int]) -> int:
    return 1 + sum(widths[i] for i in shown) + len(_GAP) * max(0, len(shown) - 1)


def _line(columns: Sequence[Column], texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        " " * (width - cells(text)) + text if column.right else text + " " * (width - cells(text))
        for column, text, width in zip(columns, texts, widths, strict=True)
    ]
    return (" " + _GAP.join(padded)).rstrip()

"""The line below what is typed, and the one after each answer: who answers, what is left, what it cost."""

from __future__ import annotations

from interlingua.repl.markdown import Pen

DOT = " · "


def fitted(pieces: list[tuple[int, str]], width: int) -> str:
    """Pieces joined on one line; those with the lowest numbers go first where it is too narrow.

    Args:
        pieces: how long each stays (0 goes first), and what it says; empty ones are left out.
        width: columns.
    """
    kept = [piece for piece in pieces if piece[1]]
    while len(kept) > 1 and len(DOT.join(text for _, text in kept)) > width:
        kept.remove(min(kept, key=lambda piece: piece[0]))
    return DOT.join(text for _, text in kept)


def answer_line(
    pen: Pen, *, tokens: str, cost: str, speed: str, first: str, context: str, model: str, attempts: int
) -> str:
    """The quiet line after an answer."""
    pieces = [
        (4, model),
        (5, tokens),
        (6, cost),
        (1, first),
        (2, speed),
        (3, f"{attempts} attempts" if attempts > 1 else ""),
        (4, context),
    ]
    return "  " + pen.paint(fitted(pieces, pen.columns() - 3), pen.theme.quiet)

"""Answers of several models beside each other while they come, and then one below the other, whole.

Columns where the terminal is wide enough for them, else the last lines of each below the other. What stays on the
screen is each answer as Markdown, so that it can be read and copied, and a line of figures for each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import TextIO

from rich.text import Text

from interlingua.bench.compare import Racer
from interlingua.repl.live import Live
from interlingua.repl.markdown import Pen, markdown_lines
from interlingua.repl.status import DOT
from interlingua.wire.clean import clean, one_line

_NARROWEST = 28
_LINES = 12
_BETWEEN = 0.08
_BAR = " │ "


class CompareView:
    """Shows a race.

    Args:
        live: the lower end of the terminal.
        pen: how things look.
        racers: who runs.
        moves: whether the terminal can be drawn over.
        out: the terminal.
    """

    def __init__(self, live: Live, pen: Pen, racers: Sequence[Racer], *, moves: bool, out: TextIO) -> None:
        self._live = live
        self._pen = pen
        self._racers = racers
        self._moves = moves
        self._out = out

    async def watch(self, running: AsyncIterator[None]) -> None:
        """Shows it until all are over, or Ctrl-C stops them; then all of what they said."""
        task = asyncio.ensure_future(self._run(running))
        drawing = asyncio.ensure_future(self._draw_again())
        try:
            with contextlib.suppress(asyncio.CancelledError):  # what came is shown below
                await task
        finally:
            drawing.cancel()
        lines: list[str] = []
        for racer in self._racers:
            lines += ["", *self._whole(racer)]
        if self._moves:
            self._live.draw([*lines, ""])
            self._live.end()
        else:
            self._out.write("\n".join(lines) + "\n")
            self._out.flush()

    async def _run(self, running: AsyncIterator[None]) -> None:
        async for _ in running:
            pass

    async def _draw_again(self) -> None:
        while self._moves:
            self._live.draw(moving=self._moving())
            await asyncio.sleep(_BETWEEN)

    def _moving(self) -> list[str]:
        columns = self._pen.columns() - 1
        width = (columns - len(_BAR) * (len(self._racers) - 1)) // len(self._racers)
        if width >= _NARROWEST:
            return self._columns(width)
        lines = []
        for racer in self._racers:
            lines.append(self._pen.paint(self._head(racer, columns), "bold"))
            lines += [self._pen.ink(row) for row in self._last(racer, columns, 3)]
        return lines

    def _columns(self, width: int) -> list[str]:
        blocks = []
        for racer in self._racers:
            head = Text(self._head(racer, width), style="bold")
            blocks.append([head, *self._last(racer, width, _LINES), Text(one_line(figures(racer), width))])
        height = max(len(block) for block in blocks)
        rows = []
        for at in range(height):
            row = Text()
            for place, block in enumerate(blocks):
                cell = block[at] if at < len(block) else Text()
                cell.truncate(width, pad=True)
                row.append_text(Text(_BAR, style=self._pen.theme.rule) if place else Text()).append_text(cell)
            rows.append(self._pen.ink(row))
        return rows

    def _head(self, racer: Racer, width: int) -> str:
        mark = "✗" if racer.error else "✓" if racer.over else "…"
        return one_line(f"{mark} {racer.model}", width)

    def _last(self, racer: Racer, width: int, lines: int) -> list[Text]:
        if racer.error is not None:
            return self._pen.wrapped(Text(clean(racer.error.message)), width)[:lines]
        text = clean(racer.text[-width * lines * 2 :]).strip()
        if not text:
            return [Text("thinking …" if racer.thinking else "waiting …", style=self._pen.theme.quiet)]
        return [row for line in text.split("\n") for row in self._pen.wrapped(Text(line), width)][-lines:]

    def _whole(self, racer: Racer) -> list[str]:
        rule = "─" * max(3, min(60, self._pen.columns() - 2) - len(racer.model) - 4)
        lines = [self._pen.paint(f"── {racer.model} ", "bold") + self._pen.paint(rule, self._pen.theme.rule)]
        if racer.error is not None:
            rows = self._pen.wrapped(
                Text(f"error: {clean(racer.error.message)}", style=self._pen.theme.bad), self._pen.width
            )
            lines += [self._pen.ink(row) for row in rows]
            lines.append(self._pen.paint(f"  fix: {clean(racer.error.remedy)}", self._pen.theme.quiet))
        else:
            lines += markdown_lines(racer.text, self._pen)
        if not racer.over:
            lines.append(self._pen.paint("  stopped", self._pen.theme.warn))
        return [*lines, self._pen.paint(f"  {figures(racer)}", self._pen.theme.quiet)]


def figures(racer: Racer) -> str:
    """How fast, how much, for what price: `0.21 s first token · 54 tok/s · 120 tokens · $0.0003 · 2.4 s`."""
    pieces = [f"{racer.first:.2f} s first token" if racer.first is not None else ""]
    if racer.reply is not None:
        speed, usage, cost = racer.reply.timing.tokens_per_second, racer.reply.usage, racer.reply.cost
        pieces.append(f"{speed:.0f} tok/s" if speed is not None else "")
        known = usage is not None and usage.output_tokens is not None
        pieces.append(f"{usage.output_tokens:,} tokens" if usage is not None and known else "tokens unknown")
        pieces.append("cost unknown" if cost is None else str(cost))
    pieces.append(f"{racer.seconds:.1f} s" if racer.seconds else "")
    return DOT.join(piece for piece in pieces if piece)

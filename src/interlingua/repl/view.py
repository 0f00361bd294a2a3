"""One answer as it comes: thinking, text, tool calls, and until something comes what is waited for.

On a terminal that can be drawn over, finished blocks are printed once and the rest is drawn again (`live.py`); on any
other (TERM=dumb) text goes out as it comes, and nothing moves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, Protocol, TextIO

from rich.text import Text

from interlingua.client.tools import ToolRun
from interlingua.repl.blocks import Splitter
from interlingua.repl.live import Live
from interlingua.repl.markdown import MarkdownLines, Pen
from interlingua.types.events import Event, PartDelta, PartEnd, PartStart
from interlingua.types.parts import (
    BlobPart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
    UriPart,
    parse_arguments,
)
from interlingua.wire.clean import clean, one_line

Reasoning = Literal["fold", "show", "hide"]
"""What is shown of thinking: its last lines until it ends and then one line; all of it; nothing."""

PATIENCE = 2.0
"""Seconds after which is said what is waited for."""
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAME_SECONDS = 0.1
_BETWEEN_DRAWS = 0.04
_SHARE = 0.2
"""Of the time, at most so much goes into drawing."""
_THINKING_LINES = 5
_LONGEST_RESULT = 60


class AnswerSink(Protocol):
    """Whatever shows an answer."""

    def show(self, item: Event | ToolRun) -> None:
        """Shows what a piece adds."""
        ...

    def tick(self) -> None:
        """Shows that time passes."""
        ...

    def pause(self) -> None:
        """Nothing is drawn until `resume`: the person is asked something."""
        ...

    def resume(self) -> None:
        """Goes on after `pause`."""
        ...

    def end(self) -> None:
        """Shows what is left; nothing moves after it."""
        ...


class AnswerView:
    """Shows one answer on a terminal that can be drawn over.

    Args:
        live: the lower end of the terminal.
        pen: how things look.
        who: who is asked.
        reasoning: what is shown of thinking.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        live: Live,
        pen: Pen,
        who: str,
        *,
        reasoning: Reasoning = "fold",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._live = live
        self._pen = pen
        self._who = who
        self._reasoning = reasoning
        self._clock = clock
        self._began = clock()
        self._frame = 0
        self._next_draw = 0.0
        self._kinds: dict[int, type[Part]] = {}
        self._calls: dict[int, tuple[str, str]] = {}
        self._splitter = Splitter()
        self._lines = MarkdownLines(pen)
        self._thinking = ""
        self._thought_since = 0.0
        self._out: list[str] = []
        self._running: dict[str, tuple[str, float]] = {}
        self._said = False
        self._ran = False
        self._paused = False

    def show(self, item: Event | ToolRun) -> None:
        """Shows what a piece adds."""
        if isinstance(item, ToolRun):
            self._tool_ran(item)
        elif isinstance(item, PartStart) and item.choice == 0:
            self._start(item.index, item.part)
        elif isinstance(item, PartDelta) and item.choice == 0 and item.text:
            self._add(item.index, item.text)
        elif isinstance(item, PartEnd) and item.choice == 0:
            self._end_part(item.index)
        else:
            return
        if self._clock() >= self._next_draw:
            self._draw()

    def tick(self) -> None:
        """Moves what moves."""
        self._frame += 1
        self._draw()

    def pause(self) -> None:
        """Leaves the lower end of the terminal to somebody else."""
        self._close_thinking()
        self._close_text()
        self._live.draw(self._out)
        self._live.end()
        self._out = []
        self._paused = True

    def resume(self) -> None:
        """Takes it again."""
        self._paused = False

    def end(self) -> None:
        """Prints what is left."""
        self._paused = False
        self._close_thinking()
        self._close_text()
        for text, _ in self._running.values():
            self._out.append(self._pen.paint(f"  ⚙ {text} … stopped", self._pen.theme.warn))
        self._running.clear()
        self._live.draw(self._out)
        self._live.end()
        self._out = []

    def _start(self, index: int, part: Part) -> None:
        self._kinds[index] = type(part)
        if isinstance(part, ToolCallPart):
            self._close_thinking()
            self._close_text()
            self._calls[index] = (part.name, part.raw)
            self._running[f"part {index}"] = (one_line(part.name, 40), self._clock())
        elif isinstance(part, TextPart | ReasoningPart | RefusalPart):
            self._add(index, part.text)
        elif isinstance(part, ServerToolCallPart):
            self._note(f"  ⚙ {one_line(part.name, 40)} (run by the provider)")
        elif isinstance(part, BlobPart | UriPart):
            self._note(f"  [{part.mime_type or part.modality}: /save keeps it]")

    def _add(self, index: int, text: str) -> None:
        kind = self._kinds.get(index, TextPart)
        if kind is ReasoningPart:
            self._think(text)
        elif kind in (TextPart, RefusalPart) and text:
            self._close_thinking()
            if not self._said:
                text = text.lstrip("\n")
                if self._ran and text:
                    self._out.append("")
                    self._ran = False
            self._said = self._said or bool(text)
            self._splitter.feed(text)
            self._out += self._lines.finished(self._splitter.take())
        elif kind is ToolCallPart:
            name, raw = self._calls[index]
            self._calls[index] = (name, raw + text)
            self._running[f"part {index}"] = (call_text(name, raw + text, 50), self._running[f"part {index}"][1])

    def _end_part(self, index: int) -> None:
        if self._kinds.get(index) is ReasoningPart:
            self._close_thinking()

    def _think(self, text: str) -> None:
        if not self._thinking:
            self._close_text()
            self._thought_since = self._clock()
        self._thinking += text

    def _close_thinking(self) -> None:
        if not self._thinking.strip():
            self._thinking = ""
            return
        seconds = self._clock() - self._thought_since
        text, self._thinking = self._thinking, ""
        quiet = self._pen.theme.quiet
        if self._reasoning == "show":
            self._out += [*thinking_lines(text, self._pen), ""]
        elif self._reasoning == "fold":
            words = f"{len(text.split()):,} words"
            self._out.append(self._pen.paint(f"∴ thought for {seconds:.1f} s · {words} · /reasoning shows it", quiet))
            self._out.append("")

    def _close_text(self) -> None:
        last = self._lines.finished(self._splitter.take(final=True))
        self._out += last
        if self._said:
            self._splitter, self._lines, self._said = Splitter(), MarkdownLines(self._pen), False
            self._out.append("")

    def _tool_ran(self, run: ToolRun) -> None:
        self._close_text()
        self._running.clear()
        self._calls.clear()
        self._ran = True
        self._out.append(run_line(run, self._pen))

    def _note(self, text: str) -> None:
        self._close_thinking()
        self._close_text()
        self._out.append(self._pen.paint(text, self._pen.theme.quiet))

    def _draw(self) -> None:
        if self._paused:
            return
        before = self._clock()
        self._live.draw(self._out, [*self._growing(), *self._waiting()])
        self._out = []
        now = self._clock()
        self._next_draw = now + max(_BETWEEN_DRAWS, (now - before) / _SHARE)

    def _growing(self) -> list[str]:
        if self._thinking and self._reasoning != "hide":
            lines = thinking_lines(self._thinking[-4000:], self._pen)
            return lines if self._reasoning == "show" else lines[-_THINKING_LINES:]
        return self._lines.growing(self._splitter.rest())

    def _waiting(self) -> list[str]:
        """The line that moves; while text comes the text moves enough."""
        now = self._clock()
        frame = self._pen.paint(_FRAMES[self._frame % len(_FRAMES)], self._pen.theme.prompt)
        quiet = self._pen.theme.quiet
        if self._running:
            return [f"  {frame} {self._pen.paint(f'{text} …', quiet)}" for text, _ in self._running.values()]
        if self._thinking:
            return [f"{frame} {self._pen.paint(f'thinking · {now - self._thought_since:.0f} s', quiet)}"]
        if self._said:
            return []
        waited = now - self._began
        if waited < PATIENCE:
            return [frame]
        text = f"{self._who}: waiting for the first token · {waited:.0f} s · Ctrl-C stops"
        return [f"{frame} {self._pen.paint(text, quiet)}"]


class PlainView:
    """Shows one answer where nothing can be drawn over: text as it comes, all else on lines of its own.

    Args:
        out: where to.
        reasoning: what is shown of thinking; `fold` shows none.
    """

    def __init__(self, out: TextIO, *, reasoning: Reasoning = "fold") -> None:
        self._out = out
        self._shown = reasoning == "show"
        self._kinds: dict[int, type[Part]] = {}
        self._open = False

    def show(self, item: Event | ToolRun) -> None:
        """Writes what a piece adds."""
        if isinstance(item, ToolRun):
            self._line()
            self._out.write(f"  tool {call_text(item.name, item.call.raw, 60)}: {result_text(item)}\n")
        elif isinstance(item, PartStart) and item.choice == 0:
            if self._kinds and type(item.part) is not self._kinds.get(item.index - 1):
                self._line()
            self._kinds[item.index] = type(item.part)
            self._write(type(item.part), getattr(item.part, "text", ""))
        elif isinstance(item, PartDelta) and item.choice == 0:
            self._write(self._kinds.get(item.index, TextPart), item.text)
        self._out.flush()

    def tick(self) -> None:
        """Nothing moves."""

    def pause(self) -> None:
        """Ends the line."""
        self._line()
        self._out.flush()

    def resume(self) -> None:
        """Nothing was held back."""

    def end(self) -> None:
        """Ends the line."""
        self._line()
        self._out.flush()

    def _write(self, kind: type[Part], text: str) -> None:
        if text and (kind in (TextPart, RefusalPart) or (kind is ReasoningPart and self._shown)):
            self._out.write(clean(text))
            self._open = not text.endswith("\n")

    def _line(self) -> None:
        if self._open:
            self._out.write("\n")
            self._open = False


def thinking_lines(text: str, pen: Pen) -> list[str]:
    """Thinking, quiet and without its markup being read: it is seldom meant for anybody."""
    rows = []
    for line in clean(text).strip("\n").split("\n"):
        rows += pen.wrapped(Text(line.rstrip()), pen.width - 2)
    bar = pen.theme.mark
    return [pen.ink(Text.assemble(("┆ ", bar), (row.plain, f"{pen.theme.quiet} italic".strip()))) for row in rows]


def call_text(name: str, raw: str, most: int) -> str:
    """A tool call as one would write it: `weather(city="Oslo")`."""
    given = parse_arguments(raw)
    if isinstance(given, dict):
        told = ", ".join(f"{key}={_value(value)}" for key, value in given.items())
    else:
        told = raw
    return f"{one_line(name, 40)}({one_line(told, most)})"


def _value(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def result_text(run: ToolRun) -> str:
    """What a tool answered, on a line."""
    return one_line(run.response.text or f"{len(run.response.response)} pieces", _LONGEST_RESULT)


def run_line(run: ToolRun, pen: Pen) -> str:
    """A tool call with its result and time: one line."""
    theme = pen.theme
    took = f"  {run.seconds:.1f} s"
    room = max(20, pen.columns() - 8 - len(took))
    call = call_text(run.name, run.call.raw, room // 2)
    result = one_line(result_text(run), max(10, room - len(call) - 4))
    style = theme.bad if run.error is not None else ""
    return pen.ink(Text.assemble("  ⚙ ", (call, ""), (" … ", theme.quiet), (result, style), (took, theme.quiet)))

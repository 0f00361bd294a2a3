"""Cuts Markdown that is still growing into blocks that will not change any more, and the one that still may.

The rule: a block that another block follows is closed, as CommonMark says, so it can be printed for good. Code is
let go line by line, a list item by item. Only the text of the last block is ever parsed again, so long answers cost
linear time. What the units of one answer say in order is the whole text, however it was cut on its way here.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_FENCE = re.compile(r"(?P<indent> {0,3})(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)")
_LISTS = {"bullet_list_open", "ordered_list_open"}


class Unit(Struct, frozen=True, kw_only=True):
    """A piece that is printed on its own.

    Args:
        kind: `block` is Markdown; `item` one item of a list; `code_start`, `code` and `code_end` make up fenced code.
        text: Markdown; of code the lines themselves, each with its end; of `code_start` the language.
        number: of an item, where the list is numbered.
        close: whether it stands directly below the unit before, without an empty line.
    """

    kind: Literal["block", "item", "code_start", "code", "code_end"]
    text: str = ""
    number: int | None = None
    close: bool = False


class Splitter:
    """Cuts one text as it grows."""

    def __init__(self) -> None:
        self._tail = ""
        self._fence: re.Match[str] | None = None
        self._item: Unit | None = None
        self._gap = False

    def feed(self, text: str) -> None:
        """Adds text."""
        self._tail += text

    def take(self, *, final: bool = False) -> list[Unit]:
        """The units that are finished since the last time; with `final`, all that are left."""
        found: list[Unit] = []
        while True:
            if self._fence is not None:
                found += self._code(final)
                if self._fence is not None:
                    return found
            units = self._units()
            if not units:
                if final:
                    self._tail = ""
                return found
            at = next((i for i, (_, _, kind) in enumerate(units) if kind == "fence"), len(units) - 1)
            closed, (last, start, kind) = units[:at], units[at]
            found += [unit for unit, _, _ in closed]
            if closed:
                self._item = closed[-1][0] if closed[-1][0].kind == "item" else None
            if start:
                self._gap = _ends_empty(self._tail[:start])
            self._tail = self._tail[start:]
            line, end, rest = self._tail.partition("\n")
            fence = _FENCE.match(line) if kind == "fence" else None
            if fence is not None and (end or final):
                self._fence, self._tail, self._item = fence, rest, None
                info = fence["info"].strip().split()
                found.append(Unit(kind="code_start", text=info[0] if info else ""))
                continue
            if final:
                found.append(last)
                self._tail, self._item = "", None
            return found

    def rest(self) -> Unit | None:
        """The unit that may still change; None where there is none. Call after `take`."""
        if self._fence is not None:
            return Unit(kind="code", text=self._dedented(self._tail)) if self._tail else None
        # What may become a fence is not shown as the text that it is until then.
        if not self._tail.strip() or re.fullmatch(r" {0,3}(`{1,}[^`\n]*|~{1,}[^~\n]*)", self._tail.strip("\n")):
            return None
        units = self._units()
        return units[-1][0] if units else None

    def _code(self, final: bool) -> list[Unit]:
        assert self._fence is not None, "only called within a fence"
        mark = self._fence["mark"]
        closing = re.compile(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
        lines = self._tail.splitlines(keepends=True) if self._tail else []
        code: list[str] = []
        for at, line in enumerate(lines):
            whole = line.endswith("\n")
            if not whole and not final:
                self._tail = line
                return [Unit(kind="code", text="".join(code))] if code else []
            if closing.match(line.rstrip("\n")):
                self._fence, self._tail = None, "".join(lines[at + 1 :])
                return [*([Unit(kind="code", text="".join(code))] if code else []), Unit(kind="code_end")]
            code.append(self._dedented(line) if whole else self._dedented(line) + "\n")
        self._tail = ""
        found = [Unit(kind="code", text="".join(code))] if code else []
        if final:
            self._fence = None
            found.append(Unit(kind="code_end"))
        return found

    def _dedented(self, line: str) -> str:
        """A line without the indentation that its fence has."""
        assert self._fence is not None, "only called within a fence"
        indent = self._fence["indent"]
        return line[min(len(indent), len(line) - len(line.lstrip(" "))) :]

    def _units(self) -> list[tuple[Unit, int, str]]:
        """The units that the tail holds, where each begins, and the parser's name for it."""
        if not self._tail.strip():
            return []
        # Not splitlines: Markdown knows no line ends but these.
        lines = self._tail.split("\n")
        starts = [0, *accumulate(len(line) + 1 for line in lines)]
        marks = _marks(_parser().parse(self._tail))
        if not marks or any(lines[at].strip() for at in range(marks[0][0])):
            marks = [(0, "paragraph", None), *marks]  # what no block holds, such as the target of a link
        found: list[tuple[Unit, int, str]] = []
        for at, (line, kind, number) in enumerate(marks):
            until = marks[at + 1][0] if at + 1 < len(marks) else len(lines)
            text = self._tail[starts[line] : starts[until]]
            before = found[-1][0] if found else self._item
            follows = kind == "item" and before is not None and before.kind == "item"
            if follows and before is not None and before.number is not None and number is not None and at == 0:
                number = before.number + 1
            unit = Unit(
                kind="item" if kind == "item" else "block",
                text=text.rstrip("\n") if kind != "code_block" else text,
                number=number,
                close=follows and not (_ends_empty(self._tail[: starts[line]]) if at else self._gap),
            )
            found.append((unit, starts[line], kind))
        return found


def _ends_empty(text: str) -> bool:
    """Whether a text ends with an empty line."""
    return bool(re.search(r"\n[ \t]*\n[ \t]*$", text))


def _marks(tokens: list[Token]) -> list[tuple[int, str, int | None]]:
    """Where units begin: line, the parser's name for it, number of an item."""
    marks: list[tuple[int, str, int | None]] = []
    number: int | None = None
    for token in tokens:
        if token.map is None:
            continue
        if token.level == 0:
            if token.type in _LISTS:
                start = token.attrGet("start")
                number = (int(start) if start is not None else 1) if token.type == "ordered_list_open" else None
            elif token.nesting >= 0:
                marks.append((token.map[0], token.type.removesuffix("_open"), None))
        elif token.level == 1 and token.type == "list_item_open":
            marks.append((token.map[0], "item", number))
            number = None if number is None else number + 1
    return marks


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def parse_blocks(text: str) -> list[Token]:
    """The parser's tokens of Markdown text; HTML in it is text."""
    return _parser().parse(text)

"""Markdown as lines for a terminal.

Text is wrapped to the terminal, at most 100 columns. Code never is: its lines go out whole, so that they can be
copied; the terminal breaks those that are too long for it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from interlingua.repl.blocks import Splitter, Unit, parse_blocks
from interlingua.repl.theme import Theme
from interlingua.wire.clean import clean

if TYPE_CHECKING:
    from markdown_it.token import Token
    from markdown_it.tree import SyntaxTreeNode

WIDEST = 100
"""Columns that text takes at most: longer lines are hard to read."""
_CONTEXT = 400
"""Lines of code that are looked at again to colour the next ones."""
_BULLETS = "•◦▪"


class Pen:
    """Turns styled lines into what a terminal takes.

    Args:
        theme: how things look.
        coloured: whether colours and other attributes may be used.
        columns: gives the terminal's width, asked anew for every piece.
    """

    def __init__(self, theme: Theme, *, coloured: bool, columns: Callable[[], int]) -> None:
        self.theme = theme
        self.coloured = coloured
        self.columns = columns
        self.console = Console(
            file=io.StringIO(),
            force_terminal=coloured,
            color_system="standard" if coloured else None,
            no_color=not coloured,
            highlight=False,
            emoji=False,
            markup=False,
            legacy_windows=False,
        )

    @property
    def width(self) -> int:
        """Columns for text; the last one stays free, so that no terminal breaks a full line twice."""
        return max(16, min(self.columns() - 1, WIDEST))

    def ink(self, line: Text) -> str:
        """One line as the terminal takes it."""
        with self.console.capture() as capture:
            self.console.print(line, soft_wrap=True, end="")
        return capture.get()

    def paint(self, text: str, style: str) -> str:
        """A text in a style."""
        return self.ink(Text(text, style=style)) if text else ""

    def wrapped(self, text: Text, width: int) -> list[Text]:
        """Lines of a text, none wider than `width`."""
        rows = list(text.wrap(self.console, max(4, width), tab_size=4)) or [Text()]
        for row in rows:
            row.rstrip()
        return rows


class MarkdownLines:
    """Renders the units of one text in order.

    Args:
        pen: where they are written.
        style: of all of it, such as `dim`.
    """

    def __init__(self, pen: Pen, style: str = "") -> None:
        self._pen = pen
        self._style = style
        self._language = ""
        self._code: list[str] = []
        self._began = False

    def finished(self, units: Iterable[Unit]) -> list[str]:
        """The lines of units that will not change."""
        lines: list[str] = []
        for unit in units:
            lines += self._gap(unit)
            self._began = True
            lines += self._lines(unit)
            if unit.kind == "code_start":
                self._language, self._code = unit.text, []
            elif unit.kind == "code":
                self._code = (self._code + unit.text.splitlines())[-_CONTEXT:]
        return lines

    def growing(self, unit: Unit | None) -> list[str]:
        """The lines of the unit that may still change."""
        return [] if unit is None else [*self._gap(unit), *self._lines(unit)]

    def _gap(self, unit: Unit) -> list[str]:
        return [] if not self._began or unit.close or unit.kind in ("code", "code_end") else [""]

    def _lines(self, unit: Unit) -> list[str]:
        if unit.kind == "code":
            rows = self._highlighted(unit.text)
        elif unit.kind in ("code_start", "code_end"):
            rows = [self._rule(unit.text)]
        else:
            rows = self._blocks(parse_blocks(clean(unit.text)), self._pen.width, unit.number)
        for row in rows:
            if self._style:
                row.stylize_before(self._style)
        return [self._pen.ink(row) for row in rows]

    def _rule(self, language: str) -> Text:
        label = f"── {clean(language)} " if language else ""
        return Text(label + "─" * max(3, min(self._pen.width, 60) - cell_len(label)), style=self._pen.theme.rule)

    def _highlighted(self, code: str) -> list[Text]:
        """Lines of code, coloured as they are in what precedes them."""
        fresh = clean(code).splitlines()
        if not (self._pen.coloured and self._pen.theme.code and self._language):
            return [Text(line) for line in fresh]
        from rich.syntax import Syntax  # brings Pygments, which answers without code do not need

        if len(self._code) >= _CONTEXT:
            self._code = []
        syntax = Syntax("", self._language, theme=self._pen.theme.code, tab_size=4)
        if syntax.lexer is None:
            return [Text(line) for line in fresh]
        whole = "\n".join([*self._code, *fresh])
        rows = list(syntax.highlight(whole).split("\n", allow_blank=True))
        # What the lexer leaves out at the beginning and the end it must not take from the text.
        rows = rows[len(self._code) : len(self._code) + len(fresh)]
        if [row.plain for row in rows] != [line.expandtabs(4) for line in fresh]:
            return [Text(line) for line in fresh]
        return rows

    def _blocks(self, tokens: Sequence[Token], width: int, number: int | None = None) -> list[Text]:
        from markdown_it.tree import SyntaxTreeNode

        return self._children(SyntaxTreeNode(tokens).children, width, number)

    def _children(self, nodes: Sequence[SyntaxTreeNode], width: int, number: int | None = None) -> list[Text]:
        rows: list[Text] = []
        for node in nodes:
            if rows and not node.hidden and not (node.type in _LISTS and _tight(node)):
                rows.append(Text())
            rows += self._block(node, width, number)
        return rows

    def _block(self, node: SyntaxTreeNode, width: int, number: int | None) -> list[Text]:
        theme = self._pen.theme
        if node.type == "heading":
            style = theme.title if node.tag == "h1" else theme.heading
            return self._pen.wrapped(_under(self._inline(node), style), width)
        if node.type in _LISTS:
            return self._list(node, width, number)
        if node.type == "blockquote":
            rows = self._children(node.children, width - 2)
            return [Text.assemble(("│ ", theme.mark), _under(row, theme.quote)) for row in rows]
        if node.type in ("fence", "code_block"):
            return self._inner_code(node)
        if node.type == "table":
            return self._table(node, width)
        if node.type == "hr":
            return [Text("─" * min(width, 40), style=theme.rule)]
        return self._pen.wrapped(self._inline(node), width)

    def _inner_code(self, node: SyntaxTreeNode) -> list[Text]:
        outer, self._language, self._code = (self._language, self._code), node.info.strip().partition(" ")[0], []
        rows = self._highlighted(node.content)
        self._language, self._code = outer
        return [Text("  ").append_text(row) for row in rows]

    def _list(self, node: SyntaxTreeNode, width: int, number: int | None) -> list[Text]:
        depth, above = 0, node.parent
        while above is not None:
            depth += above.type in _LISTS
            above = above.parent
        first = number if number is not None else int(node.attrs.get("start", 1))
        rows: list[Text] = []
        for at, item in enumerate(node.children):
            mark = f"{first + at}. " if node.type == "ordered_list" else _BULLETS[min(depth, 2)] + " "
            body = self._children(item.children, width - len(mark) - 1)
            if at and not _tight(node):
                rows.append(Text())
            for line, row in enumerate(body or [Text()]):
                lead = (" " + mark, self._pen.theme.mark) if line == 0 else (" " * (len(mark) + 1), "")
                rows.append(Text.assemble(lead, row))
        return rows

    def _table(self, node: SyntaxTreeNode, width: int) -> list[Text]:
        from rich import box
        from rich.table import Table

        theme = self._pen.theme
        table = Table(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, border_style=theme.rule, header_style="bold"
        )
        sides: dict[str, str] = {"text-align:center": "center", "text-align:right": "right"}
        for section in node.children:
            for row in section.children:
                cells = [self._inline(cell) for cell in row.children]
                if section.type == "thead":
                    for cell, text in zip(row.children, cells, strict=True):
                        side = sides.get(str(cell.attrs.get("style", "")), "left")
                        table.add_column(text, justify=side, overflow="fold")  # type: ignore[arg-type]  # one of its words
                else:
                    table.add_row(*cells)
        rows = self._pen.console.render_lines(table, self._pen.console.options.update(width=width), pad=False)
        lines = [Text.assemble(*((piece.text, piece.style or "") for piece in row)) for row in rows]
        for line in lines:
            line.rstrip()
        return lines

    def _inline(self, node: SyntaxTreeNode) -> Text:
        text = Text()
        for child in node.children:
            if child.type == "inline":
                self._spans(child.children, "", text)
        return text

    def _spans(self, nodes: Sequence[SyntaxTreeNode], style: str, text: Text) -> None:
        theme = self._pen.theme
        styles = {"strong": "bold", "em": "italic", "s": "strike", "link": theme.link, "image": theme.link}
        for node in nodes:
            if node.type == "code_inline":
                text.append(node.content, f"{style} {theme.inline}".strip())
            elif node.type in ("softbreak", "hardbreak"):
                text.append(" " if node.type == "softbreak" else "\n", style)
            elif node.type in styles:
                start = len(text)
                self._spans(node.children, f"{style} {styles[node.type]}".strip(), text)
                address = str(node.attrs.get("href") or node.attrs.get("src") or "")
                if address and address not in (text.plain[start:], f"mailto:{text.plain[start:]}"):
                    text.append(f" ({address})", theme.quiet)
            else:
                text.append(node.content, style)


_LISTS = ("bullet_list", "ordered_list")


def _tight(node: SyntaxTreeNode) -> bool:
    return all(child.hidden for item in node.children for child in item.children if child.type == "paragraph")


def _under(text: Text, style: str) -> Text:
    """`text` with a style below its own."""
    text.stylize_before(style)
    return text


def markdown_lines(text: str, pen: Pen, style: str = "") -> list[str]:
    """A whole Markdown text as lines."""
    splitter = Splitter()
    splitter.feed(text)
    return MarkdownLines(pen, style).finished(splitter.take(final=True))

"""Where text ends up: a terminal of some width, with or without colour, or a pipe that gets plain text.

The rule: nothing here is needed to understand what is said. A pipe gets neither colour nor wrapping; a terminal gets
colour unless NO_COLOR, TERM=dumb or `display.colour` say otherwise.
"""

from __future__ import annotations

import os
from typing import IO, Literal

from interlingua.errors import LocalFileError

Colour = Literal["auto", "always", "never"]
Style = Literal["bold", "dim", "red", "yellow", "green"]

_CODES: dict[Style, str] = {"bold": "1", "dim": "2", "red": "1;31", "yellow": "33", "green": "32"}
_FALLBACK_WIDTH = 80
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0))) | {ord("\n"): "\n", ord("\t"): "\t"}


class Screen:
    """One output stream as people see it.

    Args:
        stream: standard output or standard error.
        colour: `always` and `never` overrule what the stream is; NO_COLOR and TERM=dumb overrule `always`.
    """

    def __init__(self, stream: IO[str], colour: Colour = "auto") -> None:
        self.stream = stream
        self.colour = colour

    @property
    def is_terminal(self) -> bool:
        """Whether a person sees it."""
        return not self.stream.closed and self.stream.isatty()

    @property
    def moves(self) -> bool:
        """Whether a line can be drawn over: a progress bar makes sense."""
        return self.is_terminal and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int | None:
        """Columns, or None where lines are not wrapped."""
        if not self.is_terminal:
            return None
        columns = os.environ.get("COLUMNS", "")
        if columns.isdecimal() and int(columns) > 0:
            return int(columns)
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or _FALLBACK_WIDTH
        except OSError:
            return _FALLBACK_WIDTH

    @property
    def coloured(self) -> bool:
        """Whether colours may be used."""
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or self.colour == "never":
            return False
        return self.colour == "always" or self.is_terminal

    def paint(self, text: str, style: Style) -> str:
        """`text` in a style, where there is colour."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if text and self.coloured else text

    def safe(self, text: str) -> str:
        """`text` without what would drive the terminal: what a model or a host sends must not move the cursor."""
        return text.translate(_CONTROLS) if self.is_terminal else text

    def hanging(self, head: str, text: str) -> list[str]:
        """Lines of `text` after `head`, wrapped to the screen and indented to where it began.

        Words stay whole, so that commands and addresses can be copied.
        """
        head, text = self.safe(head), self.safe(text)
        width = self.width
        if width is None or len(head) + len(text) <= width:
            return [head + text]
        import textwrap  # only narrow terminals need it

        room = max(20, width - len(head))
        lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
        return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]

    def write(self, text: str) -> None:
        """Writes at once; characters that the stream's encoding lacks become `?`.

        Raises:
            BrokenPipeError: nobody reads any more.
            LocalFileError: it cannot be written, such as to a full disk.
        """
        try:
            try:
                self.stream.write(text)
            except UnicodeEncodeError:
                encoding = getattr(self.stream, "encoding", None) or "ascii"
                self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise LocalFileError(
                f"the output cannot be written: {error.strerror or error}", remedy="Check that the disk has room."
            ) from error

    def line(self, text: str = "") -> None:
        """Writes a line."""
        self.write(text + "\n")

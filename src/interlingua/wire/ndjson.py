"""JSON texts one to a line, framing only: bytes to lines and back. No meaning, no I/O.

Lines end with LF; a CR before it and blank lines are white space. The same bytes give the same lines however they
are cut, in time linear in their number; the end of the stream completes a last line.
"""

from __future__ import annotations

from interlingua.errors import UpstreamError
from interlingua.wire.line_breaks import escape_line_breaks

LINE_LIMIT = 32 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class NDJSONParser:
    """Turns a byte stream into lines.

    Args:
        line_limit: the longest line in bytes.
    """

    __slots__ = ("_first", "_limit", "_pending", "_size")

    def __init__(self, line_limit: int = LINE_LIMIT) -> None:
        self._limit = line_limit
        self._pending: list[bytes] = []
        self._size = 0
        self._first = True

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends; blank ones are left out.

        Raises:
            UpstreamError: a line is longer than the limit.
        """
        *ended, tail = data.split(b"\n")
        lines: list[bytes] = []
        for piece in ended:
            self._keep(piece)
            self._end(lines)
        if tail:
            self._keep(tail)
        return lines

    def close(self) -> list[bytes]:
        """The line that the end of the stream completes, if any; the parser is as new then."""
        lines: list[bytes] = []
        self._end(lines)
        self._first = True
        return lines

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise UpstreamError(f"the stream holds a line of more than {self._limit} bytes")
        self._pending.append(piece)

    def _end(self, lines: list[bytes]) -> None:
        line = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        if self._first:
            line = line.removeprefix(_BOM)
            self._first = False
        if line := line.strip():
            lines.append(line)


def render_ndjson(value: bytes | str) -> bytes:
    """One line as bytes; Unicode's line breaks in it are escaped (`line_breaks.py`).

    Args:
        value: a JSON text without line feeds, as every compact encoder writes it.

    Raises:
        ValueError: `value` holds a line feed.
    """
    if isinstance(value, str):
        line = escape_line_breaks(value).encode("utf-8", "replace")
    else:
        line = value if value.isascii() else escape_line_breaks(value.decode()).encode()
    if b"\n" in line:
        raise ValueError("a line of NDJSON holds no line feed")
    return line + b"\n"

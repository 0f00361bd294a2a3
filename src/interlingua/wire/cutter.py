"""Cuts a byte stream into its whole events and changes none of them: what relays a stream reads it through this.

A block of server-sent events ends with its blank line; comments and stray blank lines are blocks of their own. All
that comes out, put together, is what went in, and the blocks are the same however the bytes arrived. Nothing is parsed
here but line ends: `data_of` and `name_of` tell what a block says, as `sse.py` would.

Strategy: lines are found by the C search for LF. Bare CRs are rare, so only where one may be (also half a CRLF at the
end of a chunk) a pattern goes over the bytes. What is unfinished is kept in one buffer and never searched twice.
"""

from __future__ import annotations

import re

from interlingua.errors import UpstreamError
from interlingua.wire.sse import LINE_LIMIT, SSEParser

_BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"\n|\r\n|\r(?=[^\n])")
_END = re.compile(rb"\n(?:\n|\r\n|\r(?=[^\n]))|\r\r")
"""A line's end and the blank line after it. A CR after an LF waits for the byte that tells if it is half a CRLF."""
_REACH = 2
"""How many bytes from the end an end may already have begun."""
_CR, _LF = 13, 10
_MARK = re.compile(rb'[{}\[\]"]')
_QUOTED = re.compile(rb'["\\]')


class SSECutter:
    """Cuts server-sent events.

    Args:
        limit: the longest block in bytes.
    """

    __slots__ = ("_held", "_limit", "_searched")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The blocks that `data` completes, each with its blank line.

        Raises:
            UpstreamError: a block is longer than the limit.
        """
        held = self._held
        if not held and _is_one(data):
            return [data]
        blocks = self._lines(data) if not held or held[-1] != _CR else None
        if blocks is None:
            blocks = self._search(data)
        if len(held) > self._limit:
            raise UpstreamError(f"the stream holds an event of more than {self._limit} bytes")
        return blocks

    def close(self) -> bytes:
        """The unfinished rest, empty where there is none; the cutter is as new then."""
        rest = bytes(self._held)
        self._held.clear()
        self._searched = 0
        return rest

    def _lines(self, data: bytes) -> list[bytes] | None:
        """Cuts what has no bare CR; None where it has."""
        held = self._held
        blocks: list[bytes] = []
        start, returns = 0, 0
        line = 0 if not held or held[-1] == _LF else -1  # where the line began; -1 for one that is not empty
        feed = data.find(b"\n")
        while feed >= 0:
            last = feed
            if feed > line >= 0 and data[feed - 1] == _CR:
                returns += 1
                last -= 1
            elif line < 0 and feed > 0 and data[feed - 1] == _CR:
                returns += 1
            if last == line:
                blocks.append(data[start : feed + 1])
                start = feed + 1
            line = feed + 1
            feed = data.find(b"\n", line)
        if data.count(b"\r") != returns:
            return None
        if held and blocks:
            blocks[0] = bytes(held) + blocks[0]
            held.clear()
        held += data[start:] if start else data
        self._searched = max(0, len(held) - _REACH)
        return blocks

    def _search(self, data: bytes) -> list[bytes]:
        held = self._held
        held += data
        blocks: list[bytes] = []
        start, place = 0, self._searched
        while found := _BLANK.match(held, start) or _END.search(held, place):
            blocks.append(bytes(held[start : found.end()]))
            start = place = found.end()
        del held[:start]
        self._searched = max(0, len(held) - _REACH)
        return blocks


def _is_one(data: bytes) -> bool:
    """Whether this is one event of one or two lines, as what comes is as a rule; false tells nothing."""
    first = data.find(b"\n")
    if data.endswith(b"\n\n"):
        end = len(data) - 2
        one = 0 < first == end or (0 < first < end - 1 and data.find(b"\n", first + 1) == end)
        return one and b"\r" not in data
    end = len(data) - 3
    return 1 < first == end and data.endswith(b"\r\n\r\n") and data.find(b"\r") == end - 1


class LineCutter:
    """Cuts JSON texts that stand one to a line.

    Args:
        limit: the longest line in bytes.
    """

    __slots__ = ("_held", "_limit")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, each with its LF; blank ones too.

        Raises:
            UpstreamError: a line is longer than the limit.
        """
        held = self._held
        feed = data.find(b"\n")
        if not held and 0 <= feed == len(data) - 1:
            return [data]
        lines: list[bytes] = []
        start = 0
        while feed >= 0:
            lines.append(data[start : feed + 1])
            start = feed + 1
            feed = data.find(b"\n", start)
        if held and lines:
            lines[0] = bytes(held) + lines[0]
            held.clear()
        held += data[start:]
        if len(held) > self._limit:
            raise UpstreamError(f"the stream holds a line of more than {self._limit} bytes")
        return lines

    def close(self) -> bytes:
        """The unfinished rest, empty where there is none; the cutter is as new then."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


class ArrayCutter:
    """Cuts one JSON array into pieces that end with one element each; the commas come with what follows them.

    Args:
        limit: the longest element in bytes.
    """

    __slots__ = ("_depth", "_escaped", "_held", "_limit", "_quoted", "closed")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self.closed = False
        """Whether the array's own end has come."""
        self._limit = limit
        self._held = bytearray()
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that `data` completes: `[{…}`, then `,{…}`; what ends the array comes out as it is.

        Raises:
            UpstreamError: an element is longer than the limit.
        """
        pieces: list[bytes] = []
        start, place = 0, 0
        if self._escaped and data:
            place, self._escaped = 1, False
        while found := (_QUOTED if self._quoted else _MARK).search(data, place):
            place = found.end()
            mark = found.group()
            if mark == b"\\":
                self._escaped = place == len(data)
                place += 1
            elif mark == b'"':
                self._quoted = not self._quoted
            elif mark in b"[{":
                self._depth += 1
            else:
                self._depth -= 1
                self.closed = self._depth == 0
                if self._depth <= 1:
                    pieces.append(bytes(self._held) + data[start:place])
                    self._held.clear()
                    start = place
        self._held += data[start:]
        if len(self._held) > self._limit:
            raise UpstreamError(f"the stream holds an element of more than {self._limit} bytes")
        return pieces

    def close(self) -> bytes:
        """The unfinished rest, empty where there is none."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


def json_of(event: bytes) -> bytes:
    """The data of a block whose last line it is, with the line ends behind it, which JSON decoders pass over.

    Of every other block it is the data all the same, or something that no decoder takes: then `data_of` tells.
    """
    if event.startswith(b"data: "):
        return event[6:]
    if event.startswith(b"event: "):
        return event[event.find(b"\ndata: ") + 7 :]
    return data_of(event)


def data_of(event: bytes) -> bytes:
    """The data lines of one block, joined with a line feed; empty where it has none.

    A byte order mark counts at the head of any block, since the first one cannot be told from here. A block that begins
    with JSON outside the framing says that JSON (see `sse.py`).
    """
    start = 0
    if event.startswith(b"event: "):
        start = event.find(b"\n") + 1
    if event.startswith(b"data: ", start) and b"\r" not in event:
        end = event.find(b"\n", start)
        if end == len(event) - 2 and event[-1] == _LF:
            return event[start + 6 : end]
    return _data_of_lines(event)


def _data_of_lines(event: bytes) -> bytes:
    event = event.removeprefix(_BOM)
    if event[:1] in (b"{", b"["):
        parser = SSEParser()
        return next((one.data.encode() for one in (*parser.feed(event), *parser.close())), b"")
    found = []
    for line in event.splitlines():
        if line.startswith(b"data:"):
            found.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line == b"data":
            found.append(b"")
    return b"\n".join(found)


def name_of(event: bytes) -> str:
    """The type that one block names; empty where it names none."""
    name = b""
    for line in event.removeprefix(_BOM).splitlines():
        if line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ")
    return name.decode("utf-8", "replace")

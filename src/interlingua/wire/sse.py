"""Server-sent events, framing only (WHATWG HTML §9.2.6): bytes to events and back. No meaning, no I/O.

A line ends with LF, CR or CRLF, also when a chunk ends between the two. The same bytes give the same events however
they are cut, in time linear in their number. Two leniencies, because providers need them: the end of the stream
completes a pending event, and a JSON object or array that stands at the start of a line without any `data:` (an
error written past the framing) is an event of its own; what follows it on its last line is dropped.
"""

from __future__ import annotations

import re

from msgspec import Struct

from interlingua.errors import UpstreamError
from interlingua.wire.line_breaks import escape_line_breaks

LINE_LIMIT = 32 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_FIELD = re.compile(rb"(?:data|event|id|retry):")
_FIELD_INITIALS = b"deir"
_PLAIN = re.compile(rb"(?:event: ([^\n]*)\n)?data: ([^\n]*)\n\n")
_OUTSIDE = re.compile(rb'[{}\[\]"]')
_INSIDE = re.compile(rb'["\\]')
_OPENING = b"{["
_LINE_END = re.compile("\r\n|\r|\n")


class SSEEvent(Struct, frozen=True):
    """One event.

    Args:
        event: its type; empty where the stream names none.
        data: its data lines, joined with a line feed.
        id: the id that stands in this very event; None where it has none.
        retry: the reconnection time that stands in this very event, in milliseconds.
    """

    data: str
    event: str = ""
    id: str | None = None
    retry: int | None = None


class _RawJson:
    """JSON outside the framing: gathers its bytes and tells where its brackets balance."""

    __slots__ = ("depth", "escaped", "mid_line", "pieces", "quoted", "size")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0
        self.depth = 0
        self.quoted = False
        self.escaped = False
        self.mid_line = False

    def take(self, data: bytes) -> bool:
        """Adds `data`; whether the JSON is whole now."""
        end = self._end(data)
        piece = data if end < 0 else data[:end]
        self.pieces.append(piece)
        self.size += len(piece)
        self.mid_line = not data.endswith(b"\n")
        return end >= 0

    def text(self) -> str:
        return b"".join(self.pieces).decode("utf-8", "replace").strip()

    def _end(self, data: bytes) -> int:
        place = 0
        if self.escaped and data:
            place, self.escaped = 1, False
        while found := (_INSIDE if self.quoted else _OUTSIDE).search(data, place):
            place = found.end()
            mark = found.group()
            if mark == b'"':
                self.quoted = not self.quoted
            elif mark == b"\\":
                self.escaped = place == len(data)
                place += 1
            else:
                self.depth += 1 if mark in _OPENING else -1
                if self.depth <= 0:
                    return place
        return -1


class SSEParser:
    """Turns a byte stream into events.

    Args:
        line_limit: the longest line, and the longest event, in bytes.
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_event",
        "_head",
        "_id",
        "_limit",
        "_pending",
        "_pending_size",
        "_raw",
        "_retry",
        "_size",
        "_skipping",
    )

    def __init__(self, line_limit: int = LINE_LIMIT) -> None:
        self._limit = line_limit
        self._head: bytes | None = b""  # what may turn out to be a byte order mark; None once that is settled
        self._after_cr = False
        self._skipping = False  # the rest of this line belongs to nothing
        self._pending: list[bytes] = []  # pieces of the line that has not ended
        self._pending_size = 0
        self._raw: _RawJson | None = None
        self._data: list[str] = []  # and these are of the event that has not ended
        self._size = 0
        self._event = ""
        self._id: str | None = None
        self._retry: int | None = None

    def feed(self, data: bytes) -> list[SSEEvent]:
        """The events that `data` completes.

        Raises:
            UpstreamError: a line or an event is longer than the limit.
        """
        events: list[SSEEvent] = []
        if self._head is not None:
            data = self._settle_head(data)
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if not data:
            return events
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        place = 0
        while True:
            if self._is_fresh():
                place = self._plain(data, place, events)
            end = data.find(b"\n", place)
            if end < 0:
                break
            line, place = data[place:end], end + 1
            if self._skipping:
                self._skipping = False
                continue
            if self._pending:
                self._pending.append(line)
                line = self._take_pending()
            self._line(line, events)
        if place < len(data) and not self._skipping:
            self._tail(data[place:], events)
        return events

    def _is_fresh(self) -> bool:
        """Whether nothing has begun that the next line could belong to."""
        begun = self._data or self._pending or self._event or self._skipping
        return not begun and self._raw is None and self._id is None and self._retry is None

    def _plain(self, data: bytes, place: int, events: list[SSEEvent]) -> int:
        """Takes the events at `place` that are one line of data, perhaps after their type, as nearly all are; where
        the first other thing stands."""
        while (found := _PLAIN.match(data, place)) is not None and found.end() - place < self._limit:
            event, text = found.groups()
            kind = event.decode("utf-8", "replace") if event else ""
            events.append(SSEEvent(data=text.decode("utf-8", "replace"), event=kind))
            place = found.end()
        return place

    def close(self) -> list[SSEEvent]:
        """The event that the end of the stream completes, if any; the parser is as new then.

        Raises:
            UpstreamError: as `feed`.
        """
        events: list[SSEEvent] = []
        if self._head:
            self._pending.append(self._head)
        if self._pending:
            self._line(self._take_pending(), events)
        self._flush(events)
        self._head, self._after_cr, self._skipping = b"", False, False
        return events

    def _settle_head(self, data: bytes) -> bytes:
        data = (self._head or b"") + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._head = data
            return b""
        self._head = None
        return data.removeprefix(_BOM)

    def _take_pending(self) -> bytes:
        line = b"".join(self._pending)
        self._pending.clear()
        self._pending_size = 0
        return line

    def _tail(self, tail: bytes, events: list[SSEEvent]) -> None:
        """Keeps the beginning of a line; JSON outside the framing is not kept waiting for the line's end."""
        if not self._pending:
            if self._raw is None and tail[0] in _OPENING:
                self._begin_raw(events)
            if self._raw is not None and (self._raw.mid_line or tail[0] not in _FIELD_INITIALS):
                self._take_raw(tail, events)
                return
        self._pending.append(tail)
        self._pending_size += len(tail)
        self._check(self._pending_size)

    def _line(self, line: bytes, events: list[SSEEvent]) -> None:
        raw = self._raw
        if raw is not None:
            if not raw.mid_line and line and line[0] in _FIELD_INITIALS:
                self._check(len(line))  # one that `_tail` keeps waiting for its end
            if raw.mid_line or not _FIELD.match(line):
                self._take_raw(line + b"\n", events)
                return
            self._flush(events)  # no JSON goes on like this: the framing is back
        elif len(line) > self._limit and line[0] not in _OPENING:
            self._check(len(line))
        if line.startswith(b"data: "):
            self._add_data(line[6:])
        elif not line:
            self._flush(events)
        elif line[0] in _OPENING:
            self._begin_raw(events)
            self._take_raw(line + b"\n", events)
        else:
            name, _, value = line.partition(b":")
            self._field(name, value.removeprefix(b" "))

    def _field(self, name: bytes, value: bytes) -> None:
        if name == b"data":
            self._add_data(value)
        elif name == b"event":
            self._check(len(value))
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            self._check(len(value))
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) < 16:
            self._retry = int(value)

    def _add_data(self, value: bytes) -> None:
        self._size += len(value) + 1
        self._check(self._size)
        self._data.append(value.decode("utf-8", "replace"))

    def _begin_raw(self, events: list[SSEEvent]) -> None:
        self._flush(events)
        self._raw = _RawJson()

    def _take_raw(self, data: bytes, events: list[SSEEvent]) -> None:
        assert self._raw is not None
        whole = self._raw.take(data)
        self._check(self._raw.size)
        if whole:
            self._skipping = self._raw.mid_line
            self._flush(events)

    def _flush(self, events: list[SSEEvent]) -> None:
        if self._raw is not None:
            events.append(SSEEvent(data=self._raw.text()))
            self._raw = None
        elif self._data:
            events.append(SSEEvent(data="\n".join(self._data), event=self._event, id=self._id, retry=self._retry))
        self._reset()

    def _reset(self) -> None:
        self._data = []
        self._size = 0
        self._event = ""
        self._id = self._retry = None

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise UpstreamError(f"the stream holds a line or an event of more than {self._limit} bytes")


def render_sse(data: str, event: str = "") -> bytes:
    """One event as bytes.

    Args:
        data: any text; each of its lines becomes a `data:` line, so every kind of line end arrives as a line feed. In
            a JSON object or array Unicode's line breaks are escaped (`line_breaks.py`).
        event: the type, without line ends; empty leaves it out.

    Raises:
        ValueError: `event` holds a line end.
    """
    if "\n" in data or "\r" in data:
        data = "\ndata: ".join(_LINE_END.split(data))
    if data.startswith(("{", "[")):
        data = escape_line_breaks(data)
    if not event:
        return f"data: {data}\n\n".encode("utf-8", "replace")
    if "\n" in event or "\r" in event:
        raise ValueError("the type of an event is one line")
    return f"event: {event}\ndata: {data}\n\n".encode("utf-8", "replace")


def render_json(data: bytes, event: str = "") -> bytes:
    """The same for JSON as an encoder writes it, which is one line but for what was inserted into it.

    Args:
        data: UTF-8.
        event: the type, without line ends; empty leaves it out.
    """
    if not data.isascii() or b"\n" in data or b"\r" in data:
        return render_sse(data.decode(), event)
    return b"event: %b\ndata: %b\n\n" % (event.encode(), data) if event else b"data: %b\n\n" % data


def render_comment(text: str) -> bytes:
    """A comment as bytes, such as a heartbeat: it reaches no reader's events."""
    return "".join(f": {line}\n" for line in _LINE_END.split(text)).encode("utf-8", "replace") + b"\n"

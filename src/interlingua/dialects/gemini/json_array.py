"""A stream as clients get it that do not ask for `alt=sse`: one JSON array, an element for each event.

Each element is what the event held, byte for byte. Blank lines, which keep the connection open, are white space here.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from interlingua.wire.cutter import SSECutter, data_of

_ALT, _SSE = "alt", "sse"


def wants_array(path: str) -> bool:
    """Whether a request for a stream asks for the array: all do that do not ask for server-sent events."""
    if path.endswith("?alt=sse"):
        return False  # as nearly all do
    asked = [value for name, value in parse_qsl(path.partition("?")[2]) if name in (_ALT, f"${_ALT}")]
    return _SSE not in asked


def asking_events(query: str) -> str:
    """The query with server-sent events asked for, which is how we read every provider."""
    others = [pair for pair in query.split("&") if pair and pair.partition("=")[0] not in (_ALT, f"${_ALT}", "%24alt")]
    return "&".join([*others, f"{_ALT}={_SSE}"])


class JsonArray:
    """Makes the array of server-sent events; see `ports.lens.Reframing`."""

    CONTENT_TYPE = "application/json; charset=UTF-8"

    def __init__(self) -> None:
        self._cutter = SSECutter()
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """The elements of the events that `data` completes."""
        return b"".join(self._element(event) for event in self._cutter.feed(data))

    def close(self) -> bytes:
        """The rest, and the end of the array; one without elements is an array too."""
        rest = self._element(self._cutter.close())
        return rest + (b"]\n" if self._begun else b"[]\n")

    def _element(self, event: bytes) -> bytes:
        data = data_of(event).strip()
        if not data:
            return b"\n" if event else b""
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return before + data + b"\n"

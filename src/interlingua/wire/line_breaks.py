"""Unicode's line breaks in JSON texts that go out line by line.

NEL, LINE SEPARATOR and PARAGRAPH SEPARATOR may stand bare in a JSON string (RFC 8259 §7), and neither SSE nor NDJSON
ends a line at them. Clients that split text and not bytes do, as httpx's `iter_lines` does, and so cut our JSON apart.
The other characters that Python's `splitlines` breaks at are control characters, which JSON always escapes.
"""

from __future__ import annotations

_BREAKS = tuple((mark, f"\\u{ord(mark):04x}") for mark in "\x85\u2028\u2029")


def escape_line_breaks(json: str) -> str:
    """The same JSON value as a text that every client takes for one line.

    Args:
        json: a valid JSON text without line feeds: outside of its strings none of the three can stand.
    """
    if json.isascii():
        return json
    for mark, escaped in _BREAKS:
        if mark in json:
            json = json.replace(mark, escaped)
    return json

"""What a model, a tool or a host says must not drive the terminal: control characters go, tabs and line ends stay.

Characters that turn the direction of writing go too: they make code read otherwise than it runs.
"""

from __future__ import annotations

_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0))) | {ord("\n"): "\n", ord("\t"): "\t"}
_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_TABLE = _CONTROLS | _TURNING


def clean(text: str) -> str:
    """`text` without what would drive the terminal."""
    return text.translate(_TABLE)


def one_line(text: str, most: int) -> str:
    """`text` on one line of at most so many characters."""
    flat = " ".join(clean(text[: most * 4]).split())
    return flat if len(flat) <= most and len(text) <= most * 4 else flat[: most - 1] + "…"

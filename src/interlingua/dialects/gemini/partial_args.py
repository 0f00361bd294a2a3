"""Arguments that arrive in pieces: `partialArgs`, each a JSONPath and a value, strings to be continued."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from interlingua.dialects.gemini.schema import ProtoFields

MOST_ITEMS = 10_000
"""How many array items JSONPaths may ask for, in all arrays of a call."""
_STEP = re.compile(r"""\.([^.\[\]]+)|\[([0-9]{1,9})\]|\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]""")


class GrowingArguments:
    """The arguments of one call while they arrive.

    Args:
        first: what the call already had when it began.
    """

    def __init__(self, first: dict[str, Any] | None = None) -> None:
        self._root: dict[str, Any] = first or {}
        self._items = 0

    def add(self, piece: ProtoFields) -> None:
        """Takes one piece. Raises what `piece` raises where it is malformed."""
        path = piece.need_text("jsonPath")
        value: Any = piece.text("stringValue")
        if value is None:
            value = piece.json("numberValue")
        if value is None:
            value = piece.boolean("boolValue")
        steps = _steps(path)
        if not steps or not self._put(steps, value):
            raise piece.error("jsonPath", f"{path!r} leads nowhere")

    def text(self) -> str:
        """The arguments so far as JSON."""
        return msgspec.json.encode(self._root).decode()

    def _put(self, steps: list[str | int], value: Any) -> bool:
        node: Any = self._root
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            if isinstance(step, int) and isinstance(node, list):
                missing = max(0, step + 1 - len(node))
                self._items += missing
                if self._items > MOST_ITEMS:
                    return False
                node.extend([None] * missing)
                present = node[step]
            elif isinstance(step, str) and isinstance(node, dict):
                present = node.get(step)
            else:
                return False
            if following is None:
                node[step] = present + value if isinstance(present, str) and isinstance(value, str) else value
                return True
            if present is None:
                node[step] = present = [] if isinstance(following, int) else {}
            node = present
        return False


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    place = 1 if path.startswith("$") else 0
    while found := _STEP.match(path, place):
        name, index, single, double = found.groups()
        place = found.end()
        steps.append(int(index) if index is not None else name if name is not None else single or double or "")
    return steps if place == len(path) else []

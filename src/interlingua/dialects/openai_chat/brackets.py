"""Where a JSON object that comes in pieces may be whole: where its brackets balance. Linear in its length."""

from __future__ import annotations

import re

_OUTSIDE = re.compile(r'[{}\[\]"]')
_INSIDE = re.compile(r'["\\]')


class Brackets:
    """Counts the brackets outside of strings.

    `balanced` is true from where all that opened has closed for the first time, whatever follows.
    """

    __slots__ = ("_depth", "_escaped", "_quoted", "balanced")

    def __init__(self) -> None:
        self.balanced = False
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def add(self, text: str) -> None:
        """Reads on."""
        place = 1 if self._escaped and text else 0
        self._escaped = self._escaped and not text
        while not self.balanced and (found := (_INSIDE if self._quoted else _OUTSIDE).search(text, place)):
            place = found.end()
            mark = found.group()
            if mark == '"':
                self._quoted = not self._quoted
            elif mark == "\\":
                self._escaped = place == len(text)
                place += 1
            else:
                self._depth += 1 if mark in "{[" else -1
                self.balanced = self._depth <= 0

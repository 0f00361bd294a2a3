"""A tool call whose arguments come in pieces, and where they are whole. Linear in their length, however it is asked."""

from __future__ import annotations

import re

from interlingua.types.parts import parse_arguments

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


class GrowingCall:
    """A tool call under construction.

    Args:
        call_id: as the provider gave it; may be empty.
        index: of its part.
        custom: whether it takes free text, which is whole only when the choice is.
    """

    __slots__ = ("brackets", "custom", "done", "hopeless", "id", "index", "pieces", "read")

    def __init__(self, call_id: str, index: int, custom: bool) -> None:
        self.id = call_id
        self.index = index
        self.custom = custom
        self.pieces: list[str] = []
        self.brackets = Brackets()
        self.read = 0  # of the pieces, by the brackets
        self.hopeless = custom  # nothing that follows can make an object of it
        self.done = False

    def whole(self) -> bool:
        """Whether the arguments are an object; they are parsed once, however often this is asked."""
        if self.hopeless:
            return False
        for piece in self.pieces[self.read :]:
            self.brackets.add(piece)
        self.read = len(self.pieces)
        if not self.brackets.balanced:
            return False
        self.hopeless = parse_arguments("".join(self.pieces)) is None
        return not self.hopeless

"""Reads JSON that was cut off: what a tool call's arguments amount to while they still arrive.

A cut string ends where it was cut; a key without its value, half an escape and half a word are as if they had not
come yet; of a number the longest prefix that is one counts. Where the text stops being JSON for another reason,
reading stops there in the same way. One pass over the text, no recursion.
"""

from __future__ import annotations

import json
import re

import msgspec

from interlingua.types.opaque import Json

DEPTH_LIMIT = 200
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"((?:[^"\\]+|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*)("?)')
_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")


def parse_partial(text: str) -> Json:
    """The value of the longest prefix of `text` that can be made whole by closing what is open; None where there is
    none.

    Args:
        text: JSON, possibly cut at any place. Lone surrogates become U+FFFD, raw control characters in strings are
            taken as they are. Nesting deeper than 200 is left out where the text is cut.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _Reader(text).read()


class _Reader:
    """Builds the value as it goes; what stands when reading stops is the answer."""

    __slots__ = ("_key", "_open", "_place", "_root", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._root: Json = None
        self._open: list[dict[str, Json] | list[Json]] = []
        self._key: list[str] = []  # of each open object, the key whose value is due

    def read(self) -> Json:
        while self._value():
            if not self._open:
                break
        return self._root

    def _peek(self) -> str:
        found = _SPACE.match(self._text, self._place)
        self._place = found.end() if found else self._place
        return self._text[self._place : self._place + 1]

    def _value(self) -> bool:
        """Reads one value, or the opening of one, and everything up to where the next is due."""
        mark = self._peek()
        if mark and mark in "{[":
            if len(self._open) == DEPTH_LIMIT:
                return False
            self._place += 1
            self._put({} if mark == "{" else [])
            return self._next(first=True)
        if mark == '"':
            text, whole = self._string()
            self._put(text)
            return whole and self._next()
        found = _SCALAR.match(self._text, self._place)
        if not found:
            return False
        try:
            value = msgspec.json.decode(found.group())
        except msgspec.DecodeError:
            return False  # a number that no float can hold
        self._put(value)
        self._place = found.end()
        return self._next()

    def _put(self, value: Json) -> None:
        if not self._open:
            self._root = value
        elif isinstance(self._open[-1], list):
            self._open[-1].append(value)
        else:
            self._open[-1][self._key[-1]] = value
        if isinstance(value, dict | list):
            self._open.append(value)
            self._key.append("")

    def _next(self, *, first: bool = False) -> bool:
        """Goes to where the next value is due, closing what ends; false where there is none."""
        while self._open:
            top = self._open[-1]
            mark = self._peek()
            if mark == ("]" if isinstance(top, list) else "}"):
                self._place += 1
                self._open.pop()
                self._key.pop()
                first = False
                continue
            if not first:
                if mark != ",":
                    return False
                self._place += 1
            return isinstance(top, list) or self._take_key()
        return False

    def _take_key(self) -> bool:
        if self._peek() != '"':
            return False
        self._key[-1], whole = self._string()
        if not whole or self._peek() != ":":
            return False
        self._place += 1
        return True

    def _string(self) -> tuple[str, bool]:
        """The string that begins here, and whether its closing quote is there."""
        found = _STRING.match(self._text, self._place)
        assert found is not None
        self._place = found.end()
        body, quote = found.groups()
        text = json.loads(f'"{body}"', strict=False)
        if not quote and "\ud800" <= text[-1:] <= "\udbff":
            text = text[:-1]  # the other half of the pair has not come yet
        return _HALF_PAIR.sub("\ufffd", text), bool(quote)

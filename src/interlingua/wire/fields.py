"""Reads a JSON object whose shape is somebody else's: each field is taken once, with its type checked.

Strategy: an object is decoded one level at a time into `dict[str, Raw]`, so that values keep their exact text until
someone asks for them, unions can be told apart by a peek at their tag, and what nobody took can be kept (`rest`).
Absent and null are the same to every getter but `has`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self, TypeVar

import msgspec

Shape = TypeVar("Shape")
Fail = Callable[[str, str], Exception]
"""Makes the error for (path, reason): InvalidRequest for a client's JSON, UpstreamError for a provider's."""

_object: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_string: msgspec.json.Decoder[str] = msgspec.json.Decoder(str)
_text: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(str | None)

_SPACE = "space"
_MARKS = (("{", "object"), ("[", "array"), ('"', "string"), ("tf", "boolean"), ("n", "null"), (" \t\n\r\f\v", _SPACE))
_KINDS = {ord(mark): kind for marks, kind in _MARKS for mark in marks}


def kind_of(raw: msgspec.Raw | bytes) -> str:
    """The JSON type of a value: object, array, string, number, boolean, null, or empty for no value at all."""
    view = memoryview(raw)
    if not view:
        return ""
    kind = _KINDS.get(view[0], "number")
    if kind is _SPACE:
        head = bytes(view[:64]).lstrip()[:1]
        return _KINDS.get(head[0], "number") if head else ""
    return kind


Whole = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""A whole number that every way of reading takes for the same."""


class Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The shape that most values of a kind have, read at once; it holds no more than `Fields` would make of it.

    A dialect's plain shapes stand in its `plain.py`. They decide nothing: what is wrong, new or rare in a value makes
    it no plain one, so that losses, luggage and the words of errors are those of the careful way alone.
    """


def read_plain(decoder: msgspec.json.Decoder[Shape], raw: msgspec.Raw | bytes | str) -> Shape | None:
    """A value of a plain shape; None where it is of any other, which `Fields` then reads.

    Args:
        decoder: of structs that forbid unknown fields, so that nothing is lost the quick way.
        raw: the value.
    """
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


class Fields:
    """One JSON object under reading.

    Args:
        source: its text.
        fail: makes the error that a wrong shape raises.
        path: where the object stands, for messages; empty at the root.
    """

    __slots__ = ("_fail", "_left", "path", "source")

    def __init__(self, source: msgspec.Raw | bytes | str, fail: Fail, path: str = "") -> None:
        self.source = source
        self.path = path
        self._fail = fail
        try:
            self._left = _object.decode(source)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise fail(path, _reason(error, "expected an object")) from error

    def at(self, key: str) -> str:
        """The path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def error(self, key: str, reason: str) -> Exception:
        """The error that says what is wrong with a field."""
        return self._fail(self.at(key), reason)

    def keys(self) -> tuple[str, ...]:
        """The fields not taken yet, in order."""
        return tuple(self._left)

    def has(self, key: str) -> bool:
        """Whether the field is there and not taken yet, null or not."""
        return key in self._left

    def kind(self, key: str) -> str:
        """The JSON type of a field not taken yet; empty where it is absent."""
        raw = self._left.get(key)
        return "" if raw is None else kind_of(raw)

    def skip(self, *keys: str) -> None:
        """Takes fields that have no meaning for us."""
        for key in keys:
            self._left.pop(key, None)

    def _take(self, key: str, expected: str) -> msgspec.Raw | None:
        raw = self._left.pop(key, None)
        if raw is None:
            return None
        kind = kind_of(raw)
        if kind == "null":
            return None
        if kind != expected:
            raise self._fail(self.at(key), f"expected {expected}, got {kind}")
        return raw

    def text(self, key: str) -> str | None:
        """A string."""
        raw = self._left.pop(key, None)
        if raw is None:
            return None
        try:
            return _text.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if kind_of(raw) != "string":
                raise self._fail(self.at(key), f"expected string, got {kind_of(raw)}") from error
            raise self._fail(self.at(key), _reason(error, "not a string")) from error

    def need_text(self, key: str) -> str:
        """A string that must be there."""
        value = self.text(key)
        if value is None:
            raise self._fail(self.at(key), "required")
        return value

    def number(self, key: str, least: float | None = None, most: float | None = None) -> float | None:
        """A number within bounds (both inclusive)."""
        raw = self._take(key, "number")
        if raw is None:
            return None
        value = _number(raw, self._fail, self.at(key))
        if (least is not None and value < least) or (most is not None and value > most):
            raise self._fail(self.at(key), f"must be between {_shown(least)} and {_shown(most)}, got {value}")
        try:
            return float(value)
        except OverflowError as error:
            raise self._fail(self.at(key), "too large for a number") from error

    def integer(self, key: str, least: int | None = None, most: int | None = None) -> int | None:
        """A whole number within bounds (both inclusive); `3.0` counts as whole."""
        raw = self._take(key, "number")
        if raw is None:
            return None
        value = _number(raw, self._fail, self.at(key))
        if value != int(value):
            raise self._fail(self.at(key), f"expected a whole number, got {value}")
        if (least is not None and value < least) or (most is not None and value > most):
            raise self._fail(self.at(key), f"must be between {_shown(least)} and {_shown(most)}, got {value}")
        return int(value)

    def boolean(self, key: str) -> bool | None:
        """True or false."""
        raw = self._take(key, "boolean")
        return None if raw is None else bytes(memoryview(raw)).strip() == b"true"

    def json(self, key: str) -> Any:
        """Any value, decoded; None where absent."""
        raw = self._left.pop(key, None)
        return None if raw is None else _decode(raw, self._fail, self.at(key))

    def look(self, key: str) -> Any:
        """Any value, decoded, and left where it is; None where absent."""
        raw = self._left.get(key)
        return None if raw is None else _decode(raw, self._fail, self.at(key))

    def raw(self, key: str) -> str | None:
        """The JSON text of any value, exactly as it stands; None where absent or null."""
        raw = self._left.pop(key, None)
        if raw is None or kind_of(raw) == "null":
            return None
        try:
            return bytes(memoryview(raw)).decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise self._fail(self.at(key), "not UTF-8") from error

    def child(self, key: str) -> Fields | None:
        """An object."""
        raw = self._take(key, "object")
        return None if raw is None else Fields(raw, self._fail, self.at(key))

    def children(self, key: str) -> list[Self]:
        """An array of objects; empty where absent."""
        return [self.item(key, i, raw) for i, raw in enumerate(self.items(key))]

    def item(self, key: str, place: int, raw: msgspec.Raw) -> Self:
        """The object that is a member of an array, of those that `items` gave."""
        return type(self)(raw, self._fail, f"{self.at(key)}[{place}]")

    def items(self, key: str) -> list[msgspec.Raw]:
        """An array of any values, undecoded; empty where absent."""
        raw = self._take(key, "array")
        if raw is None:
            return []
        try:
            return _array.decode(raw)
        except msgspec.DecodeError as error:
            raise self._fail(self.at(key), _reason(error, "not an array")) from error

    def texts(self, key: str) -> tuple[str, ...]:
        """An array of strings; empty where absent."""
        found = []
        for i, raw in enumerate(self.items(key)):
            if kind_of(raw) != "string":
                raise self._fail(f"{self.at(key)}[{i}]", f"expected string, got {kind_of(raw)}")
            try:
                found.append(_string.decode(raw))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise self._fail(f"{self.at(key)}[{i}]", _reason(error, "not a string")) from error
        return tuple(found)

    def rest(self) -> dict[str, Any]:
        """What nobody took, decoded, without nulls; the luggage that goes to `extra`."""
        left, self._left = self._left, {}
        return {key: _decode(raw, self._fail, self.at(key)) for key, raw in left.items() if kind_of(raw) != "null"}


def _decode(raw: msgspec.Raw, fail: Fail, path: str) -> Any:
    try:
        return _any.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise fail(path, _reason(error, "malformed JSON")) from error


def _number(raw: msgspec.Raw, fail: Fail, path: str) -> int | float:
    value = _decode(raw, fail, path)
    if not isinstance(value, int | float):
        raise fail(path, "expected a number")
    return value


def _reason(error: Exception, otherwise: str) -> str:
    if isinstance(error, msgspec.ValidationError | RecursionError):
        return otherwise
    return f"malformed JSON: {error}"


def _shown(bound: float | None) -> str:
    return "any" if bound is None else f"{bound:g}"

"""Single values of a JSON object that was cut at its top level (`strict_json.py`), read without reading the rest.

Absent and null are the same. A wrong type is refused: what policy decides by must be the same for every reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from interlingua.errors import InvalidRequest
from interlingua.wire.fields import kind_of
from interlingua.wire.strict_json import joined

Values = Mapping[str, msgspec.Raw]

_text: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(str | None)
_flag: msgspec.json.Decoder[bool | None] = msgspec.json.Decoder(bool | None)
_number: msgspec.json.Decoder[float | None] = msgspec.json.Decoder(int | float | None)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_EMPTY = (b"[]", b"{}", b'""', b"null")
_LONGEST_WORD = 64


def text(values: Values, key: str) -> str:
    """A string; empty where absent.

    Raises:
        InvalidRequest: it is none.
    """
    raw = values.get(key)
    if raw is None:
        return ""
    try:
        return _text.decode(raw) or ""
    except msgspec.DecodeError as error:
        raise _refusal(key, "string", raw) from error


def flag(values: Values, key: str) -> bool | None:
    """True, false, or None where absent.

    Raises:
        InvalidRequest: it is none of them.
    """
    raw = values.get(key)
    if raw is None:
        return None
    try:
        return _flag.decode(raw)
    except msgspec.DecodeError as error:
        raise _refusal(key, "boolean", raw) from error


def count(values: Values, key: str) -> int | None:
    """A whole number, `3.0` included; None where absent.

    Raises:
        InvalidRequest: it is none.
    """
    raw = values.get(key)
    if raw is None:
        return None
    try:
        number = _number.decode(raw)
    except msgspec.DecodeError as error:
        raise _refusal(key, "number", raw) from error
    if number is not None and number != int(number):
        raise InvalidRequest(f"{key}: expected a whole number, got {number}", path=key)
    return None if number is None else int(number)


def holds(values: Values, key: str) -> bool:
    """Whether there is anything in an array, an object or a string."""
    raw = values.get(key)
    if raw is None:
        return False
    view = memoryview(raw)
    return view.nbytes > 8 or bytes(view).translate(None, b" \t\r\n") not in _EMPTY


def some(values: Values, *keys: str) -> bytes:
    """The object of just these members; empty where there is none of them."""
    found = {key: values[key] for key in keys if key in values}
    return joined(found) if found else b""


def members(raw: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    """The members of an object; none for any other value."""
    if raw is None or kind_of(raw) != "object":
        return {}
    return _object(raw)


def words(raw: msgspec.Raw) -> set[str]:
    """Every key and every short string in a value, at any depth: for shapes that nobody foresaw.

    Raises:
        InvalidRequest: it holds a number that is none.
    """
    found: set[str] = set()
    try:
        left: list[Any] = [_any.decode(raw)]
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the body holds what cannot be read: {error}") from error
    while left:
        value = left.pop()
        if isinstance(value, dict):
            found.update(value)
            left += value.values()
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str) and len(value) <= _LONGEST_WORD:
            found.add(value)
    return found


def _refusal(key: str, expected: str, raw: msgspec.Raw) -> InvalidRequest:
    return InvalidRequest(f"{key}: expected {expected}, got {kind_of(raw)}", path=key)

"""A client's JSON object, checked and cut at its top level, each value kept byte for byte.

Two parsers must not read two things out of one body: one model would be checked and another served. So a key that
stands twice, bytes that are no UTF-8 and nesting beyond reason are refused (architecture: "Two lanes").

Strategy: the C decoder cuts the object; what it does not tell (repeated keys, depth) is looked for only where a cheap
sum says that it may be there.
"""

from __future__ import annotations

import re
from itertools import accumulate

import msgspec

from interlingua.errors import InvalidRequest

MOST_NESTED = 200

_decoder: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_token = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_SPACE = b" \t\r\n"
_OPENING, _CLOSING = b"[{", b"]}"
_STEPS = [(mark in _OPENING) - (mark in _CLOSING) for mark in range(256)]
_NO_BRACKETS = bytes(mark for mark in range(256) if not _STEPS[mark])


def cut(body: bytes) -> dict[str, msgspec.Raw]:
    """The top-level values of an object by key, in order.

    Raises:
        InvalidRequest: it is no JSON object, not UTF-8, nested deeper than `MOST_NESTED`, or names a key twice.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8 (byte {error.start})") from error
    _check_depth(body)
    try:
        values = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidRequest("the body is not a JSON object") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    _check_repeated(body, values)
    return values


def joined(values: dict[str, msgspec.Raw]) -> bytes:
    """The object of these values, each as it was."""
    return msgspec.json.encode(values)


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= MOST_NESTED:
        return
    # Behind its escapes, every second piece between quotes stands outside of the strings.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    brackets = b"".join(plain.split(b'"')[::2]).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) <= MOST_NESTED:
        return
    depth = 0
    for match in _token.finditer(body):
        mark = match[0][:1]
        if mark in _OPENING:
            depth += 1
            if depth > MOST_NESTED:
                raise InvalidRequest(
                    f"the body is nested deeper than {MOST_NESTED} levels (byte {match.start()})",
                    remedy="Flatten the value, or send it as text.",
                )
        elif mark in _CLOSING:
            depth -= 1


def _check_repeated(body: bytes, values: dict[str, msgspec.Raw]) -> None:
    """Refuses a key that stands twice.

    Written without white space, as most clients write, an object is exactly as long as what came out of it; a repeated
    key would make it longer. Else what stands between the values must be their keys and nothing more; only where that
    cannot be told are all keys read.
    """
    length = 1 + sum(map(len, values)) + 4 * len(values) + len(b"".join(values.values()))
    if (length == len(body) and body.isascii()) or _is_plain(body, values):
        return
    seen: set[str] = set()
    for key in _top_level_keys(body):
        if key in seen:
            raise InvalidRequest(f"the key {key!r} stands twice", path=key)
        seen.add(key)


def _is_plain(body: bytes, values: dict[str, msgspec.Raw]) -> bool:
    """Whether the values stand in the text one after the other, with just their keys in between."""
    end = 0
    for key, value in values.items():
        start = body.find(value, end)
        between = (b"," if end else b"{") + msgspec.json.encode(key) + b":"
        if start < 0 or body[end:start].translate(None, _SPACE) != between.translate(None, _SPACE):
            return False
        end = start + memoryview(value).nbytes
    return body[end:].translate(None, _SPACE) == (b"}" if values else b"{}")


def _top_level_keys(body: bytes) -> list[str]:
    """All keys of the outermost object, repeated ones included."""
    keys: list[str] = []
    depth = 0
    for match in _token.finditer(body):
        mark = match[0][:1]
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
        elif depth == 1 and body[match.end() :].lstrip()[:1] == b":":
            keys.append(msgspec.json.decode(match[0], type=str))
    return keys

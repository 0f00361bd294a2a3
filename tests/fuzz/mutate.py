"""Mutations that keep JSON being JSON and frames being frames, so that fuzzing gets past the first line of a parser.

A stream is taken as lines, each perhaps a prefix (`data: `) and a JSON text; a body is one JSON text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

_SCALARS: tuple[Any, ...] = (None, True, False, 0, 1, -1, 3.5, 2**31, -(2**63), 2**64 - 1, 1e308, 1e-320, 0.0)
_TEXTS = (
    *("", " ", "0", "-1", "9" * 40, "1e999", "{", '{"a":', "{}", "[]", "data:", "\\", "\\ud800", "\\u0000"),
    *("\x00", "\ufeff", "é", "🌧", "\u2028"),
)
_DEEP = 260


def mutate(data: bytes, rng: random.Random, seeds: Sequence[bytes], words: Sequence[str]) -> bytes:
    """A relative of `data`.

    Args:
        data: a stream or a body.
        rng: decides everything.
        seeds: samples to take pieces from.
        words: what keys and strings become.
    """
    for _ in range(rng.choice((1, 1, 2, 4))):
        change = rng.choice((_one_json, _one_json, _one_json, _lines, _bytes))
        data = change(data, rng, seeds, words)
    return data


def _one_json(data: bytes, rng: random.Random, seeds: Sequence[bytes], words: Sequence[str]) -> bytes:
    """Changes one of the JSON texts."""
    if (whole := _decode(data)) is not None:
        return msgspec.json.encode(_changed(whole, rng, words))
    lines = data.split(b"\n")
    found = [(i, at) for i, line in enumerate(lines) if (at := _begin(line)) >= 0]
    if not found:
        return _bytes(data, rng, seeds, words)
    i, at = rng.choice(found)
    value = _decode(lines[i][at:])
    if value is None:
        return _bytes(data, rng, seeds, words)
    lines[i] = lines[i][:at] + msgspec.json.encode(_changed(value, rng, words))
    return b"\n".join(lines)


def _lines(data: bytes, rng: random.Random, seeds: Sequence[bytes], words: Sequence[str]) -> bytes:
    """Drops, doubles, moves or borrows whole lines."""
    lines = data.split(b"\n")
    i = rng.randrange(len(lines))
    what = rng.randrange(6)
    if what == 0:
        del lines[i]
    elif what == 1:
        lines.insert(i, lines[rng.randrange(len(lines))])
    elif what == 2:
        lines[i : i + rng.randrange(1, 4)] = []
    elif what == 3:
        lines[i:i] = rng.choice((b"", b"data: [DONE]", b": hi", b"event: error", b"id: 1", b"retry: 5")).split(b"\n")
    elif what == 4:
        borrowed = rng.choice(seeds).split(b"\n")
        start = rng.randrange(len(borrowed))
        lines[i:i] = [*borrowed[start : start + rng.randrange(1, 7)], b""]
    else:
        return rng.choice((b"\r\n", b"\r", b"\n\n")).join(lines)
    return b"\n".join(lines)


def _bytes(data: bytes, rng: random.Random, seeds: Sequence[bytes], words: Sequence[str]) -> bytes:
    """Cuts, or writes a few bytes anywhere."""
    at = rng.randrange(len(data) + 1)
    what = rng.randrange(4)
    if what == 0:
        return data[:at]
    if what == 1:
        return data[:at] + data[at + rng.randrange(1, 9) :]
    if what == 2:
        return data[:at] + bytes(rng.randrange(256) for _ in range(rng.randrange(1, 4))) + data[at + rng.randrange(3) :]
    inserted = rng.choice((rng.choice(words or ("a",)), rng.choice(_TEXTS))).encode("utf-8", "surrogatepass")
    return data[:at] + inserted + data[at:]


def _begin(line: bytes) -> int:
    found = [at for mark in (b"{", b"[") if 0 <= (at := line.find(mark)) < 16]
    return min(found, default=-1)


def _decode(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _changed(value: Any, rng: random.Random, words: Sequence[str]) -> Any:
    """`value` with one node of it changed; what holds it is changed in place."""
    places: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        node = waiting.pop()
        inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in list(inner):
            places.append((node, key))
            waiting.append(child)
    if not places:
        return _fresh(rng, words)
    holder, key = rng.choice(places)
    donor, donated = rng.choice(places)
    rng.choice(_CHANGES)(holder, key, donor[donated], rng, words)
    try:
        msgspec.json.encode(value)
    except (RecursionError, ValueError, msgspec.MsgspecError):
        return _fresh(rng, words)  # it holds itself now, or something no JSON can
    return value


def _fresh(rng: random.Random, words: Sequence[str]) -> Any:
    what = rng.randrange(6)
    if what == 0:
        return rng.choice(_SCALARS)
    if what == 1:
        return rng.choice(_TEXTS)
    if what == 2:
        return {rng.choice(words or ("a",)): rng.choice(_SCALARS)}
    if what == 3:
        return [rng.choice(_SCALARS), rng.choice(_TEXTS)]
    if what == 4 and rng.randrange(8) == 0:
        deep: Any = 1
        for _ in range(_DEEP):
            deep = [deep]
        return deep
    return rng.choice(words or ("a",))


Change = Callable[[Any, Any, Any, random.Random, Sequence[str]], None]


def _replace(holder: Any, key: Any, donor: Any, rng: random.Random, words: Sequence[str]) -> None:
    holder[key] = _fresh(rng, words)


def _drop(holder: Any, key: Any, donor: Any, rng: random.Random, words: Sequence[str]) -> None:
    del holder[key]


def _copy(holder: Any, key: Any, donor: Any, rng: random.Random, words: Sequence[str]) -> None:
    holder[key] = msgspec.json.decode(msgspec.json.encode(donor))


def _add(holder: Any, key: Any, donor: Any, rng: random.Random, words: Sequence[str]) -> None:
    added = msgspec.json.decode(msgspec.json.encode(donor)) if rng.randrange(2) else _fresh(rng, words)
    if isinstance(holder, dict):
        holder[rng.choice(words or ("a",))] = added
    else:
        holder.insert(key, added)


def _rename(holder: Any, key: Any, donor: Any, rng: random.Random, words: Sequence[str]) -> None:
    if isinstance(holder, dict):
        holder[rng.choice(words or ("a",))] = holder.pop(key)
    else:
        holder.append(holder[key])


def _wrap(holder: Any, key: Any, donor: Any, rng: random.Random, words: Sequence[str]) -> None:
    holder[key] = [holder[key]] if rng.randrange(2) else {rng.choice(words or ("a",)): holder[key]}


_CHANGES: tuple[Change, ...] = (_replace, _replace, _drop, _copy, _add, _add, _rename, _wrap)

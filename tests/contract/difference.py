"""Where two canonical values differ, as paths such as `messages[1].parts[0].text`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

_ENDS = re.compile(r"[.\[]")


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The innermost paths at which two values differ, each with what stood there before.

    Sequences of different lengths differ as a whole.
    """
    if isinstance(before, Struct) and type(before) is type(after):
        for name in before.__struct_fields__:
            yield from differences(getattr(before, name), getattr(after, name), f"{path}.{name}" if path else name)
    elif isinstance(before, tuple | list) and isinstance(after, tuple | list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{i}]")
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            if key in before and key in after:
                yield from differences(before[key], after[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}", before.get(key)
    elif before != after:
        yield path, before


def tells_of(field: str, path: str) -> bool:
    """Whether a loss at `field` tells of a difference at `path`.

    It does where one stands inside the other, and where the loss names a kind of field wherever it stands (`cache`,
    noted once for a whole request).
    """
    if field == path or _inside(path, field) or _inside(field, path):
        return True
    return field in _names(path)


def untold(before: Any, after: Any, fields: Iterable[str]) -> dict[str, Any]:
    """The differences that no loss tells of, each with what stood there before."""
    fields = list(fields)
    return {path: was for path, was in differences(before, after) if not any(tells_of(field, path) for field in fields)}


def _inside(path: str, field: str) -> bool:
    return path.startswith(field) and _ENDS.match(path[len(field) :]) is not None


def _names(path: str) -> list[str]:
    return [name for name in _ENDS.split(path) if not name.endswith("]")]

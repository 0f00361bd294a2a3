"""What differs between two JSON values, place by place; nothing is passed over here.

Numbers are compared by value (1 is 1.0), a boolean is no number, and lists of different lengths differ as a whole.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from interlingua.types.opaque import Json

SHOWN = 120
"""How much of a value a report shows."""


class Absent(enum.Enum):
    """The value of a member that is not there."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two values differ; `ABSENT` stands for what one of them does not have.

    Args:
        path: keys and places from the root.
        recorded: what stood in the recording.
        rendered: what stands in what we wrote.
    """

    path: Path
    recorded: Json
    rendered: Json

    @property
    def lost(self) -> bool:
        """Whether only the recording has it."""
        return self.rendered is ABSENT

    @property
    def added(self) -> bool:
        """Whether only what we wrote has it."""
        return self.recorded is ABSENT

    @property
    def key(self) -> str:
        """The innermost key on the way to it."""
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def pattern(self) -> str:
        """The path without places: `messages[].content`."""
        return "".join("[]" if isinstance(step, int) else f".{step}" for step in self.path).lstrip(".")

    def __str__(self) -> str:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).lstrip(".")
        if self.lost:
            return f"{where or 'body'} lost: {_shown(self.recorded)}"
        if self.added:
            return f"{where or 'body'} added: {_shown(self.rendered)}"
        return f"{where or 'body'} changed: {_shown(self.recorded)} -> {_shown(self.rendered)}"


def differences(recorded: Json, rendered: Json, path: Path = ()) -> Iterator[Difference]:
    """Every place where `rendered` is not what `recorded` is."""
    if isinstance(recorded, dict) and isinstance(rendered, dict):
        for key, value in recorded.items():
            yield from differences(value, rendered.get(key, ABSENT), (*path, key))
        for key, value in rendered.items():
            if key not in recorded:
                yield Difference((*path, key), ABSENT, value)
    elif isinstance(recorded, list) and isinstance(rendered, list) and len(recorded) == len(rendered):
        for place, (one, two) in enumerate(zip(recorded, rendered, strict=True)):
            yield from differences(one, two, (*path, place))
    elif not same(recorded, rendered):
        yield Difference(path, recorded, rendered)


def same(one: Json, two: Json) -> bool:
    """Whether two JSON values are equal, `true` being no 1."""
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(value, two[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two)


def _shown(value: Json) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"

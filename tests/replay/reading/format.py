"""What a reading of a wire format has to offer, so that one check serves them all.

A reading is written from the format's description and from nothing of ours: it is the second opinion on what a body
says, why it ended, what it consumed and what a stream amounts to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from tests.replay.rules import Rules

Exchange = dict[str, Any]
"""One recorded exchange, as the README of the traffic describes it."""
USED = ("input_tokens", "output_tokens", "cache_read", "cache_creation", "reasoning")
"""The counts that are checked."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a choice ended: our kind, and the body's own word (None where any word is as good)."""

    kind: str
    raw: str | None = None


@dataclass(slots=True)
class Told:
    """What a stream amounts to.

    Args:
        body: the whole answer that it tells piece by piece; None where it failed.
        beside: (key, value) of fields that have no place in the format; the last telling of each.
        unknown: events and parts of types that nobody documents.
        ended: whether it says that it is whole.
        error: the failure that it tells of.
        noted: what was taken for granted, as (name, reason).
        end: which event said that it is whole.
    """

    body: dict[str, Json] | None = None
    beside: list[tuple[str, Json]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    ended: bool = False
    error: Json = None
    noted: list[tuple[str, str]] = field(default_factory=list)
    end: int = -1

    def note(self, name: str, reason: str) -> None:
        """Notes what was taken for granted, once."""
        if (name, reason) not in self.noted:
            self.noted.append((name, reason))


@dataclass(frozen=True, slots=True)
class Reading:
    """A second opinion on one format.

    Args:
        dialect: which of ours it is.
        request, response: what may differ between a body and the same body after us.
        surroundings: the target that takes what a recorded request holds.
        endings: why each choice of an answer ended.
        usage: counts by the names of `USED` and the object that they stand in; None where nothing is said.
        calls: (id, name) of every tool call of an answer, in order; the id is empty where none is given.
        states: every opaque string of an answer.
        unknown: types in an answer that nobody documents.
        fold: what the events of a stream amount to.
        failed: whether a 2xx body is an error and no answer.
        address: what of a request's path says something that no body does.
    """

    dialect: str
    request: Rules
    response: Rules
    surroundings: Callable[[Exchange], TranslationContext]
    endings: Callable[[Json], list[Ending]]
    usage: Callable[[Json], tuple[dict[str, int | None], Json] | None]
    calls: Callable[[Json], list[tuple[str, str]]]
    states: Callable[[Json], list[str]]
    unknown: Callable[[Json], list[str]]
    fold: Callable[[Sequence[Json]], Told]
    failed: Callable[[Json], bool]
    address: Callable[[str], str] = lambda path: ""


def objects(value: Json) -> list[dict[str, Json]]:
    """The objects in a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def member(value: Json, *keys: str) -> Json:
    """What stands at the end of a way of keys; None where it leads nowhere."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def count(value: Json) -> int | None:
    """A number of tokens."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def walk(value: Json) -> Iterator[dict[str, Json]]:
    """Every object in a value, outermost first."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


class Sightings:
    """Fields that a stream tells without a place of their own: the last telling of each counts."""

    RETOLD = "retold luggage", "a foreign field that a stream tells again and again counts as it is told last"

    def __init__(self, told: Told) -> None:
        self._told = told
        self._last: dict[str, Json] = {}

    def see(self, key: str, value: Json) -> None:
        """Takes one sighting; objects are seen member by member, lists grow."""
        if value is None:
            return
        before = self._last.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            if any(before.get(name, inner) != inner for name, inner in value.items()):
                self._told.note(*self.RETOLD)
            value = before | value
        elif isinstance(before, list) and isinstance(value, list) and before != value:
            value = before + value
        elif before not in (None, "", value):
            self._told.note(*self.RETOLD)
        if value != "" or before is None:
            self._last[key] = value

    def close(self) -> None:
        """Hands over what was seen."""
        self._told.beside.extend(self._last.items())

"""Rules of tolerance: what may differ between a recorded body and the same body after it went through us.

There are two kinds. A *spelling* brings both sides into one of several ways to write the same. An *excuse* covers one
difference that is left, by looking at both values. Each has a name and a reason, speaks of content only, never of one
recording, and is counted every time it matters. What no rule covers is reported.

A body is compared with itself after us, never with what a provider would have sent. So recordings of lesser fidelity
(sorted keys, redacted ids, framing that was added) prove as much as raw ones and need no rules of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from interlingua.types.opaque import Json
from tests.replay.differences import ABSENT, Difference, differences, same

Change = Callable[[Json], Json]
"""Gives the value in another spelling; `ABSENT` leaves it out."""

_STEPS = re.compile(r"\[\]|\*|[^.\[\]]+")


@dataclass(frozen=True, slots=True)
class Case:
    """What an excuse may look at besides the difference.

    Args:
        recorded, rendered: both bodies in the common spelling.
        value: what was parsed.
    """

    recorded: Json
    rendered: Json
    value: Json = None


@dataclass(frozen=True, slots=True)
class Spelling:
    """Two ways to write the same; `change` is applied to both sides."""

    name: str
    reason: str
    change: Change


@dataclass(frozen=True, slots=True)
class Excuse:
    """A difference that is no loss."""

    name: str
    reason: str
    covers: Callable[[Difference, Case], bool]


@dataclass(frozen=True, slots=True)
class Rules:
    """All that is tolerated in one kind of body, in order."""

    spellings: tuple[Spelling, ...] = ()
    excuses: tuple[Excuse, ...] = ()

    def __add__(self, other: Rules) -> Rules:
        return Rules(self.spellings + other.spellings, self.excuses + other.excuses)


@dataclass(slots=True)
class Tally:
    """What was counted along the way.

    Args:
        rules: how often each rule mattered, by (name, reason).
        unknown: fields that nobody knows and that were kept, by (dialect, place).
    """

    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)

    def use(self, name: str, reason: str) -> None:
        """Notes that a rule mattered."""
        self.rules[name, reason] += 1


def compare(recorded: Json, rendered: Json, rules: Rules, tally: Tally, value: Json = None) -> list[str]:
    """What is not equal, in words; empty where both say the same.

    Args:
        recorded: the body of the recording.
        rendered: the body that we wrote.
        rules: what is tolerated.
        tally: where the use of rules is noted.
        value: what was parsed, for excuses.
    """
    for spelling in rules.spellings:
        before = recorded
        recorded, rendered = spelling.change(recorded), spelling.change(rendered)
        if recorded != before:
            tally.use(spelling.name, spelling.reason)
    case = Case(recorded, rendered, value)
    found = []
    for difference in differences(recorded, rendered):
        excuse = next((one for one in rules.excuses if one.covers(difference, case)), None)
        if excuse is None:
            found.append(str(difference))
        else:
            tally.use(excuse.name, excuse.reason)
    return found


def at(value: Json, pattern: str, change: Change) -> Json:
    """`value` with `change` applied wherever the pattern leads.

    Args:
        value: any JSON; it is not modified.
        pattern: keys, `[]` for every element of a list and `*` for every member, as in `messages[].content[]`.
        change: gets what stands there; `ABSENT` takes it out.
    """
    return _at(value, tuple(_STEPS.findall(pattern)), change)


def _at(value: Json, steps: tuple[str, ...], change: Change) -> Json:
    if not steps:
        return change(value)
    step, rest = steps[0], steps[1:]
    if step == "[]":
        if not isinstance(value, list):
            return value
        return [new for one in value if (new := _at(one, rest, change)) is not ABSENT]
    if not isinstance(value, dict):
        return value
    changed = {key: _at(inner, rest, change) if key == step or step == "*" else inner for key, inner in value.items()}
    return {key: inner for key, inner in changed.items() if inner is not ABSENT}


def every(*patterns: str, change: Change) -> Change:
    """`change` applied at all those patterns."""

    def changed(value: Json) -> Json:
        for pattern in patterns:
            value = at(value, pattern, change)
        return value

    return changed


def dropped(*words: Json) -> Change:
    """Takes out exactly these values."""
    return lambda value: ABSENT if any(same(value, word) for word in words) else value


def renamed(value: Json, names: dict[str, str]) -> Json:
    """An object whose members go by other names; a member of the other name that is there already stays."""
    if not isinstance(value, dict):
        return value
    found = {key: inner for key, inner in value.items() if key not in names or names[key] in value}
    return found | {names[key]: inner for key, inner in value.items() if key in names and names[key] not in value}


def without_nulls(*sealed: str) -> Change:
    """Takes null members out of objects, but not below the keys named: there stand values of the caller's own."""
    closed = frozenset(sealed)

    def changed(value: Json) -> Json:
        if isinstance(value, dict):
            return {
                key: inner if key in closed else changed(inner) for key, inner in value.items() if inner is not None
            }
        return [changed(one) for one in value] if isinstance(value, list) else value

    return changed


def empty(value: Json) -> Json:
    """Takes out an empty text, list or object."""
    return ABSENT if isinstance(value, str | list | dict) and not value else value


def as_texts(kind: str) -> Change:
    """A text as the list of one part of that type; lists keep their parts, bare strings among them become parts."""

    def changed(value: Json) -> Json:
        if isinstance(value, str):
            return [{"type": kind, "text": value}]
        if isinstance(value, list):
            return [{"type": kind, "text": one} if isinstance(one, str) else one for one in value]
        return value

    return changed


def told(value: Json) -> Json:
    """Takes out a part that is nothing but an empty text."""
    return ABSENT if isinstance(value, dict) and value.get("text") == "" and value.keys() <= {"type", "text"} else value


def whole_second(value: Json) -> Json:
    """An RFC 3339 time without the fraction of its second."""
    return re.sub(r"(?<=:\d\d)\.\d+", "", value) if isinstance(value, str) else value

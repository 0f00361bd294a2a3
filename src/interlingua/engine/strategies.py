"""In which order an alias's targets are asked. Pure: chance, time and measurements come in as arguments.

What is ordered are an alias's entries: an entry that is an alias itself stays together, in the order of its own
strategy, and is judged by its first target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from interlingua.catalog.pricing import cost, price_at
from interlingua.credentials.pool import rendezvous
from interlingua.engine.target import Target
from interlingua.types.usage import Usage

Strategy = Literal["ordered", "weighted", "latency", "cheapest", "sticky"]
MEMORY = 60.0
"""Seconds in which what was measured of a target fades to a third; who was slow is tried again at last."""
FAILED_SECONDS = 10.0
"""What a failure counts as, at the least, among times to the first content."""
MOST_MEASURED = 4096


class Entry(Struct, frozen=True, gc=False):
    """One entry of an alias.

    Args:
        targets: what it leads to, best first; at least one.
        weight: its share of the calls.
    """

    targets: tuple[Target, ...]
    weight: float = 1.0

    @property
    def name(self) -> str:
        """The name of what it is judged by."""
        return self.targets[0].name


class Size(Struct, frozen=True, gc=False):
    """About how many tokens a call will take."""

    prompt: int
    output: int


class Circumstances(Struct, frozen=True, kw_only=True):
    """What an order may depend on.

    Args:
        conversation: which the call belongs to; empty where unknown.
        size: about how large it is.
        now: seconds since 1970.
        chance: gives random numbers in [0, 1).
        latencies: what was measured.
    """

    conversation: str
    size: Callable[[], Size]
    now: float
    chance: Callable[[], float]
    latencies: Latencies


class Latencies:
    """Times to the first content by target: a moving average that takes a slower time at once, a faster one slowly,
    and forgets (peak EWMA). A target that was not measured counts as fastest, and so is measured."""

    def __init__(self) -> None:
        self._measured: dict[str, tuple[float, float]] = {}

    def add(self, target: str, seconds: float, now: float) -> None:
        """Takes a measurement; `now` in seconds of any clock that `of` is asked with."""
        before, when = self._measured.pop(target, (0.0, now))
        kept = math.exp(-max(0.0, now - when) / MEMORY)
        value = seconds if seconds > before * kept else before * kept + seconds * (1 - kept)
        if len(self._measured) >= MOST_MEASURED:
            del self._measured[next(iter(self._measured))]
        self._measured[target] = (value, now)

    def of(self, target: str, now: float) -> float:
        """Seconds that a target is reckoned to take; 0 where nothing is known."""
        value, when = self._measured.get(target, (0.0, now))
        return value * math.exp(-max(0.0, now - when) / MEMORY)


def arranged(entries: Sequence[Entry], strategy: Strategy, around: Circumstances) -> tuple[list[Entry], dict[str, str]]:
    """The entries in the order in which they are asked, and why by the name of each one's first target."""
    if len(entries) < 2 or strategy == "ordered":
        return list(entries), {}
    return _STRATEGIES[strategy](entries, around)


def _weighted(entries: Sequence[Entry], around: Circumstances) -> tuple[list[Entry], dict[str, str]]:
    """By chance, in the share of the weights; so is who follows when the first fails."""
    drawn = [(entry.weight / -math.log(_open(around.chance())), entry) for entry in entries]
    drawn.sort(key=lambda one: -one[0])
    return [entry for _, entry in drawn], {entry.name: f"drawn by weight {entry.weight:g}" for entry in entries}


def _sticky(entries: Sequence[Entry], around: Circumstances) -> tuple[list[Entry], dict[str, str]]:
    """The same for all calls of a conversation; conversations are shared out by weight."""
    if not around.conversation:
        return _weighted(entries, around)
    order = sorted(entries, key=lambda entry: -rendezvous(around.conversation, entry.name, entry.weight))
    return order, {entry.name: "by the conversation" for entry in entries}


def _latency(entries: Sequence[Entry], around: Circumstances) -> tuple[list[Entry], dict[str, str]]:
    """Fastest first content first."""
    seconds = {entry.name: around.latencies.of(entry.name, around.now) for entry in entries}
    why = {
        name: f"first content in about {value:.2f} s" if value else "not measured of late"
        for name, value in seconds.items()
    }
    return sorted(entries, key=lambda entry: seconds[entry.name]), why


def _cheapest(entries: Sequence[Entry], around: Circumstances) -> tuple[list[Entry], dict[str, str]]:
    """Lowest price of this call first; a target without a known price last, because unknown is not cheap."""
    size = around.size()
    pico = {entry.name: _price(entry.targets[0], size, around.now) for entry in entries}
    why = {
        name: "its price is unknown" if value is None else f"about {value / 10**12:.6f} USD"
        for name, value in pico.items()
    }
    return sorted(entries, key=lambda entry: (pico[entry.name] is None, pico[entry.name] or 0)), why


def _price(target: Target, size: Size, now: float) -> int | None:
    if target.row is None:
        return None
    price = price_at(target.row, prompt_tokens=size.prompt, when=now)
    found = None if price is None else cost(Usage(input_tokens=size.prompt, output_tokens=size.output), price)
    return None if found is None else found.pico


def _open(chance: float) -> float:
    """A number of [0, 1) as one strictly between, whose logarithm is neither endless nor zero."""
    return min(max(chance, 1e-18), 1 - 1e-16)


_STRATEGIES: dict[str, Callable[[Sequence[Entry], Circumstances], tuple[list[Entry], dict[str, str]]]] = {
    "weighted": _weighted,
    "sticky": _sticky,
    "latency": _latency,
    "cheapest": _cheapest,
}

"""How fast an answer came: time to the first token, tokens per second, and the gaps between pieces.

The rule for memory: gaps are kept exactly up to 1,024; then every other one is let go and from there only every
second new one is kept, and so on, doubling. Percentiles of longer answers are therefore of evenly spread samples;
the longest gap is always exact.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable

from msgspec import Struct

KEPT = 1_024


SHORTEST_SPAN = 0.02
"""Seconds between first and last piece below which no speed is told: what came in one burst says nothing of it."""


class Timing(Struct, frozen=True, kw_only=True):
    """How fast an answer came; what is unknown is None.

    Args:
        started: the clock when the call began, in seconds.
        first_token: seconds until the first piece of content.
        total: seconds until the end.
        tokens_per_second: output tokens by the seconds between the first and the last piece; None for answers that
            came in one piece.
        gap_p10, gap_p50, gap_p90, gap_max: seconds between one piece and the next, as percentiles (nearest rank).
    """

    started: float
    total: float
    first_token: float | None = None
    tokens_per_second: float | None = None
    gap_p10: float | None = None
    gap_p50: float | None = None
    gap_p90: float | None = None
    gap_max: float | None = None


class Stopwatch:
    """Takes the time of one answer; it runs from when it is made.

    Args:
        clock: seconds; only differences count, so a monotonic one.
    """

    __slots__ = ("_clock", "_every", "_first", "_gaps", "_last", "_longest", "_seen", "_started")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._first: float | None = None
        self._last = self._started
        self._longest = 0.0
        self._gaps = array("d")
        self._seen = 0
        self._every = 1

    def mark(self) -> None:
        """Notes that a piece of content came."""
        now = max(self._clock(), self._last)
        if self._first is None:
            self._first = self._last = now
            return
        gap, self._last = now - self._last, now
        self._longest = max(self._longest, gap)
        if self._seen % self._every == 0:
            if len(self._gaps) == KEPT:
                self._gaps = self._gaps[::2]
                self._every *= 2
            if self._seen % self._every == 0:
                self._gaps.append(gap)
        self._seen += 1

    def timing(self, output_tokens: int | None = None, unseen_tokens: int | None = None) -> Timing:
        """What was measured until now.

        Args:
            output_tokens: tokens of the whole answer, if known.
            unseen_tokens: those of them that came before the first piece without being shown, such as reasoning that
                is not streamed: they do not count towards the speed of what was.
        """
        now = max(self._clock(), self._last)
        gaps = sorted(self._gaps)
        first = self._first
        return Timing(
            started=self._started,
            total=now - self._started,
            first_token=None if first is None else first - self._started,
            tokens_per_second=self._speed(output_tokens, unseen_tokens),
            gap_p10=_percentile(gaps, 10),
            gap_p50=_percentile(gaps, 50),
            gap_p90=_percentile(gaps, 90),
            gap_max=self._longest if gaps else None,
        )

    def _speed(self, output_tokens: int | None, unseen_tokens: int | None) -> float | None:
        if output_tokens is None or self._first is None or self._last - self._first < SHORTEST_SPAN:
            return None
        return max(0, output_tokens - (unseen_tokens or 0)) / (self._last - self._first)


def _percentile(ordered: list[float], percent: int) -> float | None:
    if not ordered:
        return None
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

"""One time limit for all tries of a call."""

from __future__ import annotations

from collections.abc import Callable

from interlingua.errors import InterlinguaError, TimedOut

DEADLINE = "deadline"
"""The phase of that limit: it says nothing of who was asked."""


class Deadline:
    """A moment by which something is to be over.

    Args:
        seconds: from now.
        now: gives seconds of a clock that never goes back.

    Attributes:
        is_met: the first content came in time: it ends nothing any more.
    """

    __slots__ = ("_now", "_until", "is_met", "seconds")

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self.seconds = seconds
        self.is_met = False
        self._now = now
        self._until = now() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._until - self._now())


def is_of_deadline(error: InterlinguaError) -> bool:
    """Whether a failure is that time was over for the whole call."""
    return isinstance(error, TimedOut) and error.phase == DEADLINE


def late(deadline: Deadline) -> TimedOut:
    """The error of a call whose time is over."""
    return TimedOut(
        f"no answer within {deadline.seconds:g} s, the limit of the whole call",
        phase=DEADLINE,
        retryable=False,
        remedy="Raise x-interlingua-timeout or retry.deadline, or name a faster target.",
    )

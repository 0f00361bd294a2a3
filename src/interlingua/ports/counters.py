"""Counters that several workers and machines have in common, so that a limit is one limit however many serve it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct


class Demand(Struct, frozen=True, gc=False):
    """A limit that a call asks to be let in by.

    Args:
        name: which, such as `key/bench`: the same in all processes.
        rpm, tpm: requests and tokens per minute; None is no limit.
        concurrency: calls at once; None is no limit.
    """

    name: str
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


class Standing(Struct, frozen=True, gc=False):
    """How a limit stands after a call asked.

    Args:
        requests, tokens: what is left of this minute's.
        requests_full, tokens_full: microseconds until all is there again.
        requests_wait, tokens_wait: microseconds until there is enough for the call; 0 is now, None is never.
        used: calls that run.
    """

    requests: int
    requests_full: int
    requests_wait: int | None
    tokens: int
    tokens_full: int
    tokens_wait: int | None
    used: int


class Taken(Struct, frozen=True, gc=False):
    """What came of asking.

    Args:
        lease: names the call's slots until it gives them back; empty where it was refused, and nothing was taken.
        standings: how the limits stand, in the order of the demands.
    """

    lease: str
    standings: tuple[Standing, ...]


class Counters(Protocol):
    """Lets calls in by limits that all have in common."""

    async def take(self, demands: Sequence[Demand], tokens: int) -> Taken | None:
        """Takes one request and some tokens off all limits, or off none; None where nobody can be asked now.

        Args:
            demands: the limits, each by another name.
            tokens: how many, by estimate.
        """
        ...

    def settle(self, demands: Sequence[Demand], difference: int) -> None:
        """Takes tokens that the estimate missed, or gives back what was too much; returns at once."""
        ...

    def release(self, demands: Sequence[Demand], lease: str) -> None:
        """Gives a call's slots back; returns at once."""
        ...


class Locks(Protocol):
    """Lets one of many do what need be done once."""

    def only_one(self, name: str, seconds: float) -> AbstractAsyncContextManager[bool]:
        """Whether the lock is ours while the context lasts: nobody else gets it meanwhile, or for so many seconds.

        Where nobody can be asked, it is: twice is better than never.
        """
        ...

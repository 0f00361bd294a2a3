"""Who is not to be asked for now: shared by all that ask, so that one finds out for everybody."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Rest(Struct, frozen=True, gc=False):
    """A time in which somebody is not asked.

    Args:
        until: seconds since 1970; infinite where only a success or a new configuration ends it.
        why: the code of the error that led to it.
        times: how often in a row it was needed.
    """

    until: float
    why: str
    times: int = 1


class Rests(Protocol):
    """Keeps rests by name. Asked on the way of every call, so it answers at once, from what this process knows: who
    shares rests between processes writes through and is told of the others' writes."""

    def __bool__(self) -> bool:
        """Whether there is any; where there is none, nothing else is asked."""
        ...

    def get(self, name: str) -> Rest | None:
        """The rest of that name, also one that is over: that it was is what a half-open breaker knows."""
        ...

    def put(self, name: str, rest: Rest) -> None:
        """Sets a rest; an earlier one of the name is replaced."""
        ...

    def drop(self, name: str) -> None:
        """Ends a rest, if there is one."""
        ...

    def renew(self) -> None:
        """Ends the rests without an end of their own: the configuration was read anew."""
        ...

"""What a call may set about its way, and the way that it then takes: targets in order, and the bounds of its tries."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from interlingua.engine.strategies import Size, Strategy
from interlingua.engine.target import Target

MayUse = Callable[[str, Target], bool]
"""Whether the caller may use a target, by the name under which it was asked for."""


class Asking(Struct, frozen=True, kw_only=True):
    """What is known of a call before its targets are, and what it sets about them. It never widens what configuration
    and key allow: times and counts only fall below the configuration's.

    Args:
        conversation: which it belongs to; empty where unknown.
        size: about how large it is; reckoned only where an order depends on it.
        targets: names to ask instead of what the model stands for.
        strategy: replaces the alias's.
        timeout: seconds for all tries.
        attempts: tries at the most.
        failover: whether another target than the first may answer.
        continues: whether a stream that breaks off is continued elsewhere; None is as configured.
        may_use: which targets are the caller's; None is all.
    """

    conversation: str = ""
    size: Callable[[], Size] | None = None
    targets: tuple[str, ...] = ()
    strategy: Strategy | None = None
    timeout: float | None = None
    attempts: int | None = None
    failover: bool = True
    continues: bool | None = None
    may_use: MayUse | None = None


PLAIN = Asking()


class Route(Struct, frozen=True):
    """The way of a call.

    Args:
        targets: whom to ask, best first; at least one.
        name: what was asked for.
        why: why a target stands where it does, by its name; nothing where it is the order of the configuration.
        fallbacks: names to ask beyond these, by the code of the error that asks for them.
        asking: what the call set.
        client: the client's dialect; empty for the library.
    """

    targets: tuple[Target, ...]
    name: str = ""
    why: Mapping[str, str] = {}
    fallbacks: Mapping[str, tuple[str, ...]] = {}
    asking: Asking = PLAIN
    client: str = ""

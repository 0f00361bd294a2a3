"""What a client may set about the way of one call, by headers; nothing of it widens what its key may use.

    x-interlingua-targets      names to ask instead of what the model stands for, in order: `groq/a, lab/b`
    x-interlingua-strategy     ordered, weighted, latency, cheapest or sticky, instead of the alias's
    x-interlingua-timeout      seconds for all tries, until the answer is whole or a stream has its first content
    x-interlingua-attempts     tries at the most
    x-interlingua-no-fallback  true: no other target than the first answers
    x-interlingua-continue     true: a stream of plain text that breaks off is continued; false: it is not

Times and counts only fall below those of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast, get_args

from msgspec.structs import replace

from interlingua.engine.estimate import RESERVED_OUTPUT
from interlingua.engine.principal import Principal
from interlingua.engine.route import Asking, Route
from interlingua.engine.strategies import Size, Strategy
from interlingua.engine.target import Target
from interlingua.errors import InvalidRequest
from interlingua.gateway.call import Call

PREFIX = "x-interlingua-"
MOST_TARGETS = 16
MOST_SECONDS = 86_400.0
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_STRATEGIES: tuple[str, ...] = get_args(Strategy)


def planned(call: Call, dialect: str, length: int) -> Route:
    """The way of a call, its targets those that the caller may use.

    Args:
        call: whose request was peeked at.
        dialect: the client's; empty on our own paths.
        length: of the body, in bytes.

    Raises:
        PermissionDenied: none is the caller's.
        InvalidRequest: a header is wrong.
        InterlinguaError: as `Engine.plan`.
    """
    peek = call.peek

    def size() -> Size:
        return Size(length // 4, min(peek.most_output or RESERVED_OUTPUT, RESERVED_OUTPUT))

    asking = asked(call.incoming.headers, call.principal, call.conversation, size)
    route = call.state.engine.plan(peek.model, dialect, asking)
    if asking.targets:
        return route  # each name was checked by itself: that a key may use one says nothing of another
    allowed = call.allowed(list(route.targets))
    return route if len(allowed) == len(route.targets) else replace(route, targets=tuple(allowed))


def asked(
    headers: tuple[tuple[str, str], ...],
    principal: Principal,
    conversation: str = "",
    size: Callable[[], Size] | None = None,
) -> Asking:
    """What a client sets.

    Args:
        headers: names in lower case.
        principal: who asks.
        conversation: which the call belongs to.
        size: about how large it is.

    Raises:
        InvalidRequest: a value is none.
    """
    said = {name[len(PREFIX) :]: value.strip() for name, value in headers if name.startswith(PREFIX)}

    def may_use(name: str, target: Target) -> bool:
        return principal.may_use(name, target.name)

    if not said:
        return Asking(conversation=conversation, size=size, may_use=may_use)
    strategy = said.get("strategy")
    if strategy is not None and strategy not in _STRATEGIES:
        raise _wrong("strategy", f"is one of {', '.join(_STRATEGIES)}")
    return Asking(
        conversation=conversation,
        size=size,
        targets=_targets(said),
        strategy=cast("Strategy | None", strategy),
        timeout=_number(said, "timeout", MOST_SECONDS),
        attempts=_whole(said, "attempts"),
        failover=not _flag(said, "no-fallback", False),
        continues=_flag(said, "continue", False) if "continue" in said else None,
        may_use=may_use,
    )


def _targets(said: Mapping[str, str]) -> tuple[str, ...]:
    if "targets" not in said:
        return ()
    names = tuple(name.strip() for name in said["targets"].split(","))
    if not all(names) or len(names) > MOST_TARGETS:
        raise _wrong("targets", f"holds 1 to {MOST_TARGETS} model names with commas between them")
    return names


def _number(said: Mapping[str, str], name: str, most: float) -> float | None:
    if name not in said:
        return None
    try:
        value = float(said[name])
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise _wrong(name, f"is a number of seconds above 0, {most:g} at the most")
    return value


def _whole(said: Mapping[str, str], name: str) -> int | None:
    text = said.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 4 and int(text) > 0):
        raise _wrong(name, "is a whole number above 0")
    return int(text)


def _flag(said: Mapping[str, str], name: str, default: bool) -> bool:
    value = _FLAGS.get(said.get(name, str(default)).lower())
    if value is None:
        raise _wrong(name, "is true or false")
    return value


def _wrong(name: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"{PREFIX}{name}: {what}", path=PREFIX + name, remedy="Correct the header, or leave it out.")

"""Our limits, told as the clients of a dialect know it."""

from __future__ import annotations

from interlingua.dialects import registry
from interlingua.engine.limits import LimitStates
from interlingua.gateway.outgoing import Headers
from interlingua.wire import rate_limits


def rate_headers(states: LimitStates, dialect: str, now: float) -> Headers:
    """The headers that tell of a caller's limits; none where there is none.

    Args:
        states: the tightest limits.
        dialect: the client's; empty on our own paths.
        now: seconds since 1970.
    """
    found: Headers = ()
    for what, state in (("requests", states.requests), ("tokens", states.tokens)):
        if state is not None:
            told = registry.lens(dialect).limit_headers if dialect else rate_limits.limit_headers
            found += told(what, state.limit, state.remaining, state.reset, now)
    return found

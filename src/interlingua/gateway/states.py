"""What is known of providers' states: whether there is a credential, and what its last test said."""

from __future__ import annotations

from msgspec import Struct

from interlingua.engine.operations import Health
from interlingua.gateway.state import State
from interlingua.providers.provider import Provider


class Seen(Struct, frozen=True):
    """A test's result and when it was made, in seconds since 1970."""

    health: Health
    when: float


def state_of(state: State, provider: Provider) -> str:
    """The state of a provider in the word that clients see.

    Args:
        state: the gateway.
        provider: which.
    """
    if not state.engine.has_credential(provider):
        return "missing"
    seen = seen_of(state, provider)
    if seen is not None:
        return seen.health.state.replace("-", "_")
    return "none_needed" if not provider.needs_credential else "present"


def seen_of(state: State, provider: Provider) -> Seen | None:
    """The last test of a provider, or None."""
    found = state.seen.get(provider.id)
    return found if isinstance(found, Seen) else None


def see(state: State, health: Health) -> None:
    """Remembers a test."""
    state.seen[health.provider] = Seen(health, state.engine.clock.time())


def forget(state: State, provider: str) -> None:
    """A credential changed: what was seen holds no more."""
    state.seen.pop(provider, None)

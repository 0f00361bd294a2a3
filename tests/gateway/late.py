"""A clock that jumps ahead once something of an answer went out: whatever still has a deadline is late then."""

from __future__ import annotations

from interlingua.config.build import SystemClock
from interlingua.gateway.app import Gateway
from interlingua.gateway.hooks import CallView, Hooks

AHEAD = 1e6


class Late(SystemClock):
    """Jumps when a piece goes out that holds a word."""

    def __init__(self, word: bytes) -> None:
        self._word = word
        self._ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def on_event(self, view: CallView, data: bytes) -> None:
        if self._word in data:
            self._ahead = AHEAD


def late_after(app: Gateway, word: bytes) -> None:
    """Makes it late for what a gateway does after that word went out."""
    clock = Late(word)
    app.state.engine.clock = clock
    app.state.hooks = Hooks([("late", clock)])

"""A bar for long work: on standard error, with rate and time left, gone when done."""

from __future__ import annotations

import time
from collections.abc import Callable

from interlingua.cli.terminal import Screen
from interlingua.errors import Cancelled

_SECONDS_BETWEEN = 0.1
_WARM_UP = 0.5
_NARROWEST_BAR = 8
_WIDEST_BAR = 30


class ProgressBar:
    """Draws how far something is; without a terminal that can, one line says that it began.

    Args:
        screen: standard error.
        what: what is fetched.
        clock: seconds, monotonic.
        amount: how a number of it is written; bytes by default.
        verb: what is done with it, for who sees no bar.
    """

    def __init__(
        self,
        screen: Screen,
        what: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        amount: Callable[[float | None], str] | None = None,
        verb: str = "fetching",
    ) -> None:
        self.moved = False
        self._screen = screen
        self._what = what
        self._clock = clock
        self._amount = amount or size
        self._verb = verb
        self._began: tuple[float, int] | None = None
        self._drawn = float("-inf")
        self._shown = False
        self._stopped = False

    def tell(self, done: int, total: int | None) -> None:
        """Takes the state: how much is done, and how much it is in all where known. May be called on another thread.

        Raises:
            Cancelled: `stop` was called: the work is to end.
        """
        if self._stopped:
            raise Cancelled("stopped")
        now = self._clock()
        if self._began is None:
            self._began = (now, done)
            if done != total and not self._screen.moves:
                what = "" if self._what == self._verb else f" {self._what}"
                self._screen.line(f"{self._verb}{what} …" + (f" ({self._amount(total)})" if total else ""))
        self.moved = self.moved or done != total
        if self.moved and self._screen.moves and (now - self._drawn >= _SECONDS_BETWEEN or done == total):
            self._drawn, self._shown = now, True
            self._screen.write("\r\x1b[2K" + self._line(done, total, now))

    def stop(self) -> None:
        """Takes the bar away; the work is told to end should it go on."""
        self._stopped = True
        if self._shown:
            self._shown = False
            self._screen.write("\r\x1b[2K")

    def _line(self, done: int, total: int | None, now: float) -> str:
        began, first = self._began or (now, done)
        rate = (done - first) / (now - began) if now - began >= _WARM_UP else 0.0
        facts = [f"{self._amount(done)} of {self._amount(total)}" if total else self._amount(done)]
        if rate > 0:
            facts.append(f"{self._amount(rate)}/s")
            if total:
                facts.append(f"{duration((total - done) / rate)} left")
        text = " · ".join(facts)
        width = (self._screen.width or 80) - 1
        room = width - len(self._what) - len(text) - 9
        if not total or room < _NARROWEST_BAR:
            return f"{self._what}  {text}"[:width]
        room = min(room, _WIDEST_BAR)
        share = min(1.0, done / total)
        full = int(share * room)
        bar = "━" * full + self._screen.paint("─" * (room - full), "dim")
        return f"{self._what} {bar} {share:4.0%}  {text}"


def size(count: float | None) -> str:
    """A number of bytes for people, in decimal units."""
    if count is None:
        return "?"
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count:.0f} B"


def duration(seconds: float) -> str:
    """A time for people: `0:17`, `1:02:03`."""
    whole = int(seconds + 0.5)
    minutes = f"{whole // 60 % 60:02d}" if whole >= 3600 else f"{whole // 60}"
    return f"{f'{whole // 3600}:' if whole >= 3600 else ''}{minutes}:{whole % 60:02d}"

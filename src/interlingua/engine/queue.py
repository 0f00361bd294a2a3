"""Where calls wait for limits of ours instead of being refused at once: fair, bounded, and not for long.

Keys take turns: whoever was let in stands behind all others, so that one that sends a thousand calls holds up nobody
but itself. Within a key the first comes first. Who cannot be let in by a limit of its own holds up nobody else, and who
cannot be let in by a model's holds up those who want that model too: else small calls would pass a large one for ever.
Who would have to wait for longer than it may is refused at once, and so is who finds the queue full; but a key with a
smaller share of it takes the last place of the one with the largest.

Rounds are made when a call ends, and when the time has come that a refusal named; with several processes each has a
queue of its own, and asks again now and then, because nobody tells it that a call ended elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from interlingua.engine.limits import SLOT_WAIT, LimitStates
from interlingua.engine.settings import QueueSettings
from interlingua.engine.shared_limits import Admission, Refusal
from interlingua.errors import InterlinguaError, RateLimited

LOOK_AGAIN = 0.25
"""Seconds after which is asked again for a slot, which may have become free elsewhere."""
LEAST_PAUSE = 0.005
"""Seconds between two rounds that nothing but time brings about."""

Take = Callable[[], Awaitable[Admission | Refusal]]
"""Asks the limits once."""


class _Place:
    """Where a call stands."""

    __slots__ = ("landed", "model", "refusal", "take", "whose")

    def __init__(self, whose: str, model: str, take: Take, refusal: Refusal | None) -> None:
        self.whose = whose
        self.model = model
        self.take = take
        self.refusal = refusal
        self.landed: asyncio.Future[Admission | Refusal] = asyncio.get_running_loop().create_future()


class Queue:
    """Lets calls wait.

    Args:
        settings: for how long, and how many.

    Attributes:
        ended: calls that waited, by how that ended, since the start.
    """

    def __init__(self, settings: QueueSettings) -> None:
        self.settings = settings
        self.ended = {"admitted": 0, "refused": 0, "left": 0}
        self._keys: dict[str, list[_Place]] = {}
        self._models: Counter[str] = Counter()
        self._woken = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None

    @property
    def is_on(self) -> bool:
        """Whether anybody may wait."""
        return self.settings.wait is not None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._models.total()

    def wake(self) -> None:
        """A call ended: others may be let in."""
        if self._keys:
            self._woken.set()

    async def admit(self, whose: str, model: str, take: Take) -> Admission | Refusal:
        """Lets a call in, at once or after a while; or says why it was not.

        Args:
            whose: the key.
            model: `provider/model`.
            take: asks the limits.
        """
        refusal = None
        if whose not in self._keys and not self._models[model]:
            found = await take()
            if not isinstance(found, Refusal) or not self._is_worth_it(found):
                return found
            refusal = found
        if not self._has_room(whose):
            return refusal or _full(self.settings.length)
        return await self._wait(_Place(whose, model, take, refusal))

    async def _wait(self, place: _Place) -> Admission | Refusal:
        self._keys.setdefault(place.whose, []).append(place)
        self._models[place.model] += 1
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.get_running_loop().create_task(self._go_round(), name="queue")
        self._woken.set()
        found: Admission | Refusal | None = None
        is_late = False
        try:
            async with asyncio.timeout(self.settings.wait or 0.0):
                found = await place.landed
        except TimeoutError:
            is_late = True
            found = place.refusal or _full(self.settings.length)
        finally:
            self._leave(place)
            if (found is None or is_late) and place.landed.done() and not place.landed.cancelled():
                _give_back(place.landed.result())
            self.ended["left" if found is None else "refused" if isinstance(found, Refusal) else "admitted"] += 1
        return found

    def _leave(self, place: _Place) -> None:
        places = self._keys.get(place.whose, [])
        if place in places:
            places.remove(place)
            self._models[place.model] -= 1
            if not self._models[place.model]:
                del self._models[place.model]
            if not places:
                del self._keys[place.whose]
            self._woken.set()

    def _has_room(self, whose: str) -> bool:
        """Whether there is a place; takes that of who has more of them, if need be."""
        if self.waiting < self.settings.length:
            return True
        largest = max(self._keys.values(), key=len, default=[])
        if len(largest) <= len(self._keys.get(whose, ())) + 1:
            return False
        last = next((place for place in reversed(largest) if not place.landed.done()), None)
        if last is None:
            return False
        last.landed.set_result(last.refusal or _full(self.settings.length))
        self._leave(last)
        return True

    def _is_worth_it(self, refusal: Refusal) -> bool:
        """Whether the limits may let the call in before its time is over."""
        error, wait = refusal.error, self.settings.wait
        if not isinstance(error, RateLimited) or wait is None or error.retry_after is None:
            return False
        return _is_slot(error) or error.retry_after <= wait

    async def _go_round(self) -> None:
        while self._keys:
            self._woken.clear()
            pause = await self._round()
            try:
                async with asyncio.timeout(max(LEAST_PAUSE, pause)):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _round(self) -> float:
        """Lets in who can be, each key one call in its turn; after how many seconds to try again."""
        pause, stopped = self.settings.wait or SLOT_WAIT, set[tuple[str, str]]()
        went_on = True
        while went_on:
            went_on = False
            for whose in list(self._keys):
                let_in, wait = await self._turn(whose, stopped)
                went_on = went_on or let_in
                pause = min(pause, wait)
        return pause

    async def _turn(self, whose: str, stopped: set[tuple[str, str]]) -> tuple[bool, float]:
        """Lets in one call of a key, the first that can be; what refused others stands against them in this round."""
        pause = self.settings.wait or SLOT_WAIT
        for place in list(self._keys.get(whose, ())):
            if place.landed.done() or ("key", whose) in stopped or ("model", place.model) in stopped:
                continue
            found = await place.take()
            if not isinstance(found, Refusal):
                if place.landed.done():
                    _give_back(found)  # it left meanwhile
                    continue
                place.landed.set_result(found)
                self._leave(place)
                if whose in self._keys:
                    self._keys[whose] = self._keys.pop(whose)  # behind all others
                return True, pause
            place.refusal = found
            if not self._is_worth_it(found) and not place.landed.done():
                place.landed.set_result(found)
                self._leave(place)
                continue
            error = found.error
            assert isinstance(error, RateLimited)
            pause = min(pause, LOOK_AGAIN if _is_slot(error) else error.retry_after or SLOT_WAIT)
            is_own = (error.scope or "").startswith("gateway:key/")
            stopped.add(("key", whose) if is_own else ("model", place.model))
        return False, pause


def _is_slot(error: RateLimited) -> bool:
    """Whether a call stands against it, of which nobody knows when it ends."""
    return (error.scope or "").endswith("/concurrency")


def _give_back(found: Admission | Refusal) -> None:
    if not isinstance(found, Refusal):
        found.settle(0)
        found.release()


def _full(length: int) -> Refusal:
    error: InterlinguaError = RateLimited(
        f"{length} calls wait already, and no more may",
        retry_after=SLOT_WAIT,
        scope="gateway:queue",
        remedy="Try again shortly, or have queue.length raised.",
    )
    error.fault = "gateway"
    return Refusal(error, LimitStates())

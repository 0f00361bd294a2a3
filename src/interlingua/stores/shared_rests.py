"""Who is not to be asked for now, known to all workers and machines within a second.

Reading is from what this process knows, so that it costs a call nothing; writes go through at once, and the whole map,
which is small, is read again each second. While the server is away each process knows its own.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from operator import methodcaller

import msgspec

from interlingua.ports.rests import Rest
from interlingua.stores.shared import Shared

SECONDS = 1.0
"""Between two readings."""
REMEMBERED = 3600.0
"""Seconds for which a rest that is over is still known: that it was is what a half-open breaker knows."""
MOST_NAMES = 4096

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Rest)


class SharedRests:
    """Keeps rests at the server.

    Args:
        shared: the server.
        now: seconds since 1970.
    """

    def __init__(self, shared: Shared, now: Callable[[], float]) -> None:
        self._shared = shared
        self._now = now
        self._key = shared.key("rests")
        self._rests: dict[str, Rest] = {}
        self._unsent: dict[str, Rest | None] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._rests)

    def get(self, name: str) -> Rest | None:
        """The rest of that name, also one that is over."""
        return self._rests.get(name)

    def put(self, name: str, rest: Rest) -> None:
        """Sets a rest; an earlier one of the name is replaced."""
        self._rests.pop(name, None)
        if len(self._rests) >= MOST_NAMES:
            self.drop(next(iter(self._rests)))
        self._rests[name] = rest
        self._write(name, rest)

    def drop(self, name: str) -> None:
        """Ends a rest, if there is one."""
        self._rests.pop(name, None)
        self._write(name, None)

    def renew(self) -> None:
        """Ends the rests without an end of their own, for all."""
        for name in [name for name, rest in self._rests.items() if rest.until == math.inf]:
            self.drop(name)

    async def watch(self) -> None:
        """Reads again and again until it is cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(SECONDS)

    async def read(self) -> None:
        """Reads all rests once; where the server is away, those that are known stay."""
        told = dict(self._unsent)
        if not await self._shared.flush():
            return
        for name, rest in told.items():
            if self._unsent.get(name, told) is rest:
                del self._unsent[name]
        found = await self._shared.ask(lambda: self._shared.redis.hgetall(self._key))
        if found is None:
            return
        rests = {name.decode(): _decoder.decode(value) for name, value in found.items()}
        for name, rest in self._unsent.items():
            if rest is None:
                rests.pop(name, None)
            else:
                rests[name] = rest
        over = self._now() - REMEMBERED
        self._rests = {name: rest for name, rest in rests.items() if rest.until > over}
        for name in rests.keys() - self._rests.keys():
            self._write(name, None)

    def _write(self, name: str, rest: Rest | None) -> None:
        self._unsent[name] = rest
        telling = methodcaller("hdel", self._key, name)
        if rest is not None:
            telling = methodcaller("hset", self._key, name, _encode(rest))
        self._shared.tell(telling)

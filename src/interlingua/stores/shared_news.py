"""Who is told at once that something at the server is new; whoever is not told looks by itself, a little later.

One connection of each process hears of all that its tasks wait for. Nothing depends on it but how soon they look: what
is new stands in keys, and a word that is lost while the connection is away costs one look's time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from redis.exceptions import RedisError

from interlingua.stores.shared import Shared

_LISTEN_SECONDS = 5.0
_AGAIN_SECONDS = 1.0


class SharedNews:
    """Wakes who waits.

    Args:
        shared: the server.
        own: the subject that this process always hears of.
    """

    def __init__(self, shared: Shared, own: str) -> None:
        self._shared = shared
        self._own = own
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._heard: Any = None
        self._changing = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def _connection(self) -> Any:
        heard = self._shared.redis.pubsub(ignore_subscribe_messages=True)
        try:
            async with self._changing:
                self._heard = heard
                await heard.subscribe(*(self._channel(subject) for subject in {self._own, *self._waiting}))
            yield heard
        finally:
            async with self._changing:  # a change that came later would open it again, and nobody would close it
                self._heard = None
                await heard.aclose()

    async def watch(self) -> None:
        """Listens until it is cancelled."""
        while True:
            try:
                async with self._connection() as heard:
                    while True:
                        message = await heard.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_SECONDS)
                        if message is not None:
                            self.wake(message["channel"].decode().removeprefix(self._channel("")))
            except (RedisError, OSError):
                await asyncio.sleep(_AGAIN_SECONDS)  # whoever asks the server for more than news tells of its loss

    def wake(self, subject: str) -> None:
        """Wakes those of this process who wait for news of a subject."""
        for event in self._waiting.get(subject, ()):
            event.set()

    @contextlib.contextmanager
    def of(self, subject: str, event: asyncio.Event | None = None) -> Iterator[asyncio.Event]:
        """An event that is set when there is news of a subject, while the context lasts."""
        event = event or asyncio.Event()
        is_new = subject not in self._waiting
        self._waiting.setdefault(subject, set()).add(event)
        if is_new:
            self._change(subject)
        try:
            yield event
        finally:
            waiting = self._waiting[subject]
            waiting.discard(event)
            if not waiting:
                del self._waiting[subject]
                self._change(subject)

    async def tell(self, subject: str) -> None:
        """Tells all processes that there is news."""
        await self._shared.ask(lambda: self._shared.redis.publish(self._channel(subject), b""))

    def _channel(self, subject: str) -> str:
        return self._shared.key("news", subject)

    def _change(self, subject: str) -> None:
        """Begins or ends to listen for a subject, soon."""
        if self._heard is None or subject == self._own:
            return  # whoever connects listens for all that is waited for

        async def do() -> None:
            async with self._changing:
                if self._heard is None:
                    return
                with contextlib.suppress(RedisError, OSError):  # the listener finds out, and listens anew
                    wanted = subject in self._waiting
                    await (self._heard.subscribe if wanted else self._heard.unsubscribe)(self._channel(subject))

        task = asyncio.get_running_loop().create_task(do())
        _running.add(task)
        task.add_done_callback(_running.discard)


_running: set[asyncio.Task[None]] = set()
"""Held, because the loop does not."""

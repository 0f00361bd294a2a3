"""What a run has told so far: numbered events as they go over the wire, for whoever watches, from wherever they left.

It is bounded: past that, pieces of the answer are told no more, and the end is told in every case, with the whole
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

MOST_BYTES = 32 * 1024 * 1024
PIECE = "event"
"""The name of what makes up an answer, piece by piece."""


class RunLog:
    """The events of one run, in this process.

    Attributes:
        events: all of them.
        ended: whether there will be no more.
        changed: is set with every event; whoever waits for it clears it.
    """

    def __init__(self) -> None:
        self.ended = False
        self.events: list[bytes] = []
        self.changed = asyncio.Event()
        self._held = 0
        self._more = asyncio.Event()

    def tell(self, name: str, value: Any) -> None:
        """Adds an event."""
        if self._held > MOST_BYTES and name == PIECE:
            return
        event = render_event(len(self.events) + 1, name, value)
        self.events.append(event)
        self._held += len(event)
        self._wake()

    def end(self) -> None:
        """Nothing more will be told."""
        self.ended = True
        self._wake()

    async def watch(self, after: int, silence: float) -> AsyncGenerator[bytes | None]:
        """Events as they come, to the last; None is a moment of silence.

        Args:
            after: the number of the last event that was seen; 0 for none.
            silence: seconds of which make such a moment.
        """
        at = max(0, min(after, len(self.events)))
        while True:
            more = self._more
            if at < len(self.events):
                piece = b"".join(self.events[at:])
                at = len(self.events)
                yield piece
            elif self.ended:
                return
            else:
                try:
                    async with asyncio.timeout(silence):
                        await more.wait()
                except TimeoutError:
                    yield None

    def _wake(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()
        self.changed.set()


def render_event(number: int, name: str, value: Any) -> bytes:
    """An event as Server-Sent Events write it."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), msgspec.json.encode(value))

"""Heartbeats: what keeps a stream's connection open while a model thinks (contracts §1.5)."""

from __future__ import annotations

import asyncio

from interlingua.gateway.incoming import Send
from interlingua.gateway.outgoing import send_piece

HEARTBEATS: dict[str, bytes] = {
    "openai_chat": b": heartbeat\n\n",
    "openai_responses": b": heartbeat\n\n",
    "anthropic_messages": b'event: ping\ndata: {"type": "ping"}\n\n',
    # Google's client takes a comment line for a broken event; a blank line is nothing to anybody.
    "gemini": b"\r\n",
    "ollama": b"",
}
"""What keeps a connection open, by dialect."""


class Heart:
    """Sends a heartbeat whenever nothing else was sent for a while.

    Args:
        send: of ASGI.
        dialect: the client's.
        seconds: how long a while is.
    """

    def __init__(self, send: Send, dialect: str, seconds: float) -> None:
        self._send = send
        self._beat = HEARTBEATS[dialect]
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._beating: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(seconds, self._due) if self._beat else None

    async def now(self) -> None:
        """Sends one at once."""
        if self._beat:
            self.postpone()
            await send_piece(self._send, self._beat)

    def postpone(self) -> None:
        """Something else was sent."""
        self._last = self._loop.time()

    def stop(self) -> None:
        """Ends it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._beating is not None:
            self._beating.cancel()

    def _due(self) -> None:
        quiet = self._loop.time() - self._last
        if quiet >= self._seconds:
            # A client that does not read is sent no second one before it took the first.
            if self._beating is None or self._beating.done():
                self._beating = self._loop.create_task(self.now())
            quiet = 0.0
        self._timer = self._loop.call_later(self._seconds - quiet, self._due)

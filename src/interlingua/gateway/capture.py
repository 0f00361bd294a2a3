"""What one call asked and was answered, held until it is over; only of calls whose content is kept."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from interlingua.engine.contents import Left
from interlingua.gateway.incoming import Send
from interlingua.ports.dialect import WireRequest
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse

if TYPE_CHECKING:
    from interlingua.gateway.call import Call

MOST_BYTES = 4 * 1024 * 1024
"""Of an answer's bytes that are held; what comes later is not kept."""


class Capture:
    """Holds what goes in and out.

    Args:
        asked: the request, as the client's bytes or as values.

    Attributes:
        response: the answer as values, where there are no bytes.
    """

    def __init__(self, asked: WireRequest | ChatRequest) -> None:
        self._asked = asked
        self._pieces: list[bytes] = []
        self._bytes = 0
        self.response: ChatResponse | None = None

    def watching(self, send: Send) -> Send:
        """`send` that holds what goes out."""

        async def held(message: MutableMapping[str, Any]) -> None:
            body = message.get("body")
            if body and self._bytes < MOST_BYTES:
                self._pieces.append(body)
                self._bytes += len(body)
            await send(message)

        return held

    def left(self, call: Call) -> Left:
        """What the call leaves, when it is over."""
        error = call.outcome.error
        values = isinstance(self._asked, ChatRequest)
        partial = self.response or getattr(error, "partial", None)
        return Left(
            request_id=call.incoming.request_id,
            tenant=call.principal.tenant,
            created=int(call.started * 1e6),
            dialect="" if values else call.dialect,
            asked=self._asked,
            answered=partial if values else b"".join(self._pieces),
            stream=call.peek.stream,
            error=None if error is None else error.message,
        )

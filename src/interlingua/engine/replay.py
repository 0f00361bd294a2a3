"""A remembered answer on its way to a client, in the form that this client asks for.

Who asks for it in the form in which it was first given gets the same bytes. Everybody else gets it rendered from its
values, as an answer that came at once would be. An answer of the Responses format that may be taken up by its id gets
an id of its own, and the conversation is kept under it: the provider's id is the first client's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.dialects.ollama.generate import is_marked
from interlingua.dialects.ollama.schema import GENERATE
from interlingua.engine import recall, stored_responses
from interlingua.engine.cache import Kept, Look
from interlingua.engine.envelopes import Envelopes
from interlingua.engine.relay import Piece
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.ports.memory import Memory
from interlingua.types.accumulate import unfold
from interlingua.types.events import Failed, MessageStart, UsageUpdate
from interlingua.types.response import ChatResponse


class Replay:
    """Gives an answer again.

    Args:
        look: what was asked, and in which form.
        key: our secret for envelopes.
        memory: where state is remembered for who goes on with the conversation.
        request_id: ours, seed of invented ids.
        now: seconds since 1970.
    """

    def __init__(self, look: Look, *, key: bytes, memory: Memory, request_id: str, now: float) -> None:
        self._look = look
        self._id = look.form.dialect
        self._dialect = registry.dialect(self._id)
        self._envelopes = Envelopes(self._id, key, look.tenant)
        self._memory = memory
        self._request_id = request_id
        self._now = int(now)
        self._is_stored = self._id == stored_responses.DIALECT and look.request.store is not False

    async def whole(self, kept: Kept) -> WireResponse:
        """The answer at once."""
        response = self._shaped(kept.response)
        await self._remember(response)
        if self._is_same(kept):
            return WireResponse(headers=kept.headers, body=b"".join(kept.pieces))
        return self._rendered(response)

    async def stream(self, kept: Kept) -> AsyncGenerator[Piece]:
        """The answer as a stream."""
        response = self._shaped(kept.response)
        await self._remember(response)
        if self._is_same(kept):
            for data in kept.pieces:
                yield Piece(data, True)
            return
        renderer = self._dialect.StreamRenderer(self._context(), self._look.request)
        for event in unfold(response):
            for wrapped in self._envelopes.wrap_event(event):
                data = renderer.render(wrapped)
                if data:
                    yield Piece(data, not isinstance(event, MessageStart | UsageUpdate))
        yield Piece(renderer.close(), True)

    def error_event(self, error: InterlinguaError) -> bytes:
        """The dialect's own error event, where a stream was begun and there is no answer."""
        return self._dialect.StreamRenderer(self._context(), self._look.request).render(Failed.of(error))

    def _is_same(self, kept: Kept) -> bool:
        return kept.form == self._look.form and not self._is_stored

    def _shaped(self, response: ChatResponse) -> ChatResponse:
        if is_marked(self._look.request.extra):
            own = response.extra.get("ollama", {})
            response = replace(response, extra={**response.extra, "ollama": {**own, GENERATE: True}})
        if self._is_stored or (self._id == stored_responses.DIALECT and not response.id):
            response = replace(response, id=TranslationContext(seed=self._request_id).new_id("resp_"))
        return response

    async def _remember(self, response: ChatResponse) -> None:
        """What who goes on with the conversation will need, as if it had just been answered."""
        entries = recall.remember(response.message)
        if entries:
            await self._memory.put(self._look.tenant, entries, recall.LIFETIME)
        if self._is_stored:
            body = self._rendered(response).body
            request = self._look.request
            await stored_responses.store(request, response, self._memory, self._look.tenant, rendered=body)

    def _rendered(self, response: ChatResponse) -> WireResponse:
        wrapped = [replace(one, message=self._envelopes.wrap(one.message)) for one in response.choices]
        return self._dialect.render_response(replace(response, choices=tuple(wrapped)), self._context())

    def _context(self) -> TranslationContext:
        return TranslationContext(
            dialect=self._id,
            model=self._look.request.model,
            seed=self._request_id,
            created=self._now,
            on_loss={"setting": "warn", "content": "warn"},
        )

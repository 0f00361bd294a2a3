"""One handler for chat in every dialect and both modes.

A streamed answer's head waits for its first piece, or 15 seconds: until then a failure is a status of its own, after
that an event. Then a heartbeat goes out whenever nothing else did for 15 seconds (contracts §1.3, §1.5). The call is
settled once, whatever becomes of it: its limits given back, its row written (contracts §1.4).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from interlingua.dialects import registry
from interlingua.engine.estimate import estimate_size
from interlingua.engine.limits import Lease
from interlingua.engine.passage import Outcome, Passage, Piece
from interlingua.engine.principal import Principal
from interlingua.errors import Cancelled, InterlinguaError, PermissionDenied
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.outgoing import Headers, send_end, send_head, send_piece, send_whole, told
from interlingua.gateway.record import ledger_row
from interlingua.gateway.state import State
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.ports.lens import Peek
from interlingua.ports.store import LedgerRow

HEAD_SECONDS = 15.0
"""How long a stream's head waits for its first piece."""
HEARTBEAT_SECONDS = 15.0
HEARTBEATS: dict[str, bytes] = {
    "openai_chat": b": heartbeat\n\n",
    "openai_responses": b": heartbeat\n\n",
    "anthropic_messages": b'event: ping\ndata: {"type": "ping"}\n\n',
    # Google's client takes a comment line for a broken event; a blank line is nothing to anybody.
    "gemini": b"\r\n",
    "ollama": b"",
}
"""What keeps a connection open, by dialect."""


class Inference:
    """Answers one chat request.

    Args:
        state: the gateway.
        incoming: the request.
        principal: who asks.
        dialect: what they speak.
    """

    def __init__(self, state: State, incoming: Incoming, principal: Principal, dialect: str) -> None:
        self._state = state
        self._incoming = incoming
        self._principal = principal
        self._id = dialect
        self._dialect = registry.dialect(dialect)
        self._started = state.engine.clock.time()
        self._peek = Peek(model="")
        self._outcome = Outcome()
        self._first: float | None = None
        self._recorded = False

    async def answer(self, send: Send) -> None:
        """Reads the request and answers it."""
        state = self._state
        task = asyncio.current_task()
        assert task is not None
        state.running.add(task)
        lease: Lease | None = None
        watcher: asyncio.Task[None] | None = None
        try:
            body = await self._incoming.body(state.config.server.max_body)
            watcher = self._incoming.watch(task)
            wire = self._incoming.wire(body)
            self._peek = registry.lens(self._id).peek(wire)
            passage = self._passage(wire)
            lease = state.limiter.acquire(self._principal, self._target_name, estimate_size(len(body), self._peek))
            if self._peek.stream:
                await self._streamed(passage, send)
            else:
                answer = await passage.whole()
                await self._record()
                await send_whole(send, answer, self._headers())
        except InterlinguaError as error:
            self._outcome.error = error
            await self._record()
            await send_whole(send, self._dialect.render_error(told(error), self._context()), self._headers())
        except asyncio.CancelledError:
            if not self._incoming.gone:
                raise
            self._outcome.error = Cancelled("the client left")
        finally:
            state.running.discard(task)
            if watcher is not None:
                watcher.cancel()
            if lease is not None:
                self._give_back(lease)
            if not self._recorded:
                state.ledger.add(self._row())

    def _passage(self, wire: WireRequest) -> Passage:
        targets = self._state.engine.route(self._peek.model, self._id)
        allowed = [target for target in targets if self._principal.may_use(self._peek.model, target.name)]
        if not allowed:
            raise PermissionDenied(
                f"this key may not use {self._peek.model!r}",
                model=self._peek.model,
                remedy="Ask for another model, or for a key that may: its models are listed by /v1/models.",
            )
        self._target_name = allowed[0].name
        passage = Passage(
            self._state.engine,
            dialect=self._id,
            wire=wire,
            peek=self._peek,
            targets=allowed,
            tenant=self._principal.tenant,
            key=self._state.envelope_key,
            memory=self._state.memory,
            request_id=self._incoming.request_id,
        )
        self._outcome = passage.outcome
        return passage

    async def _streamed(self, passage: Passage, send: Send) -> None:
        async with aclosing(passage.stream()) as pieces:
            waiting = asyncio.ensure_future(anext(pieces, None))
            try:
                await asyncio.wait({waiting}, timeout=HEAD_SECONDS)
                first = waiting.result() if waiting.done() else None
                began = waiting.done()
                await send_head(send, self._dialect.STREAM_CONTENT_TYPE, self._headers())
                beat = _Heart(send, HEARTBEATS[self._id])
                try:
                    if not began:
                        await beat.now()
                        first = await waiting
                    if first is not None:
                        await self._flow(first, pieces, send, beat)
                except InterlinguaError as error:
                    # The head is out already: the failure goes as the dialect's own event.
                    passage.outcome.error = error
                    await send_piece(send, passage.error_event(error))
                finally:
                    beat.stop()
            finally:
                if not waiting.done():
                    waiting.cancel()
                    await asyncio.wait({waiting})
        await self._record()
        await send_end(send)

    async def _flow(self, first: Piece, pieces: AsyncGenerator[Piece], send: Send, beat: _Heart) -> None:
        self._first = self._state.engine.clock.time()
        if first.data:
            await send_piece(send, first.data)
        async for piece in pieces:
            if piece.data:
                beat.postpone()
                await send_piece(send, piece.data)

    def _headers(self) -> Headers:
        """What every answer says of itself (contracts §8)."""
        outcome = self._outcome
        headers = [("x-request-id", self._incoming.request_id)]
        if outcome.target is not None:
            headers += [
                ("x-interlingua-provider", outcome.target.provider.id),
                ("x-interlingua-model", outcome.target.model),
                ("x-interlingua-attempts", str(max(1, len(outcome.attempts)))),
            ]
            if self._peek.stream:
                headers.append(("x-interlingua-cost", "pending"))
            else:
                headers.append(("x-interlingua-cost", "unknown" if outcome.cost is None else f"{outcome.cost.usd:f}"))
            if outcome.losses:
                headers.append(("x-interlingua-losses", str(len(outcome.losses))))
        return tuple(headers)

    def _context(self) -> TranslationContext:
        return TranslationContext(
            dialect=self._id, model=self._peek.model, seed=self._incoming.request_id, created=int(self._started)
        )

    def _give_back(self, lease: Lease) -> None:
        usage = self._outcome.usage
        if usage is not None and usage.total_tokens is not None:
            lease.settle(usage.total_tokens)
        lease.release()

    async def _record(self) -> None:
        """Writes the call down before its answer ends: a durable ledger makes the client wait for it."""
        if not self._recorded:
            self._recorded = True
            await self._state.ledger.record(self._row())

    def _row(self) -> LedgerRow:
        return ledger_row(
            self._incoming.request_id,
            self._principal,
            self._id,
            self._peek,
            self._outcome,
            started=self._started,
            ended=self._state.engine.clock.time(),
            first=self._first,
        )


class _Heart:
    """Sends a heartbeat whenever nothing else was sent for a while."""

    def __init__(self, send: Send, beat: bytes) -> None:
        self._send = send
        self._beat = beat
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer = self._loop.call_later(HEARTBEAT_SECONDS, self._due) if beat else None

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
        for task in self._tasks:
            task.cancel()

    def _due(self) -> None:
        quiet = self._loop.time() - self._last
        if quiet >= HEARTBEAT_SECONDS:
            task = self._loop.create_task(self.now())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            quiet = 0.0
        self._timer = self._loop.call_later(HEARTBEAT_SECONDS - quiet, self._due)

"""Calls whose answers may be remembered, or shared with the same calls at the same time (`engine/cache.py`).

    x-interlingua-cache    no: neither looked up nor remembered · refresh: asked anew, and remembered · yes: remembered,
                           though the configuration does not name the model; down: `hit` or `miss`

Where the configuration sets no `cache.ttl`, nothing here runs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import cast, get_args

from interlingua.engine.answer import AttemptRecord
from interlingua.engine.cache import MOST_OF_ONE, Cache, Flight, Kept, Look, Wish, look
from interlingua.engine.lanes import CACHE
from interlingua.engine.passage import Passage
from interlingua.engine.relay import Piece
from interlingua.engine.replay import Replay
from interlingua.engine.route import Route
from interlingua.errors import InterlinguaError, InvalidRequest
from interlingua.gateway.call import Call
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.money import Money

HEADER = "x-interlingua-cache"
_WISHES: tuple[str, ...] = get_args(Wish)
_FREE = Money(0)
MOST_AHEAD = 64 * 1024
"""Bytes of a stream that are read before its client takes them, where nobody else waits for its end."""


def looked(call: Call, dialect: str, wire: WireRequest, route: Route) -> Look | None:
    """A call as the cache knows it; None where it is not to be remembered.

    Args:
        call: whose request was peeked at.
        dialect, wire: the request.
        route: where it may go.

    Raises:
        InvalidRequest: the header says what it cannot.
    """
    wish = cast("Wish", call.incoming.header(HEADER).strip().lower())
    if wish not in _WISHES:
        raise InvalidRequest(
            f"{HEADER}: is one of {', '.join(filter(None, _WISHES))}",
            path=HEADER,
            remedy="Correct the header, or leave it out.",
        )
    cache, model = call.state.cache, call.peek.model
    if wish == "no" or not (wish or any(cache.covers(model, target.name) for target in route.targets)):
        return None
    engine, tenant = call.state.engine, call.principal.tenant
    return look(engine, dialect, wire, call.peek, route, tenant, fresh=wish == "refresh")


class Cached:
    """As `Passage`, of a call whose answer may be there already.

    Args:
        call: whose request it is.
        look: the call as the cache knows it.
        route: where it may go.
        ask: makes the passage, where somebody must be asked.
    """

    def __init__(self, call: Call, look: Look, route: Route, ask: Callable[[], Awaitable[Passage]]) -> None:
        self._call = call
        self._cache: Cache = call.state.cache
        self._look = look
        self._route = route
        self._ask = ask
        self._passage: Passage | None = None
        self._flight: Flight | None = None
        self._replay = Replay(
            look,
            key=call.state.envelope_key,
            memory=call.state.memory,
            request_id=call.incoming.request_id,
            now=call.started,
        )

    @property
    def headers_down(self) -> tuple[tuple[str, str], ...]:
        """As `Passage.headers_down`."""
        return self._passage.headers_down if self._passage is not None else ()

    def error_event(self, error: InterlinguaError) -> bytes:
        """As `Passage.error_event`."""
        return (self._passage or self._replay).error_event(error)

    async def whole(self) -> WireResponse:
        """As `Passage.whole`."""
        try:
            kept = await self._found()
            if kept is not None:
                return await self._replay.whole(kept)
            passage = await self._asked()
            answer = await passage.whole()
            await self._arrived(passage, (answer.body,), answer.headers)
            return answer
        except InterlinguaError as error:
            self._failed(error)
            raise
        finally:
            self._over()

    async def stream(self) -> AsyncGenerator[Piece]:
        """As `Passage.stream`."""
        try:
            kept = await self._found()
            if kept is not None:
                async for piece in self._replay.stream(kept):
                    yield piece
                return
            passage = await self._asked()
            joined = self._flight.joined if self._flight is not None else asyncio.Event()
            async with aclosing(ahead(self._led(passage), joined)) as flow:
                async for piece in flow:
                    yield piece
        except InterlinguaError as error:
            self._failed(error)
            raise
        finally:
            self._over()

    async def _led(self, passage: Passage) -> AsyncGenerator[Piece]:
        """The stream, for all who wait for it; it has arrived when it is read, whoever has taken it."""
        pieces: list[bytes] = []
        size = 0
        async with aclosing(passage.stream()) as flow:
            async for piece in flow:
                size += len(piece.data)
                if size <= MOST_OF_ONE:
                    pieces.append(piece.data)
                elif pieces:
                    pieces.clear()
                    self._alone()
                yield piece
        if passage.outcome.error is not None:
            self._failed(passage.outcome.error)
        elif size <= MOST_OF_ONE:
            await self._arrived(passage, tuple(pieces), ())

    async def _found(self) -> Kept | None:
        """The answer that is there, or that another call gets; None where this one must ask."""
        cache, look = self._cache, self._look
        while (other := cache.in_flight(look)) is not None:
            kept = await other.wait()
            if kept is not None:
                return self._hit(kept)
            if not other.is_shared:
                return None  # by itself, and all others too: in turn they would wait for each other
        # Nothing waits between the look and this, so of the same calls one flies.
        flight = self._flight = cache.begin(look)
        self._call.incoming.stays = flight.goes_on
        kept = None if look.fresh else await cache.find(look)
        if kept is None or self._hit(kept) is None:
            return None
        flight.land(kept)
        return kept

    def _hit(self, kept: Kept) -> Kept | None:
        """Takes an answer for this call's, if it is from somebody whom this call could ask."""
        target = next((one for one in self._route.targets if one.name == kept.target), None)
        if target is None:
            return None
        call, usage = self._call, kept.response.usage
        call.cache = "hit"
        outcome = call.outcome
        outcome.target, outcome.lane, outcome.losses = target, CACHE, kept.losses
        outcome.usage, outcome.cost, outcome.finish = usage, _FREE, kept.response.finish
        record = AttemptRecord(
            target=kept.target,
            dialect=kept.spoken,
            started=call.started,
            seconds=call.state.engine.now() - call.started,
            usage=usage,
            cost=_FREE,
            lane=CACHE,
        )
        outcome.attempts.append(record)
        return kept

    async def _asked(self) -> Passage:
        self._call.cache = "miss"
        try:
            passage = self._passage = await self._ask()
        except InterlinguaError:
            self._over()  # it is this key that may not, or has no more: who waits asks for itself
            raise
        passage.keeps = True
        return passage

    async def _arrived(self, passage: Passage, pieces: tuple[bytes, ...], headers: tuple[tuple[str, str], ...]) -> None:
        response, target = passage.answered, passage.outcome.target
        if response is None or target is None or not response.choices or sum(map(len, pieces)) > MOST_OF_ONE:
            self._alone()
            return
        if all(one.name != target.name for one in self._route.targets):
            return  # a fallback answered: the next call asks those again whom it is about
        kept = Kept(
            response=response,
            target=target.name,
            spoken=target.dialect,
            losses=passage.outcome.losses,
            form=self._look.form,
            pieces=pieces,
            headers=tuple(header for header in headers if header[0] == "content-type"),
        )
        if self._flight is not None:
            self._flight.land(kept)
        await self._cache.keep(self._look, kept)

    def _alone(self) -> None:
        if self._flight is not None:
            self._flight.ends_alone()

    def _failed(self, error: InterlinguaError) -> None:
        if self._flight is not None:
            self._flight.land(error)

    def _over(self) -> None:
        if self._flight is not None:
            self._cache.end(self._look, self._flight)


async def ahead(flow: AsyncGenerator[Piece], hurry: asyncio.Event) -> AsyncGenerator[Piece]:
    """A stream that is read ahead of who takes its pieces: a little, or, where there is a hurry, as far as it is kept.

    Args:
        flow: the stream; closed with this one.
        hurry: whether others wait for its end.
    """
    pieces: deque[Piece] = deque()
    came, taken = asyncio.Event(), asyncio.Event()
    held = 0

    async def read() -> None:
        nonlocal held
        async with aclosing(flow):
            async for piece in flow:
                pieces.append(piece)
                held += len(piece.data)
                came.set()
                while held > (MOST_OF_ONE if hurry.is_set() else MOST_AHEAD):
                    taken.clear()
                    waits = [asyncio.ensure_future(taken.wait()), asyncio.ensure_future(hurry.wait())]
                    try:
                        await asyncio.wait(waits[: 1 if hurry.is_set() else 2], return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for one in waits:
                            one.cancel()

    reading = asyncio.ensure_future(read())
    reading.add_done_callback(lambda _: came.set())
    try:
        while True:
            while pieces:
                piece = pieces.popleft()
                held -= len(piece.data)
                taken.set()
                yield piece
            if reading.done():
                await reading
                return
            came.clear()
            await came.wait()
    finally:
        reading.cancel()
        await asyncio.wait({reading})

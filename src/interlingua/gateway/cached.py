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
from typing import Any, Generic, Protocol, TypeVar, cast, get_args

from interlingua.engine.answer import AttemptRecord
from interlingua.engine.cache import MOST_OF_ONE, Cache, Flight, K, Kept, Look, Place, Wish, look
from interlingua.engine.cost import charge_of
from interlingua.engine.lanes import CACHE
from interlingua.engine.passage import Passage
from interlingua.engine.relay import Piece
from interlingua.engine.replay import Replay
from interlingua.engine.route import Route
from interlingua.errors import InterlinguaError, InvalidRequest
from interlingua.gateway.call import Call
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.money import Money

A = TypeVar("A")

HEADER = "x-interlingua-cache"
_WISHES: tuple[str, ...] = get_args(Wish)
FREE = Money(0)
MOST_AHEAD = 64 * 1024
"""Bytes of a stream that are read before its client takes them, where nobody else waits for its end."""


def wished(call: Call, route: Route) -> Wish | None:
    """What a client asks for of the cache; None where its answer is to be neither looked up nor remembered.

    Args:
        call: whose request was peeked at.
        route: where it may go.

    Raises:
        InvalidRequest: the header says what it cannot.
    """
    cache, model = call.state.cache, call.peek.model
    if not cache.is_on:
        return None
    wish = cast("Wish", call.incoming.header(HEADER).strip().lower())
    if wish not in _WISHES:
        raise InvalidRequest(
            f"{HEADER}: is one of {', '.join(filter(None, _WISHES))}",
            path=HEADER,
            remedy="Correct the header, or leave it out.",
        )
    if wish == "no" or not (wish or any(cache.covers(model, target.name) for target in route.targets)):
        return None
    return wish


def looked(call: Call, dialect: str, wire: WireRequest, route: Route) -> Look | None:
    """A call as the cache knows it; None where it is not to be remembered.

    Args:
        call, route: as for `wished`.
        dialect, wire: the request.

    Raises:
        InvalidRequest: the header says what it cannot.
    """
    wish = wished(call, route)
    if wish is None:
        return None
    engine, tenant = call.state.engine, call.principal.tenant
    return look(engine, dialect, wire, call.peek, route, tenant, fresh=wish == "refresh")


class Lookup(Generic[K]):
    """What one call has to do with what is remembered, and with the same calls that are on their way.

    Args:
        call: whose request it is.
        place: the call as the cache knows it.
        kind: what is remembered of such calls.
        route: where it may go.
    """

    def __init__(self, call: Call, place: Place, kind: type[K], route: Route) -> None:
        self._call = call
        self._cache: Cache = call.state.cache
        self._place = place
        self._kind: type[K] = kind
        self._route = route
        self._flight: Flight[Any] | None = None
        self._is_claimed = self._is_kept = False

    @property
    def joined(self) -> asyncio.Event:
        """Set when somebody waits for this call's answer."""
        return self._flight.joined if self._flight is not None else asyncio.Event()

    async def found(self) -> K | None:
        """The answer that is there, or that another call gets; None where this one must ask.

        Raises:
            InterlinguaError: the other call's failure.
        """
        cache, place = self._cache, self._place
        while (other := cache.in_flight(place)) is not None:
            kept = await other.wait()
            if kept is not None:
                return self._hit(kept)
            if not other.is_shared:
                return None  # by itself, and all others too: in turn they would wait for each other
        # Nothing waits between the look and this, so of the same calls one flies.
        flight = self._flight = cache.begin(place)
        self._call.incoming.stays = flight.goes_on
        if place.fresh:
            return None
        kept = await cache.find(place, self._kind)
        if kept is None:
            elsewhere = await cache.elsewhere(place, self._kind)
            self._is_claimed = elsewhere == "ours"
            kept = None if elsewhere == "ours" else elsewhere
        if kept is None or self._hit(kept) is None:
            return None
        flight.land(kept)
        return kept

    async def let_in(self, waiting: Awaitable[A]) -> A:
        """What comes of what the call must pass before it asks, now that nothing was found.

        Raises:
            InterlinguaError: this call may not, or has no more; who waits for it asks for itself.
        """
        self._call.cache = "miss"
        try:
            return await waiting
        except InterlinguaError:
            self.over()
            raise

    async def once(self, ask: Callable[[], Awaitable[A]], kept_of: Callable[[A], K | None]) -> K | A:
        """What is there, or else what asking gives, for all who wait for it.

        Args:
            ask: gets the answer; begins with `let_in`.
            kept_of: what is remembered of it; None where that is nothing.

        Raises:
            InterlinguaError: there is none.
        """
        try:
            kept = await self.found()
            if kept is not None:
                return kept
            answer = await ask()
            await self.arrived(kept_of(answer))
            return answer
        except InterlinguaError as error:
            self.failed(error)
            raise
        finally:
            self.over()

    async def arrived(self, kept: K | None) -> None:
        """The answer is there; None where it is not to be shared."""
        if kept is None:
            self.alone()
            return
        if all(one.name != kept.target for one in self._route.targets):
            return  # a fallback answered: the next call asks those again whom it is about
        if self._flight is not None:
            self._flight.land(kept)
        self._is_kept = await self._cache.keep(self._place, kept)

    def alone(self) -> None:
        """Who waits for this answer need not wait any longer: each asks for itself."""
        if self._flight is not None:
            self._flight.ends_alone()
        self._give_up()

    def failed(self, error: InterlinguaError) -> None:
        """The call failed, and with it those that wait for it."""
        if self._flight is not None:
            self._flight.land(error)

    def over(self) -> None:
        """The call is over, whatever came of it; who still waits asks."""
        if self._flight is not None:
            self._cache.end(self._place, self._flight)
        self._give_up()

    def _give_up(self) -> None:
        """Other processes wait no longer."""
        if self._is_claimed:
            self._is_claimed = False
            self._cache.told(self._place, alone=not self._is_kept)

    def _hit(self, kept: K) -> K | None:
        """Takes an answer for this call's, if it is from somebody whom this call could ask."""
        target = next((one for one in self._route.targets if one.name == kept.target), None)
        if target is None:
            return None
        call, usage = self._call, kept.usage
        call.cache = "hit"
        outcome = call.outcome
        outcome.target, outcome.lane, outcome.losses = target, CACHE, kept.losses
        outcome.usage, outcome.cost, outcome.finish = usage, FREE, kept.finish
        now = call.state.engine.now()
        record = AttemptRecord(
            target=kept.target,
            dialect=kept.spoken,
            started=call.started,
            seconds=now - call.started,
            usage=usage,
            cost=FREE,
            lane=CACHE,
            saved=charge_of(usage, target, now, kept.service_tier).cost,
        )
        outcome.attempts.append(record)
        return kept


class Cached:
    """As `Passage`, of a call whose answer may be there already.

    Args:
        call: whose request it is.
        look: the call as the cache knows it.
        route: where it may go.
        ask: makes the passage, where somebody must be asked.
    """

    def __init__(self, call: Call, look: Look, route: Route, ask: Callable[[], Awaitable[Passage]]) -> None:
        self._lookup = Lookup(call, look, Kept, route)
        self._look = look
        self._ask = ask
        self._passage: Passage | None = None
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
        lookup = self._lookup
        try:
            kept = await lookup.found()
            if kept is not None:
                return await self._replay.whole(kept)
            passage = await self._asked()
            answer = await passage.whole()
            await lookup.arrived(self._kept(passage, (answer.body,), answer.headers))
            return answer
        except InterlinguaError as error:
            lookup.failed(error)
            raise
        finally:
            lookup.over()

    async def stream(self) -> AsyncGenerator[Piece]:
        """As `Passage.stream`."""
        lookup = self._lookup
        try:
            kept = await lookup.found()
            if kept is not None:
                async for piece in self._replay.stream(kept):
                    yield piece
                return
            passage = await self._asked()
            async with aclosing(ahead(self._led(passage), lookup.joined)) as flow:
                async for piece in flow:
                    yield piece
        except InterlinguaError as error:
            lookup.failed(error)
            raise
        finally:
            lookup.over()

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
                    self._lookup.alone()
                yield piece
        if passage.outcome.error is not None:
            self._lookup.failed(passage.outcome.error)
        elif size <= MOST_OF_ONE:
            await self._lookup.arrived(self._kept(passage, tuple(pieces), ()))

    async def _asked(self) -> Passage:
        passage = self._passage = await self._lookup.let_in(self._ask())
        passage.keeps = True
        return passage

    def _kept(self, passage: Passage, pieces: tuple[bytes, ...], headers: tuple[tuple[str, str], ...]) -> Kept | None:
        response, target = passage.answered, passage.outcome.target
        if response is None or target is None or not response.choices or sum(map(len, pieces)) > MOST_OF_ONE:
            return None
        return Kept(
            response=response,
            target=target.name,
            spoken=target.dialect,
            losses=passage.outcome.losses,
            form=self._look.form,
            pieces=pieces,
            headers=tuple(header for header in headers if header[0] == "content-type"),
        )


class Sized(Protocol):
    """A piece of a stream."""

    @property
    def data(self) -> bytes:
        """What goes out."""
        ...


P = TypeVar("P", bound=Sized)


async def ahead(flow: AsyncGenerator[P], hurry: asyncio.Event) -> AsyncGenerator[P]:
    """A stream that is read ahead of who takes its pieces: a little, or, where there is a hurry, as far as it is kept.

    Args:
        flow: the stream; closed with this one.
        hurry: whether others wait for its end.
    """
    pieces: deque[P] = deque()
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

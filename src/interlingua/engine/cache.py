"""Answers and vectors that are given again to the same request of the same tenant, without asking anybody.

The same is what is the same as values: a request that another dialect would word otherwise, or that wants its answer
whole instead of piece by piece, finds the same answer. It stands in the memory of its tenant, under a digest of the
values, of whom they may go to and with whose credentials, and of the headers that go on with them. Only whole answers
are remembered, of requests whose answer depends on nothing else: no tools that a provider runs, no files or
conversations that lie there. Of the same requests at the same time one goes on its way, and the others wait for it: in
a process for its end, whatever that is; in another, where processes share a memory and claims, for what is remembered.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.lanes import VERSION_HEADERS, forwarded
from interlingua.engine.route import Route
from interlingua.engine.settings import CacheSettings
from interlingua.errors import InterlinguaError
from interlingua.ports.claims import Claims
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.ports.lens import Peek
from interlingua.ports.memory import Memory
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.loss import Loss
from interlingua.types.parts import (
    FilePart,
    OpaquePart,
    Part,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    ToolCallResponsePart,
)
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, FinishReason
from interlingua.types.serde import canonical
from interlingua.types.tools import ServerTool
from interlingua.types.usage import Usage

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine

PREFIX = "cache:"
"""How all keys here begin, so that answers can be remembered apart from what conversations need."""
MOST_OF_ONE = 4 * 1024 * 1024
"""Bytes of an answer beyond which it is neither remembered nor shared."""
LOOK_AGAIN = 0.1
"""Seconds after which is looked again for what another process is just being answered."""
VERSION = 1
"""Rises when what was remembered could no longer be read, or would mean something else."""

Wish = Literal["", "yes", "no", "refresh"]
"""What a client asks for: as configured; remembered; neither looked up nor remembered; asked anew and remembered."""
_WHOLE = frozenset({"stop", "stop_sequence", "tool_call"})
"""Ends of answers that are worth giving again."""
_TIED = (FilePart, OpaquePart, ServerToolCallPart, ServerToolCallResponsePart)


class Form(Struct, frozen=True):
    """How an answer is written: the dialect, whether as a stream, and whether that tells usage.

    The dialect is empty on our own paths, where no bytes are kept.
    """

    dialect: str
    stream: bool
    usage: bool = False


class Kept(Struct, frozen=True, kw_only=True):
    """A whole answer.

    Args:
        response: as values.
        target: who gave it, as `provider/model`.
        spoken: in which dialect.
        losses: what could not be carried.
        form: how its first client got it …
        pieces: … and what that was.
        headers: of it.
    """

    response: ChatResponse
    target: str
    spoken: str
    losses: tuple[Loss, ...] = ()
    form: Form
    pieces: tuple[bytes, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def lasts(self) -> bool:
        """Whether it may be given to those who ask later."""
        return all(
            choice.finish.kind in _WHOLE and not any(isinstance(part, _TIED) for part in choice.message.parts)
            for choice in self.response.choices
        )

    @property
    def usage(self) -> Usage | None:
        """What it took when it was made."""
        return self.response.usage

    @property
    def finish(self) -> FinishReason | None:
        """Why it ended."""
        return self.response.finish if self.response.choices else None

    @property
    def service_tier(self) -> str | None:
        """By which its price was reckoned."""
        return self.response.service_tier


class KeptVectors(Struct, frozen=True, kw_only=True):
    """Vectors of texts.

    Args:
        response: the vectors.
        target: who made them, as `provider/model`.
        spoken: in which dialect.
        losses: what could not be carried.
    """

    response: EmbedResponse
    target: str
    spoken: str
    losses: tuple[Loss, ...] = ()

    @property
    def lasts(self) -> bool:
        """Whether they may be given to those who ask later: there are not too many to be written down quickly."""
        return sum(map(len, self.response.embeddings)) * _BYTES_OF_FIGURE <= MOST_OF_ONE

    @property
    def usage(self) -> Usage | None:
        """What they took when they were made."""
        return self.response.usage

    @property
    def finish(self) -> None:
        """Vectors end for no reason."""

    @property
    def service_tier(self) -> None:
        """Nobody tells one."""


K = TypeVar("K", Kept, KeptVectors)
_BYTES_OF_FIGURE = 9


class Place(Struct, frozen=True, kw_only=True):
    """Where the answer to a request is remembered.

    Args:
        tenant: whose it is.
        key: what it is known by.
        bounds: what else of the call may make it fail: such calls do not wait for each other.
        fresh: the answer is not to be an old one.
    """

    tenant: str
    key: str
    bounds: tuple[object, ...] = ()
    fresh: bool = False


class Look(Place, frozen=True, kw_only=True):
    """The same of a chat.

    Args:
        request: as values.
        form: how its client wants the answer.
    """

    request: ChatRequest
    form: Form


class Flight(Generic[K]):
    """A request on its way, and those that wait for the same answer.

    Attributes:
        is_shared: whether its answer is one to wait for: not one that is too large.
        joined: set when somebody waits, for whom the answer is to come though its first client reads slowly.
    """

    def __init__(self) -> None:
        self.is_shared = True
        self.joined = asyncio.Event()
        self._landed: asyncio.Future[K | InterlinguaError | None] = asyncio.get_running_loop().create_future()
        self._waiting = 0
        self._forsaken: Callable[[], object] | None = None

    async def wait(self) -> K | None:
        """The answer; None where there is none to share, and who waits must ask.

        Raises:
            InterlinguaError: it failed.
        """
        self._waiting += 1
        self.joined.set()
        try:
            found = await asyncio.shield(self._landed)
        finally:
            self._waiting -= 1
            if not self._waiting and self._forsaken is not None and not self._landed.done():
                self._forsaken()
        if isinstance(found, InterlinguaError):
            raise copy.copy(found)
        return found

    def goes_on(self, cancel: Callable[[], object]) -> bool:
        """Whether others wait, now that the client left whose request it is; once they left too, `cancel` is called."""
        if self._landed.done() or not self._waiting:
            return False
        self._forsaken = cancel
        return True

    def ends_alone(self) -> None:
        """Its answer is not to be shared: nobody need wait for it any longer."""
        self.is_shared = False
        self.land(None)

    def land(self, found: K | InterlinguaError | None) -> None:
        """Ends it; a second time does nothing."""
        if not self._landed.done():
            self._landed.set_result(found)


class Cache:
    """Remembers answers.

    Args:
        memory: where.
        settings: for how long, and of which models.
        claims: which of several processes asks; None where each does.
    """

    def __init__(self, memory: Memory, settings: CacheSettings, claims: Claims | None = None) -> None:
        self.settings = settings
        self._claims = claims
        self._memory = memory
        self._flights: dict[tuple[object, ...], Flight[Any]] = {}

    @property
    def is_on(self) -> bool:
        """Whether it remembers anything."""
        return self.settings.ttl is not None

    def covers(self, *names: str) -> bool:
        """Whether a model's answers are remembered without being asked for; arguments as `Principal.may_use`."""
        return any(fnmatchcase(name, pattern) for name in names for pattern in self.settings.models)

    async def find(self, look: Place, kind: type[K]) -> K | None:
        """The answer to a request, if it is remembered.

        Args:
            look: the request.
            kind: what is remembered of such requests.
        """
        found = (await self._memory.get(look.tenant, [look.key])).get(look.key)
        if found is None:
            return None
        try:
            return msgspec.msgpack.decode(found, type=kind)
        except msgspec.DecodeError:
            return None  # another version wrote it into a memory that outlives the process

    async def keep(self, look: Place, kept: Kept | KeptVectors) -> bool:
        """Remembers an answer, if it is one to be given again; whether it is."""
        if self.settings.ttl is None or not kept.lasts:
            return False
        value = msgspec.msgpack.encode(kept)
        if len(value) > min(2 * MOST_OF_ONE, self.settings.max_bytes):
            return False
        await self._memory.put(look.tenant, {look.key: value}, self.settings.ttl)
        return True

    async def elsewhere(self, look: Place, kind: type[K]) -> K | Literal["ours"] | None:
        """What another process is just being answered; `ours` where others wait for us from here on, until `told`.

        None where nobody is to be waited for.

        Args:
            look: a request that is on its way in no other call of this process, and is not remembered.
            kind: what is remembered of such requests.
        """
        if self._claims is None:
            return None
        while True:
            claim = await self._claims.take(_claim(look))
            if claim == "nobodys":
                return None
            # Before a claim could be had, the answer may have come.
            try:
                found = await self.find(look, kind)
            except BaseException:
                if claim == "ours":
                    self.told(look, alone=True)  # we leave, and nobody must wait for us
                raise
            if found is not None:
                if claim == "ours":
                    self.told(look, alone=False)
                return found
            if claim == "ours":
                return claim
            await asyncio.sleep(LOOK_AGAIN)

    def told(self, look: Place, *, alone: bool) -> None:
        """Ends our claim.

        Args:
            look: what was claimed.
            alone: the answer is not remembered: those who wait for it ask, all at once.
        """
        if self._claims is not None:
            self._claims.give_up(_claim(look), alone=alone)

    def in_flight(self, look: Place) -> Flight[Any] | None:
        """The same request of the same tenant, where it is on its way already."""
        return None if look.fresh else self._flights.get(_flight(look))

    def begin(self, look: Place) -> Flight[Any]:
        """A request goes on its way."""
        flight: Flight[Any] = Flight()
        self._flights.setdefault(_flight(look), flight)
        return flight

    def end(self, look: Place, flight: Flight[Any]) -> None:
        """It arrived, or failed; who still waits must ask."""
        flight.land(None)
        if self._flights.get(_flight(look)) is flight:
            del self._flights[_flight(look)]


def look(
    engine: Engine, dialect: str, wire: WireRequest, peek: Peek, route: Route, tenant: str, *, fresh: bool = False
) -> Look | None:
    """A request as the cache knows it; None where its answer must not be given again.

    Args:
        engine: whose credentials are used.
        dialect, wire, peek: the request.
        route: where it may go.
        tenant: whose it is.
        fresh: the answer is not to be an old one.
    """
    # A seed of its own, so that ids which a client left out are the same each time.
    context = TranslationContext(dialect=dialect, seed=PREFIX)
    try:
        request = registry.dialect(dialect).parse_request(wire, context)
    except InterlinguaError:
        return None  # what is wrong with it, others say better
    if _is_tied(request, dialect):
        return None
    headers = {
        name: value
        for target in route.targets
        for name, value in forwarded(wire, target, dialect)[0].headers
        if name not in VERSION_HEADERS.values()
    }
    rest = _rest(wire, context)
    return Look(
        tenant=tenant,
        key=_key(engine, route, sorted(headers.items()), rest, _same(request)),
        request=request,
        form=Form(dialect, peek.stream, peek.asks_usage),
        bounds=_bounds(route),
        fresh=fresh,
    )


def look_at(
    engine: Engine, dialect: str, wire: WireRequest, route: Route, tenant: str, *, stream: bool, fresh: bool = False
) -> Look | None:
    """The same on our own paths, which pass no headers on; the same request in a dialect has the same answer.

    Args:
        engine, route, tenant, fresh: as for `look`.
        dialect, wire: in which format its messages are, and the request in it.
        stream: whether it wants its answer piece by piece.
    """
    context = TranslationContext(dialect=dialect, seed=PREFIX)
    request = registry.dialect(dialect).parse_request(wire, context)
    if _is_tied(request, dialect):
        return None
    key = _key(engine, route, [], _rest(wire, context), _same(request))
    form = Form("", stream)
    return Look(tenant=tenant, key=key, request=request, form=form, bounds=_bounds(route), fresh=fresh)


def look_at_texts(
    engine: Engine, request: EmbedRequest, rest: str, route: Route, tenant: str, *, fresh: bool = False
) -> Place:
    """The same of texts that are to become vectors, however the client wants these written.

    Args:
        engine, route, tenant, fresh: as for `look`.
        request: as values.
        rest: what could not be read into them.
    """
    same = ["vectors", msgspec.to_builtins(replace(request, form=""))]
    key = _key(engine, route, [], rest, same)
    return Place(tenant=tenant, key=key, bounds=_bounds(route), fresh=fresh)


def _rest(wire: WireRequest, context: TranslationContext) -> str:
    """What was lost on the way to values is part of what was asked."""
    return hashlib.sha256(wire.body).hexdigest() if context.losses else ""


def _same(request: ChatRequest) -> object:
    return msgspec.to_builtins(replace(request, stream=False, include_usage=None))


def _key(engine: Engine, route: Route, headers: Iterable[tuple[str, str]], rest: str, same: object) -> str:
    whom = sorted(
        [
            target.name,
            target.provider.base_url,
            sorted([one.source, one.profile, one.account] for one in engine.pool(target.provider)),
        ]
        for target in route.targets
    )
    told = [VERSION, msgspec.to_builtins(engine.settings.losses), whom, list(headers), rest, same]
    return PREFIX + hashlib.sha256(canonical(told)).hexdigest()


def _bounds(route: Route) -> tuple[object, ...]:
    asking = route.asking
    return (asking.timeout, asking.attempts, asking.failover, asking.continues, asking.strategy)


def _is_tied(request: ChatRequest, dialect: str) -> bool:
    """Whether the answer to a request depends on, or leaves, something elsewhere."""
    own = request.extra.get(dialect, {})
    return bool(
        request.previous_response_id
        or request.store
        or "audio" in request.modalities
        or any(isinstance(tool, ServerTool) for tool in request.tools)
        or not registry.lens(dialect).ELSEWHERE.isdisjoint(own)
        or any(_is_elsewhere(part) for message in request.messages for part in message.parts)
    )


def _is_elsewhere(part: Part) -> bool:
    """Whether a part names what lies at a provider, or is of a kind that we do not know."""
    if isinstance(part, ToolCallResponsePart):
        return any(isinstance(one, FilePart | OpaquePart) for one in part.response)
    return isinstance(part, FilePart | OpaquePart)


def _claim(look: Place) -> str:
    """A name of a request among all processes."""
    return hashlib.sha256(canonical([look.tenant, look.key, list(look.bounds)])).hexdigest()


def _flight(look: Place) -> tuple[object, ...]:
    return (look.tenant, look.key, look.bounds)

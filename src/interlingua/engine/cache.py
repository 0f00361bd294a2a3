"""Answers that are given again to the same request of the same tenant, without asking anybody.

The same is what is the same as values: a request that another dialect would word otherwise, or that wants its answer
whole instead of piece by piece, finds the same answer. It stands in the memory of its tenant, under a digest of the
values, of whom they may go to and with whose credentials, and of the headers that go on with them. Only whole answers
are remembered, of requests whose answer depends on nothing else: no tools that a provider runs, no files or
conversations that lie there. Of the same requests at the same time one goes on its way, and the others wait for it.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.lanes import VERSION_HEADERS, forwarded
from interlingua.engine.route import Route
from interlingua.engine.settings import CacheSettings
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.ports.lens import Peek
from interlingua.ports.memory import Memory
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
from interlingua.types.response import ChatResponse
from interlingua.types.serde import canonical
from interlingua.types.tools import ServerTool

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine

PREFIX = "cache:"
"""How all keys here begin, so that answers can be remembered apart from what conversations need."""
MOST_OF_ONE = 4 * 1024 * 1024
"""Bytes of an answer beyond which it is neither remembered nor shared."""
VERSION = 1
"""Rises when what was remembered could no longer be read, or would mean something else."""

Wish = Literal["", "yes", "no", "refresh"]
"""What a client asks for: as configured; remembered; neither looked up nor remembered; asked anew and remembered."""
_WHOLE = frozenset({"stop", "stop_sequence", "tool_call"})
"""Ends of answers that are worth giving again."""
_TIED = (FilePart, OpaquePart, ServerToolCallPart, ServerToolCallResponsePart)


class Form(Struct, frozen=True):
    """How an answer is written: the dialect, whether as a stream, and whether that tells usage."""

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


class Look(Struct, frozen=True, kw_only=True):
    """A request whose answer may be remembered.

    Args:
        tenant: whose it is.
        key: what it is known by.
        request: as values.
        form: how its client wants the answer.
        bounds: what else of the call may make it fail: such calls do not wait for each other.
        fresh: the answer is not to be an old one.
    """

    tenant: str
    key: str
    request: ChatRequest
    form: Form
    bounds: tuple[object, ...] = ()
    fresh: bool = False


class Flight:
    """A request on its way, and those that wait for the same answer.

    Attributes:
        is_shared: whether its answer is one to wait for: not one that is too large.
        joined: set when somebody waits, for whom the answer is to come though its first client reads slowly.
    """

    def __init__(self) -> None:
        self.is_shared = True
        self.joined = asyncio.Event()
        self._landed: asyncio.Future[Kept | InterlinguaError | None] = asyncio.get_running_loop().create_future()
        self._waiting = 0
        self._forsaken: Callable[[], object] | None = None

    async def wait(self) -> Kept | None:
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

    def land(self, found: Kept | InterlinguaError | None) -> None:
        """Ends it; a second time does nothing."""
        if not self._landed.done():
            self._landed.set_result(found)


class Cache:
    """Remembers answers.

    Args:
        memory: where.
        settings: for how long, and of which models.
    """

    def __init__(self, memory: Memory, settings: CacheSettings) -> None:
        self.settings = settings
        self._memory = memory
        self._flights: dict[tuple[object, ...], Flight] = {}

    @property
    def is_on(self) -> bool:
        """Whether it remembers anything."""
        return self.settings.ttl is not None

    def covers(self, *names: str) -> bool:
        """Whether a model's answers are remembered without being asked for; arguments as `Principal.may_use`."""
        return any(fnmatchcase(name, pattern) for name in names for pattern in self.settings.models)

    async def find(self, look: Look) -> Kept | None:
        """The answer to a request, if it is remembered."""
        found = (await self._memory.get(look.tenant, [look.key])).get(look.key)
        if found is None:
            return None
        try:
            return msgspec.msgpack.decode(found, type=Kept)
        except msgspec.DecodeError:
            return None  # another version wrote it into a memory that outlives the process

    async def keep(self, look: Look, kept: Kept) -> None:
        """Remembers an answer, if it is one to be given again."""
        if self.settings.ttl is None or not kept.lasts:
            return
        value = msgspec.msgpack.encode(kept)
        if len(value) <= min(2 * MOST_OF_ONE, self.settings.max_bytes):
            await self._memory.put(look.tenant, {look.key: value}, self.settings.ttl)

    def in_flight(self, look: Look) -> Flight | None:
        """The same request of the same tenant, where it is on its way already."""
        return None if look.fresh else self._flights.get(_flight(look))

    def begin(self, look: Look) -> Flight:
        """A request goes on its way."""
        flight = Flight()
        self._flights.setdefault(_flight(look), flight)
        return flight

    def end(self, look: Look, flight: Flight) -> None:
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
    same = replace(request, stream=False, include_usage=None)
    headers = {
        name: value
        for target in route.targets
        for name, value in forwarded(wire.headers, target, dialect)[0]
        if name not in VERSION_HEADERS.values()
    }
    whom = sorted(
        [
            target.name,
            target.provider.base_url,
            sorted([one.source, one.profile, one.account] for one in engine.pool(target.provider)),
        ]
        for target in route.targets
    )
    # What was lost on the way to values is part of what was asked.
    rest = hashlib.sha256(wire.body).hexdigest() if context.losses else ""
    losses = msgspec.to_builtins(engine.settings.losses)
    told = [VERSION, losses, whom, sorted(headers.items()), rest, msgspec.to_builtins(same)]
    asking = route.asking
    return Look(
        tenant=tenant,
        key=PREFIX + hashlib.sha256(canonical(told)).hexdigest(),
        request=request,
        form=Form(dialect, peek.stream, peek.asks_usage),
        bounds=(asking.timeout, asking.attempts, asking.failover, asking.continues, asking.strategy),
        fresh=fresh,
    )


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


def _flight(look: Look) -> tuple[object, ...]:
    return (look.tenant, look.key, look.bounds)

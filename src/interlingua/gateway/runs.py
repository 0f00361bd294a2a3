"""Runs: answers that survive their reader (contracts §10).

A run is a task of this process that writes events into its own buffer; watchers read the buffer from wherever they
left off, so a refresh, a second tab and a lost connection see the same answer. It ends by itself, by a stop, or ten
minutes after its last watcher left, and what came of it is kept in its conversation in every case. The buffer stays
for a minute after the end, for those who come back late.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import Struct

from interlingua.engine.answer import Answer as Finished
from interlingua.engine.conversation import conversation_key
from interlingua.engine.principal import Principal
from interlingua.engine.record import attempt_rows
from interlingua.engine.route import Route
from interlingua.errors import Cancelled, InterlinguaError, NotFound, Overloaded, RateLimited, StreamInterrupted
from interlingua.gateway.call import Call
from interlingua.gateway.chats import shown_answer, shown_loss, shown_message, shown_usage
from interlingua.gateway.ids import request_id
from interlingua.gateway.incoming import Incoming
from interlingua.gateway.native_chat import let_in, settle
from interlingua.gateway.outgoing import problem, told
from interlingua.gateway.state import State
from interlingua.ports.lens import Peek
from interlingua.ports.store import Answer, StoredMessage
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Failed, MessageStart, UsageUpdate
from interlingua.types.messages import Message
from interlingua.types.parts import ReasoningPart, TextPart
from interlingua.types.request import ChatRequest

UNWATCHED_SECONDS = 600.0
KEPT_SECONDS = 60.0
MOST_RUNS = 32
"""Of one tenant at once."""
MOST_BYTES = 32 * 1024 * 1024
"""Of one run's buffer."""

log = logging.getLogger("interlingua.runs")


class Asking(Struct, frozen=True, kw_only=True):
    """What a run is to answer.

    Args:
        principal: who asks.
        request: what.
        conversation, parent: where the answer is kept: behind that message; None keeps it nowhere.
    """

    principal: Principal
    request: ChatRequest
    conversation: str | None = None
    parent: str | None = None


class Run:
    """One answer being produced.

    Args:
        state: the gateway.
        asking: what is to be answered.
    """

    def __init__(self, state: State, asking: Asking) -> None:
        self.id = f"run_{secrets.token_hex(12)}"
        self.request_id = request_id()
        self.asking = asking
        self.ended = False
        self._state = state
        self._events: list[bytes] = []
        self._held = 0
        self._more = asyncio.Event()
        self._watchers = 0
        self._stopped = False
        self._leaving: asyncio.TimerHandle | None = None
        self._accumulator = Accumulator()
        self._first: float | None = None
        self.task = asyncio.get_running_loop().create_task(self._run(), name=self.id)
        self._count_down()

    def shown(self) -> dict[str, Any]:
        """The run as a list shows it."""
        return {
            "id": self.id,
            "conversation": self.asking.conversation,
            "message": None,
            "model": self.asking.request.model,
        }

    def stop(self) -> None:
        """Ends it; what came so far is kept."""
        if not self.ended:
            self._stopped = True
            self.task.cancel()

    async def watch(self, after: int) -> AsyncGenerator[bytes | None]:
        """Events as they come, from the one behind `after` on; None is a moment of silence in which to say so.

        Args:
            after: the number of the last event that was seen; 0 for none.
        """
        self._watchers += 1
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        at = max(0, min(after, len(self._events)))
        try:
            while True:
                if at < len(self._events):
                    piece = b"".join(self._events[at:])
                    at = len(self._events)
                    yield piece
                elif self.ended:
                    return
                else:
                    more = self._more
                    try:
                        async with asyncio.timeout(self._state.config.server.heartbeat):
                            await more.wait()
                    except TimeoutError:
                        yield None
        finally:
            self._watchers -= 1
            self._count_down()

    def _count_down(self) -> None:
        """Nobody watches: it has ten minutes."""
        if not self._watchers and not self.ended:
            self._leaving = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, self.stop)

    def _tell(self, name: str, value: Any) -> None:
        if self._held > MOST_BYTES and name == "event":
            return  # the end is told in every case, with the whole answer
        number = len(self._events) + 1
        event = b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), msgspec.json.encode(value))
        self._events.append(event)
        self._held += len(event)
        more, self._more = self._more, asyncio.Event()
        more.set()

    async def _run(self) -> None:
        state, asking = self._state, self.asking
        request = asking.request
        self._tell("run_start", {**self.shown(), "request_id": self.request_id})
        call = Call(state, _nobody(self.request_id), asking.principal, "")
        finished: Finished | None = None
        error: InterlinguaError | None = None
        try:
            async with call:
                call.peek = Peek(model=request.model, stream=True)
                call.conversation = asking.conversation or conversation_key(request, asking.principal.tenant, "")
                finished = await self._answered(call, request, await let_in(call, request, 0))
                await call.record()
        except InterlinguaError as failure:
            error = failure
        except asyncio.CancelledError:
            error = Cancelled("stopped") if self._stopped else Overloaded("this gateway was stopped")
        finally:
            await self._finish(call, finished, error)

    async def _answered(self, call: Call, request: ChatRequest, route: Route) -> Finished | None:
        finished: Finished | None = None
        async with aclosing(self._state.engine.stream(request, route, call.outcome.attempts)) as items:
            async for item in items:
                if isinstance(item, Finished):
                    finished = item
                    continue
                if self._first is None and not isinstance(item, MessageStart | UsageUpdate):
                    self._first = call.first = self._state.engine.clock.time()
                self._accumulator.add(item)
                if not isinstance(item, Failed):
                    self._tell("event", item)
        if finished is not None:
            settle(call, finished)
            for loss in finished.losses:
                self._tell("loss", shown_loss(loss))
        return finished

    async def _finish(self, call: Call, finished: Finished | None, error: InterlinguaError | None) -> None:
        """Keeps what came and tells the end; nothing may be lost by a second cancellation."""
        keeping = asyncio.ensure_future(self._keep(call, finished, error))
        try:
            shown = await asyncio.shield(keeping)
        except asyncio.CancelledError:
            shown = await keeping
        except InterlinguaError as failure:
            log.error("the answer of %s could not be kept: %s", self.request_id, failure.message)
            error, shown = error or failure, None
        if error is not None and not self._stopped:
            self._tell("error", {"error": problem(told(error), self.request_id)})
        self._tell("run_end", {"message": shown})
        self.ended = True
        self._more.set()
        if self._leaving is not None:
            self._leaving.cancel()

    async def _keep(
        self, call: Call, finished: Finished | None, error: InterlinguaError | None
    ) -> dict[str, Any] | None:
        asking = self.asking
        answer = self._answer(call, error)
        self._tell("cost", {"cost": shown_answer(answer)["cost"], "usage": shown_usage(answer.usage)})
        if finished is not None and finished.response.choices:
            message = finished.response.message
        else:
            message = partial_message(self._accumulator)
        if asking.conversation is None:
            return shown_message(StoredMessage(id=self.id, parent=None, message=message, created=0, answer=answer))
        kept = await self._state.conversations.append(
            asking.principal.tenant, asking.conversation, asking.parent, message, answer
        )
        return shown_message(kept)

    def _answer(self, call: Call, error: InterlinguaError | None) -> Answer:
        outcome, now = call.outcome, self._state.engine.clock.time()
        rows = attempt_rows(outcome, call.started, self._first)
        provider, _, model = (outcome.target.name if outcome.target else self.asking.request.model).partition("/")
        usage = outcome.usage
        if usage is None and isinstance(error, StreamInterrupted):
            usage = error.usage
        return Answer(
            request_id=self.request_id,
            provider=provider,
            model=model,
            usage=usage or self._accumulator.usage,
            cost=None if outcome.cost is None else outcome.cost.pico,
            attempts=rows,
            started=int(call.started * 1e6),
            duration=int((now - call.started) * 1e6),
            first=None if self._first is None else int((self._first - call.started) * 1e6),
            finish=outcome.finish.kind if outcome.finish is not None else None,
            error=error.code if error is not None else None,
            error_message=error.message if error is not None else "",
            losses=tuple(outcome.losses),
        )


class Runs:
    """The runs of this process, by tenant.

    Args:
        state: the gateway.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._runs: dict[tuple[str, str], Run] = {}

    def start(self, asking: Asking) -> Run:
        """Begins one.

        Raises:
            RateLimited: the tenant has too many.
        """
        tenant = asking.principal.tenant
        running = sum(1 for run in self.of(tenant))
        if running >= MOST_RUNS:
            raise RateLimited(
                f"{running} answers are being written already",
                retry_after=5.0,
                scope="gateway:key/runs",
                remedy="Wait until one of them ends, or stop one.",
            )
        run = Run(self._state, asking)
        self._runs[tenant, run.id] = run
        run.task.add_done_callback(lambda _: self._later(tenant, run.id))
        return run

    def find(self, tenant: str, id: str) -> Run:
        """One, running or just ended.

        Raises:
            NotFound: no such run, or another tenant's.
        """
        found = self._runs.get((tenant, id))
        if found is None:
            raise NotFound(f"there is no run {id!r}", what="run", remedy="It ended a while ago: open its chat.")
        return found

    def of(self, tenant: str, conversation: str | None = None) -> Iterator[Run]:
        """Those that still run."""
        for (owner, _), run in list(self._runs.items()):
            if owner == tenant and not run.ended and conversation in (None, run.asking.conversation):
                yield run

    async def stop_of(self, tenant: str, conversation: str) -> None:
        """Stops those of a conversation and waits until they are kept."""
        running = list(self.of(tenant, conversation))
        for run in running:
            run.stop()
        if running:
            await asyncio.wait([run.task for run in running])

    async def aclose(self) -> None:
        """Breaks off all that still run; what came of them is kept."""
        tasks = [run.task for run in self._runs.values() if not run.ended]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _later(self, tenant: str, id: str) -> None:
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._runs.pop, (tenant, id), None)


def partial_message(accumulator: Accumulator) -> Message:
    """What may be kept of an answer that broke off: text, and thinking that was finished with its signature."""
    response = accumulator.response()
    if not response.choices:
        return Message(role="assistant")
    parts = tuple(
        part
        for part in response.message.parts
        if (isinstance(part, TextPart) and part.text.strip()) or (isinstance(part, ReasoningPart) and part.opaque)
    )
    return Message(role="assistant", parts=parts, origin=response.message.origin)


def _nobody(request_id: str) -> Incoming:
    """A request without a client: nobody can leave."""

    async def receive() -> dict[str, Any]:
        await asyncio.get_running_loop().create_future()
        return {}

    scope = {"type": "http", "method": "POST", "path": "/api/runs", "query_string": b"", "headers": []}
    return Incoming(scope, receive, request_id)

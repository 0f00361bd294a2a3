"""One run: an answer that survives its reader (contracts §10).

It is a task of this process that tells its events to its log; watchers read the log, so a refresh, a second tab and a
lost connection see the same answer. It ends by itself, by a stop, or ten minutes after its last watcher left, and what
came of it is kept in its conversation in every case.

A model that calls tools is asked again with their results, so a run may be several calls: each is admitted, limited
and written down for itself, and each leaves a message of its own. Every message but the last is told as `message`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interlingua.engine.answer import Answer as Finished
from interlingua.engine.conversation import conversation_key
from interlingua.engine.principal import Principal
from interlingua.engine.record import attempt_rows
from interlingua.engine.route import Route
from interlingua.errors import Cancelled, InterlinguaError, NotFound, Overloaded, StreamInterrupted
from interlingua.gateway.call import Call
from interlingua.gateway.chat_settings import ChatSettings, kept_settings
from interlingua.gateway.chats import shown_answer, shown_loss, shown_message, shown_usage
from interlingua.gateway.ids import request_id
from interlingua.gateway.incoming import nobody
from interlingua.gateway.native_chat import let_in, settle
from interlingua.gateway.outgoing import problem, told
from interlingua.gateway.run_log import RunLog
from interlingua.gateway.run_tools import Decision, Remembered, RunToolbox
from interlingua.gateway.state import State
from interlingua.ports.lens import Peek
from interlingua.ports.store import Answer, StoredMessage
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Failed, MessageStart, UsageUpdate
from interlingua.types.loss import Loss
from interlingua.types.messages import Message
from interlingua.types.parts import TextPart, ToolCallPart, ToolCallResponsePart
from interlingua.types.request import ChatRequest
from interlingua.types.tools import ToolChoice

UNWATCHED_SECONDS = 600.0
_INTERRUPTED = "Interrupted: the answer was stopped before this call was over."

log = logging.getLogger("interlingua.runs")


class Asking(Struct, frozen=True, kw_only=True):
    """What a run is to answer.

    Args:
        principal: who asks.
        request: what.
        conversation, parent: where the answer is kept: behind that message; None keeps it nowhere.
        settings: of the chat; the names of the tools that it lets models call are among them.
    """

    principal: Principal
    request: ChatRequest
    conversation: str | None = None
    parent: str | None = None
    settings: ChatSettings = ChatSettings()


@dataclass(slots=True)
class _Step:
    """One call of the model within a run.

    Args:
        call: its admission and record.
        id: by which it is found in the ledger.
        accumulator: what came of it.
        first: when its first content came, in seconds since 1970.
        finished: its whole answer.
    """

    call: Call
    id: str
    accumulator: Accumulator = field(default_factory=Accumulator)
    first: float | None = None
    finished: Finished | None = None


class Run:
    """One answer being produced.

    Args:
        state: the gateway.
        asking: what is to be answered.
    """

    def __init__(self, state: State, asking: Asking) -> None:
        self.id = f"run_{secrets.token_hex(12)}"
        self.asking = asking
        self.log = RunLog()
        self.disowned = False
        self._state = state
        self._watchers = 0
        self._stopped = False
        self._leaving: asyncio.TimerHandle | None = None
        self._parent = asking.parent
        self._box: RunToolbox | None = None
        self._calls: list[ToolCallPart] = []
        self._losses: list[Loss] = []
        self._step = self._next_step(request_id())
        self.request_id = self._step.id

    def begin(self) -> None:
        """Begins to answer."""
        self.task = asyncio.get_running_loop().create_task(self._run(), name=self.id)
        self._count_down()

    @property
    def ended(self) -> bool:
        """Whether all is told."""
        return self.log.ended

    def shown(self) -> dict[str, Any]:
        """The run as a list shows it."""
        asking = self.asking
        return {
            "id": self.id,
            "conversation": asking.conversation,
            "parent": asking.parent,
            "message": None,
            "model": asking.request.model,
        }

    async def stop(self) -> None:
        """Ends it; what came so far is kept."""
        self.stop_now()

    def stop_now(self) -> None:
        """The same at once."""
        if not self.ended:
            self._stopped = True
            self.task.cancel()

    def disown(self) -> None:
        """Ends it without a word: others have taken it for dead, and kept what there was."""
        self.disowned = True
        self.task.cancel()

    @property
    def waiting(self) -> frozenset[str]:
        """The tool calls that wait for approval, by id."""
        return self._box.waiting if self._box is not None else frozenset()

    async def decide(self, call: str, decision: Decision) -> None:
        """Answers a tool call that waits.

        Raises:
            NotFound: it does not wait.
        """
        if self._box is None:
            raise NotFound(f"no tool call {call[:80]!r} waits for approval", what="tool call")
        self._box.decide(call, decision)

    async def watch(self, after: int) -> AsyncGenerator[bytes | None]:
        """Events as they come, from the one behind `after` on; None is a moment of silence in which to say so.

        Args:
            after: the number of the last event that was seen; 0 for none.
        """
        self._watchers += 1
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        try:
            async with aclosing(self.log.watch(after, self._state.config.server.heartbeat)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._watchers -= 1
            self._count_down()

    def watched_elsewhere(self) -> None:
        """Somebody watches it through another process."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._count_down()

    def _count_down(self) -> None:
        """Nobody watches: it has ten minutes."""
        if not self._watchers and not self.ended:
            self._leaving = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, self.stop_now)

    async def _run(self) -> None:
        self.log.tell("run_start", {**self.shown(), "request_id": self._step.id})
        error: InterlinguaError | None = None
        try:
            async with AsyncExitStack() as stack:
                await self._open_tools(stack)
                await self._answer_all()
        except InterlinguaError as failure:
            error = failure
        except asyncio.CancelledError:
            error = Cancelled("stopped") if self._stopped else Overloaded("this gateway was stopped")
        finally:
            await self._finish(error)

    async def _open_tools(self, stack: AsyncExitStack) -> None:
        """The tools that the chat chose and the gateway allows; the others are told of as left out."""
        names = tuple(dict.fromkeys(self.asking.settings.tools))
        if not names:
            return
        state, asking = self._state, self.asking
        offered = await stack.enter_async_context(state.tools.open(asking.principal))
        self._losses = [
            Loss(field=f"tools.{name[:64]}", dialect="", reason="is not allowed in this gateway", action="drop")
            for name in names
            if name not in offered
        ]
        chosen = {name: offered[name] for name in names if name in offered}
        if chosen:
            remembered = Remembered(state.memory, asking.principal.tenant, asking.conversation)
            settings = state.config.gateway.tools
            self._box = RunToolbox(chosen, settings, self.log.tell, remembered, state.tools.secrets)

    async def _answer_all(self) -> None:
        """Asks the model, and again with what its tools gave, until it calls none."""
        box, most = self._box, self._state.config.gateway.tools.max_steps
        request = self.asking.request
        if box is not None:
            request = replace(request, tools=(*request.tools, *box.definitions()))
        for number in range(1, most + 1):
            if box is not None and number == most:
                request = replace(request, tool_choice=ToolChoice("none"))
            await self._answer_once(request)
            finished = self._step.finished
            if box is None or number == most or finished is None or not finished.response.choices:
                return
            said = finished.response.message
            calls = [part for part in said.parts if isinstance(part, ToolCallPart)]
            if not calls:
                return
            await _whole(self._take(said, calls))
            results = await self._call_tools(box)
            self._step = self._next_step(request_id())
            request = replace(request, messages=(*request.messages, said, results))

    async def _take(self, said: Message, calls: list[ToolCallPart]) -> None:
        """Keeps what the model said, and takes its calls as those that are to be answered."""
        answer = self._answer(None)
        self._tell_cost(answer)
        await self._keep(said, answer)
        self._calls = calls
        self._step = self._next_step(self._step.id)  # a stop from here on is no word of that call

    async def _call_tools(self, box: RunToolbox) -> Message:
        task = asyncio.current_task()
        assert task is not None
        # A gateway that is told to end waits for tools as for answers, though not for people.
        box.on_work = lambda: self._state.running.add(task)
        try:
            runs = await box.run_all(self._calls)
        finally:
            self._state.running.discard(task)
            if box.lost:
                self._state.tools.lost()
        results = Message(role="tool", parts=tuple(run.response for run in runs))
        await _whole(self._give(results))
        return results

    async def _give(self, results: Message) -> None:
        """Keeps what the tools answered."""
        await self._keep(results)
        self._calls = []

    def _next_step(self, id: str) -> _Step:
        return _Step(Call(self._state, nobody("/api/runs", id), self.asking.principal, ""), id)

    async def _answer_once(self, request: ChatRequest) -> None:
        step, asking = self._step, self.asking
        async with step.call as call:
            call.peek = Peek(model=request.model, stream=True)
            call.conversation = asking.conversation or conversation_key(request, asking.principal.tenant, "")
            step.finished = await self._streamed(step, request, await let_in(call, request, 0))
            await call.record()

    async def _streamed(self, step: _Step, request: ChatRequest, route: Route) -> Finished | None:
        finished: Finished | None = None
        async with aclosing(self._state.engine.stream(request, route, step.call.outcome.attempts)) as items:
            async for item in items:
                if isinstance(item, Finished):
                    finished = item
                    continue
                if step.first is None and not isinstance(item, MessageStart | UsageUpdate):
                    step.first = step.call.first = self._state.engine.clock.time()
                step.accumulator.add(item)
                if not isinstance(item, Failed):
                    self.log.tell("event", item)
        if finished is not None:
            settle(step.call, finished)
            step.call.outcome.losses = (*self._losses, *finished.losses)
            self._losses = []
            for loss in step.call.outcome.losses:
                self.log.tell("loss", shown_loss(loss))
        return finished

    async def _finish(self, error: InterlinguaError | None) -> None:
        """Keeps what came and tells the end; nothing may be lost by a second cancellation."""
        keeping = asyncio.ensure_future(self._keep_last(error))
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({keeping})
            shown = await keeping
        except InterlinguaError as failure:
            log.error("the answer of %s could not be kept: %s", self._step.id, failure.message)
            error, shown = error or failure, None
        if error is not None and not self._stopped:
            self.log.tell("error", {"error": problem(told(error), self._step.id)})
        self.log.tell("run_end", {"message": shown})
        self.log.end()
        if self._leaving is not None:
            self._leaving.cancel()

    async def _keep_last(self, error: InterlinguaError | None) -> dict[str, Any] | None:
        if self.disowned:
            return None
        if self._calls and self._box is not None:
            done = self._box.finished
            results = (done[call.id].response if call.id in done else _interrupted(call) for call in self._calls)
            await self._give(Message(role="tool", parts=tuple(results)))
        answer, finished = self._answer(error), self._step.finished
        self._tell_cost(answer)
        whole = finished is not None and bool(finished.response.choices)
        message = finished.response.message if finished and whole else self._step.accumulator.partial()
        return shown_message(await self._stored(message, answer))

    async def _keep(self, message: Message, answer: Answer | None = None) -> None:
        """Keeps a message that is not the last, and tells of it."""
        kept = await self._stored(message, answer)
        self.log.tell("message", {"message": shown_message(kept)})

    async def _stored(self, message: Message, answer: Answer | None) -> StoredMessage:
        asking = self.asking
        if asking.conversation is None:
            return StoredMessage(id=self.id, parent=None, message=message, created=0, answer=answer)
        store, tenant = self._state.conversations, asking.principal.tenant
        kept = await store.append(tenant, asking.conversation, self._parent, message, answer)
        self._parent = kept.id
        return kept

    def _tell_cost(self, answer: Answer) -> None:
        self.log.tell("cost", {"cost": shown_answer(answer)["cost"], "usage": shown_usage(answer.usage)})

    def _answer(self, error: InterlinguaError | None) -> Answer:
        step, now = self._step, self._state.engine.clock.time()
        call, outcome = step.call, step.call.outcome
        provider, _, model = (outcome.target.name if outcome.target else self.asking.request.model).partition("/")
        usage = outcome.usage
        if usage is None and isinstance(error, StreamInterrupted):
            usage = error.usage
        return Answer(
            request_id=step.id,
            provider=provider,
            model=model,
            usage=usage or step.accumulator.usage,
            cost=None if outcome.cost is None else outcome.cost.pico,
            attempts=attempt_rows(outcome, call.started, step.first),
            started=int(call.started * 1e6),
            duration=int((now - call.started) * 1e6),
            first=None if step.first is None else int((step.first - call.started) * 1e6),
            finish=outcome.finish.kind if outcome.finish is not None else None,
            error=error.code if error is not None else None,
            error_message=error.message if error is not None else "",
            losses=tuple(outcome.losses),
            settings=kept_settings(self.asking.settings),
        )


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Does work to its end; whoever cancels it waits until then."""
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        raise


def _interrupted(call: ToolCallPart) -> ToolCallResponsePart:
    return ToolCallResponsePart(id=call.id, name=call.name, response=(TextPart(text=_INTERRUPTED),), is_error=True)

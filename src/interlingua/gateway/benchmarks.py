"""Benchmarks on the pages: those of `il bench` and those that are started here, as they run and when they are over.

One that is started here makes its calls as anybody's are made, through limits, budgets and ledger, under the key that
`il bench` has. How far it is stands in the store, so that every worker can show and stop it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from typing import Annotated, Any

from msgspec import Meta, Struct

from interlingua.bench.kept import Outcome, Plan, benchmark, new_id
from interlingua.bench.measure import KEY, Sample, measured
from interlingua.client.timing import Stopwatch
from interlingua.engine.answer import Answer
from interlingua.engine.principal import LOCAL_TENANT, Principal
from interlingua.errors import Conflict, InterlinguaError, InvalidRequest, NotFound
from interlingua.gateway.asked import Asked, json_answer, nothing, time_of
from interlingua.gateway.call import Call
from interlingua.gateway.ids import request_id
from interlingua.gateway.incoming import nobody
from interlingua.gateway.native_chat import let_in, settle
from interlingua.gateway.state import State
from interlingua.ports.benchmarks import Benchmark
from interlingua.ports.dialect import WireResponse
from interlingua.ports.lens import Peek
from interlingua.types.events import MessageStart, UsageUpdate
from interlingua.types.messages import user
from interlingua.types.request import ChatRequest

MOST_CALLS = 300
LOOK_SECONDS = 1.0
"""Between two notes of how far it is."""
LOST_SECONDS = 30
"""After so long without a note the process that measured is gone."""
Prompt = Annotated[str, Meta(min_length=1, max_length=8000)]
_PRINCIPAL = Principal(tenant=LOCAL_TENANT, key=KEY, admin=True)

log = logging.getLogger("interlingua.benchmarks")


class New(Struct, forbid_unknown_fields=True):
    """What to measure: each model gets each prompt so many times."""

    models: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=300)], ...], Meta(min_length=1, max_length=8)]
    prompts: Annotated[tuple[Prompt, ...], Meta(min_length=1, max_length=20)]
    runs: Annotated[int, Meta(ge=1, le=50)] = 3
    at_once: Annotated[int, Meta(ge=1, le=16)] = 1
    max_output_tokens: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class Measurements:
    """The benchmarks that this process runs: one at a time, so that none slows another.

    Args:
        state: the gateway.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._task: asyncio.Task[None] | None = None

    async def start(self, given: New) -> Benchmark:
        """Begins one, and notes that it did.

        Raises:
            Conflict: one runs.
        """
        if self._task is not None and not self._task.done():
            raise Conflict("a benchmark is running", remedy="Wait until it is over, or stop it.")
        plan = Plan(
            models=tuple(dict.fromkeys(given.models)),
            prompts=len(given.prompts),
            runs=given.runs,
            at_once=given.at_once,
            max_output_tokens=given.max_output_tokens,
            by="gateway",
        )
        if plan.calls > MOST_CALLS:
            raise InvalidRequest(
                f"these are {plan.calls} calls, and at most {MOST_CALLS} are made from here",
                path="runs",
                remedy="Take fewer prompts or runs, or use `il bench`.",
            )
        for model in plan.models:
            self._state.engine.route(model)
        now = time.time_ns() // 1000
        found = benchmark(new_id(), plan, (), now, now, "running")
        self._task = asyncio.get_running_loop().create_task(self._run(found, plan, given), name=found.id)
        await self._note(found, plan, [], "running")
        return found

    async def aclose(self) -> None:
        """Breaks off what runs; what was measured until then is kept."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, begun: Benchmark, plan: Plan, given: New) -> None:
        samples: list[Sample] = []
        state: Outcome = "stopped"
        error: str | None = None
        work = asyncio.ensure_future(self._measured(plan, given, samples))
        try:
            while not work.done():
                if await self._note(begun, plan, samples, "running") == "stopping":
                    work.cancel()
                await asyncio.wait({work}, timeout=LOOK_SECONDS)
            if not work.cancelled():
                work.result()
                state = "done"
        except InterlinguaError as failure:
            state, error = "failed", failure.message
        finally:
            work.cancel()
            await asyncio.wait({work})
            last = asyncio.ensure_future(self._note(begun, plan, samples, state, error))
            await asyncio.shield(last)

    async def _measured(self, plan: Plan, given: New, samples: list[Sample]) -> None:
        async def ask(model: str, prompt: str) -> Sample:
            return await _asked(self._state, model, prompt, plan.max_output_tokens)

        await measured(
            self._state.engine,
            ask,
            plan.models,
            given.prompts,
            runs=plan.runs,
            at_once=plan.at_once,
            on_sample=samples.append,
        )

    async def _note(
        self, begun: Benchmark, plan: Plan, samples: list[Sample], state: Outcome, error: str | None = None
    ) -> str:
        now = time.time_ns() // 1000
        found = benchmark(begun.id, plan, samples, begun.started, now, state, error)
        try:
            return await self._state.benchmarks.put(LOCAL_TENANT, found)
        except InterlinguaError as failure:
            log.warning("how far a benchmark is cannot be noted: %s", failure.message)
            return state


async def _asked(state: State, model: str, prompt: str, most: int | None) -> Sample:
    """One call, measured."""
    request = ChatRequest(model=model, messages=(user(prompt),), max_output_tokens=most, stream=True)
    call = Call(state, nobody("/api/benchmarks", request_id()), _PRINCIPAL, "")
    started, stopwatch = time.time_ns() // 1000, Stopwatch(time.monotonic)
    finished: Answer | None = None
    error: InterlinguaError | None = None
    try:
        async with call:
            call.peek = Peek(model=model, stream=True)
            route = await let_in(call, request, 0)
            async with aclosing(state.engine.stream(request, route, call.outcome.attempts)) as items:
                async for item in items:
                    if isinstance(item, Answer):
                        finished = item
                        settle(call, item)
                    elif not isinstance(item, MessageStart | UsageUpdate):
                        call.first = call.first or state.engine.clock.time()
                        stopwatch.mark()
            await call.record()
    except InterlinguaError as failure:
        error = failure
    usage = None if finished is None else finished.response.usage
    timing = stopwatch.timing(None if usage is None else usage.output_tokens)
    target = call.outcome.target
    return Sample(
        model=model,
        target=model if target is None else target.name,
        prompt=0,
        run=0,
        started=started,
        total=timing.total,
        first=timing.first_token,
        speed=timing.tokens_per_second,
        usage=usage,
        cost=None if finished is None or finished.cost is None else finished.cost.pico,
        error=None if error is None else error.code,
        message="" if error is None else error.message,
    )


async def listed(asked: Asked) -> WireResponse:
    """The tenant's benchmarks, newest first."""
    found = await asked.state.benchmarks.list(asked.tenant, asked.limit(20))
    return json_answer({"items": [_shown(one) for one in found], "next": None})


async def opened(asked: Asked) -> WireResponse:
    """One."""
    return json_answer(_shown(await _known(asked)))


async def started(asked: Asked) -> WireResponse:
    """Begins one."""
    given = await asked.body(New)
    return json_answer(_shown(await asked.state.measurements.start(given)), status=201)


async def stopped(asked: Asked) -> WireResponse:
    """Ends one; what was measured until then is kept."""
    await asked.state.benchmarks.stop(asked.tenant, (await _known(asked)).id)
    return nothing()


async def deleted(asked: Asked) -> WireResponse:
    """Takes one that is over away; its calls stay in the ledger."""
    known = await _known(asked)
    if _state(known) in ("running", "stopping"):
        raise Conflict("this benchmark is running", remedy="Stop it first.")
    await asked.state.benchmarks.delete(asked.tenant, known.id)
    return nothing()


async def _known(asked: Asked) -> Benchmark:
    found = await asked.state.benchmarks.read(asked.tenant, asked.values[0])
    if found is None:
        raise NotFound(f"there is no benchmark {asked.values[0]!r}", what="benchmark")
    return found


def _state(one: Benchmark) -> str:
    """How it stands; one whose process is gone has been broken off."""
    silent = time.time_ns() // 1000 - int(one.value.get("seen") or 0)
    if one.state in ("running", "stopping") and silent > LOST_SECONDS * 1_000_000:
        return "lost"
    return one.state


def _shown(one: Benchmark) -> dict[str, Any]:
    seen = one.value.get("seen")
    return {
        **one.value,
        "id": one.id,
        "started": time_of(one.started),
        "seen": time_of(seen) if isinstance(seen, int) else None,
        "state": _state(one),
    }

"""The same prompts to several models, several times: how fast each is, how often it fails, what it costs.

What one call measures is what every call measures (`client/timing.py`). Hosts are measured side by side, since none
slows another; models of this machine one after another, since they share its cores. Figures are nearest-rank
percentiles of the calls that were answered; what is unknown is None, never 0.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from interlingua.client.client import AsyncClient
from interlingua.client.settings import Settings
from interlingua.engine.answer import AttemptRecord
from interlingua.engine.engine import Engine
from interlingua.engine.principal import LOCAL_TENANT
from interlingua.errors import InterlinguaError
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.types.usage import Usage

KEY = "il bench"
"""What its calls are called in usage and on the page of performance."""


class Sample(Struct, frozen=True, kw_only=True):
    """One call.

    Args:
        model: as it was named.
        target: who answered, as `provider/model`.
        prompt: the number of the prompt, from 0.
        run: the number of the run, from 0.
        started: microseconds since 1970.
        total: seconds.
        first: seconds until the first content.
        speed: output tokens per second.
        usage: what it consumed.
        cost: pico-dollars.
        error: the code of the error that ended it.
        message: what that error says.
        attempts: all tries.
    """

    model: str
    target: str
    prompt: int
    run: int
    started: int
    total: float
    first: float | None = None
    speed: float | None = None
    usage: Usage | None = None
    cost: int | None = None
    error: str | None = None
    message: str = ""
    attempts: tuple[AttemptRecord, ...] = ()


Ask: TypeAlias = Callable[[str, str], Awaitable[Sample]]
"""Asks a model a prompt."""


class Figures(Struct, frozen=True, kw_only=True):
    """What came of one model's calls.

    Args:
        model: as it was named.
        calls, failed: how many.
        first_p50, first_p95: seconds until the first content.
        total_p50, total_p95, total_p99: seconds until the end.
        speed_p50: output tokens per second of one answer.
        throughput: output tokens of all answers per second of the whole time.
        input_tokens, output_tokens: of all answers; None where one is unknown.
        cost: pico-dollars of all calls; None where one is unknown.
        errors: how often each error came, by its code.
    """

    model: str
    calls: int
    failed: int
    first_p50: float | None = None
    first_p95: float | None = None
    total_p50: float | None = None
    total_p95: float | None = None
    total_p99: float | None = None
    speed_p50: float | None = None
    throughput: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: int | None = None
    errors: dict[str, int] = {}


async def measure(
    client: AsyncClient,
    models: Sequence[str],
    prompts: Sequence[str],
    *,
    runs: int = 1,
    at_once: int = 1,
    settings: Settings | None = None,
    on_sample: Callable[[Sample], None] | None = None,
) -> list[Sample]:
    """Asks each model each prompt so many times; the calls in the order of their ends.

    Args:
        client: what asks.
        models: who is asked.
        prompts: what is asked.
        runs: how often each.
        at_once: calls of one model at the same time.
        settings: for every call.
        on_sample: is told of each call as it ends.

    Raises:
        ModelNotFound: there is no such model; nothing was asked then.
    """

    async def ask(model: str, prompt: str) -> Sample:
        return await _one(client, model, prompt, settings or {})

    return await measured(client.engine, ask, models, prompts, runs=runs, at_once=at_once, on_sample=on_sample)


async def measured(
    engine: Engine,
    ask: Ask,
    models: Sequence[str],
    prompts: Sequence[str],
    *,
    runs: int = 1,
    at_once: int = 1,
    on_sample: Callable[[Sample], None] | None = None,
) -> list[Sample]:
    """The same, however a call is made.

    Args:
        engine: knows where models are.
        ask: makes one call; prompt and run of its sample are set here.
        models, prompts, runs, at_once, on_sample: as for `measure`.

    Raises:
        ModelNotFound: there is no such model; nothing was asked then.
    """
    found: list[Sample] = []

    def take(sample: Sample) -> None:
        found.append(sample)
        if on_sample is not None:
            on_sample(sample)

    async def lane(model: str) -> None:
        waiting = deque((run, prompt) for run in range(runs) for prompt in range(len(prompts)))

        async def worker() -> None:
            while waiting:
                run, prompt = waiting.popleft()
                sample = await ask(model, prompts[prompt])
                take(replace(sample, run=run, prompt=prompt))

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())

    here = [model for model in models if engine.route(model)[0].provider.in_process]
    async with asyncio.TaskGroup() as group:
        for model in models:
            if model not in here:
                group.create_task(lane(model))
    for model in here:
        await lane(model)
    return found


async def _one(client: AsyncClient, model: str, prompt: str, settings: Settings) -> Sample:
    began, started = time.monotonic(), time.time_ns() // 1000
    target = client.engine.route(model)[0].name
    try:
        reply = await client.stream(prompt, model=model, **settings).read()
    except InterlinguaError as error:
        return Sample(
            model=model,
            target=f"{error.provider}/{error.model}" if error.provider and error.model else target,
            prompt=0,
            run=0,
            started=started,
            total=time.monotonic() - began,
            error=error.code,
            message=error.message,
        )
    return Sample(
        model=model,
        target=reply.model,
        prompt=0,
        run=0,
        started=started,
        total=reply.timing.total,
        first=reply.timing.first_token,
        speed=reply.timing.tokens_per_second,
        usage=reply.usage,
        cost=None if reply.cost is None else reply.cost.pico,
        attempts=reply.attempts,
    )


def figures(samples: Iterable[Sample]) -> list[Figures]:
    """What came of each model, in the order in which they were first measured."""
    by_model: dict[str, list[Sample]] = {}
    for sample in samples:
        by_model.setdefault(sample.model, []).append(sample)
    return [_figures(model, of) for model, of in by_model.items()]


def _figures(model: str, samples: Sequence[Sample]) -> Figures:
    answered = [one for one in samples if one.error is None]
    errors: dict[str, int] = {}
    for one in samples:
        if one.error is not None:
            errors[one.error] = errors.get(one.error, 0) + 1
    firsts = [one.first for one in answered if one.first is not None]
    totals = [one.total for one in answered]
    output = _sum([None if one.usage is None else one.usage.output_tokens for one in answered])
    begin = min(one.started for one in samples) / 1e6
    end = max(one.started / 1e6 + one.total for one in samples)
    return Figures(
        model=model,
        calls=len(samples),
        failed=len(samples) - len(answered),
        first_p50=percentile(firsts, 50),
        first_p95=percentile(firsts, 95),
        total_p50=percentile(totals, 50),
        total_p95=percentile(totals, 95),
        total_p99=percentile(totals, 99),
        speed_p50=percentile([one.speed for one in answered if one.speed is not None], 50),
        throughput=output / (end - begin) if output and end > begin else None,
        input_tokens=_sum([None if one.usage is None else one.usage.input_tokens for one in answered]),
        output_tokens=output,
        cost=_sum([one.cost for one in answered]),
        errors=errors,
    )


def percentile(values: Iterable[float], share: int) -> float | None:
    """The value at which that share of values lies, by the nearest rank; None of none.

    Args:
        values: figures.
        share: percent, 1 to 100.
    """
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else None


def _sum(values: Sequence[int | None]) -> int | None:
    """The sum; None of none, or where one is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None


def ledger_rows(samples: Iterable[Sample], tenant: str = LOCAL_TENANT) -> list[LedgerRow]:
    """The calls as the ledger keeps them, so that usage and performance tell of them like of any others.

    Args:
        samples: the calls.
        tenant: whose.
    """
    return [_row(sample, tenant) for sample in samples]


def _row(sample: Sample, tenant: str) -> LedgerRow:
    duration = round(sample.total * 1e6)
    last = AttemptRow(
        sample.target,
        sample.attempts[-1].dialect if sample.attempts else "",
        "translated",
        sample.started,
        duration,
        None if sample.first is None else round(sample.first * 1e6),
        sample.attempts[-1].status if sample.attempts else None,
        sample.error,
        None,
        None if sample.usage is None else replace(sample.usage, raw=None),
        sample.cost,
    )
    if sample.attempts:
        answered = sample.attempts[-1]
        last = replace(
            last,
            price_source=answered.price_source,
            price_since=answered.price_since,
            service_tier=answered.service_tier,
            cost=None if answered.cost is None else answered.cost.pico,
        )
    earlier = tuple(
        AttemptRow(
            one.target,
            one.dialect,
            one.lane,
            round(one.started * 1e6),
            round(one.seconds * 1e6),
            None,
            one.status,
            one.error,
            None,
            one.usage,
            None if one.cost is None else one.cost.pico,
        )
        for one in sample.attempts[:-1]
    )
    status = 200 if sample.error is None else 502
    return LedgerRow(
        f"bench-{secrets.token_hex(12)}",
        tenant,
        KEY,
        "",
        sample.started,
        duration,
        "",
        "chat",
        True,
        sample.model,
        status,
        sample.error,
        (),
        (*earlier, last),
    )

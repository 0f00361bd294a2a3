"""Measuring models: what is counted, what is kept, what one model's failure means for another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.bench.measure import KEY, Sample, figures, ledger_rows, measure, percentile
from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.engine.settings import RetrySettings
from interlingua.errors import ModelNotFound
from interlingua.ports.transport import HttpRequest
from interlingua.stores.opening import open_store
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.usage import Usage
from tests.cli.runs import openai_stream

LAB = {"base_url": "https://lab.example/v1", "dialect": "openai_chat"}
FAR = {"base_url": "https://far.example/v1", "dialect": "openai_chat"}
CONFIG = Config(providers={"lab": LAB, "far": FAR}, retry=RetrySettings(attempts=1))


def answers(request: HttpRequest) -> Script:
    """One host answers, the other is down."""
    return openai_stream("a", "b") if "lab" in request.url else Script.json({"error": {"message": "down"}}, status=503)


async def test_each_prompt_is_asked_of_each_model_so_many_times() -> None:
    """A model that fails takes nothing from another."""
    transport = ScriptedTransport(answers)
    client = AsyncClient(config=CONFIG, transport=transport)
    seen: list[Sample] = []
    found = await measure(client, ["lab/m", "far/m"], ["x", "y"], runs=3, at_once=2, on_sample=seen.append)
    assert found == seen
    assert sorted((one.model, one.prompt, one.run) for one in found) == [
        (model, prompt, run) for model in ("far/m", "lab/m") for prompt in (0, 1) for run in (0, 1, 2)
    ]
    by_model = {one.model: one for one in figures(found)}
    assert (by_model["lab/m"].calls, by_model["lab/m"].failed) == (6, 0)
    assert by_model["lab/m"].output_tokens == 30
    assert by_model["lab/m"].cost is None
    far = by_model["far/m"]
    assert (far.failed, far.errors, far.total_p50, far.output_tokens) == (6, {"overloaded": 6}, None, None)


async def test_a_model_that_is_not_there_is_said_before_anything_is_asked() -> None:
    """Half a measurement is money for nothing."""
    transport = ScriptedTransport(answers)
    with pytest.raises(ModelNotFound):
        await measure(AsyncClient(config=CONFIG, transport=transport), ["lab/m", "no-such-model"], ["x"])
    assert transport.requests == []


async def test_what_was_measured_is_in_the_ledger(tmp_path: Path) -> None:
    """Where usage and the page of performance find it, failures too."""
    client = AsyncClient(config=CONFIG, transport=ScriptedTransport(answers))
    samples = await measure(client, ["lab/m", "far/m"], ["x"])
    store = await open_store(tmp_path / "store.db")
    try:
        await store.write(ledger_rows(samples))
        rows = {row.attempts[-1].target: row for row in (await store.page("local")).rows}
    finally:
        await store.aclose()
    answered, failed = rows["lab/m"], rows["far/m"]
    assert (answered.key, answered.operation, answered.status, answered.error) == (KEY, "chat", 200, None)
    assert answered.attempts[-1].first is not None
    assert answered.attempts[-1].usage is not None
    assert answered.attempts[-1].usage.output_tokens == 5
    assert (failed.status, failed.error, failed.attempts[-1].first) == (502, "overloaded", None)


def test_figures_tell_what_is_known_and_no_more() -> None:
    """One unknown cost makes the sum unknown."""

    def sample(total: float, cost: int | None, tokens: int) -> Sample:
        usage = Usage(input_tokens=1, output_tokens=tokens)
        return Sample(
            model="m",
            target="p/m",
            prompt=0,
            run=0,
            started=10**6,
            total=total,
            first=total / 2,
            usage=usage,
            cost=cost,
        )

    (known,) = figures([sample(1.0, 5, 10), sample(2.0, 7, 10)])
    assert (known.cost, known.throughput, known.total_p50, known.total_p95) == (12, 10.0, 1.0, 2.0)
    (unknown,) = figures([sample(1.0, 5, 10), sample(2.0, None, 10)])
    assert unknown.cost is None
    assert figures([]) == []


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_one_of_the_values(values: list[float], share: int) -> None:
    """And at least that share lies at or below it."""
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= share * len(values)

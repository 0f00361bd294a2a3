"""Benchmarks on the pages: started, followed, stopped, and listed beside those of `il bench`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlingua.bench.kept import Plan, benchmark
from interlingua.bench.measure import KEY, Sample
from interlingua.config.schema import ServerSettings
from interlingua.gateway import benchmarks
from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.pages_client import KEYS, MODEL, Page, pages
from tests.gateway.upstreams import script

OTHER = "the-anthropic-messages/m-1"
SMALL = {"models": [MODEL, OTHER], "prompts": ["One?", "Two?"], "runs": 2, "max_output_tokens": 50}


def answers(request: HttpRequest) -> Script:
    """The one model answers, the other fails."""
    if "anthropic" in request.url:
        return Script(status=503, chunks=(b'{"error": {"type": "overloaded_error", "message": "no"}}',))
    return script("openai_chat")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """How far it is stands in the store at once."""
    monkeypatch.setattr(benchmarks, "LOOK_SECONDS", 0.01)


async def over(page: Page, id: str) -> Any:
    """The benchmark when it is over."""
    task = page.app.state.measurements._task
    assert task is not None
    await asyncio.wait({task})
    return await page.get(f"/api/benchmarks/{id}")


async def test_models_are_measured_through_ledger_and_limits_and_the_figures_are_listed(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(answers)) as page:
        begun = await page.post("/api/benchmarks", SMALL)
        assert (begun["state"], begun["calls"], begun["by"]) == ("running", 8, "gateway")
        found = await over(page, begun["id"])
        assert (found["state"], found["done"], found["prompts"], found["error"]) == ("done", 8, 2, None)
        well, badly = sorted(found["figures"], key=lambda one: one["failed"])
        assert (well["model"], well["calls"], well["failed"]) == (MODEL, 4, 0)
        assert well["first_p50"] is not None and well["total_p95"] is not None
        assert (badly["model"], badly["failed"], badly["errors"]) == (OTHER, 4, {"overloaded": 4})
        rows = (await page.get("/api/requests"))["items"]
        assert {row["key"] for row in rows} == {KEY} and len(rows) == 8
        assert (await page.get("/api/benchmarks"))["items"] == [found]
        assert (await page.ask("DELETE", f"/api/benchmarks/{begun['id']}")).status == 204
        assert (await page.get("/api/benchmarks"))["items"] == []
        assert "One?" not in msgspec.json.encode(found).decode(), "prompts are not kept"


async def test_one_runs_at_a_time_and_can_be_stopped(tmp_path: Path) -> None:
    """What was measured until then stays; while it runs it is not deleted."""
    stalled = msgspec.structs.replace(script("openai_chat"), stall_after=1)
    async with pages(tmp_path, ScriptedTransport(stalled)) as page:
        begun = await page.post("/api/benchmarks", {**SMALL, "models": [MODEL]})
        assert (await page.ask("POST", "/api/benchmarks", SMALL)).status == 409
        assert (await page.ask("DELETE", f"/api/benchmarks/{begun['id']}")).status == 409
        assert (await page.ask("POST", f"/api/benchmarks/{begun['id']}/stop")).status == 204
        found = await over(page, begun["id"])
        assert (found["state"], found["done"]) == ("stopped", 0)


async def test_one_whose_gateway_ends_is_stopped_and_one_whose_gateway_died_is_told_as_lost(tmp_path: Path) -> None:
    stalled = msgspec.structs.replace(script("openai_chat"), stall_after=1)
    async with pages(tmp_path, ScriptedTransport(stalled), server=ServerSettings(drain=0.01)) as page:
        ended = await page.post("/api/benchmarks", {**SMALL, "models": [MODEL]})
        died = benchmark("bench_died", Plan(models=("a/b",), prompts=1, runs=1), (), 1, 2, "running")
        await page.app.state.benchmarks.put("local", died)
    async with pages(tmp_path, ScriptedTransport([])) as page:
        states = {one["id"]: one["state"] for one in (await page.get("/api/benchmarks"))["items"]}
        assert states == {ended["id"]: "stopped", "bench_died": "lost"}
        assert (await page.ask("DELETE", "/api/benchmarks/bench_died")).status == 204


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"runs": 51}, 400),
        ({"models": []}, 400),
        ({"prompts": [""]}, 400),
        ({"prompts": ["x"] * 20, "runs": 20}, 400),
        ({"models": ["nobody/knows-this"]}, 404),
    ],
)
async def test_what_cannot_be_measured_is_refused_before_anything_is_asked(
    tmp_path: Path, wrong: dict[str, Any], status: int
) -> None:
    transport = ScriptedTransport([])
    async with pages(tmp_path, transport) as page:
        answer = await page.ask("POST", "/api/benchmarks", {**SMALL, **wrong})
        assert answer.status == status, answer.body
        assert transport.requests == []


async def test_only_the_administrator_starts_one_and_sees_those_of_il_bench(tmp_path: Path) -> None:
    sample = Sample(model="a/b", target="a/b", prompt=0, run=0, started=5, total=1.0, first=0.5, cost=7)
    plan = Plan(models=("a/b",), prompts=1, runs=1)
    async with pages(tmp_path, ScriptedTransport([]), keys=True) as page:
        await page.app.state.benchmarks.put("local", benchmark("bench_il", plan, [sample], 5, 6, "done"))
        (found,) = (await page.get("/api/benchmarks"))["items"]
        assert (found["by"], found["figures"][0]["cost"]) == ("il bench", "0.000000000007")
        alice = Page(page.app, KEYS["ALICE"])
        assert (await alice.get("/api/benchmarks"))["items"] == []
        assert (await alice.ask("GET", "/api/benchmarks/bench_il")).status == 404
        assert (await alice.ask("POST", "/api/benchmarks", SMALL)).status == 403

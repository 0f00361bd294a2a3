"""Runs of several processes: followed, approved and stopped through another than their own, and ended when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import GatewaySettings, GatewayToolSettings, ToolSettings
from interlingua.gateway.sharing import Worker
from interlingua.stores import shared_runs
from interlingua.stores.settings import SharedSettings
from interlingua.transport.keeper import KeeperAddress
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call
from tests.gateway.pages_client import KEYS, MODEL, Page, pages, signed_in
from tests.gateway.test_run_tools import calling, told
from tests.gateway.test_runs import SAID, names, stream, text_of
from tests.services import Redis, redis_at

TOOLS: dict[str, Any] = {
    "gateway": GatewaySettings(tools=GatewayToolSettings(allow=("calculate",))),
    "tools": ToolSettings(approval={"calculate": "ask"}),
}


@asynccontextmanager
async def two(
    folder: Path, redis: Redis, *scripts: Script, keys: bool = False, **more: Any
) -> AsyncIterator[tuple[Page, Page]]:
    """Two gateways of one store and one Redis, and a page of the same person at each."""
    shared = SharedSettings(url=redis.url, timeout=60)
    async with AsyncExitStack() as stack:
        found = [
            await stack.enter_async_context(
                pages(folder, ScriptedTransport([*scripts, *[stream()] * 3]), keys=keys, shared=shared, **more)
            )
            for _ in range(2)
        ]
        yield found[0], Page(found[1].app, found[0].token)


@pytest.fixture
def empty(redis: Redis) -> Redis:
    redis.run("FLUSHALL")
    return redis


async def told_of(page: Page, run: str, wanted: bytes, tenant: str = "local") -> None:
    """Waits until a page's own gateway has told of something in a run of whatever process."""
    watching = (await page.app.state.runs.reach(tenant, run)).watch(0)
    seen = b""
    async for piece in watching:
        seen += piece or b""
        if wanted in seen:
            break
    await watching.aclose()


async def test_a_run_is_followed_through_either_process_event_by_event(tmp_path: Path, empty: Redis) -> None:
    async with two(tmp_path, empty, stream().dripping(0.01)) as (here, there):
        run = await here.run(*await here.chat())
        assert [one["id"] for one in (await there.get("/api/runs"))["items"]] == [run]
        followed = await there.events(run)
        assert followed == await here.events(run)
        assert names(followed)[-1] == "run_end"
        assert await there.events(run, after=3) == followed[3:]
        assert await there.events(run, after=len(followed)) == []
        assert (await there.get("/api/runs"))["items"] == []


async def test_a_run_is_stopped_through_the_other_process(tmp_path: Path, empty: Redis) -> None:
    async with two(tmp_path, empty, stream().stalled(after=2)) as (here, there):
        run = await here.run(*await here.chat())
        await told_of(there, run, b"part_delta")
        assert (await there.ask("POST", f"/api/runs/{run}/stop", {})).status == 204
        final = (await there.events(run))[-1][2]["message"]
        assert final["answer"]["status"] == "stopped"
        assert text_of(final)


async def test_a_call_is_approved_through_the_other_process_once(tmp_path: Path, empty: Redis) -> None:
    ask = calling(("c1", "calculate", '{"expression": "6 * 7"}'))
    async with two(tmp_path, empty, ask, **TOOLS) as (here, there):
        chat, question = await here.chat(tools=["calculate"])
        body = {"conversation": chat, "parent": question, "model": MODEL, "settings": {"tools": ["calculate"]}}
        run = (await here.post("/api/runs", body))["id"]
        await told_of(there, run, b"event: approval")
        path = f"/api/runs/{run}/tools/c1/approve"
        assert (await there.ask("POST", path.replace("c1", "c2"), {"decision": "allow"})).status == 404
        assert (await there.ask("POST", path, {"decision": "allow", "always": True})).status == 204
        assert (await there.ask("POST", path, {"decision": "allow"})).status == 404
        events = await there.events(run)
        assert told(events, "tool_state")[-1]["result"] == "42"
        assert text_of(events[-1][2]["message"]) == SAID
        assert events == await here.events(run)


async def test_another_tenant_finds_none_of_it_in_either_process(tmp_path: Path, empty: Redis) -> None:
    async with two(tmp_path, empty, stream().stalled(after=2), keys=True) as (here, there):
        alice, bob = await signed_in(here.app, KEYS["ALICE"]), await signed_in(there.app, KEYS["BOB"])
        run = await alice.run(*await alice.chat())
        for page in (bob, there):
            assert (await page.ask("GET", f"/api/runs/{run}/events")).status == 404
            assert (await page.ask("POST", f"/api/runs/{run}/stop", {})).status == 404
            assert (await page.ask("POST", f"/api/runs/{run}/tools/c/approve", {"decision": "allow"})).status == 404
            assert (await page.get("/api/runs"))["items"] == []
        await alice.post(f"/api/runs/{run}/stop")


async def test_deleting_a_chat_ends_its_run_in_the_other_process_first(tmp_path: Path, empty: Redis) -> None:
    async with two(tmp_path, empty, stream().stalled(after=2)) as (here, there):
        chat, question = await here.chat()
        run = await here.run(chat, question)
        await told_of(there, run, b"part_delta")
        assert (await there.ask("DELETE", f"/api/conversations/{chat}")).status == 204
        assert here.app.state.runs.find("local", run).ended


async def test_a_run_is_not_unwatched_while_somebody_watches_it_elsewhere(
    tmp_path: Path, empty: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(tmp_path, empty, stream().stalled(after=2)) as (here, there):
        run = await here.run(*await here.chat())
        own = here.app.state.runs.find("local", run)
        watched = asyncio.Event()
        monkeypatch.setattr(own, "watched_elsewhere", watched.set)
        watching = asyncio.ensure_future(there.events(run))
        assert await asyncio.wait_for(watched.wait(), 20)
        await here.post(f"/api/runs/{run}/stop")
        assert names(await watching)[-1] == "run_end"


async def test_the_runs_of_a_dead_process_are_ended_as_interrupted_and_what_came_is_kept(
    tmp_path: Path, empty: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(tmp_path, empty, stream().stalled(after=2)) as (here, there):
        chat, question = await here.chat()
        run = await here.run(chat, question)
        await told_of(there, run, b"part_delta")
        # As if its process had stopped to exist: it neither writes nor renews.
        for task in here.app.state.runs._keepers:
            task.cancel()

        async def none() -> list[Any]:
            return []

        sharing = here.app.state.runs._sharing
        assert sharing is not None
        monkeypatch.setattr(sharing.runs, "inherit", none)
        monkeypatch.setattr(shared_runs, "STALE_MS", -1)
        events = await there.events(run)
        assert names(events)[-2:] == ["error", "run_end"]
        assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
        final = events[-1][2]["message"]
        assert (final["parent"], final["answer"]["status"]) == (question, "interrupted")
        assert text_of(final)
        kept = (await there.get(f"/api/conversations/{chat}"))["messages"]
        assert [one["id"] for one in kept] == [question, final["id"]]
        here.app.state.runs.find("local", run).disown()


async def test_a_redis_that_lost_its_memory_is_told_again(tmp_path: Path) -> None:
    server = tmp_path / "redis"
    server.mkdir()
    with redis_at(server / "r.sock") as redis:
        async with two(tmp_path, redis, stream().stalled(after=2)) as (here, there):
            run = await here.run(*await here.chat())
            await told_of(there, run, b"part_delta")
            redis.run("FLUSHALL")
            async with asyncio.timeout(20):
                while not (await there.get("/api/runs"))["items"]:  # noqa: ASYNC110 - of another process nobody tells
                    await asyncio.sleep(0.02)
            await told_of(there, run, b"part_delta")
            await there.post(f"/api/runs/{run}/stop")
            assert await there.events(run) == await here.events(run)


async def test_without_a_redis_several_workers_have_no_runs_and_say_what_to_do(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream())) as page:
        chat, question = await page.chat()
        page.app.state.worker = Worker(
            number=1, workers=2, envelope_key=b"", keeper=KeeperAddress(path="/nowhere", key="")
        )
        refused = await page.ask("POST", "/api/runs", {"conversation": chat, "parent": question, "model": MODEL})
        assert refused.status == 400
        assert "shared.url" in refused.json["error"]["remedy"]
        page.app.state.worker = None


async def test_a_redis_that_is_away_is_told_of_and_nothing_begins(tmp_path: Path) -> None:
    transport = ScriptedTransport(stream())
    shared = SharedSettings(url="unix:///nowhere.sock", timeout=0.2)
    async with pages(tmp_path, transport, shared=shared) as page:
        chat, question = await page.chat()
        refused = await page.ask("POST", "/api/runs", {"conversation": chat, "parent": question, "model": MODEL})
        assert refused.status == 503
        assert transport.requests == []
        assert (await call(page.app, "GET", "/healthz")).status == 200

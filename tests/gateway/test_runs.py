"""Runs (contracts §10): answers that survive their reader."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import ServerSettings
from interlingua.gateway import run as gateway_run
from interlingua.gateway import runs
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.pages_client import KEYS, MODEL, Page, events_of, pages, signed_in
from tests.gateway.upstreams import WORDS, script

HOST = "openai_chat"
SAID = "".join(WORDS).replace(" ", "")


def stream() -> Script:
    """A whole answer of the scripted host."""
    return script(HOST)


def text_of(message: Any) -> str:
    """The text of a message as a page gets it."""
    return "".join(part.get("text", "") for part in message["parts"] if part["type"] == "text").replace(" ", "")


def names(events: list[tuple[int, str, Any]]) -> list[str]:
    """Their names, repetitions left out."""
    found: list[str] = []
    for _, name, _ in events:
        if not found or found[-1] != name:
            found.append(name)
    return found


async def begun(page: Page, run: str) -> None:
    """Waits until there is text of an answer."""
    watching = page.app.state.runs.find("local", run).watch(0)
    seen = b""
    async for piece in watching:
        seen += piece or b""
        if b"part_delta" in seen:
            break
    await watching.aclose()


async def test_a_run_tells_its_events_in_order_and_its_answer_is_kept_behind_the_question(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream())) as page:
        chat, question = await page.chat()
        events = await page.events(await page.run(chat, question))
        assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
        assert names(events) == ["run_start", "event", "cost", "run_end"]
        final = events[-1][2]["message"]
        assert text_of(final) == SAID
        assert final["parent"] == question
        answer = final["answer"]
        assert (answer["status"], answer["model"], answer["error"]) == ("done", MODEL, None)
        assert answer["usage"]["output_tokens"] == 7
        kept = await page.get(f"/api/conversations/{chat}")
        assert kept["messages"][-1] == final
        assert kept["active"] == final["id"]
        row = await page.get(f"/api/requests/{answer['request_id']}")
        assert row["operation"] == "chat"


async def test_a_watcher_who_lost_the_connection_goes_on_behind_the_last_event_that_it_saw(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream())) as page:
        run = await page.run(*await page.chat())
        everything = await page.events(run)
        assert await page.events(run, after=3) == everything[3:]
        assert await page.events(run, after=len(everything)) == []


async def test_two_watchers_see_the_same_and_one_who_leaves_does_not_end_it(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream().dripping(0.01))) as page:
        run = await page.run(*await page.chat())
        early = asyncio.ensure_future(page.events(run))
        left = await page.ask("GET", f"/api/runs/{run}/events", leave_after=1)
        assert 0 < len(events_of(left.body)) < len(await early)
        assert await early == await page.events(run)
        assert names(await early)[-1] == "run_end"


async def test_a_stopped_run_keeps_what_came_and_is_no_error(tmp_path: Path) -> None:
    transport = ScriptedTransport(stream().stalled(after=2))
    async with pages(tmp_path, transport) as page:
        chat, question = await page.chat()
        run = await page.run(chat, question)
        assert [one["id"] for one in (await page.get(f"/api/runs?conversation={chat}"))["items"]] == [run]
        watching = asyncio.ensure_future(page.events(run))
        await begun(page, run)
        assert (await page.ask("POST", f"/api/runs/{run}/stop", {})).status == 204
        events = await watching
        assert "error" not in names(events)
        final = events[-1][2]["message"]
        assert final["answer"]["status"] == "stopped"
        assert SAID.startswith(text_of(final))
        assert text_of(final)
        assert (await page.get(f"/api/conversations/{chat}"))["messages"][-1] == final
        assert (await page.get("/api/runs"))["items"] == []
        assert all(response.closed for response in transport.responses)


async def test_an_interrupted_answer_is_kept_and_says_so(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream().cut(after=2))) as page:
        chat, question = await page.chat()
        events = await page.events(await page.run(chat, question))
        assert names(events)[-3:] == ["cost", "error", "run_end"]
        final = events[-1][2]["message"]
        assert final["answer"]["status"] == "interrupted"
        assert text_of(final)


async def test_a_failure_is_told_with_its_remedy_and_the_chat_goes_on_after_it(tmp_path: Path) -> None:
    """The empty answer is not sent to anybody later."""
    transport = ScriptedTransport([Script.json({"error": {"message": "no"}}, status=401), stream()])
    async with pages(tmp_path, transport) as page:
        chat, question = await page.chat()
        events = await page.events(await page.run(chat, question))
        error = next(data["error"] for _, name, data in events if name == "error")
        assert error["code"] == "authentication_failed"
        assert error["remedy"]
        failed = events[-1][2]["message"]
        assert failed["answer"]["status"] == "failed"
        more = await page.post(
            f"/api/conversations/{chat}/messages",
            {"parent": failed["id"], "parts": [{"type": "text", "text": "Again."}]},
        )
        assert text_of((await page.events(await page.run(chat, more["id"])))[-1][2]["message"]) == SAID
        assert b'"role":"assistant"' not in transport.requests[-1].body


async def test_a_comparison_runs_without_a_conversation(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream())) as page:
        body = {"model": MODEL, "messages": [{"role": "user", "parts": [{"type": "text", "text": "x"}]}]}
        started = await page.post("/api/runs", body)
        assert started["conversation"] is None
        final = (await page.events(started["id"]))[-1][2]["message"]
        assert text_of(final) == SAID
        assert (await page.get("/api/conversations"))["items"] == []


@pytest.mark.parametrize(
    "body",
    [{}, {"conversation": "x"}, {"messages": [], "model": MODEL}, {"messages": "x"}, {"settings": {"temperature": 9}}],
)
async def test_a_run_of_nothing_is_refused(body: dict[str, Any], tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream())) as page:
        assert (await page.ask("POST", "/api/runs", body)).status == 400


async def test_another_tenants_run_is_unknown_and_a_key_asks_only_models_that_it_may(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream()), keys=True) as admin:
        alice, bob = [await signed_in(admin.app, KEYS[name]) for name in ("ALICE", "BOB")]
        run = await alice.run(*await alice.chat())
        for page in (bob, admin):
            assert (await page.ask("GET", f"/api/runs/{run}/events")).status == 404
            assert (await page.ask("POST", f"/api/runs/{run}/stop", {})).status == 404
            assert (await page.get("/api/runs"))["items"] == []
        assert names(await alice.events(run))[-1] == "run_end"


async def test_who_has_too_many_runs_is_told_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_RUNS", 1)
    async with pages(tmp_path, ScriptedTransport(stream().stalled(after=1))) as page:
        chat, question = await page.chat()
        run = await page.run(chat, question)
        refused = await page.ask("POST", "/api/runs", {"conversation": chat, "parent": question, "model": MODEL})
        assert refused.status == 429
        await page.post(f"/api/runs/{run}/stop")


async def test_a_run_that_nobody_watches_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_run, "UNWATCHED_SECONDS", 0.05)
    async with pages(tmp_path, ScriptedTransport(stream().stalled(after=2))) as page:
        run = await page.run(*await page.chat())
        task = page.app.state.runs.find("local", run).task
        await asyncio.wait_for(asyncio.wait({task}), 60)
        assert (await page.events(run))[-1][2]["message"]["answer"]["status"] == "stopped"


async def test_a_gateway_that_ends_keeps_what_came_of_its_runs(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(stream().stalled(after=2)), server=ServerSettings(drain=0.01)) as page:
        chat, question = await page.chat()
        run = await page.run(chat, question)
        await begun(page, run)
    async with pages(tmp_path, ScriptedTransport(stream())) as page:
        kept = (await page.get(f"/api/conversations/{chat}"))["messages"][-1]
        assert kept["role"] == "assistant"
        assert text_of(kept)

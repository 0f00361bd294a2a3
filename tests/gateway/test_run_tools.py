"""Tools within runs: who is asked, what is told, what is kept, and what never runs (contracts §6.9, §10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from interlingua.client import tool_sources
from interlingua.config.schema import GatewaySettings, GatewayToolSettings, ToolSettings
from interlingua.gateway import run_tools
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.messages import Message
from interlingua.types.parts import Part, TextPart, tool_call
from interlingua.types.response import ChatResponse, Choice, FinishReason
from tests.gateway.pages_client import KEYS, MODEL, Page, pages, signed_in
from tests.gateway.test_runs import SAID, names, text_of
from tests.gateway.upstreams import USED, script

HOST = "openai_chat"
ran: list[str] = []


def shout(word: str) -> str:
    """Says a word loudly."""
    ran.append(word)
    return word.upper()


async def wait_long(word: str) -> str:
    """Waits for ever."""
    ran.append(word)
    await asyncio.Event().wait()
    return word


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two tools of an installed package, which ask, and a note of their runs."""
    points = [EntryPoint(name, f"{__name__}:{name}", tool_sources.GROUP) for name in ("shout", "wait_long")]
    monkeypatch.setattr(tool_sources, "entry_points", lambda group: points)
    ran.clear()
    yield


def calling(*calls: tuple[str, str, str]) -> Script:
    """A model that says a word and calls tools: id, name and arguments of each."""
    parts: tuple[Part, ...] = (TextPart(text="Let me see."), *(tool_call(*call) for call in calls))
    message = Message(role="assistant", parts=parts)
    choice = Choice(message=message, finish=FinishReason("tool_call", "tool_calls"))
    return script(HOST, ChatResponse(id="a", model="m-1", created=1, choices=(choice,), usage=USED))


@asynccontextmanager
async def chatting(tmp_path: Path, *answers: Script, **more: Any) -> AsyncIterator[tuple[Page, ScriptedTransport]]:
    """A gateway that allows tools, and its administrator's page."""
    allow = GatewayToolSettings(**{"allow": ("calculate", "shout", "wait_long"), **more.pop("tools_allowed", {})})
    transport = ScriptedTransport([*answers, *[script(HOST)] * 3])
    async with pages(tmp_path, transport, gateway=GatewaySettings(tools=allow), **more) as page:
        yield page, transport


async def until(page: Page, run: str, wanted: bytes) -> None:
    """Waits until a run has told of something."""
    watching = page.app.state.runs.find("local", run).watch(0)
    async for piece in watching:
        if wanted in (piece or b""):
            break
    await watching.aclose()


def told(events: list[tuple[int, str, Any]], name: str) -> list[Any]:
    """The data of the events of a name."""
    return [data for _, found, data in events if found == name]


async def started(page: Page, *tools: str, chat: str = "") -> tuple[str, str]:
    """A run in a chat with tools: the chat and the run."""
    conversation, question = await page.chat(tools=list(tools))
    body = {"conversation": conversation, "parent": question, "model": MODEL, "settings": {"tools": list(tools)}}
    return conversation, (await page.post("/api/runs", body))["id"]


async def test_an_allowed_call_runs_and_the_model_answers_with_its_result(tmp_path: Path) -> None:
    async with chatting(tmp_path, calling(("c1", "calculate", '{"expression": "6 * 7"}'))) as (page, transport):
        chat, run = await started(page, "calculate")
        events = await page.events(run)
        assert [(one["state"], one.get("result")) for one in told(events, "tool_state")] == [
            ("running", None),
            ("done", "42"),
        ]
        assert told(events, "approval") == []
        kept = (await page.get(f"/api/conversations/{chat}"))["messages"]
        assert [one["role"] for one in kept] == ["user", "assistant", "tool", "assistant"]
        assert [one["parent"] for one in kept[1:]] == [one["id"] for one in kept[:-1]]
        assert [one["message"] for one in told(events, "message")] == kept[1:3]
        assert told(events, "run_end")[0]["message"] == kept[3]
        assert text_of(kept[3]) == SAID
        assert kept[1]["answer"]["request_id"] != kept[3]["answer"]["request_id"]
        for answer in (kept[1]["answer"], kept[3]["answer"]):
            assert (await page.get(f"/api/requests/{answer['request_id']}"))["status"] == 200
        offered, following = transport.bodies
        assert [one["function"]["name"] for one in offered["tools"]] == ["calculate"]
        assert following["messages"][-1]["role"] == "tool"


async def test_a_call_that_asks_waits_until_somebody_allows_it_and_a_late_watcher_sees_all(tmp_path: Path) -> None:
    async with chatting(tmp_path, calling(("c1", "shout", '{"word": "hi"}'))) as (page, _):
        _, run = await started(page, "shout")
        await until(page, run, b"event: approval")
        assert ran == []
        watching = asyncio.ensure_future(page.events(run))
        asked = await page.ask("POST", f"/api/runs/{run}/tools/c1/approve", {"decision": "allow", "always": False})
        assert asked.status == 204
        events = await watching
        assert ran == ["hi"]
        assert told(events, "approval") == [{"call": "c1", "name": "shout", "arguments": {"word": "hi"}, "each": False}]
        assert [one["state"] for one in told(events, "tool_state")] == ["waiting", "running", "done"]
        assert await page.events(run) == events


async def test_a_call_is_answered_once_and_only_while_it_waits(tmp_path: Path) -> None:
    async with chatting(tmp_path, calling(("c1", "shout", '{"word": "hi"}'))) as (page, _):
        _, run = await started(page, "shout")
        await until(page, run, b"event: approval")
        path = f"/api/runs/{run}/tools/c1/approve"
        assert (await page.ask("POST", path, {"decision": "perhaps"})).status == 400
        assert (await page.ask("POST", f"/api/runs/{run}/tools/c2/approve", {"decision": "allow"})).status == 404
        assert (await page.ask("POST", path, {"decision": "deny"})).status == 204
        assert (await page.ask("POST", path, {"decision": "allow"})).status == 404
        events = await page.events(run)
        assert ran == []
        assert "did not allow" in told(events, "tool_state")[-1]["result"]
        assert text_of(told(events, "run_end")[0]["message"]) == SAID


async def test_always_holds_for_that_tool_in_that_chat(tmp_path: Path) -> None:
    calls = [calling((f"c{at}", "shout", '{"word": "hi"}')) for at in range(3)]
    async with chatting(tmp_path, calls[0], script(HOST), calls[1], script(HOST), calls[2]) as (page, _):
        chat, run = await started(page, "shout")
        await until(page, run, b"event: approval")
        await page.post(f"/api/runs/{run}/tools/c0/approve", {"decision": "allow", "always": True})
        last = told(await page.events(run), "run_end")[0]["message"]["id"]
        body = {"conversation": chat, "parent": last, "model": MODEL, "settings": {"tools": ["shout"]}}
        again = await page.events((await page.post("/api/runs", body))["id"])
        assert told(again, "approval") == []
        assert ran == ["hi", "hi"]
        _, other = await started(page, "shout")
        await until(page, other, b"event: approval")
        assert ran == ["hi", "hi"]
        await page.post(f"/api/runs/{other}/stop")


async def test_calls_of_one_turn_are_asked_for_together_and_answered_in_any_order(tmp_path: Path) -> None:
    both = calling(("c1", "shout", '{"word": "one"}'), ("c2", "shout", '{"word": "two"}'))
    async with chatting(tmp_path, both) as (page, transport):
        _, run = await started(page, "shout")
        await until(page, run, b'"call":"c2"')
        await page.post(f"/api/runs/{run}/tools/c2/approve", {"decision": "allow"})
        await page.post(f"/api/runs/{run}/tools/c1/approve", {"decision": "deny"})
        await page.events(run)
        assert ran == ["two"]
        results = transport.bodies[-1]["messages"][-2:]
        assert [one["tool_call_id"] for one in results] == ["c1", "c2"]


async def test_nothing_that_is_not_allowed_runs_whatever_the_chat_or_the_model_says(tmp_path: Path) -> None:
    """A chat's wish for it is told of as left out, and a model's call of it is answered with an error."""
    rogue = calling(("c1", "shout", '{"word": "hi"}'), ("c2", "read_file", '{"path": "/etc/passwd"}'))
    settings = {"tools_allowed": {"allow": ("calculate",)}}
    async with chatting(tmp_path, rogue, **settings) as (page, transport):
        _, run = await started(page, "calculate", "shout", "read_file")
        events = await page.events(run)
        assert ran == []
        lost = [one["field"] for one in told(events, "loss") if one["field"].startswith("tools.")]
        assert lost == ["tools.shout", "tools.read_file"]
        assert all("there is no tool" in one["result"] for one in told(events, "tool_state") if "result" in one)
        assert [one["function"]["name"] for one in transport.bodies[0]["tools"]] == ["calculate"]
        assert [one["name"] for one in (await page.get("/api/tools"))["items"]] == ["calculate"]


async def test_without_an_allow_list_there_are_no_tools_and_calls_are_left_as_they_are(tmp_path: Path) -> None:
    async with chatting(tmp_path, calling(("c1", "shout", '{"word": "hi"}')), tools_allowed={"allow": ()}) as (
        page,
        transport,
    ):
        _, run = await started(page, "shout")
        events = await page.events(run)
        assert ran == []
        assert names(events)[-2:] == ["cost", "run_end"]
        assert "tools" not in transport.bodies[0]
        assert len(transport.bodies) == 1
        assert (await page.get("/api/tools"))["items"] == []


async def test_a_virtual_key_has_the_tools_that_it_was_given_and_no_others(tmp_path: Path) -> None:
    allowed = {"allow": ("calculate", "shout"), "keys": {"alice": ("calc*", "wait_long")}}
    async with chatting(tmp_path, keys=True, tools_allowed=allowed) as (admin, transport):
        alice, bob = [await signed_in(admin.app, KEYS[name]) for name in ("ALICE", "BOB")]
        assert [one["name"] for one in (await alice.get("/api/tools"))["items"]] == ["calculate"]
        assert (await bob.get("/api/tools"))["items"] == []
        _, run = await started(bob, "calculate", "shout")
        await bob.events(run)
        assert "tools" not in transport.bodies[0]


async def test_another_tenant_can_answer_no_call(tmp_path: Path) -> None:
    allowed = {"keys": {"alice": ("shout",), "bob": ("shout",)}}
    ask = calling(("c1", "shout", '{"word": "hi"}'))
    async with chatting(tmp_path, ask, keys=True, tools_allowed=allowed) as (admin, _):
        alice, bob = [await signed_in(admin.app, KEYS[name]) for name in ("ALICE", "BOB")]
        _, run = await started(alice, "shout")
        watching = admin.app.state.runs.find("alice", run).watch(0)
        async for piece in watching:
            if b"event: approval" in (piece or b""):
                break
        await watching.aclose()
        for page in (bob, admin):
            answer = await page.ask("POST", f"/api/runs/{run}/tools/c1/approve", {"decision": "allow"})
            assert answer.status == 404
        assert ran == []
        await alice.post(f"/api/runs/{run}/stop")


async def test_a_call_that_nobody_answers_counts_as_refused_in_time(tmp_path: Path) -> None:
    async with chatting(tmp_path, calling(("c1", "shout", '{"word": "hi"}')), tools_allowed={"patience": 0.05}) as (
        page,
        _,
    ):
        _, run = await started(page, "shout")
        events = await page.events(run)
        assert ran == []
        assert "Nobody answered" in told(events, "tool_state")[-1]["result"]
        assert text_of(told(events, "run_end")[0]["message"]) == SAID


async def test_a_call_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with chatting(
        tmp_path,
        calling(("c1", "wait_long", '{"word": "hi"}')),
        tools=ToolSettings(approval={"wait_long": "allow"}),
        tools_allowed={"timeout": 0.05},
    ) as (page, _):
        _, run = await started(page, "wait_long")
        events = await page.events(run)
        assert ran == ["hi"]
        assert "longer than 0.05 s" in told(events, "tool_state")[-1]["result"]


async def test_a_stop_in_mid_tool_ends_it_and_keeps_what_was_over(tmp_path: Path) -> None:
    both = calling(("c1", "calculate", '{"expression": "1 + 1"}'), ("c2", "wait_long", '{"word": "hi"}'))
    async with chatting(tmp_path, both, tools=ToolSettings(approval={"wait_long": "allow"})) as (page, transport):
        chat, run = await started(page, "calculate", "wait_long")
        await until(page, run, b'"call":"c1","name":"calculate","state":"done"')
        await until(page, run, b'"call":"c2","name":"wait_long","state":"running"')
        await page.post(f"/api/runs/{run}/stop")
        final = told(await page.events(run), "run_end")[0]["message"]
        assert final["answer"]["status"] == "stopped"
        kept = (await page.get(f"/api/conversations/{chat}"))["messages"]
        assert [one["role"] for one in kept] == ["user", "assistant", "tool", "assistant"]
        first, second = kept[2]["parts"]
        assert (first["id"], first.get("is_error", False)) == ("c1", False)
        assert (second["id"], second["is_error"]) == ("c2", True)
        assert "Interrupted" in second["response"][0]["text"]
        assert len(transport.bodies) == 1


async def test_a_model_that_calls_for_ever_is_stopped_by_a_last_turn_without_tools(tmp_path: Path) -> None:
    again = [calling((f"c{at}", "calculate", '{"expression": "1"}')) for at in range(2)]
    async with chatting(tmp_path, *again, tools_allowed={"max_steps": 3}) as (page, transport):
        _, run = await started(page, "calculate")
        events = await page.events(run)
        assert len(transport.bodies) == 3
        assert transport.bodies[-1]["tool_choice"] == "none"
        assert text_of(told(events, "run_end")[0]["message"]) == SAID


async def test_too_many_calls_in_one_turn_are_refused_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_tools, "MOST_CALLS", 1)
    both = calling(("c1", "calculate", '{"expression": "1"}'), ("c2", "calculate", '{"expression": "2"}'))
    async with chatting(tmp_path, both) as (page, _):
        _, run = await started(page, "calculate")
        states = {(one["call"], one["state"]) for one in told(await page.events(run), "tool_state")}
        assert states == {("c1", "running"), ("c1", "done"), ("c2", "failed")}


async def test_a_failure_after_a_call_keeps_the_call_and_its_result(tmp_path: Path) -> None:
    broken = Script.json({"error": {"message": "no"}}, status=401)
    async with chatting(tmp_path, calling(("c1", "calculate", '{"expression": "1"}')), broken) as (page, _):
        chat, run = await started(page, "calculate")
        events = await page.events(run)
        assert told(events, "error")[0]["error"]["code"] == "authentication_failed"
        kept = (await page.get(f"/api/conversations/{chat}"))["messages"]
        assert [one["role"] for one in kept] == ["user", "assistant", "tool", "assistant"]
        assert kept[3]["answer"]["status"] == "failed"


async def test_a_page_is_asked_for_each_time_even_where_the_configuration_allows_it(tmp_path: Path) -> None:
    settings = ToolSettings(approval={"fetch_page": "allow"})
    async with chatting(tmp_path, tools=settings, tools_allowed={"allow": ("fetch_page",)}) as (page, _):
        (item,) = (await page.get("/api/tools"))["items"]
        assert (item["name"], item["approval"], item["each"]) == ("fetch_page", "ask", True)

"""The task agent: works with tools until it is done, on any provider."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interlingua.client.agent import AsyncTaskAgent, TaskAgent
from interlingua.client.client import AsyncClient
from interlingua.client.sync import Client
from interlingua.config.schema import Config
from interlingua.engine.settings import RetrySettings
from interlingua.errors import InvalidRequest, NotFound, UpstreamError
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.parts import ToolCallPart

LAB = {"base_url": "https://lab.example/v1", "dialect": "openai_chat", "default_model": "m", "aliases": ["la"]}
CONFIG = Config(providers={"lab": LAB, "far": {**LAB, "aliases": []}}, retry=RetrySettings(attempts=1))


def said(text: str | None = None, *calls: tuple[str, str]) -> Script:
    """A whole streamed answer: a text, or calls of tools."""
    head = {"id": "1", "model": "m", "created": 1, "object": "chat.completion.chunk"}
    delta: dict[str, Any] = {"content": text} if text else {}
    if calls:
        delta["tool_calls"] = [
            {"index": i, "id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate(calls)
        ]
    finish = "tool_calls" if calls else "stop"
    return Script.sse(
        {**head, "choices": [{"index": 0, "delta": delta}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        "[DONE]",
    )


def agent_on(*answers: Script, **options: Any) -> tuple[AsyncTaskAgent, ScriptedTransport]:
    """An agent on a scripted provider."""
    transport = ScriptedTransport(list(answers))
    return AsyncTaskAgent("lab", client=AsyncClient(config=CONFIG, transport=transport), **options), transport


def results(transport: ScriptedTransport) -> list[str]:
    """What the model was answered last."""
    body: Any = transport.bodies[-1]
    return [message["content"] for message in body["messages"] if message["role"] == "tool"]


def double(number: int) -> int:
    """Twice a number."""
    return number * 2


def test_without_names_it_is_the_registrys_own_choice() -> None:
    """The first seed: chutes, and its default model."""
    agent = AsyncTaskAgent(client=AsyncClient(config=Config()))
    assert (agent.provider, agent.model) == ("chutes", "Qwen/Qwen3.8-27B-TEE")
    assert AsyncTaskAgent("g", "llama-3.3-70b-versatile", client=AsyncClient(config=Config())).name == (
        "groq/llama-3.3-70b-versatile"
    )


def test_what_does_not_exist_is_said_at_once() -> None:
    """Not at the first task."""
    client = AsyncClient(config=Config())
    with pytest.raises(NotFound, match="nobody"):
        AsyncTaskAgent("nobody", client=client)
    with pytest.raises(InvalidRequest, match="no default model"):
        AsyncTaskAgent("together", client=client)


async def test_it_works_with_tools_until_it_is_done() -> None:
    """Calls of one turn together, their answers in order."""
    agent, transport = agent_on(
        said(None, ("double", '{"number": 2}'), ("double", '{"number": 3}')), said("4 and 6"), tools=[double]
    )
    reply = await agent.run("double 2 and 3")
    assert reply.text == "4 and 6"
    assert [run.name for run in reply.tool_runs] == ["double", "double"]
    assert results(transport) == ["4", "6"]


async def test_provider_and_model_may_change_and_history_stays() -> None:
    """At run time."""
    agent, transport = agent_on(said("one"), said("two"))
    await agent.run("first")
    agent.use("far", "other")
    assert (agent.provider, agent.model, agent.name) == ("far", "other", "far/other")
    await agent.run("second")
    body: Any = transport.bodies[-1]
    assert body["model"] == "other"
    assert [message["content"] for message in body["messages"]] == ["first", "one", "second"]
    agent.model = "third"
    assert agent.name == "far/third"
    with pytest.raises(NotFound):
        agent.provider = "nobody"
    assert agent.name == "far/third"


@pytest.mark.parametrize(("rule", "answer"), [("deny", "may not be called"), ("ask", "did not allow")])
async def test_what_is_not_allowed_is_told_to_the_model(rule: Any, answer: str) -> None:
    """And it goes on without it."""
    asked: list[str] = []

    def approve(call: ToolCallPart) -> bool:
        asked.append(call.name)
        return False

    agent, transport = agent_on(
        said(None, ("double", '{"number": 2}')), said("so be it"), tools=[double], approval={"*": rule}, approve=approve
    )
    assert (await agent.run("x")).text == "so be it"
    assert answer in results(transport)[0]
    assert asked == (["double"] if rule == "ask" else [])


async def test_who_is_asked_may_allow_one_call_and_not_the_other() -> None:
    """One at a time, in order; what is allowed runs."""

    async def approve(call: ToolCallPart) -> bool:
        await asyncio.sleep(0)
        return "2" in call.raw

    agent, transport = agent_on(
        said(None, ("double", '{"number": 2}'), ("double", '{"number": 3}')),
        said("done"),
        tools=[double],
        approval={"double": "ask"},
        approve=approve,
    )
    await agent.run("x")
    assert results(transport)[0] == "4"
    assert "did not allow" in results(transport)[1]


async def test_a_tool_that_takes_too_long_is_given_up_and_the_others_are_not() -> None:
    """Per tool."""

    async def wait() -> str:
        await asyncio.Event().wait()
        return ""

    agent, transport = agent_on(
        said(None, ("wait", "{}"), ("double", '{"number": 2}')),
        said("done"),
        tools=[wait, double],
        timeouts={"wait": 0.01},
    )
    await agent.run("x")
    assert "took longer than 0.01 s" in results(transport)[0]
    assert results(transport)[1] == "4"


async def test_a_result_that_is_too_long_is_cut_and_the_model_is_told() -> None:
    """A context is not infinite."""

    def book() -> str:
        return "x" * 5_000

    agent, transport = agent_on(said(None, ("book", "{}")), said("done"), tools=[book], longest_result=100)
    reply = await agent.run("x")
    assert results(transport)[0].startswith("x" * 100 + "\n[4,900 of 5,000 letters were cut off here")
    assert reply.text == "done"


async def test_it_stops_after_so_many_steps() -> None:
    """The last step may call no tool."""
    endless = [said(None, ("double", '{"number": 1}'))] * 2
    agent, transport = agent_on(*endless, said("enough"), tools=[double], max_steps=3)
    assert (await agent.run("x")).text == "enough"
    last: Any = transport.bodies[-1]
    assert last["tool_choice"] == "none"


async def test_after_a_failure_it_goes_on_where_it_was() -> None:
    """What was done is not done again."""
    failed = Script.json({"error": {"message": "broken"}}, status=500)
    agent, transport = agent_on(said(None, ("double", '{"number": 2}')), failed, said("4"), tools=[double])
    with pytest.raises(UpstreamError):
        await agent.run("double 2")
    assert (await agent.resume()).text == "4"
    body: Any = transport.bodies[-1]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool"]
    with pytest.raises(InvalidRequest, match="no task"):
        await agent_on()[0].resume()


async def test_stopped_in_the_middle_of_a_tool_it_goes_on_with_the_call_as_interrupted() -> None:
    """No call stays without an answer."""
    begun = asyncio.Event()

    async def wait() -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    agent, transport = agent_on(said(None, ("wait", "{}")), said("never mind"), tools=[wait])
    task = asyncio.ensure_future(agent.run("x"))
    await asyncio.wait_for(begun.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await agent.resume()).text == "never mind"
    assert "interrupted" in results(transport)[0]


def test_the_same_without_a_loop() -> None:
    """For scripts."""
    transport = ScriptedTransport([said(None, ("double", '{"number": 2}')), said("4")])
    agent = TaskAgent("lab", tools=[double], client=Client(config=CONFIG, transport=transport))
    assert agent.run("double 2").text == "4"
    assert (agent.provider, agent.name, len(agent.messages)) == ("lab", "lab/m", 4)

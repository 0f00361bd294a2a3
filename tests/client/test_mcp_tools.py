"""MCP servers: their tools are called through every provider alike."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interlingua.client.chat import AsyncChat
from interlingua.client.client import AsyncClient
from interlingua.client.mcp_tools import McpServer
from interlingua.client.tools import Toolbox
from interlingua.config.schema import Config
from interlingua.engine.settings import RetrySettings
from interlingua.errors import ConfigError, ConnectionFailed, TimedOut
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.parts import BlobPart, tool_call
from tests.client.providers_scripted import anthropic_text, anthropic_tool_call, gemini_text, openai_text

SERVER = (sys.executable, str(Path(__file__).with_name("mcp_server.py")))
KEYS = {"anthropic": "k" * 20, "openai": "k" * 20, "google": "k" * 20, "chutes": "k" * 20}
ARGUMENTS = '{"city": "Oslo"}'
NAME = "station_weather"


@asynccontextmanager
async def over_http() -> AsyncIterator[str]:
    """The server on a port of its own; its address."""
    process = await asyncio.create_subprocess_exec(
        *SERVER, "http", "0", stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert process.stderr is not None
    try:
        said = ""
        while (found := re.search(r"running on (http://[\d.]+:\d+)", said)) is None:
            said = (await process.stderr.readline()).decode()
            assert said, "the server ended"
        yield f"{found[1]}/mcp"
    finally:
        process.kill()
        await process.wait()


def openai_call() -> Script:
    head = {"id": "1", "model": "gpt-6-sol", "created": 1, "object": "chat.completion.chunk"}
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": NAME, "arguments": ARGUMENTS}}
    return Script.sse(
        {**head, "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        "[DONE]",
    )


def gemini_call() -> Script:
    part = {"functionCall": {"name": NAME, "args": {"city": "Oslo"}}}
    content = {"role": "model", "parts": [part]}
    return Script.sse({"candidates": [{"index": 0, "content": content, "finishReason": "STOP"}], "responseId": "g"})


def words_call() -> Script:
    head = {"id": "1", "model": "m", "created": 1, "object": "chat.completion.chunk"}
    text = f'<tool_call>{{"name": "{NAME}", "arguments": {ARGUMENTS}}}</tool_call>'
    return Script.sse(
        {**head, "choices": [{"index": 0, "delta": {"content": text}}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    )


TURNS = {
    "anthropic/claude-opus-5-5": (
        anthropic_tool_call(stream=True, name=NAME, arguments=ARGUMENTS),
        anthropic_text("Rain.", stream=True),
    ),
    "openrouter/openai/gpt-6-sol": (openai_call(), openai_text("Rain.", stream=True)),
    "google/gemini-3.8-flash": (gemini_call(), gemini_text("Rain.", stream=True)),
    "chutes/unsloth/Mistral-Nemo-Instruct-2407-TEE": (words_call(), openai_text("Rain.", stream=True)),
}


async def test_a_server_is_called_through_three_providers_and_one_without_tools() -> None:
    """One conversation, one server, another model each time."""
    transport = ScriptedTransport([script for turn in TURNS.values() for script in turn])
    config = Config(retry=RetrySettings(attempts=1))
    client = AsyncClient(config=config, transport=transport, api_keys={**KEYS, "openrouter": "k" * 20})
    async with McpServer("station", command=SERVER) as server:
        chat = AsyncChat(next(iter(TURNS)), client=client, tools=server.tools)
        for model in TURNS:
            chat.use(model)
            reply = await chat.ask("Weather in Oslo?")
            assert [run.response.text for run in reply.tool_runs] == ["Oslo: rain for 1 days"], model
            assert reply.text == "Rain."
    assert len(transport.requests) == 2 * len(TURNS)


async def test_results_of_all_kinds_and_failures_come_back() -> None:
    """Over streamable HTTP as over stdio."""
    async with over_http() as url:
        for given in ({"url": url}, {"command": SERVER}):
            async with McpServer("s", **given) as server:
                assert [one.name for one in server.tools] == ["s_weather", "s_broken", "s_see_map", "s_told"]
                box = Toolbox(server.tools)
                seen = await box.run(tool_call("1", "s_see_map", "{}"))
                assert [type(one).__name__ for one in seen.response] == ["TextPart", "BlobPart"]
                assert isinstance(seen.response[1], BlobPart)
                failed = await box.run(tool_call("2", "s_broken", "{}"))
                assert failed.is_error
                assert failed.text == "Error executing tool broken"
                wrong = await box.run(tool_call("3", "s_weather", '{"days": 2}'))
                assert wrong.is_error
                assert "city" in wrong.text
        gone = await box.run(tool_call("4", "s_told", "{}"))
        assert "gone" in gone.text


async def test_a_program_is_told_what_it_is_given_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of providers lie in our environment."""
    monkeypatch.setenv("STATION_KEY", "ours")
    async with McpServer("s", command=SERVER, only=("told",)) as server:
        assert (await Toolbox(server.tools).run(tool_call("1", "s_told", "{}"))).text == "nothing"
    async with McpServer("s", command=SERVER, env={"STATION_KEY": "theirs"}, only=("t*",)) as server:
        assert [one.name for one in server.tools] == ["s_told"]
        assert (await Toolbox(server.tools).run(tool_call("1", "s_told", "{}"))).text == "theirs"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"command": ("no-such-program-at-all",)}, ConfigError),
        ({"command": (sys.executable, "-c", "")}, ConnectionFailed),
        ({"command": (sys.executable, "-c", "import time; time.sleep(99)"), "start": 0.5}, TimedOut),
        ({"url": "http://127.0.0.1:9/mcp"}, ConnectionFailed),
    ],
)
async def test_what_is_no_server_is_said_to_be_none(given: dict[str, object], error: type[Exception]) -> None:
    """And leaves no process."""
    with pytest.raises(error):
        await McpServer("s", **given).__aenter__()  # type: ignore[arg-type]  # each is of the right type


def test_it_is_either_a_program_or_an_address() -> None:
    """Not both, not neither."""
    with pytest.raises(ConfigError):
        McpServer("s")
    with pytest.raises(ConfigError):
        McpServer("s", command=("a",), url="http://x.example")

"""LiveKit sessions without a room, on scripted providers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from livekit.agents import Agent, AgentSession, APIConnectOptions, llm
from livekit.agents.voice.agent_session import SessionConnectOptions

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.engine.settings import RetrySettings
from interlingua.transport.scripted import Script, ScriptedTransport

KEYS = {"openai": "k1", "openrouter": "k1", "anthropic": "k2", "google": "k3"}
CLAUDE, GEMINI, GPT = "anthropic/claude-opus-5-5", "google/gemini-3.8-flash", "openrouter/openai/gpt-6-sol"
LAB = {"base_url": "https://lab.example/v1", "dialect": "openai_chat", "default_model": "m"}
CONFIG = Config(providers={"lab": LAB, "far": LAB}, retry=RetrySettings(attempts=1))
ONCE = APIConnectOptions(max_retry=0)


def scripted(*scripts: Script, config: Config = CONFIG) -> tuple[AsyncClient, ScriptedTransport]:
    """A client whose providers answer from a script."""
    transport = ScriptedTransport(list(scripts))
    return AsyncClient(config=config, api_keys=KEYS, transport=transport), transport


@asynccontextmanager
async def session_with(agent: Agent, model: llm.LLM[Any]) -> AsyncIterator[AgentSession[None]]:
    """A running session of an agent, in text only."""
    options = SessionConnectOptions(llm_conn_options=ONCE)
    async with AgentSession[None](llm=model, vad=None, conn_options=options) as session:
        await session.start(agent, record=False)
        yield session


async def collected(stream: llm.LLMStream) -> list[llm.ChatChunk]:
    """All chunks of an answer."""
    async with stream:
        return [chunk async for chunk in stream]


async def gathered(stream: llm.LLMStream, chunks: list[llm.ChatChunk]) -> None:
    """Appends the chunks as they come, so that they are there when the stream fails."""
    async for chunk in stream:
        chunks += [chunk]


def context(*said: tuple[str, str]) -> llm.ChatContext:
    """A chat context of plain messages."""
    made = llm.ChatContext.empty()
    for role, text in said:
        made.add_message(role=role, content=text)  # type: ignore[arg-type]  # a role
    return made


def text_of(chunks: Iterable[llm.ChatChunk]) -> str:
    """What chunks say."""
    return "".join(chunk.delta.content or "" for chunk in chunks if chunk.delta)


def lab_text(text: str, *, pieces: int = 1) -> Script:
    """The lab says something, in so many pieces."""
    head = {"id": "lab-1", "model": "m", "created": 1, "object": "chat.completion.chunk"}
    size = -(-len(text) // pieces)
    return Script.sse(
        *(
            {**head, "choices": [{"index": 0, "delta": {"content": text[at : at + size]}}]}
            for at in range(0, len(text), size)
        ),
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**head, "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}},
        "[DONE]",
    )


def lab_call(name: str, arguments: str) -> Script:
    """The lab calls a tool."""
    head = {"id": "lab-2", "model": "m", "created": 1, "object": "chat.completion.chunk"}
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return Script.sse(
        {**head, "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        "[DONE]",
    )


async def until(done: Any, *, seconds: float = 60.0) -> None:
    """Waits for a condition that others bring about, looking at every turn of the loop."""
    async with asyncio.timeout(seconds):
        while not done():  # noqa: ASYNC110 - what is waited for happens in LiveKit, which tells nobody
            await asyncio.sleep(0.01)

"""The LiveKit adapter, in LiveKit's own session and on its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from livekit.agents import Agent, APIConnectionError, APIConnectOptions, APIStatusError, APITimeoutError, llm
from livekit.agents.metrics import LLMMetrics

from interlingua.client.client import AsyncClient
from interlingua.errors import InvalidRequest, ModelNotFound
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.voice.llm import LLM
from tests.client.providers_scripted import (
    SIGNATURE,
    THOUGHT_SIGNATURE,
    anthropic_text,
    anthropic_tool_call,
    gemini_text,
    openai_text,
)
from tests.voice.sessions import (
    CLAUDE,
    CONFIG,
    GEMINI,
    GPT,
    KEYS,
    ONCE,
    collected,
    context,
    gathered,
    lab_call,
    lab_text,
    scripted,
    session_with,
    text_of,
    until,
)

ASKED = (("system", "Be brief."), ("user", "Hello."))


class Weather(Agent):
    """Knows the weather."""

    def __init__(self) -> None:
        super().__init__(instructions="Be brief.")

    @llm.function_tool
    async def lookup_weather(self, city: str) -> str:
        """The weather in a city.

        Args:
            city: its name.
        """
        return f"rain in {city}"


TOOLS: Any = Weather().tools


async def test_a_text_turn_goes_through_livekits_session() -> None:
    """What LiveKit's own harness sees: one message of the assistant's."""
    client, transport = scripted(lab_text("Good day.", pieces=3))
    async with session_with(Agent(instructions="Be brief."), LLM("lab/m", client=client)) as session:
        result: Any = await session.run(user_input="Hello.")
        result.expect.next_event().is_message(role="assistant")
        result.expect.no_more_events()
    said = session.history.items[-1]
    assert said.type == "message" and said.text_content == "Good day."
    body: Any = transport.bodies[0]
    assert [(m["role"], m["content"]) for m in body["messages"]] == [("system", "Be brief."), ("user", "Hello.")]


async def test_livekit_runs_the_tools_and_the_model_gets_its_signed_reasoning_back() -> None:
    """LiveKit has no place for reasoning; the record in `extra` carries it, byte for byte."""
    client, transport = scripted(anthropic_tool_call(stream=True), anthropic_text("It rains in Oslo.", stream=True))
    async with session_with(Weather(), LLM(CLAUDE, client=client)) as session:
        result: Any = await session.run(user_input="Weather in Oslo?")
        result.expect.contains_function_call(name="lookup_weather", arguments={"city": "Oslo"})
        result.expect.contains_function_call_output(output="rain in Oslo", is_error=False)
        result.expect.contains_message(role="assistant")
    body: Any = transport.bodies[1]
    assert body["tools"][0]["input_schema"]["properties"]["city"]["type"] == "string"
    called, answered = body["messages"][1:3]
    assert called["content"][0] == {"type": "thinking", "thinking": "I should look.", "signature": SIGNATURE}
    assert called["content"][1]["text"] == "Let me look."
    assert called["content"][2]["input"] == {"city": "Oslo"}
    assert answered["content"][0]["tool_use_id"] == "toolu_01"
    assert answered["content"][0]["content"] in ("rain in Oslo", [{"type": "text", "text": "rain in Oslo"}])


async def test_a_session_changes_its_model_twice_and_each_gets_its_own_state_back() -> None:
    """Anthropic, then OpenAI's format, then Gemini, then Anthropic again, in one running session."""
    client, transport = scripted(
        anthropic_tool_call(stream=True),
        anthropic_text("It rains.", stream=True),
        openai_text("Take an umbrella.", stream=True),
        gemini_text("A red one.", stream=True),
        gemini_text("Yes, red.", stream=True),
        anthropic_text("Goodbye.", stream=True),
    )
    agent = Weather()
    async with session_with(agent, LLM(CLAUDE, client=client)) as session:
        await session.run(user_input="Weather in Oslo?")
        agent.update_options(llm=LLM(GPT, client=client))
        await session.run(user_input="What shall I take?")
        agent.update_options(llm=LLM(GEMINI, client=client))
        await session.run(user_input="Which?")
        await session.run(user_input="Sure?")
        agent.update_options(llm=LLM(CLAUDE, client=client))
        await session.run(user_input="Thanks.")
        used = {(usage.provider, usage.model) for usage in session.usage.model_usage}
    texts = [str(body) for body in transport.bodies]
    assert [SIGNATURE in text for text in texts] == [False, True, False, False, False, True]
    assert [THOUGHT_SIGNATURE in text for text in texts] == [False, False, False, False, True, False]
    assert all("rain in Oslo" in text for text in texts[1:])
    assert {provider for provider, _ in used} == {"anthropic", "openrouter", "google"}


async def test_a_context_that_was_stored_and_loaded_keeps_the_state() -> None:
    """`ChatContext.to_dict` is how LiveKit's users keep a conversation."""
    client, transport = scripted(anthropic_tool_call(stream=True), anthropic_text("Rain.", stream=True))
    async with session_with(Weather(), LLM(CLAUDE, client=client)) as session:
        await session.run(user_input="Weather in Oslo?")
        stored = session.history.to_dict()
    loaded = llm.ChatContext.from_dict(stored)
    loaded.add_message(role="user", content="And now?")
    client, transport = scripted(anthropic_text("Still.", stream=True))
    await collected(LLM(CLAUDE, client=client).chat(chat_ctx=loaded, tools=TOOLS, conn_options=ONCE))
    assert SIGNATURE in str(transport.bodies[0])


async def test_metrics_and_usage_name_who_answered() -> None:
    """LiveKit's metrics: tokens, time to the first piece, provider and model."""
    client, _ = scripted(lab_text("Good day."))
    model = LLM("lab/m", client=client)
    seen: list[LLMMetrics] = []
    model.on("metrics_collected", seen.append)
    chunks = await collected(model.chat(chat_ctx=context(*ASKED)))
    assert text_of(chunks) == "Good day."
    usage = chunks[-1].usage
    assert usage is not None and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 5, 15)
    assert {chunk.id for chunk in chunks} == {"lab-1"}
    (metrics,) = seen
    assert (metrics.prompt_tokens, metrics.completion_tokens) == (10, 5) and metrics.ttft >= 0
    assert metrics.metadata is not None
    assert (metrics.metadata.model_provider, metrics.metadata.model_name) == ("lab", "m")


async def test_after_a_failover_the_metrics_name_the_model_that_answered() -> None:
    """An alias is one name for several targets."""
    from msgspec.structs import replace as changed

    from interlingua.engine.router import ModelAlias

    config = changed(CONFIG, models={"fast": ModelAlias(targets=("lab/m", "far/m"))})
    client, _ = scripted(Script.json({"error": {"message": "no"}}, status=500), lab_text("Here."), config=config)
    model = LLM("fast", client=client)
    assert model.provider == "lab"
    assert text_of(await collected(model.chat(chat_ctx=context(*ASKED), conn_options=ONCE))) == "Here."
    assert model.provider == "far"


async def test_an_answer_that_breaks_off_is_not_asked_again() -> None:
    """The base class would say it twice: it retries even after text went out, unless the error forbids it."""
    client, transport = scripted(lab_text("Good day to you.", pieces=4).cut(after=2))
    chunks: list[llm.ChatChunk] = []
    with pytest.raises(APIConnectionError) as caught:
        async with LLM("lab/m", client=client).chat(chat_ctx=context(*ASKED)) as stream:
            await gathered(stream, chunks)
    assert text_of(chunks) == "Good day"
    assert not caught.value.retryable
    assert len(transport.requests) == 1


async def test_a_tool_call_of_an_answer_that_breaks_off_is_not_handed_over() -> None:
    """Half an answer must not set anything in motion."""
    client, _ = scripted(lab_call("lookup_weather", '{"city": "Oslo"}').cut(after=1))
    chunks: list[llm.ChatChunk] = []
    with pytest.raises(APIConnectionError):
        async with LLM("lab/m", client=client).chat(
            chat_ctx=context(*ASKED),
            tools=TOOLS,
            conn_options=ONCE,
        ) as stream:
            await gathered(stream, chunks)
    assert not [chunk for chunk in chunks if chunk.delta and chunk.delta.tool_calls]


async def test_before_the_first_piece_livekit_may_ask_again() -> None:
    """Its own retry works, because our error says that it may."""
    client, transport = scripted(Script.json({"error": {"message": "busy"}}, status=503), lab_text("Now."))
    chunks = await collected(
        LLM("lab/m", client=client).chat(
            chat_ctx=context(*ASKED), conn_options=APIConnectOptions(max_retry=1, retry_interval=0.0)
        )
    )
    assert text_of(chunks) == "Now." and len(transport.requests) == 2


@pytest.mark.parametrize(
    ("script", "kind", "status", "retryable"),
    [
        (Script.json({"error": {"message": "bad key"}}, status=401), APIStatusError, 401, False),
        (Script.json({"error": {"message": "slow"}}, status=429), APIStatusError, 429, True),
        (Script.json({"error": {"message": "oops"}}, status=500), APIStatusError, 502, True),
        (Script.refused(), APIConnectionError, None, True),
    ],
)
async def test_errors_become_livekits(
    script: Script, kind: type[Exception], status: int | None, retryable: bool
) -> None:
    """LiveKit decides by its own classes."""
    client = AsyncClient(config=CONFIG, api_keys=KEYS, transport=ScriptedTransport(script))
    with pytest.raises(kind) as caught:
        await collected(LLM("lab/m", client=client).chat(chat_ctx=context(*ASKED), conn_options=ONCE))
    error: Any = caught.value
    assert error.retryable is retryable
    assert getattr(error, "status_code", None) == status
    assert "k1" not in str(error)


async def test_silence_ends_with_livekits_own_time_limit() -> None:
    """FallbackAdapter and others rely on `timeout`."""
    client, _ = scripted(Script.silent())
    with pytest.raises(APITimeoutError):
        await collected(
            LLM("lab/m", client=client).chat(chat_ctx=context(*ASKED), conn_options=replace(ONCE, timeout=0.05))
        )


async def test_leaving_an_answer_closes_the_connection() -> None:
    """An interruption must not go on costing."""
    client, transport = scripted(lab_text("Good day to you.", pieces=4).stalled(after=1))
    async with LLM("lab/m", client=client).chat(chat_ctx=context(*ASKED), conn_options=ONCE) as stream:
        await anext(stream)
    assert transport.responses[0].closed and not transport.responses[0].finished


async def test_an_interrupted_turn_leaves_the_session_ready_for_the_next() -> None:
    """LiveKit cancels the stream in the middle; the next turn is answered."""
    client, transport = scripted(lab_text("A very long story.", pieces=6).stalled(after=2), lab_text("Yes?"))
    async with session_with(Agent(instructions="Be brief."), LLM("lab/m", client=client)) as session:
        speech = session.generate_reply(user_input="Tell me a story.")
        await until(lambda: transport.responses)
        await session.interrupt(force=True)
        await speech
        assert speech.interrupted
        await until(lambda: transport.responses[0].closed)
        result: Any = await session.run(user_input="Stop.")
        result.expect.contains_message(role="assistant")
    body: Any = transport.bodies[1]
    assert body["messages"][-1]["content"] == "Stop."


async def test_settings_and_tool_choice_reach_the_provider() -> None:
    """Those of the object, those of the call over them."""
    client, transport = scripted(lab_text("a"), lab_text("b"))
    model = LLM("lab/m", client=client, temperature=0.2, max_output_tokens=50)
    named: Any = {"type": "function", "function": {"name": "lookup_weather"}}
    await collected(
        model.chat(
            chat_ctx=context(*ASKED),
            tools=TOOLS,
            tool_choice=named,
            parallel_tool_calls=False,
            extra_kwargs={"temperature": 0.9},
        )
    )
    await collected(model.chat(chat_ctx=context(*ASKED), tool_choice="none"))
    first, second = transport.bodies
    assert isinstance(first, dict) and isinstance(second, dict)
    assert first["temperature"] == 0.9 and second["temperature"] == 0.2
    assert first["tool_choice"] == named and first["parallel_tool_calls"] is False
    assert "tools" not in second and "tool_choice" not in second


async def test_a_refusal_is_spoken_and_reasoning_is_not() -> None:
    """The caller hears why there is no answer."""
    head = {"id": "1", "model": "m", "created": 1, "object": "chat.completion.chunk"}
    client, _ = scripted(
        Script.sse(
            {**head, "choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}}]},
            {**head, "choices": [{"index": 0, "delta": {"refusal": "I may not."}}]},
            {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            "[DONE]",
        )
    )
    assert text_of(await collected(LLM("lab/m", client=client).chat(chat_ctx=context(*ASKED)))) == "I may not."


def test_what_cannot_work_is_refused_when_it_is_made() -> None:
    """Not in the middle of a call."""
    client = AsyncClient(config=scripted()[0].config)
    with pytest.raises(ModelNotFound):
        LLM("nobody/nothing", client=client)
    with pytest.raises(InvalidRequest, match="temperatur"):
        LLM("lab/m", client=client, temperatur=1.0)  # type: ignore[call-arg]  # misspelt


async def test_the_local_model_answers_a_turn() -> None:
    """A real model, in this process."""
    model = LLM("local/smollm2", client=AsyncClient(), max_output_tokens=20, temperature=0.0)
    chunks = await collected(
        model.chat(
            chat_ctx=context(("user", "What is the capital of France?")), conn_options=APIConnectOptions(timeout=60)
        )
    )
    assert "Paris" in text_of(chunks)
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0
    await model.client.aclose()

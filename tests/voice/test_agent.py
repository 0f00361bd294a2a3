"""The agent in a session: its two models are chosen, refused and exchanged while it talks."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import AgentSession
from msgspec.structs import replace

from interlingua.config.schema import SpeechSettings, VoiceSettings
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.voice.agent import VoiceAgent, open_session, watch
from interlingua.voice.choices import Chooser, read_wishes
from interlingua.voice.speech import Speech
from tests.voice.sessions import CONFIG, lab_call, lab_text, scripted, until

VOICE = VoiceSettings(
    llm_model="lab/m",
    llm_models=("far/*",),
    task_agent_provider="lab",
    task_agent_model="worker",
    task_agents=("far/*",),
    greeting="",
)


@asynccontextmanager
async def talking(
    *scripts: Script, settings: VoiceSettings = VOICE, wishes: dict[str, str] | None = None
) -> AsyncIterator[tuple[AgentSession[Any], VoiceAgent, Chooser, ScriptedTransport]]:
    """A running session of the agent, in text only."""
    config = replace(CONFIG, voice=settings)
    client, transport = scripted(*scripts, config=config)
    chooser = Chooser(settings, client.engine)
    agent = VoiceAgent(settings, client, chooser.choose(wishes or {}))
    nothing: Any = None
    async with open_session(settings, Speech(nothing, nothing, nothing), config) as session:
        session.on("error", agent.failed)
        await session.start(agent, record=False)
        yield session, agent, chooser, transport


def models(transport: ScriptedTransport) -> list[tuple[str, str]]:
    """Host and model of each request."""
    return [
        (request.url.split("/")[2], body["model"])
        for request, body in zip(transport.requests, transport.bodies, strict=True)
    ]


async def test_a_task_goes_to_the_task_agent_and_its_result_to_the_voice_model() -> None:
    """Two models, kept apart."""
    call = lab_call("run_task", '{"task": "What is 17 times 23?"}')
    work = lab_call("calculate", '{"expression": "17 * 23"}')
    async with talking(call, work, lab_text("It is 391."), lab_text("Three hundred ninety one.")) as (
        session,
        _,
        _,
        transport,
    ):
        result: Any = await session.run(user_input="17 times 23?")
        result.expect.contains_function_call(name="run_task")
        result.expect.contains_function_call_output(output="It is 391.")
    assert [model for _, model in models(transport)] == ["m", "worker", "worker", "m"]
    body: Any = transport.bodies[2]
    assert body["messages"][-1]["content"] == "391"


async def test_both_models_change_in_the_running_session(caplog: pytest.LogCaptureFixture) -> None:
    """The voice model at once, the task agent from its next task on; both are said and logged."""
    caplog.set_level(logging.INFO, "interlingua.voice")
    call = lab_call("run_task", '{"task": "Go on."}')
    scripts = (lab_text("One."), call, lab_text("Done."), lab_text("It is done."))
    async with talking(*scripts) as (session, agent, chooser, transport):
        await session.run(user_input="First.")
        agent.follow(chooser.choose({"llm_model": "far/big", "task_agent_provider": "far", "task_agent_model": "deep"}))
        await session.run(user_input="Second.")
        body: Any = transport.bodies[1]
    assert [model for _, model in models(transport)] == ["m", "big", "deep", "big"]
    assert [message["content"] for message in body["messages"][1:]] == ["First.", "One.", "Second."]
    assert "far/big talks now" in caplog.text and "far/deep works now" in caplog.text


async def test_what_is_not_allowed_is_refused_aloud_and_the_default_stays() -> None:
    """Nobody is left with a model that they did not choose without being told."""
    async with talking(lab_text("Yes.")) as (session, agent, chooser, transport):
        said: list[str] = []
        agent._tell = lambda aloud, written="": said.append(aloud)  # type: ignore[method-assign]  # what would be spoken
        agent.follow(chooser.choose({"llm_model": "lab/expensive", "task_agent_provider": "anthropic"}))
        agent.follow(chooser.choose({"llm_model": "lab/expensive", "task_agent_provider": "anthropic"}))
        await session.run(user_input="Hello.")
    assert models(transport)[0][1] == "m"
    assert len(said) == 2
    assert said[0] == "expensive may not be chosen here, so m talks."


async def test_a_failed_task_is_told_to_the_voice_model() -> None:
    """It can say so; the call goes on."""
    call = lab_call("run_task", '{"task": "Go on."}')
    broken = Script.json({"error": {"message": "no such key"}}, status=401)
    async with talking(call, broken, lab_text("That failed.")) as (session, _, _, transport):
        result: Any = await session.run(user_input="Do it.")
        result.expect.contains_function_call_output(is_error=True)
    body: Any = transport.bodies[-1]
    assert "The task failed" in body["messages"][-1]["content"]


async def test_a_voice_model_that_fails_is_said_and_the_next_turn_is_answered() -> None:
    """Silence would be the worst answer."""
    broken = Script.json({"error": {"message": "no"}}, status=401)
    async with talking(broken, lab_text("Here I am.")) as (session, agent, _, _):
        said: list[str] = []
        agent._tell = lambda aloud, written="": said.append(aloud)  # type: ignore[method-assign]  # what would be spoken
        speech = session.generate_reply(user_input="Hello?")
        await speech
        await until(lambda: said)
        result: Any = await session.run(user_input="Hello?")
        result.expect.contains_message(role="assistant")
    assert said == ["Sorry, m gave no answer."]


def test_wishes_are_read_from_the_job_then_from_the_participant() -> None:
    """And what neither says is the default."""
    client, _ = scripted(config=replace(CONFIG, voice=VOICE))
    chooser = Chooser(VOICE, client.engine)
    job = read_wishes('{"llm_model": "far/a", "task_agent_provider": "far", "task_agent_model": "x"}')
    chosen = chooser.choose(job, read_wishes("not json", {"llm_model": "far/b", "other": "x", "api_key": "k"}))
    assert (chosen.llm_model, chosen.task_agent) == ("far/b", "far/x")
    assert chooser.choose(job, {}).llm_model == "far/a"
    assert chooser.choose({}).llm_model == "lab/m"


class _Person:
    def __init__(self, identity: str) -> None:
        self.identity = identity


async def test_only_the_linked_participants_own_wishes_count() -> None:
    """Somebody else in the room cannot change who talks to me."""
    room = rtc.Room()
    changes: list[int] = []
    watch(room, "me", lambda: changes.append(1))
    me, other = _Person("me"), _Person("other")
    room.emit("participant_attributes_changed", {"llm_model": "a"}, other)
    room.emit("participant_attributes_changed", {"mood": "good"}, me)
    room.emit("participant_metadata_changed", me, "{}", '{"mood": "good"}')
    assert not changes
    room.emit("participant_attributes_changed", {"llm_model": "a"}, me)
    room.emit("participant_metadata_changed", me, "{}", '{"task_agent_model": "b"}')
    assert len(changes) == 2


def test_speech_that_is_not_installed_is_named_with_what_installs_it() -> None:
    """At start, not in the first call."""
    from interlingua.errors import ConfigError
    from interlingua.voice.speech import open_speech

    with pytest.raises(ConfigError) as caught:
        open_speech(replace(VOICE, stt=SpeechSettings(plugin="deepgram")))
    assert caught.value.remedy == "pip install livekit-plugins-deepgram"
    with pytest.raises(ConfigError, match="not the name of a plugin"):
        open_speech(replace(VOICE, stt=SpeechSettings(plugin="../os")))
    with pytest.raises(ConfigError, match=r"voice\.tts: offline says"):
        open_speech(replace(VOICE, tts=SpeechSettings(plugin="offline", options={"speed": 3})))

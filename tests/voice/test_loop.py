"""Spoken, heard, answered, spoken: a whole turn of sound in this process, with what lies on this machine."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import Any

import pytest
from livekit import rtc
from livekit.agents.voice import io
from msgspec.structs import replace

from interlingua.client.client import AsyncClient
from interlingua.config.schema import SpeechSettings, VoiceSettings
from interlingua.voice.agent import VoiceAgent, open_session
from interlingua.voice.choices import Chooser
from interlingua.voice.offline import STT, TTS, spoken
from interlingua.voice.speech import open_speech
from tests.voice.sessions import CONFIG, ONCE, lab_text, scripted, until

pytest.importorskip("pocketsphinx")
needs_flite = pytest.mark.skipif(
    shutil.which("flite") is None, reason="flite speaks in this test: apt-get install flite"
)
VOICE = VoiceSettings(
    llm_model="lab/m",
    task_agent_provider="lab",
    greeting="",
    tts=SpeechSettings(plugin="offline", options={"program": "flite", "voice": "kal16"}),
)
FRAME = 320
"""Samples of 20 ms at 16,000 a second."""


class Ear(io.AudioInput):
    """What the agent hears: sound that is pushed, silence otherwise, as fast as a microphone gives it."""

    def __init__(self) -> None:
        super().__init__(label="ear")
        self.waiting = bytearray()
        self._due = time.monotonic()

    async def __anext__(self) -> rtc.AudioFrame:
        self._due = max(self._due + 0.02, time.monotonic() - 0.2)
        await asyncio.sleep(max(0.0, self._due - time.monotonic()))
        size = 2 * FRAME
        piece = bytes(self.waiting[:size]).ljust(size, b"\0")
        del self.waiting[:size]
        return rtc.AudioFrame(data=piece, sample_rate=16_000, num_channels=1, samples_per_channel=FRAME)


class Mouth(io.AudioOutput):
    """What the agent says; played the moment it comes."""

    def __init__(self) -> None:
        super().__init__(label="mouth", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=24_000)
        self.frames: list[rtc.AudioFrame] = []
        self.finished = 0
        self._open = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._open:
            self.on_playback_started(created_at=time.time())
        self._open += frame.duration
        self.frames.append(frame)

    def flush(self) -> None:
        super().flush()
        self._end(interrupted=False)

    def clear_buffer(self) -> None:
        self._end(interrupted=True)

    def _end(self, *, interrupted: bool) -> None:
        if self._open:
            position, self._open = self._open, 0.0
            self.finished += 1
            self.on_playback_finished(playback_position=position, interrupted=interrupted)


async def heard(frame: rtc.AudioFrame | list[rtc.AudioFrame]) -> str:
    """What the recogniser makes of sound."""
    event = await STT().recognize(frame, conn_options=ONCE)
    return event.alternatives[0].text


@needs_flite
@pytest.mark.parametrize("phrase", ["what is the capital of france", "tell me the weather", "what time is it now"])
async def test_what_flite_says_pocketsphinx_hears(phrase: str) -> None:
    """The two ends of the loop, without an agent between them."""
    assert await heard(await spoken(TTS(program="flite", voice="kal16"), phrase)) == phrase


@needs_flite
async def test_a_spoken_question_is_heard_answered_and_the_answer_is_spoken() -> None:
    """The whole loop, through LiveKit's session: VAD, recogniser, model, speaker."""
    config = replace(CONFIG, voice=VOICE)
    client, transport = scripted(lab_text("Tell me the weather."), config=config)
    ear, mouth = Ear(), Mouth()
    question = await spoken(TTS(program="flite", voice="kal16"), "what is the capital of france")
    await answered(client, config.voice, ear, mouth, bytes(question.data))
    body: Any = transport.bodies[0]
    assert body["messages"][-1] == {"role": "user", "content": "what is the capital of france"}
    assert await heard(mouth.frames) == "tell me the weather"


@needs_flite
async def test_the_local_model_answers_a_spoken_question_aloud() -> None:
    """Every part is real and on this machine: Flite, LiveKit's VAD, PocketSphinx, the in-process model, Flite."""
    voice = replace(
        VOICE, llm_model="local/smollm2", task_agent_provider="local", instructions="Answer in one sentence."
    )
    client = AsyncClient(config=replace(CONFIG, voice=voice))
    ear, mouth = Ear(), Mouth()
    question = await spoken(TTS(program="flite", voice="kal16"), "what is the capital of france")
    history = await answered(client, voice, ear, mouth, bytes(question.data), tools=False)
    await client.aclose()
    asked, said = [item for item in history if item.type == "message" and item.role in ("user", "assistant")]
    assert asked.text_content == "what is the capital of france"
    assert said.text_content and "Paris" in said.text_content
    assert sum(frame.duration for frame in mouth.frames) > 0.5


async def answered(
    client: AsyncClient, voice: VoiceSettings, ear: Ear, mouth: Mouth, sound: bytes, *, tools: bool = True
) -> list[Any]:
    """The history after one spoken turn."""
    agent = VoiceAgent(voice, client, Chooser(voice, client.engine).choose())
    if not tools:
        await agent.update_tools([])  # the smallest model calls them whether it should or not
    async with open_session(voice, open_speech(voice), client.config) as session:
        session.input.audio, session.output.audio = ear, mouth
        await session.start(agent, record=False)
        ear.waiting += sound
        await until(lambda: mouth.finished and session.agent_state == "listening")
        return list(session.history.items)


async def test_espeak_speaks_where_flite_does_not() -> None:
    """Another program, another rate; the sound comes at the rate that was promised."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    async with TTS(program="espeak-ng") as speaker:
        frame = await speaker.synthesize("Good day.", conn_options=ONCE).collect()
    assert frame.sample_rate == 24_000 and 0.3 < frame.duration < 3


async def test_a_text_that_looks_like_an_option_is_only_text() -> None:
    """Nothing that a model says becomes an argument of a program."""
    frame = await spoken(TTS(), "--version -o /tmp/x; hello")
    assert frame.duration > 0.5

"""A real room: LiveKit's server, `il voice` as a process of its own, and a caller whose attributes change."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from livekit import rtc

from interlingua.config.load import load_config
from interlingua.stores.opening import open_store
from interlingua.voice.offline import TTS, spoken
from interlingua.voice.tokens import TokenRequest, mint
from tests.voice.livekit_server import LiveKit, binary, livekit
from tests.voice.sessions import until

pytest.importorskip("pocketsphinx")
pytestmark = [
    pytest.mark.livekit,
    pytest.mark.slow,
    pytest.mark.skipif(
        binary() is None, reason="no LiveKit server: `make livekit-server` builds one (Go), or set LIVEKIT_SERVER"
    ),
    pytest.mark.skipif(shutil.which("flite") is None, reason="flite speaks in this test: apt-get install flite"),
]

QUESTION = "what is the capital of france"
MOST_TIMES = 4
CONFIG = """
[store]
path = "{folder}/il.db"
[providers.lab]
base_url = "{address}"
dialect = "openai_chat"
default_model = "small"
[voice]
llm_model = "lab/small"
llm_models = ["lab/big"]
task_agent_provider = "lab"
task_agents = ["lab/*"]
tenant = "phone"
greeting = "Hello."
most_load = 1  # other tests keep this machine busy
tts = {{ plugin = "offline", options = {{ program = "flite", voice = "kal16" }} }}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LiveKit]:
    """The server of this module."""
    with livekit() as running:
        yield running


class Lab:
    """A provider on the loopback that says which model it is."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.address = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A streamed answer."""
        body = await request.json()
        self.asked.append(body)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        head = {"id": "1", "model": body["model"], "created": 1, "object": "chat.completion.chunk"}
        for delta, finish in (({"content": f"I am {body['model']}."}, None), ({}, "stop")):
            piece = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            await response.write(b"data: " + msgspec.json.encode(piece) + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    """It, listening."""
    one = Lab()
    app = web.Application()
    app.router.add_post("/chat/completions", one.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()


@asynccontextmanager
async def voice(config: Path, server: LiveKit, log: Path) -> AsyncIterator[None]:
    """`il voice`, registered at the server."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("il"), "voice", "--config", str(config),
            env={**os.environ, **server.environment}, stdout=errors, stderr=errors,
        )  # fmt: skip
    try:
        await until(lambda: b"registered worker" in log.read_bytes() or process.returncode is not None)
        assert process.returncode is None, _told(log)
        yield
    except BaseException as error:
        error.add_note(_told(log))
        raise
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(60):
            await process.wait()
    assert process.returncode == 0, _told(log)


def _told(log: Path) -> str:
    return log.read_text()


class Caller:
    """Somebody in the room: hears sound, reads what is transcribed."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.read: list[str] = []
        self.heard = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, url: str, token: str) -> None:
        """Joins."""
        self.room.on("track_subscribed", lambda track, *_: self._go(self._hear(track)))
        self.room.register_text_stream_handler(
            "lk.transcription", lambda reader, identity: self._go(self._read(reader, identity))
        )
        await self.room.connect(url, token)

    async def leave(self) -> None:
        """Leaves."""
        await self.room.disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, frame: rtc.AudioFrame, upstream: Lab) -> None:
        """Asks the question through a microphone, and once more where it was not understood: on a busy machine sound
        comes in pieces."""
        source = rtc.AudioSource(frame.sample_rate, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        for _ in range(MOST_TIMES):
            before = len(upstream.asked)
            await self._speak(source, frame)
            await until(lambda before=before: len(upstream.asked) > before)
            if any(QUESTION in message["content"] for message in upstream.asked[-1]["messages"][-1:]):
                return
        raise AssertionError(f"nobody understands it: {upstream.asked}")

    async def _speak(self, source: rtc.AudioSource, frame: rtc.AudioFrame) -> None:
        size = frame.sample_rate // 50
        silence = b"\0\0" * frame.sample_rate
        data = silence + bytes(frame.data) + silence * 2
        for at in range(0, len(data) - 2 * size, 2 * size):
            piece = data[at : at + 2 * size]
            await source.capture_frame(rtc.AudioFrame(piece, frame.sample_rate, 1, size))

    def _go(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        text = await reader.read_all()
        if identity != self.room.local_participant.identity:
            self.read.append(text)

    async def _hear(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track):
            if any(bytes(event.frame.data)):
                self.heard += 1


async def test_a_caller_talks_and_changes_both_models_in_mid_call(server: LiveKit, tmp_path: Path) -> None:
    """By text and by voice, through a real server; the change is heard, and the next turn has another model."""
    config, log = tmp_path / "voice.toml", tmp_path / "log"
    async with lab() as upstream:
        config.write_text(CONFIG.format(address=upstream.address, folder=tmp_path))
        settings = load_config(str(config)).voice
        async with voice(config, server, log):
            caller = Caller()
            made = mint(settings, TokenRequest(), server.environment)
            try:
                await caller.join(made.url, made.token)
                await until(lambda: any("Hello" in text for text in caller.read))
                await caller.room.local_participant.send_text("Who are you?", topic="lk.chat")
                await until(lambda: any("I am small" in text for text in caller.read))
                await caller.room.local_participant.set_attributes(
                    {"llm_model": "lab/big", "task_agent_provider": "lab"}
                )
                await until(lambda: any("big talks now" in text for text in caller.read))
                await caller.room.local_participant.set_metadata('{"task_agent_model": "deep"}')
                await until(lambda: any("deep works now" in text for text in caller.read))
                await caller.room.local_participant.set_attributes({"llm_model": "openai/gpt-6-sol"})
                await until(lambda: any("may not be chosen" in text for text in caller.read))
                await caller.room.local_participant.set_attributes({"llm_model": "lab/big"})
                await until(lambda: sum("big talks now" in text for text in caller.read) == 2)
                await caller.ask(await spoken(TTS(program="flite", voice="kal16"), QUESTION), upstream)
                await until(lambda: any("I am big" in text for text in caller.read))
            except TimeoutError as error:
                error.add_note(f"read: {caller.read}; heard: {caller.heard}; asked: {upstream.asked}")
                raise
            finally:
                await caller.leave()
            await until(lambda: b"process exiting" in log.read_bytes())
        first, *later = [body["model"] for body in upstream.asked]
        assert first == "small" and set(later) == {"big"}
        assert caller.heard > 10
    store = await open_store(tmp_path / "il.db", {})
    rows = (await store.page("phone")).rows
    await store.aclose()
    assert {row.model for row in rows} == {"lab/big", "lab/small"}
    assert len({row.conversation for row in rows}) == 1

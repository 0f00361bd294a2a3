"""Hearing and speaking on this machine alone, for tests and for trying the voice agent without an account.

PocketSphinx hears English; its model lies in its wheel. Flite, or eSpeak NG where there is no Flite, speaks; both come
with the system's packages. Neither is what one would put before customers.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import tempfile
import threading
import wave
from pathlib import Path
from typing import Any

from livekit import rtc
from livekit.agents import NOT_GIVEN, APIConnectionError, APIConnectOptions, LanguageCode, NotGivenOr, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.utils import AudioBuffer, shortuuid

from interlingua.errors import ConfigError

RATE = 16_000
"""Samples per second that PocketSphinx's model was made for."""
PROGRAMS: dict[str, tuple[str, ...]] = {
    "flite": ("-voice", "{voice}", "-f", "{text}", "-o", "{wave}"),
    "espeak-ng": ("-v", "{voice}", "-f", "{text}", "-w", "{wave}"),
}
"""What speaks, best first, with its arguments; the text goes through a file, so that none of it is an argument."""
VOICES = {"flite": "slt", "espeak-ng": "en"}


class STT(stt.STT[Any]):
    """PocketSphinx: one phrase at a time, in a thread.

    Raises:
        ConfigError: it is not installed.
    """

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ConfigError(
                'voice.stt: "offline" needs a package that is not installed: pocketsphinx',
                remedy="pip install 'interlingua[voice-offline]'",
            ) from error
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")
        self._one_at_a_time = threading.Lock()

    @property
    def model(self) -> str:
        """The model's name."""
        return "en-us"

    @property
    def provider(self) -> str:
        """Who hears."""
        return "pocketsphinx"

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        text = await asyncio.to_thread(self._hear, rtc.combine_audio_frames(buffer))
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[stt.SpeechData(language=LanguageCode("en"), text=text)],
        )

    def _hear(self, frame: rtc.AudioFrame) -> str:
        samples = _resampled(frame, RATE)
        with self._one_at_a_time:
            self._decoder.start_utt()
            self._decoder.process_raw(samples, full_utt=True)
            self._decoder.end_utt()
            found = self._decoder.hyp()
        return str(found.hypstr) if found else ""


class TTS(tts.TTS[Any]):
    """Flite or eSpeak NG: one sentence at a time, in a process of its own.

    Args:
        program: `flite` or `espeak-ng`; the first that is installed otherwise.
        voice: one of its voices.

    Raises:
        ConfigError: neither is installed.
    """

    def __init__(self, *, program: str | None = None, voice: str | None = None) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=24_000, num_channels=1)
        name = program or next((one for one in PROGRAMS if shutil.which(one)), "")
        path = shutil.which(name) if name in PROGRAMS else None
        if path is None:
            raise ConfigError(
                f'voice.tts: "offline" needs {program or "a program that speaks"}, which is not installed',
                remedy="Install one of " + ", ".join(PROGRAMS) + ": apt-get install flite",
            )
        self.program, self.path, self.voice = name, path, voice or VOICES[name]

    @property
    def model(self) -> str:
        """The voice."""
        return self.voice

    @property
    def provider(self) -> str:
        """The program."""
        return self.program

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """A text as sound."""
        return _Spoken(self, text, conn_options)


class _Spoken(tts.ChunkedStream):
    def __init__(self, speaker: TTS, text: str, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=speaker, input_text=text, conn_options=conn_options)
        self._speaker = speaker

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        speaker = self._speaker
        output_emitter.initialize(
            request_id=shortuuid("spoken_"),
            sample_rate=speaker.sample_rate,
            num_channels=speaker.num_channels,
            mime_type="audio/pcm",
        )
        output_emitter.push(_resampled(await spoken(speaker, self.input_text), speaker.sample_rate))
        output_emitter.flush()


async def spoken(speaker: TTS, text: str) -> rtc.AudioFrame:
    """A text as one piece of sound.

    Args:
        speaker: what speaks.
        text: what it says; nothing is an instant of silence.

    Raises:
        APIConnectionError: the program failed.
    """
    with tempfile.TemporaryDirectory(prefix="interlingua-voice-") as folder:
        text_file, wave_file = Path(folder, "text"), Path(folder, "wave")
        await asyncio.to_thread(text_file.write_text, text + "\n", encoding="utf-8")
        places = {"voice": speaker.voice, "text": text_file, "wave": wave_file}
        process = await asyncio.create_subprocess_exec(
            speaker.path,
            *(argument.format(**places) for argument in PROGRAMS[speaker.program]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, complaint = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        try:
            sound = await asyncio.to_thread(wave_file.read_bytes)
        except OSError:
            sound = b""
        if process.returncode or not sound:
            raise APIConnectionError(f"{speaker.program} failed: {complaint.decode(errors='replace')[:200]}")
        return read_wave(sound)


def read_wave(data: bytes) -> rtc.AudioFrame:
    """The sound in a WAVE file of 16 bits."""
    with wave.open(io.BytesIO(data)) as file:
        samples = file.readframes(file.getnframes())
        channels = file.getnchannels()
        return rtc.AudioFrame(
            data=samples,
            sample_rate=file.getframerate(),
            num_channels=channels,
            samples_per_channel=len(samples) // (2 * channels),
        )


def _resampled(frame: rtc.AudioFrame, rate: int) -> bytes:
    if frame.sample_rate == rate or not frame.samples_per_channel:
        return bytes(frame.data)
    resampler = rtc.AudioResampler(frame.sample_rate, rate, num_channels=frame.num_channels)
    return b"".join(bytes(piece.data) for piece in [*resampler.push(frame), *resampler.flush()])

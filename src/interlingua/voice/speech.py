"""What hears, what speaks, and what tells speech from silence: chosen by configuration from LiveKit's plugins.

A plugin is a package of LiveKit's, found by its name; it reads its own keys from the environment names that its
documentation gives. Names come from a trusted configuration only (contracts §6.9): importing is running.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import Any, Literal

from livekit.agents import stt, tts, vad

from interlingua.config.schema import SpeechSettings, VoiceSettings
from interlingua.errors import ConfigError, InterlinguaError

Part = Literal["STT", "TTS", "VAD"]
PLACES = {"offline": "interlingua.voice.offline", "livekit": "livekit.agents.inference"}
"""Plugins that are modules of other names."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Speech:
    """The three parts."""

    stt: stt.STT[Any]
    tts: tts.TTS[Any]
    vad: vad.VAD


def open_speech(settings: VoiceSettings) -> Speech:
    """The parts that a configuration names; a recogniser that hears whole phrases gets them from the VAD.

    Raises:
        ConfigError: a plugin is not installed, has no such part, or does not take the options.
    """
    silence: vad.VAD = _made("VAD", "vad", settings.vad)
    ears: stt.STT[Any] = _made("STT", "stt", settings.stt)
    if not ears.capabilities.streaming:
        ears = stt.StreamAdapter(stt=ears, vad=silence)
    return Speech(stt=ears, tts=_made("TTS", "tts", settings.tts), vad=silence)


def _made(part: Part, key: str, settings: SpeechSettings) -> Any:
    where = f"voice.{key}"
    name = settings.plugin.replace("-", "_")
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where}.plugin: {settings.plugin!r} is not the name of a plugin", remedy='Such as "silero".'
        )
    place = PLACES.get(name, f"livekit.plugins.{name}")
    try:
        kind = getattr(importlib.import_module(place), part, None)
    except ImportError as error:
        raise ConfigError(
            f"{where}.plugin: {name} is not installed ({error})",
            remedy=f"pip install livekit-plugins-{name.replace('_', '-')}",
        ) from error
    if kind is None:
        raise ConfigError(f"{where}.plugin: {name} has no {part}", remedy="Choose another plugin for it.")
    try:
        return kind(**settings.options)
    except InterlinguaError:
        raise
    except Exception as error:  # plugins raise what they like for a missing key or an unknown option
        raise ConfigError(
            f"{where}: {name} says: {error}", remedy=f"Correct {where}.options, or set its key."
        ) from error

"""Calls by voice for tests of the browser: a microphone that says a sentence again and again, and who answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.e2e.browser.people import person
from tests.e2e.browser.stand import CHROMIUM, FLAGS, Stand, stand
from tests.voice.livekit_server import KEY, SECRET, binary, livekit

QUESTION = "what is the capital of france"
BOTH = 'llm_models = ["lab/fast"]\ntask_agents = ["lab/fast"]'
"""Lists that leave something to choose."""
EVERY_SECONDS = 12.0
"""From one question to the next."""


def voice_table(folder: Path, url: str, more: str = "") -> str:
    """The configuration's `[voice]`, with LiveKit's key and secret in files.

    Args:
        folder: for those.
        url: of the LiveKit server.
        more: of the table.
    """
    (folder / "livekit-key").write_text(KEY)
    (folder / "livekit-secret").write_text(SECRET)
    return (
        f'\n[voice]\nurl = "{url}"\n'
        f'api_key = "file:{folder}/livekit-key"\napi_secret = "file:{folder}/livekit-secret"\n'
        f'llm_model = "lab/chat"\ntask_agent_provider = "lab"\n{more}\n'
    )


def question(path: Path) -> Path:
    """A file of sound in which somebody asks the question, and then is silent for a while."""
    subprocess.run(["flite", "-voice", "kal16", "-t", QUESTION, "-o", str(path)], check=True)
    with wave.open(str(path)) as file:
        rate, said = file.getframerate(), file.readframes(file.getnframes())
    before = b"\0\0" * rate
    after = b"\0\0" * int(rate * (EVERY_SECONDS - 1 - len(said) / 2 / rate))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(before + said + after)
    return path


@contextmanager
def hearing(browser: Browser, sound: Path | None = None) -> Iterator[Browser]:
    """Chromium with a microphone that nobody need allow.

    Args:
        browser: the tests' own, which has none.
        sound: what the microphone hears; beeps otherwise.
    """
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags += ["--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required"]
    if sound is not None:
        flags.append(f"--use-file-for-fake-audio-capture={sound}")
    found = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
    try:
        yield found
    finally:
        found.close()


@contextmanager
def worker(config: Path) -> Iterator[Path]:
    """`il voice`, registered at its server; where its log is.

    Args:
        config: its configuration.
    """
    log = config.with_suffix(".log")
    il = Path(sys.executable).with_name("il")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("IL_", "LIVEKIT"))}
    registered = threading.Event()
    with subprocess.Popen(
        [str(il), "voice", "--config", str(config)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:

        def read() -> None:
            assert process.stderr is not None
            with log.open("wb") as file:
                for line in process.stderr:
                    file.write(line)
                    file.flush()
                    if b"registered worker" in line:
                        registered.set()
            registered.set()  # it has ended, which is seen below

        reading = threading.Thread(target=read)
        reading.start()
        try:
            assert registered.wait(60) and process.poll() is None, log.read_text()
            yield log
        finally:
            process.terminate()
            process.wait(60)
            reading.join()


@contextmanager
def answered(folder: Path, lists: str = "") -> Iterator[Stand]:
    """A gateway whose calls by voice are answered, by a worker that allows less than the page offers.

    Args:
        folder: for all that they keep.
        lists: of the gateway's `[voice]`.
    """
    with livekit() as server, stand(folder, voice_table(folder, server.url, lists)) as gateway:
        narrower = 'llm_models = ["lab/fast"]\ntask_agents = ["lab/*"]\nmost_load = 1\ngreeting = "Hello."\n'
        narrower += 'tts = { plugin = "offline", options = { program = "flite", voice = "kal16" } }\n'
        config = folder / "worker.toml"
        config.write_text(
            f'[store]\npath = "{folder}/il.db"\n'
            f'[providers.lab]\nbase_url = "{gateway.provider.address}"\ndialect = "openai_chat"\n'
            f'default_model = "chat"\n{voice_table(folder, server.url, narrower)}'
        )
        with worker(config):
            yield gateway


def photograph(browser: Browser, folder: Path) -> None:
    """A picture of a call for the guide.

    Args:
        browser: where.
        folder: where the picture goes.
    """
    with TemporaryDirectory() as place, answered(Path(place), BOTH) as gateway:
        chat = gateway.answered("The capital, please", "quick", title="Capitals")
        sound = question(Path(place) / "question.wav")
        with hearing(browser, sound) as ears, person(ears, gateway) as (page, _):
            page.goto(f"{gateway.address}/c/{chat}")
            page.get_by_role("button", name="Talk by voice").click()
            page.get_by_role("button", name="Start the call").click()
            said = page.get_by_role("log", name="What was said")
            said.get_by_text(QUESTION).last.wait_for(timeout=60_000)
            said.get_by_text("tenth century.").last.wait_for(timeout=60_000)
            page.mouse.move(0, 0)
            page.screenshot(path=folder / "voice.png", animations="disabled", caret="hide")


def missing() -> str:
    """What a call to a real server lacks here; empty where nothing."""
    if binary() is None:
        return "no LiveKit server: `make livekit-server` builds one (Go), or set LIVEKIT_SERVER"
    if find_spec("pocketsphinx") is None:
        return "PocketSphinx hears in this test: pip install 'interlingua[voice-offline]'"
    if shutil.which("flite") is None:
        return "flite speaks in this test: apt-get install flite"
    return ""

"""The process that waits for rooms: registered at a LiveKit server, it answers each job in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
from collections.abc import Callable
from functools import partial

from livekit.agents import AgentServer, JobContext, JobExecutorType

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.errors import ConnectionFailed
from interlingua.stores.opening import open_store
from interlingua.voice.agent import converse
from interlingua.voice.choices import Chooser
from interlingua.voice.speech import open_speech
from interlingua.voice.tokens import server

TRIES = 5
"""How often a server that does not answer is tried."""

log = logging.getLogger("interlingua.voice")


def check(config: Config) -> str:
    """Who talks and works, as a line to show; opens all parts once, so that mistakes show before anybody calls.

    Raises:
        InterlinguaError: something is missing or mistaken.
    """
    chosen = Chooser(config.voice, AsyncClient(config=config).engine).choose()
    speech = open_speech(config.voice)
    server(config.voice)
    return (
        f"{chosen.llm_model} talks, {chosen.task_agent} works; "
        f"hears with {speech.stt.provider}, speaks with {speech.tts.provider}"
    )


def build_worker(config: Config, *, threads: bool = False) -> AgentServer:
    """The worker that a configuration describes; its health is served on a free port of the loopback.

    Args:
        config: the configuration.
        threads: whether jobs run in threads and not in processes.

    Raises:
        ConfigError: no server is named, or its key or secret is missing.
    """
    at = server(config.voice)
    worker = AgentServer(
        job_executor_type=JobExecutorType.THREAD if threads else JobExecutorType.PROCESS,
        ws_url=at.url,
        api_key=at.api_key.reveal(),
        api_secret=at.api_secret.reveal(),
        host="127.0.0.1",
        port=0,
        load_threshold=config.voice.most_load if config.voice.most_load < 1 else math.inf,
        num_idle_processes=1,
        max_retry=TRIES,
        drain_timeout=int(config.server.drain),
    )
    worker.rtc_session(partial(_job, config), agent_name=config.voice.agent_name)
    return worker


async def _job(config: Config, context: JobContext) -> None:
    await converse(context, config)


async def serve_voice(config: Config, ready: Callable[[str], None]) -> None:
    """Answers calls until the process is told to end; running calls are finished first.

    Args:
        config: the configuration.
        ready: is called once with the worker's id, when the server knows it.

    Raises:
        ConnectionFailed: the server cannot be reached, or refuses our key.
        ConfigError: as `build_worker`; or the store cannot be used.
        LocalFileError: the store fails.
    """
    worker = build_worker(config)
    # Each call opens the store for itself: here it is brought up to date, and a mistake shows before anybody calls.
    await (await open_store(config.store)).aclose()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    worker.on("worker_registered", lambda id, _: ready(id))
    running = asyncio.create_task(worker.run())
    ending = asyncio.create_task(told.wait())
    try:
        await asyncio.wait((running, ending), return_when=asyncio.FIRST_COMPLETED)
        if running.done() and (error := running.exception()) is not None:
            raise ConnectionFailed(
                f"the LiveKit server cannot be used: {error}",
                remedy="Check voice.url, and that LIVEKIT_API_KEY and LIVEKIT_API_SECRET are those of this server.",
            ) from error
        with contextlib.suppress(TimeoutError):
            await worker.drain()
    finally:
        ending.cancel()
        await worker.aclose()
        with contextlib.suppress(Exception):  # it was told above, or is the end that we asked for
            await running

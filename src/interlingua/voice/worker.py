"""The process that waits for rooms: registered at a LiveKit server, it answers each job in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from functools import partial

from livekit.agents import AgentServer, JobContext, JobExecutorType, WorkerOptions

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.errors import ConnectionFailed
from interlingua.stores.opening import open_store
from interlingua.voice.agent import converse
from interlingua.voice.choices import Chooser
from interlingua.voice.speech import open_speech
from interlingua.voice.tokens import server

SERVERS_LIMIT = 0.7
"""The load from which a LiveKit server offers a worker nothing: its `agents.target_load`."""
_MEASURED: Callable[[AgentServer], float] = WorkerOptions.load_fnc  # type: ignore[assignment]  # it may take nothing
PRELOADED = ("interlingua.voice.agent", "interlingua.stores.sql")
"""What takes long to import and each call needs: brought once, before anybody calls."""
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
        load_fnc=partial(told_load, config.voice.most_load),
        load_threshold=SERVERS_LIMIT,
        num_idle_processes=1,
        preload_modules=list(PRELOADED),
        max_retry=TRIES,
        drain_timeout=int(config.server.drain),
    )
    worker.rtc_session(partial(_job, config), agent_name=config.voice.agent_name)
    return worker


def told_load(most: float, worker: AgentServer) -> float:
    """The load that the server is told, so that its limit is reached where ours is.

    A worker that says it takes more than the server's limit is not offered any call, and callers wait for nobody.

    Args:
        most: `voice.most_load`.
        worker: whose.
    """
    if most >= 1:
        return 0.0
    return min(1.0, _MEASURED(worker) * SERVERS_LIMIT / most)


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

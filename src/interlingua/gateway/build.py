"""From a configuration to a gateway: its parts, and what starts and ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from interlingua.config.build import SystemClock, build_engine
from interlingua.config.load import default_user_folder
from interlingua.config.schema import Config
from interlingua.credentials.vault import open_vault
from interlingua.engine import stored_responses
from interlingua.engine.budgets import Budgets
from interlingua.engine.cache import Cache
from interlingua.engine.contents import Contents
from interlingua.engine.engine import IN_PROCESS
from interlingua.engine.ledger import Ledger
from interlingua.engine.limits import Limiter
from interlingua.engine.queue import Queue
from interlingua.errors import ConfigError
from interlingua.gateway import health
from interlingua.gateway.app import Gateway
from interlingua.gateway.auth import Doorkeeper, admin_token
from interlingua.gateway.benchmarks import Measurements
from interlingua.gateway.exposure import check_exposure
from interlingua.gateway.guard import Guard
from interlingua.gateway.hooks import load_hooks
from interlingua.gateway.local_routes import local_names
from interlingua.gateway.reload import ConfigSource, Reloader
from interlingua.gateway.runs import Runs
from interlingua.gateway.seeing import credentials_of, open_seeing
from interlingua.gateway.sessions import Sessions
from interlingua.gateway.shared import Sharing, open_sharing
from interlingua.gateway.sharing import Worker, check_limits
from interlingua.gateway.state import State
from interlingua.gateway.tools import GatewayTools
from interlingua.gateway.usage import warn_of_unpriced
from interlingua.gateway.virtual_keys import VirtualKeys, configured_keys
from interlingua.ports.memory import Memory
from interlingua.ports.transport import Transport
from interlingua.stores.memory import DividedMemory, ProcessMemory
from interlingua.stores.opening import default_path, open_store
from interlingua.telemetry.logs import Logs
from interlingua.transport.keeper import KeptMemory, KeptTransport

if TYPE_CHECKING:
    from interlingua.stores.sql import SqlStore

_Step = Callable[[], Awaitable[None]]
_Watch = Callable[[], Coroutine[None, None, None]]


def token_path(config: Config) -> Path:
    """Where the administrator's token lies: beside the store."""
    store = Path(config.store.path).expanduser() if config.store.path else default_path()
    return store.parent / "admin-token"


def runs_path(config: Config) -> Path:
    """Where answers that run are written down: beside the store."""
    return token_path(config).with_name("runs")


def _memory(config: Config, sharing: Sharing | None, kept: KeptMemory | None, store: SqlStore) -> Memory:
    """Where state is remembered that goes through clients' hands."""
    memory: Memory = sharing.memory if sharing else kept or ProcessMemory(time.monotonic)
    if config.responses.store == "sql":
        memory = DividedMemory(stored_responses.PREFIX, store.responses, memory)
    return memory


def _cache(config: Config, sharing: Sharing | None, kept: KeptMemory | None) -> Cache:
    """The answers that are given again, apart from what conversations need: neither takes the other's room."""
    settings = config.cache
    if sharing is not None:
        return Cache(sharing.answers, settings, sharing.claims)
    return Cache(kept or ProcessMemory(time.monotonic, settings.max_bytes), settings)


async def _envelope_key(worker: Worker | None, sharing: Sharing | None) -> bytes:
    """What seals state: the same for all who may get it back."""
    made = worker.envelope_key if worker else secrets.token_bytes(32)
    return made if sharing is None else await sharing.shared.secret("envelopes", made)


AGAIN_SECONDS = 0.5
"""After which a task that was told to end, and did not, is told so again."""


async def build_gateway(
    config: Config,
    *,
    transport: Transport | None = None,
    environment: Mapping[str, str] | None = None,
    source: ConfigSource | None = None,
    logs: Logs | None = None,
    owns_exit: bool = False,
    worker: Worker | None = None,
) -> Gateway:
    """The gateway that a configuration describes, its store open; belongs to the running event loop.

    Args:
        config: the configuration.
        transport: replaces every way out, for tests.
        environment: names and values; the process environment by default.
        source: where the configuration comes from, to take over its changes; None never does.
        logs: where a line is written of every call; None writes none.
        owns_exit: as for `build_engine`; the process is then the gateway's own, and serves long.
        worker: which of several this is, and what they have in common; None where it is alone.

    Raises:
        ConfigError: the configuration cannot be used, or would open the gateway to everybody.
        LocalFileError: the store or the administrator's token cannot be kept.
    """
    environment, clock = os.environ if environment is None else environment, SystemClock()
    sharing = open_sharing(config.shared, environment, config.cache.max_bytes)
    store = await open_store(config.store, environment, apart=owns_exit)
    keys = VirtualKeys(clock, configured_keys(config.virtual_keys, environment), store)
    try:
        await _check_keys(config, keys, worker.workers if worker and not sharing else 1)
    except ConfigError:
        await store.aclose()
        raise
    kept = KeptMemory(worker.keeper) if worker else None
    limiter = Limiter(clock, config.limits)
    ways = {IN_PROCESS: KeptTransport(worker.keeper)} if worker else {}
    rests = sharing.rests if sharing else None
    build = partial(build_engine, config, transport=transport, transports=ways, rests=rests)
    engine = build(environment=environment, owns_exit=owns_exit, local_paths=False)
    budgets = Budgets(clock, store.budgets, config.budgets, secrets.token_hex(8))
    token, hooks = admin_token(token_path(config)), load_hooks()
    memory = _memory(config, sharing, kept, store)
    sessions = Sessions(clock, memory, token)
    state = State(
        config=config,
        config_of_file=config,
        engine=engine,
        doorkeeper=Doorkeeper(keys, token, sessions),
        guard=Guard((*config.server.allowed_hosts, config.server.host)),
        limiter=limiter,
        queue=Queue(config.queue),
        shared_limits=sharing.limiter(limiter) if sharing else None,
        budgets=budgets,
        ledger=Ledger(store, config.ledger, settled=budgets.settled),
        contents=Contents(store.contents, config.ledger.content),
        usage=store.rollups,
        memory=memory,
        cache=_cache(config, sharing, kept),
        envelope_key=await _envelope_key(worker, sharing),
        sessions=sessions,
        keys=keys,
        key_store=store,
        conversations=store.conversations,
        overlay=store.overlay,
        benchmarks=store.benchmarks,
        vault=open_vault(environment, default_user_folder()),
        seeing=open_seeing(config.telemetry, engine, logs, hooks, (token,)),
        hooks=hooks,
        worker=worker,
        environment=environment,
    )
    state.runs, state.tools = Runs(state, runs_path(config), sharing), GatewayTools(state, environment)
    reloader = await _completed(state, source or ConfigSource.of(config), environment, transport, owns_exit=owns_exit)
    return Gateway(state, *_lifetime(state, store, reloader, kept, sharing))


async def _check_keys(config: Config, keys: VirtualKeys, workers: int) -> None:
    """Reads the keys; raises ConfigError where they leave the gateway open, or their limits cannot be held."""
    await keys.refresh()
    check_exposure(config.server.host, has_keys=bool(keys))
    check_limits(workers, config.limits, [issued.row for issued in keys.issued])


async def _completed(
    state: State,
    source: ConfigSource,
    environment: Mapping[str, str],
    transport: Transport | None,
    *,
    owns_exit: bool,
) -> Reloader:
    """The gateway's state with what needs the rest of it, and with what was edited in the pages in force."""
    state.measurements = Measurements(state)
    state.local_names = partial(local_names, state.config)
    state.contents.secrets = lambda: credentials_of(state.engine)
    state.vault.was_changed()  # what it was until here is known
    overlay = await state.overlay.read()
    reloader = Reloader(state, state.keys, source, environment, transport, owns_exit=owns_exit, version=overlay.version)
    state.reconfigure = reloader.reconfigure
    if overlay.values:
        await reloader.reconfigure()
    return reloader


def _watching(state: State, store: SqlStore, reloader: Reloader, sharing: Sharing | None) -> list[_Watch]:
    """All that goes on beside the calls until it is cancelled."""
    from interlingua.stores.keeping import keep_pruned  # brings the database, as the store did

    found: list[_Watch] = [
        state.keys.watch,
        state.budgets.watch,
        reloader.watch,
        state.runs.watch,
        partial(keep_pruned, store, state.config.store.keep),
    ]
    if sharing is not None:
        parts = (sharing.counters, sharing.rests, sharing.claims, sharing.news)
        found += [part.watch for part in parts]
    if state.worker is not None and state.seeing.metrics is not None:
        found.append(partial(health.keep_counting, state, state.seeing.metrics))
    return found


def _lifetime(
    state: State, store: SqlStore, reloader: Reloader, kept: KeptMemory | None, sharing: Sharing | None
) -> tuple[_Step, _Step]:
    """What is done when the server starts, and when it ends."""
    watching = _watching(state, store, reloader, sharing)
    tasks: set[asyncio.Task[None]] = set()

    async def startup() -> None:
        loop = asyncio.get_running_loop()
        tasks.update(loop.create_task(watch()) for watch in watching)
        if state.worker is None or state.worker.number == 1:
            warn_of_unpriced(state, state.keys)

    async def shutdown() -> None:
        for task in tasks:
            while not task.done():  # redis-py may swallow a cancellation that comes just when a word of the server does
                task.cancel()
                await asyncio.wait({task}, timeout=AGAIN_SECONDS)
            with contextlib.suppress(asyncio.CancelledError):
                await task
        written = (state.ledger, state.contents, state.budgets)
        asking = (state.runs, state.tools, state.measurements)
        for part in (reloader, *asking, *written, state.engine, kept, store, sharing):
            if part is not None:
                await part.aclose()

    return startup, shutdown

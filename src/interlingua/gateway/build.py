"""From a configuration to a gateway: its parts, and what starts and ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from interlingua.config.build import SystemClock, build_engine
from interlingua.config.schema import Config
from interlingua.engine.ledger import Ledger
from interlingua.engine.limits import Limiter
from interlingua.errors import ConfigError
from interlingua.gateway.app import Gateway
from interlingua.gateway.auth import Doorkeeper, admin_token
from interlingua.gateway.guard import LOOPBACK, Guard
from interlingua.gateway.state import State
from interlingua.gateway.virtual_keys import VirtualKeys, configured_keys
from interlingua.ports.transport import Transport
from interlingua.stores.memory import ProcessMemory
from interlingua.stores.opening import default_path, open_store


def token_path(config: Config) -> Path:
    """Where the administrator's token lies: beside the store."""
    store = Path(config.store.path).expanduser() if config.store.path else default_path()
    return store.parent / "admin-token"


async def build_gateway(
    config: Config, *, transport: Transport | None = None, environment: Mapping[str, str] | None = None
) -> Gateway:
    """The gateway that a configuration describes, its store open; belongs to the running event loop.

    Args:
        config: the configuration.
        transport: replaces every way out, for tests.
        environment: names and values; the process environment by default.

    Raises:
        ConfigError: the configuration cannot be used, or would open the gateway to everybody.
        LocalFileError: the store or the administrator's token cannot be kept.
    """
    environment = os.environ if environment is None else environment
    clock = SystemClock()
    store = await open_store(config.store.path)
    keys = VirtualKeys(clock, configured_keys(config.virtual_keys, environment), store)
    await keys.refresh()
    if not keys and not is_loopback(config.server.host):
        await store.aclose()
        raise ConfigError(
            f"server.host: {config.server.host} can be reached by others, and there are no virtual keys",
            remedy="Make a key with `il keys create NAME`, or listen on 127.0.0.1.",
        )
    engine = build_engine(config, transport=transport, environment=environment)
    ledger = Ledger(store, config.ledger)
    state = State(
        config=config,
        engine=engine,
        doorkeeper=Doorkeeper(keys, admin_token(token_path(config))),
        guard=Guard((*config.server.allowed_hosts, config.server.host)),
        limiter=Limiter(clock, config.limits),
        ledger=ledger,
        memory=ProcessMemory(clock.monotonic),
        envelope_key=secrets.token_bytes(32),
    )
    tasks: set[asyncio.Task[None]] = set()

    async def startup() -> None:
        tasks.add(asyncio.get_running_loop().create_task(keys.watch()))

    async def shutdown() -> None:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await ledger.aclose()
        await engine.aclose()
        await store.aclose()

    return Gateway(state, startup, shutdown)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host in LOOPBACK or host == "::1" or host.startswith("127.")

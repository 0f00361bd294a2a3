"""What one serving process holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from interlingua.config.schema import Config
from interlingua.credentials.vault import Vault
from interlingua.engine.budgets import Budgets
from interlingua.engine.cache import Cache
from interlingua.engine.contents import Contents
from interlingua.engine.engine import Engine
from interlingua.engine.ledger import Ledger
from interlingua.engine.limits import Limiter
from interlingua.engine.queue import Queue
from interlingua.engine.shared_limits import SharedLimiter
from interlingua.errors import InterlinguaError
from interlingua.gateway.auth import Doorkeeper
from interlingua.gateway.guard import Guard
from interlingua.gateway.hooks import Hooks
from interlingua.gateway.seeing import Seeing
from interlingua.gateway.sessions import Sessions
from interlingua.gateway.sharing import Worker
from interlingua.gateway.virtual_keys import VirtualKeys
from interlingua.ports.benchmarks import BenchmarkStore
from interlingua.ports.conversations import ConversationStore
from interlingua.ports.memory import Memory
from interlingua.ports.store import KeyStore, LedgerRow, OverlayStore, RollupStore
from interlingua.types.opaque import Json

if TYPE_CHECKING:
    from interlingua.gateway.benchmarks import Measurements
    from interlingua.gateway.discovery import Told
    from interlingua.gateway.runs import Runs
    from interlingua.gateway.tools import GatewayTools


class Reconfigure(Protocol):
    """Takes over the store's overlay, or tries another."""

    async def __call__(self, values: Mapping[str, Json] | None = None, *, keep: bool = True) -> None:
        """Raises InterlinguaError where it cannot be used."""
        ...


Mount: TypeAlias = Callable[[Config, bytes], bytes]
"""What answers a path in place of the gateway: it is given the configuration in force and the body, and gives JSON. It
is a function of a module, because several workers get it by its name."""

VOICE = ("POST", "/api/voice/token")
"""The path that offers calls by voice, where something is mounted there."""


@dataclass(slots=True)
class State:
    """The gateway's parts.

    Args:
        config: the configuration in force.
        config_of_file: the same without what was edited in the pages.
        engine: what answers.
        doorkeeper, guard: who may ask, and from where.
        limiter: how much they may ask.
        shared_limits: the same where several processes count together; None where this one counts for itself.
        queue: where calls wait for limits.
        budgets: how much they may spend.
        ledger: where calls are written down.
        contents: where is kept what was asked and answered, of calls of which it may be.
        usage: sums the ledger up.
        memory: what is remembered for clients.
        cache: answers that are given again.
        envelope_key: seals state that goes through clients' hands.
        sessions: who is signed in to the pages.
        keys, key_store: the virtual keys in force, and where those are kept that are made here.
        conversations, overlay, benchmarks: what people said, what they set, and what they measured.
        vault: where keys of providers are kept that are set here.
        runs: answers that are being written for people; set when the gateway is whole.
        tools: what models may call for them; set when the gateway is whole.
        seen: what tests of providers said last, by id.
        told: what servers on this machine said of their models last, by id.
        measurements: benchmarks that run here; set when the gateway is whole.
        watchers: who follows calls as they end; None says that no more will.
        local_names: the models that lie on this machine.
        reconfigure: takes over what was changed in the overlay; set when the gateway is whole.
        draining: whether the process ends; new calls are refused.
        running: calls that are being answered.
        seeing: who is told of calls.
        hooks: code of others around calls; None where there is none.
        config_problem: why the configuration's file is not in force; None where it is.
        needs_restart: keys of the file whose change waits for a restart.
        worker: which of several this is, and what they have in common; None where it is alone.
        mounts: what other surfaces answer, by method and path; each has its row in the table of routes.
        environment: names and values, as the configuration refers to them.
    """

    config: Config
    config_of_file: Config
    engine: Engine
    doorkeeper: Doorkeeper
    guard: Guard
    limiter: Limiter
    queue: Queue
    budgets: Budgets
    ledger: Ledger
    contents: Contents
    usage: RollupStore
    memory: Memory
    cache: Cache
    envelope_key: bytes
    sessions: Sessions
    keys: VirtualKeys
    key_store: KeyStore
    conversations: ConversationStore
    overlay: OverlayStore
    benchmarks: BenchmarkStore
    vault: Vault
    runs: Runs = field(init=False)
    tools: GatewayTools = field(init=False)
    measurements: Measurements = field(init=False)
    seen: dict[str, object] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    watchers: set[asyncio.Queue[LedgerRow | None]] = field(default_factory=set)
    local_names: Callable[[], list[str]] = list
    reconfigure: Reconfigure = field(init=False)
    draining: bool = False
    running: set[asyncio.Task[Any]] = field(default_factory=set)
    seeing: Seeing = field(default_factory=Seeing)
    hooks: Hooks | None = None
    shared_limits: SharedLimiter | None = None
    config_problem: InterlinguaError | None = None
    needs_restart: tuple[str, ...] = ()
    worker: Worker | None = None
    mounts: Mapping[tuple[str, str], Mount] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def livekit(self) -> str:
        """The address of the LiveKit server where calls by voice are offered; empty where they are not."""
        return self.config.voice.address(self.environment) if VOICE in self.mounts else ""

"""Takes over a changed configuration without a restart; keeps the last good one where the new one cannot be used.

The file is looked at each second, because that works on every platform and file system, for edited, replaced and
linked files alike. A change is taken once the file was the same at two looks, so that half a file is not taken for a
whole one. The new configuration is built whole before anything changes; then all that answers calls is exchanged at
once, between two steps of the event loop. Calls that run keep what they began with; ways out that nobody uses any more
are closed when the last of them is over. Ways out whose settings stay the same are kept, with their connections.

What was edited in the pages lies in the store, under the file; a change of it by another worker is seen at the next
look, one by this worker at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from interlingua.config.build import build_engine, kept_ways
from interlingua.config.check import unusable
from interlingua.config.overlay import with_overlay
from interlingua.config.schema import Config
from interlingua.engine.engine import Engine
from interlingua.errors import InterlinguaError, LocalFileError
from interlingua.gateway.exposure import check_exposure
from interlingua.gateway.guard import Guard
from interlingua.gateway.sharing import check_limits
from interlingua.gateway.state import State
from interlingua.gateway.virtual_keys import VirtualKeys, configured_keys
from interlingua.ports.store import KeyRow
from interlingua.ports.transport import Transport
from interlingua.types.opaque import Json

log = logging.getLogger("interlingua.gateway")

SECONDS = 1.0
"""Between two looks."""
MOST_SECONDS_OF_OLD = 900.0
"""After so long a way out of a former configuration is closed, whoever may still use it."""

Stamp = tuple[str, int, int, int]


class ConfigSource:
    """Where a configuration comes from.

    Args:
        locate: the file to read, or None where there is none.
        load: reads and checks it, with all that goes over it.
    """

    def __init__(self, locate: Callable[[], Path | None], load: Callable[[], Config]) -> None:
        self._locate = locate
        self.load = load
        self.began = self.stamp()
        """What the file was like before it was read for the first time."""

    @classmethod
    def of(cls, config: Config) -> ConfigSource:
        """A source that never changes."""
        return cls(lambda: None, lambda: config)

    def stamp(self) -> Stamp | None:
        """What changes when the file does; None where there is none."""
        path = self._locate()
        try:
            found = path.stat() if path is not None else None
        except OSError:
            return None
        return None if found is None else (str(path), found.st_mtime_ns, found.st_size, found.st_ino)


@dataclass(frozen=True, slots=True)
class _Next:
    """All that a new configuration becomes."""

    config: Config
    base: Config
    version: int
    keys: tuple[KeyRow, ...]
    engine: Engine
    guard: Guard
    needs_restart: tuple[str, ...]


class Reloader:
    """Watches a configuration.

    Args:
        state: what is served.
        keys: the virtual keys.
        source: where the configuration comes from.
        environment: names and values.
        transport: replaces every way out, for tests.
        owns_exit: as for `build_engine`.
        version: of the overlay that is in force.
    """

    def __init__(
        self,
        state: State,
        keys: VirtualKeys,
        source: ConfigSource,
        environment: Mapping[str, str],
        transport: Transport | None = None,
        *,
        owns_exit: bool = False,
        version: int = 0,
    ) -> None:
        self._state = state
        self._keys = keys
        self._source = source
        self._environment = environment
        self._transport = transport
        self._owns_exit = owns_exit
        self._taken = self._seen = source.began
        self._version = version
        self._changing = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def watch(self, seconds: float = SECONDS) -> None:
        """Looks again and again until it is cancelled.

        Args:
            seconds: between two looks.
        """
        while True:
            await asyncio.sleep(seconds)
            self.look_at_credentials()
            await self.look()

    def look_at_credentials(self) -> None:
        """Takes over the keys of providers that `il credentials` set or took away; they are read when they are used."""
        state = self._state
        try:
            if not state.vault.was_changed():
                return
            state.engine.rests.renew()  # a key that was refused may be another one now
            state.seen.clear()
            state.seeing.know(state.engine)
        except InterlinguaError as error:
            log.error("the credentials that changed cannot be used: %s", error.message)
        else:
            log.info("the changed credentials are in force")

    async def look(self) -> bool:
        """Looks once; whether another configuration is in force since."""
        stamp = self._source.stamp()
        settled, self._seen = stamp == self._seen, stamp
        edited = await self._edited()
        if (not settled or stamp == self._taken) and not edited:
            return False
        gone = stamp is None and self._taken is not None
        if settled:
            self._taken = stamp
        try:
            if gone:
                raise LocalFileError("the configuration's file is gone")
            await self.reconfigure()
        except InterlinguaError as error:
            self._state.config_problem = error
            log.error("the changed configuration is not used, and the last good one stays: %s", error.message)
            return False
        return True

    async def reconfigure(self, values: Mapping[str, Json] | None = None, *, keep: bool = True) -> None:
        """Builds the configuration anew and puts it in force.

        Args:
            values: an overlay to build with; None is the store's.
            keep: whether it is put in force, or only tried.

        Raises:
            InterlinguaError: it cannot be used; what is in force stays.
        """
        async with self._changing:
            overlay = await self._state.overlay.read()
            given = overlay.values if values is None else values
            found = await asyncio.to_thread(self._build, given, overlay.version)
            if keep:
                self._exchange(found)

    async def _edited(self) -> bool:
        """Whether the overlay is another than the one in force; where it cannot be read, it is not."""
        try:
            return await self._state.overlay.version() != self._version
        except LocalFileError:
            return False  # the ledger tells of a store that fails

    async def aclose(self) -> None:
        """Closes what is left of former configurations."""
        for task in tuple(self._closing):
            task.cancel()
        if self._closing:
            await asyncio.wait(self._closing)

    def _build(self, values: Mapping[str, Json], version: int) -> _Next:
        """The new configuration, built; nothing of what is in force changes."""
        state = self._state
        base, needs_restart = without_restart(state.config, self._source.load())
        new = with_overlay(base, values)
        rows = configured_keys(new.virtual_keys, self._environment)
        alone = state.worker is not None and state.shared_limits is None
        check_limits(state.config.server.workers if alone else 1, new.limits, rows)
        check_exposure(new.server.host, has_keys=bool(rows) or self._keys.has_stored)
        ways = kept_ways(state.config, new, state.engine.transports)
        engine = build_engine(
            new,
            transport=self._transport,
            transports=ways,
            environment=self._environment,
            owns_exit=self._owns_exit,
            rests=state.engine.rests,
            local_paths=False,
        )
        for problem in unusable(new, engine):
            log.warning("%s", problem)
        guard = Guard((*new.server.allowed_hosts, new.server.host))
        return _Next(new, base, version, rows, engine, guard, needs_restart)

    def _exchange(self, new: _Next) -> None:
        """Puts the new configuration in force. Nothing in here waits."""
        state, old = self._state, self._state.engine
        state.config, state.engine, state.guard = new.config, new.engine, new.guard
        state.config_of_file, self._version = new.base, new.version
        state.config_problem, state.needs_restart = None, new.needs_restart
        new.engine.rests.renew()  # a key that was refused may be another one now
        self._keys.configure(new.keys)
        state.limiter.set_models(new.config.limits)
        state.limiter.forget({issued.row.name for issued in self._keys.issued})
        state.queue.settings = new.config.queue
        state.cache.settings = new.config.cache
        state.budgets.configure(new.config.budgets)
        state.ledger.settings = new.config.ledger
        state.contents.settings = new.config.ledger.content
        state.seeing.know(new.engine)
        log.info("the changed configuration is in force")
        if new.needs_restart:
            log.warning("a restart is needed for the change of %s", ", ".join(new.needs_restart))
        unused = [way for name, way in old.transports.items() if way is not new.engine.transports.get(name)]
        if unused and self._transport is None:
            task = asyncio.get_running_loop().create_task(_close(unused, frozenset(state.running)))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _close(unused: list[Transport], running: frozenset[asyncio.Task[object]]) -> None:
    """Closes ways out when the calls that may use them are over."""
    try:
        if running:
            await asyncio.wait(running, timeout=MOST_SECONDS_OF_OLD)
    finally:
        for way in unused:
            await way.aclose()


def without_restart(old: Config, new: Config) -> tuple[Config, tuple[str, ...]]:
    """The new configuration with what cannot change while it is served, and the names of what would have."""
    fixed = {"host": old.server.host, "port": old.server.port, "workers": old.server.workers}
    # The keeper has been told about the local model once, when it was started.
    local = old.local if old.server.workers > 1 else new.local
    kept = replace(
        new,
        server=replace(new.server, **fixed),
        cache=replace(new.cache, max_bytes=old.cache.max_bytes),
        store=old.store,
        responses=old.responses,
        shared=old.shared,
        telemetry=old.telemetry,
        local=local,
    )
    changed = {
        **{f"server.{name}": getattr(new.server, name) != value for name, value in fixed.items()},
        "cache.max_bytes": new.cache.max_bytes != old.cache.max_bytes,
        "local": new.local != local,
        "store": new.store != old.store,
        "responses": new.responses != old.responses,
        "shared": new.shared != old.shared,
        "telemetry": new.telemetry != old.telemetry,
    }
    return kept, tuple(name for name, differs in changed.items() if differs)

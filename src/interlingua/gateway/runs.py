"""The runs of this process, by tenant, and the way to those of others.

A run's log stays for a minute after its end, for those who come back late. What it has told is kept elsewhere too as
long as it runs, so that the end of its process loses no answer. Several processes know each other's runs
where `[shared]` is configured, so that a watcher may come to any of them; without it a gateway of several workers has
none, because a watcher would reach a worker that knows nothing of the run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from interlingua.errors import InterlinguaError, NotFound, RateLimited, Unsupported
from interlingua.gateway.run import Asking, Run
from interlingua.gateway.run_journal import RunJournal
from interlingua.gateway.run_mirror import Mirror, RemoteRun, away
from interlingua.gateway.shared import Sharing
from interlingua.gateway.state import State
from interlingua.ports.runs import RunHead

KEPT_SECONDS = 60.0
MOST_RUNS = 32
"""Of one tenant at once."""
LOOK_SECONDS = 2.0
"""Between two looks for runs whose process died."""

log = logging.getLogger("interlingua.runs")


class Runs:
    """Runs.

    Args:
        state: the gateway.
        folder: where what runs is written down if this process is alone.
        sharing: what the processes have in common; None where this one is alone.
    """

    def __init__(self, state: State, folder: Path, sharing: Sharing | None = None) -> None:
        self._state = state
        self._folder = folder
        self._sharing = sharing
        self._runs: dict[tuple[str, str], Run] = {}
        self._keepers: set[asyncio.Task[None]] = set()

    async def start(self, asking: Asking) -> Run:
        """Begins one.

        Raises:
            Unsupported: this is one of several processes that share nothing.
            RateLimited: the tenant has too many.
            Overloaded: what the processes share cannot be reached.
        """
        tenant = asking.principal.tenant
        if self._sharing is None:
            if self._state.worker is not None:
                raise Unsupported(
                    "chats in the browser need a gateway of one process, or one whose processes share a Redis",
                    feature="runs",
                    remedy="Set shared.url, or start it with `il serve --workers 1`.",
                )
            _check(sum(1 for _ in self.of(tenant)))
            run = Run(self._state, asking)
            self._begun(tenant, run)
            if asking.conversation is not None:
                self._keep(RunJournal(run, self._head(run, ""), self._folder).keep())
            return run
        return await self._start_shared(asking, self._sharing)

    async def _start_shared(self, asking: Asking, sharing: Sharing) -> Run:
        run = Run(self._state, asking)
        head = self._head(run, sharing.runs.owner)
        running = await sharing.runs.begin(head, MOST_RUNS)
        if running is None:
            raise away()
        _check(running)
        self._begun(head.tenant, run)
        self._keep(Mirror(run, head, sharing.runs, sharing.news).keep())
        return run

    def _head(self, run: Run, owner: str) -> RunHead:
        asking = run.asking
        return RunHead(
            id=run.id,
            tenant=asking.principal.tenant,
            conversation=asking.conversation,
            parent=asking.parent,
            model=asking.request.model,
            request_id=run.request_id,
            owner=owner,
            started=int(self._state.engine.clock.time() * 1e6),
        )

    def _begun(self, tenant: str, run: Run) -> None:
        run.begin()
        self._runs[tenant, run.id] = run
        run.task.add_done_callback(lambda _: self._later(tenant, run.id))

    def _keep(self, keeping: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(keeping)
        self._keepers.add(task)
        task.add_done_callback(self._keepers.discard)

    def find(self, tenant: str, id: str) -> Run:
        """One of this process, running or just ended.

        Raises:
            NotFound: no such run, or another tenant's.
        """
        found = self._runs.get((tenant, id))
        if found is None:
            raise NotFound(f"there is no run {id!r}", what="run", remedy="It ended a while ago: open its chat.")
        return found

    async def reach(self, tenant: str, id: str) -> Run | RemoteRun:
        """One of whatever process, running or just ended.

        Raises:
            NotFound: no such run, or another tenant's.
            Overloaded: what the processes share cannot be reached.
        """
        sharing = self._sharing
        if (tenant, id) not in self._runs and sharing is not None:
            head = await sharing.runs.head(tenant, id)
            if head is not None:
                return RemoteRun(head, sharing.runs, sharing.news, self._state.config.server.heartbeat)
            if sharing.shared.away:
                raise away()
        return self.find(tenant, id)

    def of(self, tenant: str, conversation: str | None = None) -> Iterator[Run]:
        """Those of this process that still run."""
        for (owner, _), run in list(self._runs.items()):
            if owner == tenant and not run.ended and conversation in (None, run.asking.conversation):
                yield run

    async def shown(self, tenant: str, conversation: str | None = None) -> list[dict[str, Any]]:
        """Those of all processes that still run, as a list shows them."""
        found = [run.shown() for run in self.of(tenant, conversation)]
        known = {one["id"] for one in found}
        elsewhere = await self._elsewhere(tenant, conversation)
        return found + [run.shown() for run in elsewhere if run.head.id not in known]

    async def _elsewhere(self, tenant: str, conversation: str | None) -> list[RemoteRun]:
        sharing = self._sharing
        if sharing is None:
            return []
        heads = [one for one in await sharing.runs.of(tenant) if (tenant, one.id) not in self._runs]
        silence = self._state.config.server.heartbeat
        return [
            RemoteRun(one, sharing.runs, sharing.news, silence)
            for one in heads
            if conversation in (None, one.conversation)
        ]

    async def stop_of(self, tenant: str, conversation: str) -> None:
        """Stops those of a conversation and waits until they are kept."""
        running, elsewhere = list(self.of(tenant, conversation)), await self._elsewhere(tenant, conversation)
        for run in running:
            run.stop_now()
        for remote in elsewhere:
            await remote.stop()
        if running:
            await asyncio.wait([run.task for run in running])
        for remote in elsewhere:
            await remote.over()

    async def watch(self) -> None:
        """Ends runs whose process died: those of this machine at once; shared ones again and again, until cancelled."""
        from interlingua.gateway.lost_runs import bury, bury_left

        sharing = self._sharing
        if sharing is None:
            await bury_left(self._state, self._folder)
        while sharing is not None:
            await asyncio.sleep(LOOK_SECONDS)
            for head in await sharing.runs.inherit():
                if (head.tenant, head.id) in self._runs:
                    continue  # this process was only slow
                log.warning("the process that wrote %s is gone; what there is of it is kept", head.id)
                try:
                    await bury(self._state, head, sharing.runs)
                except InterlinguaError as error:
                    log.error("what there is of %s cannot be kept yet: %s", head.id, error.message)

    async def aclose(self) -> None:
        """Breaks off all that still run; what came of them is kept, and told."""
        tasks = [run.task for run in self._runs.values() if not run.ended]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._keepers:
            await asyncio.wait(self._keepers)

    def _later(self, tenant: str, id: str) -> None:
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._runs.pop, (tenant, id), None)


def _check(running: int) -> None:
    if running >= MOST_RUNS:
        raise RateLimited(
            f"{running} answers are being written already",
            retry_after=5.0,
            scope="gateway:key/runs",
            remedy="Wait until one of them ends, or stop one.",
        )

"""The runs of this process, by tenant; a run's log stays for a minute after its end, for those who come back late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from interlingua.errors import NotFound, RateLimited
from interlingua.gateway.run import Asking, Run
from interlingua.gateway.state import State

KEPT_SECONDS = 60.0
MOST_RUNS = 32
"""Of one tenant at once."""


class Runs:
    """The runs of this process, by tenant.

    Args:
        state: the gateway.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._runs: dict[tuple[str, str], Run] = {}

    def start(self, asking: Asking) -> Run:
        """Begins one.

        Raises:
            RateLimited: the tenant has too many.
        """
        tenant = asking.principal.tenant
        running = sum(1 for run in self.of(tenant))
        if running >= MOST_RUNS:
            raise RateLimited(
                f"{running} answers are being written already",
                retry_after=5.0,
                scope="gateway:key/runs",
                remedy="Wait until one of them ends, or stop one.",
            )
        run = Run(self._state, asking)
        self._runs[tenant, run.id] = run
        run.task.add_done_callback(lambda _: self._later(tenant, run.id))
        return run

    def find(self, tenant: str, id: str) -> Run:
        """One, running or just ended.

        Raises:
            NotFound: no such run, or another tenant's.
        """
        found = self._runs.get((tenant, id))
        if found is None:
            raise NotFound(f"there is no run {id!r}", what="run", remedy="It ended a while ago: open its chat.")
        return found

    def of(self, tenant: str, conversation: str | None = None) -> Iterator[Run]:
        """Those that still run."""
        for (owner, _), run in list(self._runs.items()):
            if owner == tenant and not run.ended and conversation in (None, run.asking.conversation):
                yield run

    async def stop_of(self, tenant: str, conversation: str) -> None:
        """Stops those of a conversation and waits until they are kept."""
        running = list(self.of(tenant, conversation))
        for run in running:
            run.stop_now()
        if running:
            await asyncio.wait([run.task for run in running])

    async def aclose(self) -> None:
        """Breaks off all that still run; what came of them is kept."""
        tasks = [run.task for run in self._runs.values() if not run.ended]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _later(self, tenant: str, id: str) -> None:
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._runs.pop, (tenant, id), None)

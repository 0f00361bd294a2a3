"""A run as the other processes know it: its owner writes it to the server and hears what they want of it, and they read
it there. What was read is what a watcher of the owner itself would get, event by event.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import msgspec

from interlingua.errors import NotFound, Overloaded
from interlingua.gateway.run_tools import Decision

if TYPE_CHECKING:
    from interlingua.gateway.run import Run
    from interlingua.ports.runs import RunHead
    from interlingua.stores.shared_news import SharedNews
    from interlingua.stores.shared_runs import SharedRuns

LOOK_SECONDS = 1.0
"""Between two looks where nobody tells of news."""
GATHER_SECONDS = 0.03
"""Events that come within this time go together."""
_ANY = 1_000_000
LAST_WORD_SECONDS = 5.0
"""How long the end of a run may wait for a server that is away."""


def away() -> Overloaded:
    """What the processes have in common cannot be reached."""
    return Overloaded("what the processes of this gateway share cannot be reached", retry_after=2.0)


def subject_of(head: RunHead) -> str:
    """What news of a run goes by."""
    return f"run {head.id}"


class Mirror:
    """Writes a run's events to the server until they are all there, and does what others ask of it.

    Args:
        run: one of this process.
        head: as the server knows it.
        shared, news: the way there.
    """

    def __init__(self, run: Run, head: RunHead, shared: SharedRuns, news: SharedNews) -> None:
        self._run = run
        self._head = head
        self._shared = shared
        self._news = news
        self._told = 0
        self._waiting: frozenset[str] = frozenset()

    async def keep(self) -> None:
        """Does so, to the end of the run or until another process has taken it."""
        log, loop = self._run.log, asyncio.get_running_loop()
        renewed, until = 0.0, float("inf")
        with self._news.of(subject_of(self._head), log.changed):
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await log.changed.wait()
                if not log.ended:
                    await asyncio.sleep(GATHER_SECONDS)
                log.changed.clear()
                over = log.ended
                if over:
                    until = min(until, loop.time() + LAST_WORD_SECONDS)
                owned = await self._write()
                # What wakes us and is no event of our own is somebody who wants something.
                if owned is not False and not over and (owned is None or loop.time() - renewed > LOOK_SECONDS):
                    renewed = loop.time()
                    owned = await self._heed()
                if owned is False:
                    self._run.disown()
                    return
                if over and (self._told == len(log.events) or loop.time() > until):
                    await self._shared.end(self._head)
                    await self._news.tell(subject_of(self._head))
                    return

    async def _write(self) -> bool | None:
        """Writes what is new: whether the run is ours; None where nothing was, or could be, written."""
        events, waits = self._run.log.events[self._told :], self._run.waiting
        if not events and waits == self._waiting:
            return None
        last = self._told + len(events)
        added = await self._shared.add(
            self._head, self._told + 1, last, b"".join(events), waits - self._waiting, self._waiting - waits
        )
        if added == 1:
            self._told, self._waiting = last, waits
            await self._news.tell(subject_of(self._head))
            return True
        if added == -1:
            await self._again()
        return False if added == 0 else None

    async def _heed(self) -> bool:
        """Does what others ask; false where the run was taken from this process."""
        standing = await self._shared.renew(self._head)
        if standing is None:
            return True
        if standing.owned is None:
            await self._again()
            return True
        if not standing.owned:
            return False
        if standing.watched:
            self._run.watched_elsewhere()
        for call, said in standing.decided.items():
            with contextlib.suppress(NotFound):  # it was answered here before
                await self._run.decide(call, msgspec.json.decode(said, type=Decision))
        if standing.stop:
            await self._run.stop()
        return True

    async def _again(self) -> None:
        """The server lost its memory: it is told everything once more."""
        await self._shared.begin(self._head, _ANY)
        self._told, self._waiting = 0, frozenset()
        self._run.log.changed.set()


class RemoteRun:
    """A run that another process writes.

    Args:
        head: whose it is.
        shared, news: the way there.
        silence: seconds of which make a moment of silence.
    """

    def __init__(self, head: RunHead, shared: SharedRuns, news: SharedNews, silence: float) -> None:
        self.head = head
        self._shared = shared
        self._news = news
        self._silence = silence

    async def watch(self, after: int) -> AsyncGenerator[bytes | None]:
        """As `Run.watch`."""
        loop, tenant, id = asyncio.get_running_loop(), self.head.tenant, self.head.id
        quiet_since, marked = loop.time(), float("-inf")
        with self._news.of(subject_of(self.head)) as news:
            while True:
                news.clear()
                if loop.time() - marked > LOOK_SECONDS:
                    await self._shared.mark(tenant, id, "watched")
                    marked = loop.time()
                found = await self._shared.read(tenant, id, after)
                if found is not None:
                    after = found.last
                    if found.text:
                        yield found.text
                        quiet_since = loop.time()
                    if found.over:
                        return
                    if found.text:
                        continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await news.wait()
                if loop.time() - quiet_since > self._silence:
                    quiet_since = loop.time()
                    yield None

    def shown(self) -> dict[str, Any]:
        """As `Run.shown`."""
        head = self.head
        return {
            "id": head.id,
            "conversation": head.conversation,
            "parent": head.parent,
            "message": None,
            "model": head.model,
        }

    async def stop(self) -> None:
        """As `Run.stop`, a moment later."""
        await self._shared.mark(self.head.tenant, self.head.id, "stop")
        await self._news.tell(subject_of(self.head))

    async def decide(self, call: str, decision: Decision) -> None:
        """As `Run.decide`.

        Raises:
            NotFound: the call does not wait.
            Overloaded: the server is away.
        """
        waited = await self._shared.decide(self.head.tenant, self.head.id, call, msgspec.json.encode(decision))
        if waited is None:
            raise away()
        if not waited:
            raise NotFound(f"no tool call {call[:80]!r} waits for approval", what="tool call")
        await self._news.tell(subject_of(self.head))

    async def over(self) -> None:
        """Waits until it has ended, for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                async for _ in self.watch(0):
                    pass

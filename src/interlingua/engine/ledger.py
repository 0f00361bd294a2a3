"""Writes down every call, in batches, without making it wait.

Rows are handed to the store when the oldest has waited 250 ms or 500 wait, whichever is first. What a process that is
killed loses is at most those; a graceful stop loses nothing. Where the disk is too slow, rows wait in memory up to a
bound, then calls wait for room, and only then a row is given up: counted, and said in the log. With `durable`, a call
waits until its row is on the disk. Contracts §4.5.

What a call takes from budgets travels with its row, and is written in the same transaction: a row that is given up
leaves its charge with the worker's lease, where it still counts. Contracts §4.3.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Annotated

from msgspec import Meta, Struct

from interlingua.engine.contents import ContentSettings
from interlingua.errors import InterlinguaError, InvalidRequest, LocalFileError, NotFound
from interlingua.ports.budgets import BudgetCharge
from interlingua.ports.store import AttemptRow, LedgerPage, LedgerRow, LedgerStore

__all__ = ["AttemptRow", "Ledger", "LedgerPage", "LedgerRow", "LedgerSettings"]

BATCH_SECONDS = 0.25
BATCH_ROWS = 500
MOST_WAITING = 20_000
"""Rows that may wait in memory: some 20 MB."""
_MOST_PER_WRITE = 5_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two tries at a disk that fails."""

log = logging.getLogger("interlingua.ledger")


class LedgerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How calls are written down.

    Args:
        durable: a reply ends only after its row is on the disk, and fails where that cannot be.
        longest_wait: most seconds that a call waits for a disk that does not keep up.
        content: of which calls also what was asked and answered is kept; of none by default.
    """

    durable: bool = False
    longest_wait: Annotated[float, Meta(ge=0)] = 5.0
    content: ContentSettings = ContentSettings()


class Ledger:
    """The ledger of one process. Belongs to the event loop that its first row came on.

    Args:
        store: where rows are kept.
        settings: how.
        most_waiting: rows that may wait in memory.
        settled: is told of charges once they are on the disk.
    """

    def __init__(
        self,
        store: LedgerStore,
        settings: LedgerSettings | None = None,
        *,
        most_waiting: int = MOST_WAITING,
        settled: Callable[[Sequence[BudgetCharge]], None] | None = None,
    ) -> None:
        self._store = store
        self._settled = settled
        self._charges: dict[str, tuple[BudgetCharge, ...]] = {}
        self.settings = settings or LedgerSettings()
        self._most_waiting = most_waiting
        self._waiting: list[LedgerRow] = []
        self._writing: list[LedgerRow] = []
        self._taken = 0
        self._done = 0
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._due = False
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self.failure: InterlinguaError | None = None
        """Why the last write failed; None while all is well."""
        self.lost = 0
        """Rows that were given up since the start."""

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk yet."""
        return len(self._waiting) + len(self._writing)

    def add(self, row: LedgerRow, charges: tuple[BudgetCharge, ...] = ()) -> bool:
        """Takes a row without waiting; for a call that is being cancelled and must not wait. Returns whether there
        was room; where there was none, the row is lost and counted."""
        if self.waiting >= self._most_waiting:
            self._lose(1, "the disk does not keep up")
            return False
        self._waiting.append(row)
        if charges:
            self._charges[row.request_id] = charges
        self._taken += 1
        count = len(self._waiting)
        if count >= BATCH_ROWS or self.settings.durable:
            self._wake.set()
        elif count == 1:
            asyncio.get_running_loop().call_later(BATCH_SECONDS, self._wake.set)
        if self._writer is None or self._writer.done():
            self._start()
        return True

    async def record(self, row: LedgerRow, charges: tuple[BudgetCharge, ...] = ()) -> None:
        """Takes a row; waits for room where the disk does not keep up, and with `durable` until it is on the disk.

        Args:
            row: of a call that is over.
            charges: what it takes from budgets.

        Raises:
            LocalFileError: with `durable`, it could not be written; it is kept, and tried again.
        """
        if self.waiting >= self._most_waiting:
            await self._room()
        if self.add(row, charges) and self.settings.durable:
            await self._until(self._taken)

    async def flush(self) -> None:
        """Waits until all rows that were taken so far are on the disk.

        Raises:
            LocalFileError: they could not be written; they are kept, and tried again.
        """
        if self.waiting:
            self._wake.set()
            await self._until(self._taken)

    async def aclose(self, limit: float = 10.0) -> None:
        """Writes what waits and stops; the store stays open.

        Args:
            limit: most seconds to try.

        Raises:
            LocalFileError: it could not be written, and is lost.
        """
        self._closing = True
        self._wake.set()
        if self._writer is None:
            return
        await asyncio.wait({self._writer}, timeout=limit)
        if not self._writer.done():
            self._writer.cancel()
            await asyncio.wait({self._writer})
        self._writer = None
        if self.waiting:
            lost = self.waiting
            self._lose(lost, "they could not be written before the end")
            self._waiting.clear()
            self._writing.clear()
            self._charges.clear()
            error = self.failure or LocalFileError(f"{lost} rows of the ledger were not written in {limit:g} s")
            self._failed(error)
            raise error

    async def read(self, tenant: str | None, request_id: str) -> LedgerRow:
        """One call, as soon as it was taken.

        Args:
            tenant: whose; None is for the administrator.
            request_id: ours.

        Raises:
            NotFound: no such id, or another tenant's: the same error.
            LocalFileError: the file cannot be read.
        """
        for row in self._unwritten():
            if row.request_id == request_id and (tenant is None or row.tenant == tenant):
                return row
        found = await self._store.read(tenant, request_id)
        if found is None:
            raise NotFound("there is no request of this id", what="request")
        return found

    async def page(self, tenant: str | None, *, after: str | None = None, limit: int = 50) -> LedgerPage:
        """Calls, newest first, those that were only just taken included.

        Args:
            tenant: whose; None is for the administrator.
            after: the cursor of the page before.
            limit: most rows, 1 to 1,000.

        Raises:
            InvalidRequest: the cursor or limit is not one.
            LocalFileError: the file cannot be written or read.
        """
        await self.flush()
        return await self._store.page(tenant, after=after, limit=limit)

    def _unwritten(self) -> Iterator[LedgerRow]:
        return chain(reversed(self._waiting), self._writing)

    def _start(self) -> None:
        self._closing = False
        self._writer = asyncio.get_running_loop().create_task(self._run(), name="ledger")

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting or self._writing:
                if not self._writing:
                    self._writing = self._waiting[:_MOST_PER_WRITE]
                    del self._waiting[: len(self._writing)]
                await self._write()
                if len(self._waiting) < BATCH_ROWS and not (self._watchers or self._closing):
                    break
            if self._waiting:
                asyncio.get_running_loop().call_later(BATCH_SECONDS, self._wake.set)
            if self._closing:
                self._wake.set()

    async def _write(self) -> None:
        """Writes the present batch, however long it takes."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._write_batch(self._writing)
            except InvalidRequest:
                await self._write_singly()
                return
            except InterlinguaError as error:
                if self.failure is None:
                    log.error("the ledger cannot be written, and waits: %s", error.message)
                self._failed(error)
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
            else:
                self._written(len(self._writing))
                return

    async def _write_batch(self, rows: list[LedgerRow]) -> None:
        if not self._charges:
            await self._store.write(rows)
            return
        charges = [charge for row in rows for charge in self._charges.get(row.request_id, ())]
        await self._store.write(rows, charges)
        for row in rows:
            self._charges.pop(row.request_id, None)
        if self._settled is not None:
            self._settled(charges)

    async def _write_singly(self) -> None:
        """One row of the batch can never be written; it must not keep the others from it."""
        while self._writing:
            try:
                await self._write_batch(self._writing[:1])
            except InvalidRequest as error:
                self._lose(1, error.message)
                self._charges.pop(self._writing[0].request_id, None)
            except InterlinguaError as error:
                self._failed(error)
                await asyncio.sleep(_FIRST_PAUSE)
                continue
            self._written(1)

    def _written(self, count: int) -> None:
        if self.failure is not None:
            log.warning("the ledger is written again")
            self.failure = None
        del self._writing[:count]
        self._done += count
        watchers, self._watchers = self._watchers, []
        for watched in watchers:
            if watched[0] > self._done:
                self._watchers.append(watched)
            elif not watched[1].done():
                watched[1].set_result(None)

    def _failed(self, error: InterlinguaError) -> None:
        self.failure = error
        watchers, self._watchers = self._watchers, []
        for count, future in watchers:
            if count > self._done and not future.done():
                future.set_exception(error)

    async def _until(self, count: int) -> None:
        """Waits until so many rows are on the disk. Raises what keeps them from it."""
        if count <= self._done:
            return
        future = asyncio.get_running_loop().create_future()
        self._watchers.append((count, future))
        await future

    async def _room(self) -> None:
        """Waits until there is room, or for as long as the settings allow."""
        try:
            async with asyncio.timeout(self.settings.longest_wait):
                while self.waiting >= self._most_waiting:
                    try:
                        await self._until(self._done + 1)
                    except InterlinguaError:
                        await asyncio.sleep(_FIRST_PAUSE)
        except TimeoutError:
            if self.settings.durable:
                raise self.failure or LocalFileError("the ledger's disk does not keep up") from None

    def _lose(self, count: int, why: str) -> None:
        if self.lost == 0 or count > 1 or self.lost % 1000 == 0:
            log.error("%d rows of the ledger are lost so far: %s", self.lost + count, why)
        self.lost += count

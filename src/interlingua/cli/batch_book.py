"""The books of a batch: its calls in the ledger and in the budgets, once each, whenever the process is killed.

An answer's row, what it takes from budgets and the answer itself are one transaction of the store; then the answer goes
into the file. What was killed between the two is put into the file by the next run.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interlingua.cli.session import Session
from interlingua.cli.stored import dollars, run
from interlingua.engine.budgets import Budgets
from interlingua.engine.principal import LOCAL, LOCAL_TENANT
from interlingua.engine.record import ledger_row
from interlingua.ports.budgets import BudgetCharge
from interlingua.ports.store import LedgerRow
from interlingua.stores.opening import open_store

if TYPE_CHECKING:
    from interlingua.engine.batch import BatchItem, BatchResult
    from interlingua.stores.sql import SqlStore

TAG = "batch"
"""What calls of batches are called in the ledger, to sum usage up by."""


class Book:
    """Writes down what a batch does.

    Args:
        store: where.
        budgets: what it may cost.
        batch: what it is known by: the place of its results.
        names: what answers are known by, by the names of their requests.

    Attributes:
        left: what has no result though somebody was asked; written down at the end.
    """

    def __init__(self, store: SqlStore, budgets: Budgets, batch: str, names: dict[str, str]) -> None:
        self.budgets = budgets
        self.left: list[BatchResult] = []
        self._store = store
        self._batch = batch
        self._names = names
        self._written: tuple[str, ...] = ()

    async def enter(self, result: BatchResult, line: bytes) -> None:
        """Writes an answer down; from here on it comes to the file, if only by the next run, until it is `written`.

        Args:
            result: what came of a request.
            line: of the results.

        Raises:
            LocalFileError: it cannot be written.
        """
        writing = asyncio.ensure_future(self._write(result, line))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing  # it is paid for, and comes to the file by the next run
            raise

    def written(self, result: BatchResult) -> None:
        """The answer is in the file, on the disk: nobody need keep it any longer."""
        self._written = (self._names[result.custom_id],)

    async def close(self) -> None:
        """Writes the rest down, and gives back what is left of budgets."""
        from interlingua.engine.batch import render_result

        for result in self.left:
            await self._write(result, None if result.answer is None else render_result(result))
        await self._store.batches.forget(LOCAL_TENANT, self._batch, self._written)
        await self.budgets.aclose()

    async def _write(self, result: BatchResult, line: bytes | None) -> None:
        row, charges = entry(result)
        keeping = None
        if line is not None:
            name = self._names[result.custom_id]
            keeping = self._store.batches.keeping(LOCAL_TENANT, self._batch, name, line, self._written)
        await self._store.write([row], charges, keeping)
        self.budgets.settled(charges)


def entry(result: BatchResult) -> tuple[LedgerRow, tuple[BudgetCharge, ...]]:
    """The row of a request, and what it takes from budgets."""
    row = ledger_row(
        result.request_id,
        LOCAL,
        result.dialect,
        result.peek,
        result.outcome,
        started=result.started,
        ended=result.ended,
        operation=result.operation,
        tags=(TAG,),
    )
    if result.hold is None:
        return row, ()
    return row, result.hold.settle(row, was_asked=result.outcome.target is not None)


@contextlib.asynccontextmanager
async def opened(current: Session, path: Path, items: Sequence[BatchItem]) -> AsyncIterator[Book]:
    """The book of a batch, closed with the context.

    Args:
        current: whose configuration says where the store is, and what the budgets are.
        path: of the results.
        items: the requests.

    Raises:
        ConfigError, LocalFileError: of the store.
    """
    store = await open_store(current.config.store)
    budgets = Budgets(current.engine.clock, store.budgets, current.config.budgets, secrets.token_hex(8))
    book = Book(store, budgets, _batch(path), _names(items))
    watching = asyncio.ensure_future(budgets.watch())
    try:
        yield book
    finally:
        watching.cancel()
        try:
            await book.close()
        finally:
            await store.aclose()


def put_back(
    current: Session, path: Path, items: Sequence[BatchItem], there: set[str], append: Callable[[bytes], None]
) -> set[str]:
    """Puts the answers into the file that a killed run left on their way there; the names of their requests.

    Args:
        current: whose configuration says where the store is.
        path: of the results.
        items: the requests.
        there: names of those that have a result.
        append: puts a line into the file, on the disk.
    """
    by_name = {name: custom_id for custom_id, name in _names(items).items()}

    async def act(store: SqlStore) -> set[str]:
        found = await store.batches.answers(LOCAL_TENANT, _batch(path))
        lines = {by_name[name]: line for name, line in found.items() if name in by_name}
        missing = lines.keys() - there
        for custom_id in sorted(missing):
            append(lines[custom_id])
        await store.batches.forget(LOCAL_TENANT, _batch(path), tuple(found))
        return set(missing)

    return run(current, act)


def budget_lines(current: Session) -> list[str]:
    """How the budgets stand that a batch falls under, for people."""
    if not current.config.budgets.parsed():
        return []

    async def act(store: SqlStore) -> list[str]:
        budgets = Budgets(current.engine.clock, store.budgets, current.config.budgets, "")
        found = []
        for budget, state in await budgets.states(LOCAL):
            whose = f"{state.budget.kind} {state.budget.name}".strip()
            held = f", {dollars(state.leased)} held" if state.leased else ""
            found.append(f"{whose}: {dollars(state.spent + state.estimated)} of {budget} spent{held}")
        return found

    return run(current, act)


def _batch(path: Path) -> str:
    """What a batch is known by: the same for whoever names the file of its results, however they do."""
    return hashlib.sha256(str(path.expanduser().resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _names(items: Sequence[BatchItem]) -> dict[str, str]:
    """What answers are known by: a request that reads otherwise is another one, though it is called the same."""
    return {
        item.custom_id: hashlib.sha256(f"{item.custom_id}\0{item.url}\0".encode() + item.body).hexdigest()[:32]
        for item in items
    }

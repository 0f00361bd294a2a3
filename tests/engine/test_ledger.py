"""Every call is written down, in batches, and nothing is lost silently."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from interlingua.engine import ledger as module
from interlingua.engine.ledger import Ledger, LedgerPage, LedgerRow, LedgerSettings
from interlingua.errors import InvalidRequest, LocalFileError, NotFound
from interlingua.ports.budgets import BudgetCharge
from interlingua.stores.opening import open_store
from tests.stores.ledger_rows import row


class Disk:
    """A store whose writes can be held up, made to fail, or refuse certain rows."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.rows: dict[str, LedgerRow] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.failing = False
        self.refused: set[str] = set()

    async def write(self, rows: Sequence[LedgerRow], charges: Sequence[BudgetCharge] = ()) -> None:
        """Commits, once the gate is open."""
        await self.gate.wait()
        if self.failing:
            raise LocalFileError("the disk is full", path="x.db")
        if any(one.request_id in self.refused for one in rows):
            raise InvalidRequest("a value cannot be stored")
        self.batches.append([one.request_id for one in rows])
        self.rows |= {one.request_id: one for one in rows}

    async def read(self, tenant: str | None, request_id: str) -> LedgerRow | None:
        """From what is committed."""
        found = self.rows.get(request_id)
        return found if found and tenant in (None, found.tenant) else None

    async def page(self, tenant: str | None, *, after: str | None = None, limit: int = 50) -> LedgerPage:
        """All of it."""
        return LedgerPage(tuple(reversed([one for one in self.rows.values() if one.tenant == tenant])))


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails is tried again at once."""
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "_LONGEST_PAUSE", 0.02)


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits until a callable says yes."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 # what is waited for has no event
            await asyncio.sleep(0.005)


async def test_rows_are_written_together_after_the_window() -> None:
    """One transaction for what came within 250 ms."""
    disk = Disk()
    ledger = Ledger(disk)
    for i in range(10):
        await ledger.record(row(f"r{i}"))
    assert disk.batches == []
    await until(lambda: disk.batches)
    assert disk.batches == [[f"r{i}" for i in range(10)]]
    await ledger.record(row("next"))
    await until(lambda: len(disk.batches) == 2)
    await ledger.aclose()


async def test_500_rows_do_not_wait_for_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are a batch."""
    monkeypatch.setattr(module, "BATCH_SECONDS", 3600.0)
    disk = Disk()
    ledger = Ledger(disk)
    for i in range(500):
        await ledger.record(row(f"r{i}"))
    await until(lambda: disk.batches)
    assert len(disk.batches[0]) == 500
    await ledger.aclose()


async def test_a_graceful_stop_loses_nothing() -> None:
    """Even rows that came a moment ago, and those that come while the disk is slow."""
    disk = Disk()
    ledger = Ledger(disk)
    disk.gate.clear()
    for i in range(1234):
        ledger.add(row(f"r{i}"))
    asyncio.get_running_loop().call_later(0.05, disk.gate.set)
    await ledger.aclose()
    assert len(disk.rows) == 1234
    assert (ledger.waiting, ledger.lost) == (0, 0)


async def test_a_row_is_read_before_it_is_written_and_while_it_is() -> None:
    """A client may ask as soon as it has its answer."""
    disk = Disk()
    disk.gate.clear()
    ledger = Ledger(disk)
    await ledger.record(row("a"))
    assert await ledger.read("acme", "a") == row("a")
    await until(lambda: ledger._writing)
    await ledger.record(row("b"))
    assert [await ledger.read("acme", one) for one in "ab"] == [row("a"), row("b")]
    disk.gate.set()
    await ledger.flush()
    assert await ledger.read("acme", "a") == row("a")
    assert [one.request_id for one in (await ledger.page("acme")).rows] == ["b", "a"]
    await ledger.aclose()


@pytest.mark.parametrize("flushed", [True, False])
async def test_an_unknown_and_a_foreign_id_give_the_same_error(flushed: bool) -> None:
    """Contracts §6.8, written or not."""
    ledger = Ledger(Disk())
    await ledger.record(row("theirs", "other"))
    if flushed:
        await ledger.flush()
    said = []
    for id in ("theirs", "nothing"):
        with pytest.raises(NotFound) as caught:
            await ledger.read("acme", id)
        said.append((caught.value.message, caught.value.remedy, caught.value.what))
    assert said[0] == said[1]
    assert await ledger.read(None, "theirs") == row("theirs", "other")
    await ledger.aclose()


async def test_durable_returns_after_the_commit_and_shares_it() -> None:
    """Calls that end together wait for one transaction."""
    disk = Disk()
    disk.gate.clear()
    ledger = Ledger(disk, LedgerSettings(durable=True))
    calls = [asyncio.create_task(ledger.record(row(f"r{i}"))) for i in range(5)]
    await asyncio.sleep(0.02)
    assert not any(call.done() for call in calls)
    disk.gate.set()
    await asyncio.gather(*calls)
    assert len(disk.rows) == 5
    assert len(disk.batches) <= 2
    await ledger.aclose()


async def test_durable_says_that_it_could_not_be_written() -> None:
    """The row is kept and tried again all the same."""
    disk = Disk()
    disk.failing = True
    ledger = Ledger(disk, LedgerSettings(durable=True))
    with pytest.raises(LocalFileError, match="full"):
        await ledger.record(row("a"))
    assert ledger.failure is not None
    disk.failing = False
    await ledger.flush()
    assert "a" in disk.rows
    assert vars(ledger)["failure"] is None
    await ledger.aclose()


async def test_a_disk_that_fails_for_a_while_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once when it begins and once when it ends."""
    disk = Disk()
    disk.failing = True
    ledger = Ledger(disk)
    ledger.add(row("a"))
    with pytest.raises(LocalFileError):
        await ledger.flush()
    await asyncio.sleep(0.1)
    assert await ledger.read("acme", "a") == row("a")
    disk.failing = False
    await until(lambda: disk.rows)
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    await ledger.aclose()


async def test_calls_wait_for_a_slow_disk_instead_of_filling_the_memory() -> None:
    """Back-pressure: nothing is lost, and nothing piles up."""
    disk = Disk()
    disk.gate.clear()
    ledger = Ledger(disk, most_waiting=10)
    calls = [asyncio.create_task(ledger.record(row(f"r{i}"))) for i in range(30)]
    await until(lambda: sum(call.done() for call in calls) >= 10)
    await asyncio.sleep(0.02)  # in which no more are taken
    assert ledger.waiting == 10
    assert sum(call.done() for call in calls) == 10
    disk.gate.set()
    await asyncio.gather(*calls)
    assert ledger.waiting <= 10
    await ledger.aclose()
    assert (len(disk.rows), ledger.lost) == (30, 0)


async def test_a_row_that_is_given_up_is_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """Only after the call has waited for as long as it may; with `durable` it is told."""
    disk = Disk()
    disk.gate.clear()
    ledger = Ledger(disk, LedgerSettings(longest_wait=0.01), most_waiting=2)
    for i in range(4):
        await ledger.record(row(f"r{i}"))
    assert not ledger.add(row("r4"))
    assert (ledger.waiting, ledger.lost) == (2, 3)
    assert any("lost" in record.message for record in caplog.records)
    strict = Ledger(disk, LedgerSettings(durable=True, longest_wait=0.01), most_waiting=0)
    with pytest.raises(LocalFileError):
        await strict.record(row("r5"))
    disk.gate.set()
    await ledger.aclose()


async def test_a_row_that_can_never_be_written_does_not_keep_the_others_from_it() -> None:
    """It is the one that is lost."""
    disk = Disk()
    disk.refused = {"r3"}
    ledger = Ledger(disk)
    for i in range(6):
        ledger.add(row(f"r{i}"))
    await ledger.flush()
    assert set(disk.rows) == {"r0", "r1", "r2", "r4", "r5"}
    assert (ledger.lost, ledger.waiting) == (1, 0)
    await ledger.aclose()


async def test_a_stop_with_a_dead_disk_ends_and_says_what_is_lost() -> None:
    """A process that is told to stop must."""
    disk = Disk()
    disk.failing = True
    ledger = Ledger(disk)
    for i in range(3):
        ledger.add(row(f"r{i}"))
    with pytest.raises(LocalFileError):
        await ledger.aclose(limit=0.1)
    assert (ledger.lost, ledger.waiting) == (3, 0)


async def test_a_call_that_is_cancelled_while_it_waits_is_still_written() -> None:
    """Its row was taken."""
    disk = Disk()
    disk.gate.clear()
    ledger = Ledger(disk, LedgerSettings(durable=True))
    call = asyncio.create_task(ledger.record(row("a")))
    await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    disk.gate.set()
    await ledger.aclose()
    assert "a" in disk.rows


async def test_nothing_runs_where_nothing_was_recorded() -> None:
    """A ledger that is not used costs nothing."""
    ledger = Ledger(Disk())
    await ledger.aclose()
    await ledger.flush()
    assert len(asyncio.all_tasks()) == 1


KILLED = """
import asyncio, sys
from interlingua.engine.ledger import Ledger
from interlingua.stores.opening import open_store
from tests.stores.ledger_rows import row

async def main():
    ledger = Ledger(await open_store(sys.argv[1]))
    for i in range(700):
        await ledger.record(row(f"old{i}"))
    while ledger.waiting:  # nobody tells it to write
        await asyncio.sleep(0.01)
    for i in range(20):
        await ledger.record(row(f"new{i}"))
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_process_that_is_killed_loses_at_most_the_window(tmp_path: Path) -> None:
    """Contracts §4.5: rows older than the window are there, and the file is whole."""
    path = tmp_path / "s.db"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with sqlite3.connect(path) as connection:
        (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
        (old,) = connection.execute("SELECT count(*) FROM calls WHERE request_id LIKE 'old%'").fetchone()
    connection.close()
    assert (whole, old) == ("ok", 700)


async def test_the_real_store_keeps_what_the_ledger_takes(tmp_path: Path) -> None:
    """Thousands of rows, read back by page and by id."""
    store = await open_store(tmp_path / "s.db")
    ledger = Ledger(store)
    for i in range(3000):
        await ledger.record(row(f"r{i}"))
    assert (await ledger.read("acme", "r2999")) == row("r2999")
    assert (await ledger.page("acme", limit=1)).rows == (row("r2999"),)
    await ledger.aclose()
    await store.aclose()
    with sqlite3.connect(tmp_path / "s.db") as connection:
        assert connection.execute("SELECT count(*), sum(cost) FROM calls").fetchone() == (3000, 3000 * 123_456_789_000)
    connection.close()

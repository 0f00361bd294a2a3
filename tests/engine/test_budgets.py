"""A budget is never passed by calls that stay within their reservations, whoever spends it and whatever is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlingua.engine.budgets import BudgetSettings, Hold, period_of
from interlingua.engine.principal import Budget, parse_budget
from interlingua.errors import BudgetExceeded, InvalidRequest, LocalFileError
from interlingua.ports.budgets import BudgetState
from interlingua.stores.sql import SqlStore
from interlingua.types.money import PICO_PER_USD
from tests.engine.budget_calls import CENT, START, TARGET, Clock, Worker, call_row, caller, opened

HOUR = 3600.0
UNPRICED = replace(TARGET, row=None)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be: each test has one of its own."""
    if request.param == "sqlite":
        return str(tmp_path / "s.db")
    server = request.getfixturevalue("postgres")
    return str(server.url(server.prepared()))


@pytest.fixture
async def store(place: str) -> AsyncIterator[SqlStore]:
    """An open one."""
    store = await opened(place)
    yield store
    await store.aclose()


async def state(worker: Worker, who: str = "k", span: str = "month") -> BudgetState:
    """How a key's budget stands in the store."""
    period = period_of("key", who, parse_budget(f"1 USD / {span}").span, worker.clock.now)[0]
    return (await worker.store.budgets.states([period], int(worker.clock.now * 1e6)))[0]


@pytest.mark.parametrize(
    ("text", "cents", "span"),
    [
        ("5 USD / month", 500, "month"),
        ("0.5 usd/day", 50, "day"),
        ("$20 / total", 2000, "total"),
        (" 3 USD ", 300, "total"),
        ("$1.25/Month", 125, "month"),
    ],
)
def test_a_budget_is_read_as_people_write_it(text: str, cents: int, span: str) -> None:
    assert parse_budget(text) == Budget(cents * CENT, span)  # type: ignore[arg-type]  # of the table above


@pytest.mark.parametrize(
    "text", ["", "5", "5 EUR / month", "0 USD", "-1 USD", "5 USD / week", "1e3 USD", "2000000 USD"]
)
def test_what_is_no_budget_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_budget(text, "virtual_keys[0].budget")
    assert caught.value.path == "virtual_keys[0].budget"
    assert "5 USD / month" in caught.value.remedy


@given(st.integers(1, 10**18), st.sampled_from(["day", "month", "total"]))
def test_a_budget_survives_being_written_and_read(pico: int, span: str) -> None:
    budget = Budget(pico, span)  # type: ignore[arg-type]  # of the strategy
    assert parse_budget(str(budget)) == budget


def test_the_configuration_names_what_is_no_budget() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"tenants\.lab.*not a budget"):
        msgspec.convert({"tenants": {"lab": "lots"}}, BudgetSettings)
    assert msgspec.convert({"global": "5 USD / day"}, BudgetSettings).parsed() == {
        ("global", ""): parse_budget("$5/day")
    }


@pytest.mark.parametrize(
    ("when", "span", "period", "ends"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "day", "2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "month", "2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), "month", "2028-02", datetime(2028, 3, 1, tzinfo=UTC)),
    ],
)
def test_periods_end_at_midnight_utc(when: datetime, span: str, period: str, ends: datetime) -> None:
    found, end = period_of("key", "k", span, when.timestamp())  # type: ignore[arg-type]  # of the table above
    assert (found.period, end) == (period, ends.timestamp())
    assert period_of("key", "k", "total", 0.0)[1] == float("inf")


async def test_without_a_budget_nothing_is_reserved_and_no_store_is_asked(store: SqlStore) -> None:
    worker = Worker(store, Clock())
    await store.aclose()
    assert await worker.budgets.reserve(caller(None), [TARGET], 10**9, None, START) is None


async def test_two_hundred_calls_at_once_never_overspend_a_dollar(store: SqlStore) -> None:
    """Each may cost three cents and costs them: 33 are let in."""
    worker = Worker(store, Clock())
    who = caller()
    results = await asyncio.gather(
        *(worker.call(f"r{i}", who, 3000, 3 * CENT) for i in range(200)), return_exceptions=True
    )
    refused = [one for one in results if one is not None]
    assert all(isinstance(one, BudgetExceeded) for one in refused)
    assert len(refused) == 167
    await worker.aclose()
    found = await state(worker)
    assert (found.spent, found.calls, found.leased) == (99 * CENT, 33, 0)


async def test_what_a_call_did_not_use_is_there_for_the_next(store: SqlStore) -> None:
    """Reserved for three cents, billed one: a hundred of them fit into a dollar."""
    worker = Worker(store, Clock())
    for i in range(98):
        await worker.call(f"r{i}", caller(), 3000, CENT)
    with pytest.raises(BudgetExceeded):
        for i in range(98, 101):
            await worker.call(f"r{i}", caller(), 3000, CENT)
    await worker.aclose()
    assert (await state(worker)).spent == 98 * CENT


async def test_a_worker_takes_slices_of_a_twentieth_and_asks_the_store_for_no_more(store: SqlStore) -> None:
    worker = Worker(store, Clock())
    hold = await worker.budgets.reserve(caller(), [TARGET], 0, 1000, START)
    assert (await state(worker)).leased == 5 * CENT
    await store.aclose()  # four more fit into what is held
    for _ in range(4):
        assert await worker.budgets.reserve(caller(), [TARGET], 0, 1000, START) is not None
    assert isinstance(hold, Hold)


async def test_a_call_that_is_dearer_than_a_slice_gets_its_reservation_where_the_budget_holds_it(
    store: SqlStore,
) -> None:
    worker = Worker(store, Clock(), settings=BudgetSettings(reserve_output_tokens=100_000))
    await worker.budgets.reserve(caller(), [TARGET], 0, 90_000, START)
    assert (await state(worker)).leased == 90 * CENT
    with pytest.raises(BudgetExceeded) as caught:
        await worker.budgets.reserve(caller(), [TARGET], 0, 11_000, START)
    assert caught.value.retryable  # the running call may give some back
    assert caught.value.retry_after == 1.0


async def test_the_reservation_is_the_prompt_and_the_smallest_cap_of_the_answer(store: SqlStore) -> None:
    """max_tokens, the model's own cap, and what the settings reserve at most."""
    worker = Worker(store, Clock(), settings=BudgetSettings(reserve_output_tokens=2_000))
    short = replace(TARGET, traits=replace(TARGET.traits, max_output=500))
    for target, output, cents in ((TARGET, 100, 1.1), (TARGET, None, 3.0), (TARGET, 50_000, 3.0), (short, None, 1.5)):
        before = await state(worker)
        hold = await worker.budgets.reserve(caller("100 USD / month"), [target], 10_000, output, START)
        assert hold is not None
        assert hold._amount == int(cents * CENT), (output, before)


async def test_several_answers_are_reserved_each(store: SqlStore) -> None:
    """And a limit that is none does not make the reservation smaller."""
    worker = Worker(store, Clock())
    who = caller("100 USD")
    hold = await worker.budgets.reserve(who, [TARGET], 0, 1000, START, 8)
    assert hold is not None and hold._amount == 8 * CENT
    hold = await worker.budgets.reserve(who, [TARGET], 0, -5, START, -3)
    assert hold is not None and hold._amount == 4096 * CENT // 1000


async def test_the_dearest_of_the_targets_decides(store: SqlStore) -> None:
    assert TARGET.row is not None
    dear = replace(TARGET, row=replace(TARGET.row, prices=(replace(TARGET.row.prices[0], output="30"),)))
    worker = Worker(store, Clock())
    hold = await worker.budgets.reserve(caller(), [TARGET, dear, UNPRICED], 0, 1000, START)
    assert hold is not None and hold._amount == 3 * CENT


async def test_budgets_of_several_scopes_all_hold(store: SqlStore) -> None:
    settings = BudgetSettings(global_="0.10 USD / day", tenants={"lab": "0.06 USD / total"})
    worker = Worker(store, Clock(), settings=settings)
    for i in range(6):
        await worker.call(f"r{i}", caller(), 1000, CENT)
    with pytest.raises(BudgetExceeded, match=r"this tenant may spend 0\.06 USD:") as caught:
        await worker.call("r6", caller(), 1000, CENT)
    assert (caught.value.scope, caught.value.resets, caught.value.retryable) == ("tenant lab", None, False)
    for i in range(4):
        await worker.call(f"other{i}", caller(None, "b", "other"), 1000, CENT)
    with pytest.raises(BudgetExceeded, match=r"this gateway may spend 0\.1 USD / day") as caught:
        await worker.call("other4", caller(None, "b", "other"), 1000, CENT)
    assert caught.value.resets == START + 24 * HOUR
    assert caught.value.retry_after == 24 * HOUR
    await worker.aclose()
    # What the refused calls had reserved of the key's budget came back.
    assert (await state(worker)).spent == 6 * CENT


async def test_a_new_period_begins_with_a_whole_budget(store: SqlStore) -> None:
    clock = Clock(START + 24 * HOUR - 1)
    worker = Worker(store, clock)
    who = caller("0.01 USD / day")
    await worker.call("r1", who, 1000, CENT)
    with pytest.raises(BudgetExceeded):
        await worker.call("r2", who, 1000, CENT)
    clock.now += 1
    await worker.call("r3", who, 1000, CENT)
    await worker.aclose()


async def test_a_call_is_charged_to_the_period_that_it_was_let_in_in(store: SqlStore) -> None:
    clock = Clock(START + 24 * HOUR - 1)
    worker = Worker(store, clock)
    hold = await worker.budgets.reserve(caller("1 USD / day"), [TARGET], 0, 1000, clock.now)
    assert hold is not None
    clock.now += 2
    await worker.budgets.renew()
    row = call_row("late", CENT)
    worker.ledger.add(row, hold.settle(row))
    await worker.aclose()
    assert (await state(worker, span="day")).spent == 0
    clock.now -= 2
    assert (await state(worker, span="day")).spent == CENT


async def test_a_hold_is_settled_once(store: SqlStore) -> None:
    worker = Worker(store, Clock())
    hold = await worker.budgets.reserve(caller(), [TARGET], 0, 1000, START)
    assert hold is not None
    row = call_row("r", CENT)
    assert [charge.cost for charge in hold.settle(row)] == [CENT]
    assert hold.settle(row) == ()


@pytest.mark.parametrize(
    ("status", "error", "counted"),
    [
        *((200, None, True), (200, "stream_interrupted", True), (None, "cancelled", True), (None, "timed_out", True)),
        *((None, "connection_failed", False), (429, "rate_limited", False), (503, "overloaded", False)),
    ],
)
async def test_a_call_that_may_have_cost_something_counts_with_its_reservation(
    store: SqlStore, status: int | None, error: str | None, counted: bool
) -> None:
    """Its row says unknown; the budget keeps it apart as estimated."""
    worker = Worker(store, Clock())
    hold = await worker.budgets.reserve(caller(), [TARGET], 0, 2000, START)
    assert hold is not None
    row = call_row("r", None, status=status, error=error)
    worker.ledger.add(row, hold.settle(row))
    await worker.aclose()
    found = await state(worker)
    assert (found.spent, found.estimated) == (0, 2 * CENT if counted else 0)


async def test_a_model_without_a_price_is_counted_and_not_charged(store: SqlStore) -> None:
    worker = Worker(store, Clock())
    await worker.call("r", caller(), 1000, None, [UNPRICED])
    await worker.aclose()
    found = await state(worker)
    assert (found.spent, found.estimated, found.calls, found.unpriced) == (0, 0, 1, 1)


async def test_a_budget_may_refuse_models_without_a_price(store: SqlStore) -> None:
    worker = Worker(store, Clock(), settings=BudgetSettings(unpriced="refuse"))
    assert worker.budgets.usable(caller(), [UNPRICED, TARGET], START) == [TARGET]
    with pytest.raises(BudgetExceeded, match="no known price") as caught:
        worker.budgets.usable(caller(), [UNPRICED], START)
    assert 'unpriced = "allow"' in caught.value.remedy
    assert worker.budgets.usable(caller(None), [UNPRICED], START) == [UNPRICED]


async def test_a_budget_that_begins_in_mid_month_knows_what_the_month_has_cost(store: SqlStore) -> None:
    """Of this key, this month, the tries before the last one included."""
    worker = Worker(store, Clock())
    first = call_row("a", 40 * CENT, when=START - 24 * HOUR)
    twice = replace(first, request_id="b", attempts=(replace(first.attempts[0], cost=10 * CENT), *first.attempts))
    older = call_row("c", 40 * CENT, when=START - 40 * 24 * HOUR)
    await store.write([first, twice, older, call_row("d", 40 * CENT, key="other")])
    assert (await state(worker)).spent == 90 * CENT
    for i in range(3):
        await worker.call(f"r{i}", caller(), 3000, 3 * CENT)
    with pytest.raises(BudgetExceeded, match=r"\$0\.99 is spent"):
        await worker.call("r3", caller(), 3000, 3 * CENT)
    await worker.aclose()


async def test_rows_that_are_written_twice_are_charged_once(store: SqlStore) -> None:
    """As after a commit whose answer got lost."""
    worker = Worker(store, Clock())
    hold = await worker.budgets.reserve(caller(), [TARGET], 0, 1000, START)
    assert hold is not None
    row = call_row("r", CENT)
    charges = hold.settle(row)
    await store.write([row], charges)
    await store.write([row], charges)
    assert (await state(worker)).spent == CENT


async def test_what_rows_that_were_lost_have_cost_stays_spent(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails at the end loses rows, not the budget."""
    worker = Worker(store, Clock())
    await worker.call("r", caller(), 2000, 2 * CENT)

    async def fails(*args: object) -> None:
        raise LocalFileError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(store, "write", fails)
        with pytest.raises(LocalFileError):
            await worker.ledger.aclose(0.2)
    await worker.budgets.aclose()
    found = await state(worker)
    assert (found.spent, found.estimated, found.leased) == (0, 2 * CENT, 0)


async def test_a_call_that_is_cancelled_while_the_store_is_asked_leaves_nothing_reserved(store: SqlStore) -> None:
    worker = Worker(store, Clock())
    asking = asyncio.ensure_future(worker.budgets.reserve(caller(), [TARGET], 0, 1000, START))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    # What was granted is not forgotten: all of it can be reserved.
    for _ in range(5):
        await worker.budgets.reserve(caller(), [TARGET], 0, 1000, START)
    assert (await state(worker)).leased == 5 * CENT


async def test_a_dead_workers_lease_counts_for_an_hour(store: SqlStore) -> None:
    clock = Clock()
    dead = Worker(store, clock, "dead", BudgetSettings(reserve_output_tokens=100_000))
    await dead.budgets.reserve(caller(), [TARGET], 0, 97_000, START)
    alive = Worker(store, clock, "alive")
    with pytest.raises(BudgetExceeded):
        await alive.call("r1", caller(), 4000, 4 * CENT)
    clock.now += HOUR - 1
    with pytest.raises(BudgetExceeded):
        await alive.call("r2", caller(), 4000, 4 * CENT)
    clock.now += 2
    await alive.call("r3", caller(), 4000, 4 * CENT)
    await alive.aclose()


async def test_a_worker_that_lives_keeps_its_lease_as_long_as_it_likes(store: SqlStore) -> None:
    clock = Clock()
    slow = Worker(store, clock, "slow", BudgetSettings(reserve_output_tokens=100_000))
    hold = await slow.budgets.reserve(caller(), [TARGET], 0, 97_000, START)
    other = Worker(store, clock, "other")
    for _ in range(30):
        clock.now += 300
        await slow.budgets.renew()
    with pytest.raises(BudgetExceeded):
        await other.call("r", caller(), 4000, 4 * CENT)
    assert hold is not None


async def test_what_nobody_uses_is_given_back(store: SqlStore) -> None:
    worker = Worker(store, Clock())
    await worker.call("r", caller(), 1000, CENT)
    await worker.ledger.flush()
    assert (await state(worker)).leased == 4 * CENT
    await worker.budgets.renew()
    assert (await state(worker)).leased == 0


async def test_a_worker_that_slept_too_long_asks_before_it_spends(store: SqlStore) -> None:
    """Its lease stopped counting, and others took the rest."""
    clock = Clock()
    sleeper = Worker(store, clock, "sleeper")
    await sleeper.call("s1", caller(), 1000, CENT)
    await sleeper.ledger.flush()
    clock.now += HOUR + 1
    greedy = Worker(store, clock, "greedy", BudgetSettings(reserve_output_tokens=100_000))
    await greedy.call("g", caller(), 99_000, 99 * CENT)
    await greedy.aclose()
    with pytest.raises(BudgetExceeded):
        await sleeper.call("s2", caller(), 1000, CENT)


async def test_two_processes_on_one_store_never_overspend(place: str) -> None:
    """Each makes a hundred calls at once, of three cents; between them 33, less what their last slices withhold."""
    await (await opened(place)).aclose()
    script = """
import asyncio, sys
from tests.engine.budget_calls import CENT, Clock, Worker, caller, opened

async def main(place, name):
    worker = Worker(await opened(place), Clock(), name)
    sys.stdout.write("ready"); sys.stdout.flush(); sys.stdin.read(1)
    calls = (worker.call(f"{name}{i}", caller(), 3000, 3 * CENT) for i in range(100))
    results = await asyncio.gather(*calls, return_exceptions=True)
    await worker.aclose(); await worker.store.aclose()
    print(sum(one is None for one in results))

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""
    root = Path(__file__).parents[2]
    both = [
        subprocess.Popen(  # noqa: ASYNC220 - the test has nothing else to do
            [sys.executable, "-c", script, place, name],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in ("a", "b")
    ]
    for one in both:
        assert one.stdout is not None and one.stdout.read(5) == b"ready"
    answers = [one.communicate(b"x")[0] for one in both]
    done = sum(int(answer) for answer in answers)
    worker = Worker(await opened(place), Clock())
    found = await state(worker)
    await worker.store.aclose()
    assert found.spent == done * 3 * CENT <= PICO_PER_USD
    assert found.leased == 0
    assert done >= 30


async def test_a_worker_that_is_killed_loses_and_doubles_nothing(place: str) -> None:
    """kill -9 with one call settled, one over but not written, one running: all of them count, once, for an hour."""
    script = """
import asyncio, sys
from interlingua.engine import ledger
from tests.engine.budget_calls import CENT, START, TARGET, Clock, Worker, call_row, caller, opened

async def main(place):
    worker = Worker(await opened(place), Clock(), "doomed")
    await worker.call("written", caller(), 3000, 2 * CENT)
    await worker.ledger.flush()
    ledger.BATCH_SECONDS = 3600
    await worker.call("waiting", caller(), 3000, CENT)
    await worker.budgets.reserve(caller(), [TARGET], 0, 4000, START)
    print("now", flush=True)
    await asyncio.sleep(3600)

asyncio.run(main(sys.argv[1]))
"""
    root = Path(__file__).parents[2]
    doomed = subprocess.Popen(  # noqa: ASYNC220 - the test has nothing else to do
        [sys.executable, "-c", script, place],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
    )
    assert doomed.stdout is not None and doomed.stdout.readline() == b"now\n"
    doomed.send_signal(signal.SIGKILL)
    doomed.wait()
    doomed.stdout.close()
    clock = Clock()
    worker = Worker(await opened(place), clock)
    found = await state(worker)
    assert (found.spent, found.calls) == (2 * CENT, 1)
    # One cent that waited for its row, four that were reserved, and what was left of the slice.
    assert 5 * CENT <= found.leased <= 10 * CENT
    assert found.spent + found.leased >= 7 * CENT
    with pytest.raises(BudgetExceeded):
        for i in range(40):
            await worker.call(f"r{i}", caller(), 3000, 3 * CENT)
    await worker.ledger.flush()
    clock.now += HOUR + 1
    # What nobody can know any more is free again: only the row that was written was spent.
    assert (await state(worker)).spent + 3 * CENT <= PICO_PER_USD
    await worker.call("after", caller(), 3000, 3 * CENT)
    await worker.aclose()
    await worker.store.aclose()

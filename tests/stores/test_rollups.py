"""The ledger by the hour, before and after its rows are gone, on both kinds of database."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from interlingua.ports.store import AttemptRow, LedgerRow, UsageHour
from interlingua.stores import rollups
from interlingua.stores.rollups import HOUR
from interlingua.stores.schema import USAGE_COUNTS
from interlingua.stores.sql import SqlStore
from interlingua.types.usage import Usage
from tests.stores.ledger_rows import ANSWERED, FAILED, row

ALL = (0, 10**18)


def reckoned(rows: Iterable[LedgerRow]) -> dict[tuple[int, str, str, str], UsageHour]:
    """The same sums, made plainly."""
    found: dict[tuple[int, str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in rows:
        place = (one.started // HOUR, one.tenant, one.key)
        last = found[*place, one.attempts[-1].target if one.attempts else ""]
        last["calls"] += 1
        last["failed"] += one.status >= 400
        last["duration"] += one.duration
        for attempt in one.attempts:
            sums, usage = found[*place, attempt.target], attempt.usage or Usage()
            sums["attempts"] += 1
            if attempt.lane == "cache":
                sums["hits"] += 1
                sums["saved_input_tokens"] += usage.input_tokens or 0
                sums["saved_output_tokens"] += usage.output_tokens or 0
                sums["saved"] += attempt.saved or 0
                sums["unknown_saved"] += attempt.saved is None
                continue
            for name in ("input_tokens", "output_tokens", "cache_read", "cache_creation", "reasoning"):
                sums[name] += getattr(usage, name) or 0
            sums["cost"] += attempt.cost or 0
            answered = attempt.status is not None and 200 <= attempt.status < 300
            sums["unknown_cost"] += answered and attempt.cost is None
            sums["unknown_usage"] += answered and usage.total_tokens is None
    return {place: UsageHour(*place, **dict[str, Any](sums)) for place, sums in found.items()}


def ledger(count: int) -> list[LedgerRow]:
    """Calls of all kinds over some hours."""
    chosen = random.Random(7)
    unknown = AttemptRow("a/b", "ollama", "verbatim", 1, 2, None, 200)
    hit = replace(ANSWERED, lane="cache", status=None, cost=0, saved=1234)
    several = (
        *((ANSWERED,), (FAILED, ANSWERED), (), (FAILED,), (unknown,), (FAILED, unknown, FAILED), (FAILED, FAILED)),
        *((hit,), (replace(hit, saved=None),), (hit,)),
    )
    made = []
    for number in range(count):
        attempts = chosen.choice(several)
        one = row(f"r{number}", chosen.choice(["acme", "other"]), attempts=attempts, status=chosen.choice([200, 503]))
        hour = chosen.randrange(5)
        made.append(replace(one, started=hour * HOUR + chosen.choice([0, 1, HOUR - 1]), key=chosen.choice(["", "k"])))
    return made


def by_place(found: Iterable[UsageHour]) -> dict[tuple[int, str, str, str], UsageHour]:
    """By all that they are told apart by."""
    return {(one.hour, one.tenant, one.key, one.target): one for one in found}


async def test_hours_are_what_the_rows_come_to_and_stay_so_when_rows_are_rolled_up(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No total changes, in however many steps; rows that come late to an hour are added to it."""
    monkeypatch.setattr(rollups, "SLICE", 7)
    rows = ledger(60)
    await store.write(rows)
    whole = reckoned(rows)
    assert by_place(await store.rollups.hours(None, *ALL)) == whole
    old = [one for one in rows if one.started < 2 * HOUR]
    assert await store.rollups.roll_up(3 * HOUR - 1) == len(old)
    assert await store.rollups.roll_up(3 * HOUR - 1) == 0
    assert by_place(await store.rollups.hours(None, *ALL)) == whole
    left = {one.request_id for one in (await store.page(None, limit=1000)).rows}
    assert left == {one.request_id for one in rows} - {one.request_id for one in old}
    late = [replace(one, request_id=f"late-{one.request_id}") for one in rows]
    await store.write(late)
    assert await store.rollups.roll_up(10**15) == len(rows) - len(old) + len(late)
    assert by_place(await store.rollups.hours(None, *ALL)) == reckoned([*rows, *late])
    async with store.database.reading() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM attempts")).scalar_one() == 0


async def test_hits_are_in_no_sum_of_what_was_paid_for_before_and_after_their_rows_are_gone(store: SqlStore) -> None:
    """The same answer once paid for and twice remembered."""
    hit = replace(ANSWERED, lane="cache", status=None, cost=0, saved=ANSWERED.cost)
    paid = ANSWERED.usage
    assert paid is not None
    await store.write([row("r1", attempts=(ANSWERED,)), row("r2", attempts=(hit,)), row("r3", attempts=(hit,))])
    for _ in range(2):
        (one,) = await store.rollups.hours(None, *ALL)
        assert (one.calls, one.hits, one.cost, one.saved) == (3, 2, ANSWERED.cost, 2 * (ANSWERED.cost or 0))
        assert (one.input_tokens, one.output_tokens) == (paid.input_tokens, paid.output_tokens)
        assert one.saved_input_tokens == 2 * (paid.input_tokens or 0)
        assert one.saved_output_tokens == 2 * (paid.output_tokens or 0)
        await store.rollups.roll_up(10**18)


async def test_hours_are_told_apart_by_tags_where_asked_for_until_their_rows_are_gone(store: SqlStore) -> None:
    one, other = row("r1", attempts=(FAILED, ANSWERED)), row("r2", attempts=(ANSWERED,))
    await store.write([replace(one, tags=("a", "b")), other])
    tagged = await store.rollups.hours(None, *ALL, tagged=True)
    found = {(hour.target, hour.tags): (hour.calls, hour.attempts) for hour in tagged}
    assert found == {(FAILED.target, "a,b"): (0, 1), (ANSWERED.target, "a,b"): (1, 1), (ANSWERED.target, ""): (1, 1)}
    await store.rollups.roll_up(10**18)
    assert {hour.tags for hour in await store.rollups.hours(None, *ALL, tagged=True)} == {""}


async def test_hours_are_of_one_tenant_and_a_span(store: SqlStore) -> None:
    """Whether their rows are still there or not; oldest first."""
    rows = ledger(60)
    await store.write(rows)
    wanted = reckoned(one for one in rows if one.tenant == "acme" and 1 <= one.started // HOUR < 3)
    for _ in range(2):
        found = await store.rollups.hours("acme", HOUR + 5, 3 * HOUR + 5)
        assert by_place(found) == wanted
        assert [one.hour for one in found] == sorted(one.hour for one in found)
        await store.rollups.roll_up(2 * HOUR)
    assert await store.rollups.hours("nobody", *ALL) == ()


async def test_rolling_up_at_once_counts_nothing_twice(store: SqlStore) -> None:
    """Several workers may do it, and calls go on meanwhile."""
    rows = ledger(40)
    await store.write(rows)
    more = [replace(one, request_id=f"more-{one.request_id}") for one in rows]
    other = SqlStore(store.database.place)
    await asyncio.gather(
        store.rollups.roll_up(4 * HOUR), other.rollups.roll_up(4 * HOUR), *(store.write([one]) for one in more)
    )
    await other.aclose()
    assert by_place(await store.rollups.hours(None, *ALL)) == reckoned([*rows, *more])


def test_all_sums_have_columns() -> None:
    """They are read by position."""
    names = list(asdict(UsageHour(0, "", "", "")))
    assert names[4:] == [*USAGE_COUNTS, "tags"]

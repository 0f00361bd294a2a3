"""The ledger added up by the hour in SQL: rows that are there, and what deleted ones came to, under one reckoning."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, and_, case, cast, delete, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.ports.store import UsageHour
from interlingua.stores.database import Database
from interlingua.stores.schema import USAGE_COUNTS, attempts, calls, usage_hours

HOUR = 3_600_000_000
"""In microseconds."""
SLICE = 5_000
"""Calls that one transaction deletes: others write in between."""
CACHED = "cache"
"""The lane of answers that were remembered."""
_KEYS = ("hour", "tenant", "key_name", "target")
_TAGS = "tags"


class SqlRollups:
    """Adds up.

    Args:
        database: where the ledger is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hours(self, tenant: str | None, since: int, until: int, *, tagged: bool = False) -> tuple[UsageHour, ...]:
        """What was used from one time until before another, oldest first; both are taken down to their hour."""
        first, end = since // HOUR, until // HOUR
        live = [calls.c.started >= first * HOUR, calls.c.started < end * HOUR]
        kept = [usage_hours.c.hour >= first, usage_hours.c.hour < end]
        if tenant is not None:
            live.append(calls.c.tenant == tenant)
            kept.append(usage_hours.c.tenant == tenant)
        # Of deleted rows nothing but their targets is known.
        deleted = select(*usage_hours.c, literal("").label(_TAGS)).where(*kept)
        both = union_all(*_live(and_(*live), tagged=tagged), deleted).subquery()
        query = _added_up(both, _TAGS).order_by(*(both.c[name] for name in (*_KEYS, _TAGS)))
        async with self._database.reading() as connection:
            return tuple(UsageHour(*row) for row in await connection.execute(query))

    async def roll_up(self, before: int) -> int:
        """Adds up and deletes the ledger's rows of the hours before the one of a time; how many."""
        old = calls.c.started < before // HOUR * HOUR
        done = 0
        while True:

            async def work(connection: AsyncConnection) -> int:
                # A row that came between adding up and deleting would be lost.
                await self._database.alone(connection, calls)
                # Those up to an id, not the ids: a statement takes only so many values.
                found = select(calls.c.id).where(old).order_by(calls.c.id).limit(SLICE).subquery()
                last = (await connection.execute(select(func.max(found.c.id)))).scalar_one()
                if last is None:
                    return 0
                return await self._add_up(connection, and_(old, calls.c.id <= last))

            deleted = await self._database.written(work)
            done += deleted
            if not deleted:
                return done

    async def _add_up(self, connection: AsyncConnection, chosen: Any) -> int:
        rows = _added_up(union_all(*_live(chosen)).subquery())
        insertion = self._database.insert(usage_hours)
        sums = {name: usage_hours.c[name] + insertion.excluded[name] for name in USAGE_COUNTS}
        await connection.execute(
            insertion.from_select([*_KEYS, *USAGE_COUNTS], rows).on_conflict_do_update(
                index_elements=[usage_hours.c[name] for name in _KEYS], set_=sums
            )
        )
        theirs = and_(attempts.c.request_id == calls.c.request_id, attempts.c.tenant == calls.c.tenant)
        await connection.execute(delete(attempts).where(select(calls.c.id).where(theirs, chosen).exists()))
        return (await connection.execute(delete(calls).where(chosen))).rowcount


def _live(chosen: Any, *, tagged: bool = False) -> tuple[Any, Any]:
    """What each attempt of the chosen calls counts: the last in the call's own row, those before it beside it."""
    c = calls.c
    tried = c.attempts > 0
    place = (c.started // HOUR, c.tenant, c.key_name)
    tags = (func.coalesce(c.tags, "") if tagged else literal("")).label(_TAGS)
    last = select(
        *_named((*place, func.coalesce(c.target, "")), _KEYS),
        *_named((literal(1), case((c.status >= 400, 1), else_=0), case((tried, 1), else_=0)), USAGE_COUNTS),
        *_named((*_used(c), c.duration, *_saved(c)), USAGE_COUNTS[3:]),
        tags,
    ).where(chosen)
    a = attempts.c
    theirs = and_(a.request_id == c.request_id, a.tenant == c.tenant)
    earlier = (
        select(
            *_named((*place, func.coalesce(a.target, "")), _KEYS),
            *_named((literal(0), literal(0), literal(1)), USAGE_COUNTS),
            *_named((*_used(a), literal(0), *_saved(a)), USAGE_COUNTS[3:]),
            tags,
        )
        .select_from(attempts.join(calls, theirs))
        .where(chosen)
    )
    return last, earlier


def _used(c: Any) -> tuple[Any, ...]:
    """What an attempt used, and whether it did not say: only of those that were answered (`LedgerRow.cost`)."""
    answered = c.attempt_status.between(200, 299)
    silent = or_(c.input_tokens.is_(None), c.output_tokens.is_(None))
    counts = (c.input_tokens, c.output_tokens, c.cache_read, c.cache_creation, c.reasoning)
    asked = func.coalesce(c.lane, "") != CACHED
    return (
        *(case((asked, func.coalesce(count, 0)), else_=0) for count in counts),
        func.coalesce(c.cost, 0),
        case((and_(answered, c.cost.is_(None)), 1), else_=0),
        case((and_(answered, silent), 1), else_=0),
    )


def _saved(c: Any) -> tuple[Any, ...]:
    """What an answer would have used that was remembered; nothing of one that somebody was asked for."""
    hit = c.lane == CACHED
    counts = (c.input_tokens, c.output_tokens, c.saved)
    return (
        case((hit, 1), else_=0),
        *(case((hit, func.coalesce(count, 0)), else_=0) for count in counts),
        case((and_(hit, c.saved.is_(None)), 1), else_=0),
    )


def _named(values: tuple[Any, ...], names: tuple[str, ...]) -> list[Any]:
    return [value.label(name) for value, name in zip(values, names, strict=False)]


def _added_up(rows: Any, *more: str) -> Any:
    """Sums by hour, tenant, key and target, and by what else is named, which stands behind them."""
    keys, beside = ([rows.c[name] for name in names] for names in (_KEYS, more))
    # PostgreSQL's sums of BIGINT are NUMERIC.
    sums = [cast(func.sum(rows.c[name]), BigInteger).label(name) for name in USAGE_COUNTS]
    return select(*keys, *sums, *beside).group_by(*keys, *beside)

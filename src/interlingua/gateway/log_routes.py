"""The log of calls: pages of it, and each call as it ends; and how models performed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from interlingua.errors import InvalidRequest, NotFound
from interlingua.gateway.asked import Asked, dollars, json_answer, nothing, tagged, time_of
from interlingua.gateway.chats import shown_attempt, shown_loss, shown_usage, tokens_per_second
from interlingua.gateway.outgoing import send_end, send_head, send_piece
from interlingua.ports.dialect import WireResponse
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.wire.sse import render_sse

MOST_WAITING = 1000
"""Calls that a slow watcher may be behind; it misses what comes beyond."""
MOST_LOOKED_AT = 20_000
"""Calls that performance is reckoned from: the newest ones of the time that is asked for."""
_PAGE = 1000
_IN_SERIES = ("calls", "first_p50", "first_p95", "tps_p50", "tps_p95", "errors", "interrupted")


async def listed(asked: Asked) -> WireResponse:
    """Calls, newest first; the administrator's are everybody's."""
    if asked.query("status") not in ("", "ok", "failed"):
        raise InvalidRequest("status must be ok or failed", path="status")
    page = await asked.state.ledger.page(_whose(asked), after=asked.query("after") or None, limit=asked.limit())
    rows = [shown(row) for row in page.rows if _wanted(asked, row)]
    return json_answer({"items": rows, "next": page.next})


async def followed(asked: Asked) -> None:
    """Each call as it ends, from now on."""
    queue: asyncio.Queue[LedgerRow | None] = asyncio.Queue(MOST_WAITING)
    asked.state.watchers.add(queue)
    try:
        async with asked.until_gone():
            await send_head(asked.send, "text/event-stream", asked.incoming.notes)
            await send_piece(asked.send, b": following\n\n")
            while True:
                try:
                    row = await asyncio.wait_for(queue.get(), asked.state.config.server.heartbeat)
                except TimeoutError:
                    await send_piece(asked.send, b": still here\n\n")
                    continue
                if row is None:
                    await send_end(asked.send)
                    return
                if asked.principal.admin or row.tenant == asked.tenant:
                    data = msgspec.json.encode(shown(row)).decode()
                    await send_piece(asked.send, render_sse(data, "request"))
    finally:
        asked.state.watchers.discard(queue)


async def content(asked: Asked) -> WireResponse:
    """What was asked and answered in a call, in canonical form, where it was kept; else why it was not."""
    row = await asked.state.ledger.read(_whose(asked), asked.values[0])
    contents = asked.state.contents
    try:
        found = await contents.read(row.tenant, row.request_id)
    except NotFound:
        why = "gone" if contents.covers(row.key) and row.operation == "chat" else "off"
        return json_answer({"kept": False, "why": why})
    return json_answer({"kept": True, **found, "created": time_of(found["created"])})


async def forgotten(asked: Asked) -> WireResponse:
    """Deletes what was kept of a call; its row stays."""
    row = await asked.state.ledger.read(_whose(asked), asked.values[0])
    await asked.state.contents.forget(row.tenant, row.request_id)
    return nothing()


def _whose(asked: Asked) -> str | None:
    return None if asked.principal.admin else asked.tenant


async def performance(asked: Asked) -> WireResponse:
    """How models performed: percentiles, errors and interruptions, and the same by day."""
    since = _since(asked)
    rows: list[LedgerRow] = []
    after: str | None = None
    while len(rows) < MOST_LOOKED_AT:
        page = await asked.state.ledger.page(_whose(asked), after=after, limit=_PAGE)
        rows += [row for row in page.rows if row.started >= since]
        after = page.next
        if after is None or (page.rows and page.rows[-1].started < since):
            break
    return tagged(asked, {"items": performances(rows), "next": None})


def performances(rows: Iterable[LedgerRow]) -> list[dict[str, Any]]:
    """How each model performed, most used first.

    Args:
        rows: calls.
    """
    by_model: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        if row.attempts and row.operation == "chat":
            by_model[row.attempts[-1].target].append(row)
    found = [{"model": model, **_figures(of), "series": _series(of)} for model, of in by_model.items()]
    return sorted(found, key=lambda one: -one["calls"])


def _figures(rows: list[LedgerRow]) -> dict[str, Any]:
    firsts = [row.attempts[-1].first / 1e6 for row in rows if row.attempts[-1].first is not None]
    speeds = [found for row in rows if (found := speed(row)) is not None]
    return {
        "calls": len(rows),
        "last": time_of(max(row.started for row in rows)),
        "first_p50": percentile(firsts, 50),
        "first_p95": percentile(firsts, 95),
        "tps_p50": percentile(speeds, 50),
        "tps_p95": percentile(speeds, 95),
        "errors": sum(1 for row in rows if row.error is not None),
        "interrupted": sum(1 for row in rows if row.error == "stream_interrupted"),
    }


def _series(rows: list[LedgerRow]) -> list[dict[str, Any]]:
    by_day: dict[int, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        by_day[row.started // 86_400_000_000].append(row)
    found = []
    for day in sorted(by_day):
        figures = _figures(by_day[day])
        kept = {name: figures[name] for name in _IN_SERIES}
        found.append({"time": time_of(day * 86_400_000_000), **kept})
    return found


def percentile(values: Iterable[float], share: int) -> float | None:
    """The value below which that share of values lies, by the nearest rank; None of none.

    Args:
        values: figures.
        share: percent, 1 to 100.
    """
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else None


def shown(row: LedgerRow) -> dict[str, Any]:
    """A call as clients see it."""
    last = row.attempts[-1] if row.attempts else None
    return {
        "request_id": row.request_id,
        "tenant": row.tenant,
        "key": row.key,
        "started": time_of(row.started),
        "seconds": row.duration / 1e6,
        "dialect": row.dialect,
        "operation": row.operation,
        "stream": row.stream,
        "model": row.model,
        "status": row.status,
        "error": row.error,
        "target": last.target if last is not None else None,
        "lane": last.lane if last is not None else None,
        "attempts": [_attempt(row, one) for one in row.attempts],
        "losses": [shown_loss(one) for one in row.losses],
        "usage": shown_usage(last.usage) if last is not None else None,
        "cost": dollars(row.cost) if row.attempts else "0",
        "first_seconds": last.first / 1e6 if last is not None and last.first is not None else None,
        "finish": last.finish if last is not None else None,
        "decisions": [{"target": one.target, "what": one.what, "why": one.why} for one in row.decisions],
        "tags": row.tags,
        "conversation": row.conversation or None,
    }


def _attempt(row: LedgerRow, one: AttemptRow) -> dict[str, Any]:
    """A try with its phases, in seconds since the call began: it is sent, the head of its answer comes, its first
    content, its end. What is not known is null."""
    sent = max(0, one.started - row.started)
    why = next((each.why for each in row.decisions if each.what == "asked" and each.target == one.target), None)
    return {
        **shown_attempt(one),
        "why": why,
        "lane": one.lane,
        "sent": sent / 1e6,
        "head": None if one.head is None else (sent + one.head) / 1e6,
        "first": None if one.first is None else one.first / 1e6,
        "end": (sent + one.duration) / 1e6,
    }


def speed(row: LedgerRow) -> float | None:
    """Tokens per second of a call's answer after its first content; None where it cannot be told."""
    last = row.attempts[-1]
    # The first content is told from the call's begin, and its duration from the try's.
    first = None if last.first is None else last.first - max(0, last.started - row.started)
    return tokens_per_second(last.usage, first, last.duration)


def _wanted(asked: Asked, row: LedgerRow) -> bool:
    status, model, key = asked.query("status"), asked.query("model"), asked.query("key")
    if status == "ok" and row.status >= 400:
        return False
    if status == "failed" and row.status < 400 and row.error is None:
        return False
    target = row.attempts[-1].target if row.attempts else ""
    return (not model or model in (row.model, target)) and (not key or key == row.key)


def _since(asked: Asked) -> int:
    text = asked.query("since")
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest("since is not a time", path="since", remedy="Write 2026-11-20T00:00:00Z.") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)

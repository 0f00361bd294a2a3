"""`il logs`: the gateway's calls with their attempts, losses and cost, from the ledger."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click
import msgspec

from interlingua.catalog.catalog import load_catalog
from interlingua.catalog.words import tokens
from interlingua.cli.period import moment
from interlingua.cli.session import Session, session
from interlingua.cli.stored import run
from interlingua.cli.table import Column, table
from interlingua.engine.cost import REPORTED
from interlingua.errors import NotFound
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.stores.opening import open_store
from interlingua.types.money import Money

if TYPE_CHECKING:
    from interlingua.stores.sql import SqlStore

Fits = Callable[[LedgerRow], bool]
SECONDS = 0.5
"""Between two looks with --follow; the ledger is written every quarter of a second."""
_PAGE = 200
_COLUMNS = (
    Column("time"),
    Column("key", keep=6),
    Column("model"),
    Column("status", right=True),
    Column("took", right=True, keep=8),
    Column("in", right=True, keep=4),
    Column("out", right=True, keep=5),
    Column("cost", right=True, keep=9),
    Column("tries", right=True, keep=3),
    Column("losses", right=True, keep=2),
    Column("request", keep=7),
)
_WIDTHS = (8, 8, 28, 6, 7, 7, 7, 9, 5, 6, 28)
"""Least widths with --follow, so that lines that come later stand below each other."""


@click.command("logs", short_help="Show calls with their attempts, losses and cost.")
@click.argument("request_id", required=False)
@click.option("-n", "--lines", "count", type=click.IntRange(1, 100_000), default=20, help="How many; 20 by default.")
@click.option("-f", "--follow", is_flag=True, help="Go on with calls as they end; Ctrl-C stops.")
@click.option("--errors", is_flag=True, help="Only calls that failed.")
@click.option("--model", metavar="PATTERN", help="Only of models that match, such as 'groq/*'.")
@click.option("--key", metavar="NAME", help="Only of this virtual key.")
@click.option("--tenant", metavar="NAME", help="Only of this tenant.")
@click.option("--tag", metavar="TAG", help="Only with this tag.")
@click.option("--since", metavar="WHEN", help="Only from when: 10m, 12h, 7d, today, 2026-11-01.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(
    context: click.Context,
    /,
    request_id: str | None,
    count: int,
    follow: bool,
    since: str | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """Show the gateway's calls, the latest last. A request's id, as `x-request-id` gave it, shows all of that call.

    \b
    il logs --errors --since 1h
    il logs --follow --model 'anthropic/*'
    il logs req_5f0c…
    """
    current = session(context)
    if request_id is not None:
        _show_one(current, request_id, as_json=as_json)
        return
    start = 0 if since is None else int(moment(since, time.time(), "since") * 1e6)
    fits = _filter(start, **filters)
    tenant = filters["tenant"]
    show = _printer(current, as_json=as_json, follow=follow)

    async def work() -> None:
        store = await open_store(current.config.store)
        try:
            seen = await _latest(store, tenant, fits, count, start)
            show(seen)
            if follow:
                await _follow(store, tenant, fits, show)
            elif not seen:
                current.err.line("no such calls; il serve writes them down")
        finally:
            await store.aclose()

    asyncio.run(work())


def _filter(
    start: int, *, errors: bool, model: str | None, key: str | None, tenant: str | None, tag: str | None
) -> Fits:
    def fits(row: LedgerRow) -> bool:
        names = (row.model, *(attempt.target for attempt in row.attempts))
        return (
            row.started >= start
            and (not errors or row.status >= 400 or row.error is not None)
            and (model is None or any(fnmatchcase(name, model) for name in names))
            and key in (None, row.key)
            and tenant in (None, row.tenant)
            and (tag is None or tag in row.tags)
        )

    return fits


async def _latest(store: SqlStore, tenant: str | None, fits: Fits, count: int, start: int) -> list[LedgerRow]:
    """The latest rows that fit, oldest first."""
    found: list[LedgerRow] = []
    after: str | None = None
    while len(found) < count:
        page = await store.page(tenant, after=after, limit=_PAGE)
        found += [row for row in page.rows if fits(row)]
        # Rows are in the order of their ends, and none runs for longer than a day.
        if page.next is None or (page.rows and page.rows[-1].started < start - 86_400 * 10**6):
            break
        after = page.next
    return found[:count][::-1]


async def _follow(store: SqlStore, tenant: str | None, fits: Fits, show: Callable[[Sequence[LedgerRow]], None]) -> None:
    page = await store.page(tenant, limit=_PAGE)
    newest = page.rows[0].request_id if page.rows else ""
    while True:
        await asyncio.sleep(SECONDS)
        fresh: list[LedgerRow] = []
        after: str | None = None
        while True:
            page = await store.page(tenant, after=after, limit=_PAGE)
            ids = [row.request_id for row in page.rows]
            upto = ids.index(newest) if newest in ids else len(ids)
            fresh += page.rows[:upto]
            after = page.next
            if upto < len(ids) or after is None:
                break
        if fresh:
            newest = fresh[0].request_id
            show([row for row in reversed(fresh) if fits(row)])


def _printer(current: Session, *, as_json: bool, follow: bool) -> Callable[[Sequence[LedgerRow]], None]:
    has_head = False

    def show(rows: Sequence[LedgerRow]) -> None:
        nonlocal has_head
        if as_json:
            for row in rows:
                current.out.line(json.dumps(as_dict(row), ensure_ascii=False))
            return
        if not rows and not follow:
            return
        lines = table(current.out, _COLUMNS, [_padded(_cells(row)) if follow else _cells(row) for row in rows])
        # The first line is the head.
        shown = list(zip(lines[1:], rows, strict=True))
        if not has_head and rows:
            current.out.line(lines[0])
            has_head = True
        for line, row in shown:
            failed = row.status >= 400 or row.error is not None
            current.out.line(current.out.paint(line, "red") if failed else line)

    return show


def _clock(microseconds: int) -> str:
    """Local time; the day too where it is not today."""
    moment = datetime.fromtimestamp(microseconds / 1e6).astimezone()
    return (
        f"{moment:%H:%M:%S}" if moment.date() == datetime.now().astimezone().date() else f"{moment:%Y-%m-%d %H:%M:%S}"
    )


def _padded(cells: Sequence[str]) -> tuple[str, ...]:
    pairs = zip(cells, _WIDTHS, _COLUMNS, strict=True)
    return tuple(text.rjust(width) if column.right else text.ljust(width) for text, width, column in pairs)


def _cells(row: LedgerRow) -> tuple[str, ...]:
    last = row.attempts[-1] if row.attempts else None
    usage = last.usage if last is not None else None
    answered = last is not None and last.status is not None and last.status < 300
    target = last.target if last is not None else ""
    return (
        _clock(row.started),
        row.key,
        target or row.model,
        str(row.status) if row.error is None else f"{row.status} {row.error}",
        took(row.duration),
        tokens(usage.input_tokens) if usage else "?" if answered else "",
        tokens(usage.output_tokens) if usage else "?" if answered else "",
        money(row.cost),
        str(len(row.attempts)) if len(row.attempts) > 1 else "",
        str(len(row.losses)) if row.losses else "",
        row.request_id,
    )


def took(microseconds: int) -> str:
    """A duration for people: `0.11 s`, `12.3 s`."""
    seconds = microseconds / 1e6
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def money(pico: int | None) -> str:
    """An amount for people; `unknown` where it is."""
    return "unknown" if pico is None else str(Money(pico)) if pico else "$0.00"


def _show_one(current: Session, request_id: str, *, as_json: bool) -> None:
    row = run(current, lambda store: store.read(None, request_id))
    if row is None:
        raise NotFound(
            f"there is no call {request_id!r} in the ledger",
            what="request",
            remedy="List calls with `il logs`; a gateway writes them down within a quarter of a second.",
        )
    if as_json:
        current.out.line(json.dumps(as_dict(row), indent=2, ensure_ascii=False))
        return
    out = current.out
    out.line(out.paint(row.request_id, "bold"))
    for label, text in _facts(row):
        for line in out.hanging(f"  {label:<13}", text):
            out.line(line)
    for number, attempt in enumerate(row.attempts, 1):
        out.line(out.paint(f"\n  attempt {number}", "bold"))
        for label, text in _attempt_facts(attempt):
            for line in out.hanging(f"    {label:<11}", text):
                out.line(line)
    if row.losses:
        out.line(out.paint("\n  lost in translation", "bold"))
        for loss in row.losses:
            for line in out.hanging(f"    {loss.field:<11} ", f"{loss.reason} ({loss.action}, {loss.dialect})"):
                out.line(line)


def _facts(row: LedgerRow) -> list[tuple[str, str]]:
    status = str(row.status) if row.error is None else f"{row.status} {row.error}"
    facts = [
        ("when", f"{_time(row.started)} · {took(row.duration)}"),
        ("asked", f"{row.model or '(no model)'} · {row.operation}{' · streamed' if row.stream else ''}"),
        ("by", f"{row.tenant}{f' · key {row.key}' if row.key else ''} · {row.dialect or 'our own chat'}"),
        ("status", status),
        ("cost", money(row.cost)),
        ("tags", ", ".join(row.tags)),
        ("conversation", row.conversation),
    ]
    return [(label, text) for label, text in facts if text]


def _attempt_facts(attempt: AttemptRow) -> list[tuple[str, str]]:
    status = "no answer" if attempt.status is None else str(attempt.status)
    price = " · ".join(
        text
        for text in (
            money(attempt.cost),
            _source(attempt.price_source),
            f"since {attempt.price_since}" if attempt.price_since else "",
            f"tier {attempt.service_tier}" if attempt.service_tier else "",
            f"{money(attempt.saved)} saved" if attempt.saved else "",
        )
        if text
    )
    first = f" · first content after {took(attempt.first)}" if attempt.first is not None else ""
    facts = [
        ("target", f"{attempt.target} · {attempt.dialect} · {attempt.lane}"),
        ("took", f"{took(attempt.duration)}{first}"),
        ("status", status if attempt.error is None else f"{status} · {attempt.error}"),
        ("finish", attempt.finish or ""),
    ]
    if attempt.usage is not None or (attempt.status is not None and attempt.status < 300):
        facts += [("tokens", _tokens(attempt)), ("cost", price)]
    return [(label, text) for label, text in facts if text]


def _source(letters: str | None) -> str:
    """Who says what a price is."""
    if not letters or letters == REPORTED:
        return "as the provider reported it" if letters else ""
    sources = load_catalog().sources
    return "prices of " + ", ".join(sources.get(letter, letter).partition(" ")[0] for letter in letters)


def _tokens(attempt: AttemptRow) -> str:
    usage = attempt.usage
    if usage is None:
        return "unknown"
    counts = {
        "in": usage.input_tokens,
        "out": usage.output_tokens,
        "read from cache": usage.cache_read,
        "written to cache": usage.cache_creation,
        "thinking": usage.reasoning,
        "audio in": usage.input_audio,
        "audio out": usage.output_audio,
        "images in": usage.input_image,
        "images out": usage.output_image,
    }
    known = [f"{count:,} {label}" for label, count in counts.items() if count]
    unknown = [f"{label} unknown" for label in ("in", "out") if counts[label] is None]
    return " · ".join([*known, *unknown]) or "0"


def as_dict(row: LedgerRow) -> dict[str, Any]:
    """A call for programs: costs in US dollars as decimal strings, null where unknown; times as text."""
    values: dict[str, Any] = msgspec.to_builtins(row)
    values |= {"started": _time(row.started), "duration": row.duration / 1e6, "cost": _usd(row.cost)}
    values["attempts"] = [
        {
            **msgspec.to_builtins(one),
            "started": _time(one.started),
            "duration": one.duration / 1e6,
            "first": None if one.first is None else one.first / 1e6,
            "cost": _usd(one.cost),
            **({} if one.saved is None else {"saved": _usd(one.saved)}),
        }
        for one in row.attempts
    ]
    return values


def _usd(pico: int | None) -> str | None:
    return None if pico is None else f"{Money(pico).usd:f}"


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""`il usage reprice`: shows what other prices would change, asks, and writes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from interlingua.catalog.catalog import Model
from interlingua.cli.session import Session
from interlingua.cli.stored import dollars, run
from interlingua.cli.table import Column, table
from interlingua.engine.usage import catalog_row, repriced
from interlingua.ports.budgets import Repricing
from interlingua.types.money import Money

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine
    from interlingua.stores.sql import SqlStore

_PAGE = 1000
_COLUMNS = (
    Column("model"),
    Column("answers", right=True, keep=5),
    Column("cost was", right=True),
    Column("unknown", right=True, keep=4),
    Column("would be", right=True),
    Column("difference", right=True, keep=6),
)


def reprice_calls(current: Session, since: float, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Reckons the costs of calls again.

    Args:
        current: the run.
        since: of calls from when, in seconds since 1970.
        yes: do not ask.
        dry_run: only show.
        as_json: show as JSON.

    Raises:
        LocalFileError: the store fails; what was written before stays.
    """
    find = _finder(current.engine)
    changes = run(current, lambda store: _changes(store, int(since * 1e6), find))
    rows = _by_model(changes)
    if as_json:
        current.out.line(json.dumps([_as_dict(*row) for row in rows], indent=2, ensure_ascii=False))
    elif rows:
        for line in table(current.out, _COLUMNS, [_cells(*row) for row in rows]):
            current.out.line(line)
    if not changes:
        current.err.line("nothing would change: every cost is that of the prices known now")
        return
    if dry_run:
        current.err.line(f"{len(changes):,} answers would change; nothing was written")
        return
    if not yes:
        if not (sys.stdin.isatty() and current.err.is_terminal):
            raise click.UsageError("there is nobody to ask here; say --yes, or --dry-run to look only")
        click.confirm(f"Write the new cost of {len(changes):,} answers?", abort=True, err=True)

    async def write(store: SqlStore) -> int:
        return sum([await store.repricing.reprice(changes[i : i + _PAGE]) for i in range(0, len(changes), _PAGE)])

    current.err.line(f"{run(current, write):,} answers have their new cost")


async def _changes(store: SqlStore, since: int, find: Callable[[str], Model | None]) -> list[Repricing]:
    found: list[Repricing] = []
    after: str | None = None
    while True:
        page = await store.page(None, after=after, limit=_PAGE)
        for row in page.rows:
            if row.started >= since:
                found += repriced(row, find)
        # Rows are in the order of their ends, and none runs for longer than a day.
        if page.next is None or (page.rows and page.rows[-1].started < since - 86_400 * 10**6):
            return found
        after = page.next


def _finder(engine: Engine) -> Callable[[str], Model | None]:
    """Looks up the catalog's row of a `provider/model`, as it was asked."""
    known: dict[str, Model | None] = {}

    def find(name: str) -> Model | None:
        if name not in known:
            known[name] = catalog_row(engine.catalog, engine.providers, name)
        return known[name]

    return find


def _by_model(changes: Iterable[Repricing]) -> list[tuple[str, int, int, int, int]]:
    """(model, answers, known cost before, how many were unknown, cost after), most money first."""
    sums: dict[str, list[int]] = {}
    for change in changes:
        one = sums.setdefault(change.target, [0, 0, 0, 0])
        one[0] += 1
        one[1] += change.before or 0
        one[2] += change.before is None
        one[3] += change.cost or 0
    return sorted(((name, *each) for name, each in sums.items()), key=lambda row: -abs(row[4] - row[2]))  # type: ignore[misc]  # four numbers each


def _cells(model: str, answers: int, before: int, unknown: int, after: int) -> tuple[str, ...]:
    difference = after - before
    sign = "+" if difference > 0 else ""
    return (
        model,
        f"{answers:,}",
        dollars(before),
        f"{unknown:,}" if unknown else "",
        dollars(after),
        f"{sign}{dollars(difference)}",
    )


def _as_dict(model: str, answers: int, before: int, unknown: int, after: int) -> dict[str, Any]:
    return {
        "model": model,
        "answers": answers,
        "before": f"{Money(before).usd:f}",
        "unknown_before": unknown,
        "after": f"{Money(after).usd:f}",
    }

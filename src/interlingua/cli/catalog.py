"""`il catalog`: everything that is known of a model and who says so, and newer prices when they are asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from interlingua.catalog.model import Model, PriceRow, Rates
from interlingua.catalog.overlay import overlay_path
from interlingua.cli.models import named_models
from interlingua.cli.names import complete_models
from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table
from interlingua.errors import ModelNotFound

if TYPE_CHECKING:
    from interlingua.catalog.refresh import Refreshed

_COLUMNS = (
    Column("model"),
    Column("", keep=9),
    Column("was", right=True, keep=7),
    Column("is", right=True, keep=8),
    Column("says", keep=6),
    Column("why", keep=5),
)
_WORDS = {"price": "price", "new": "new", "left": "left alone"}
_LABELS = {
    "input": "in",
    "output": "out",
    "cache_read": "cached",
    "cache_write": "cache write",
    "input_audio": "audio in",
    "output_audio": "audio out",
    "input_image": "images in",
    "output_image": "images out",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@click.group("catalog", short_help="What is known of models and prices.")
def command() -> None:
    """What is known of models and prices, and who says so.

    \b
    il catalog show claude-haiku-5-5
    il catalog refresh
    """


@command.command("show", short_help="Everything that is known of a model's price.")
@click.argument("model", shell_complete=complete_models)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def show(context: click.Context, model: str, as_json: bool) -> None:
    """Everything that is known of a model's price: days, tiers, hours, conditions, and who says so."""
    current = session(context)
    catalog = current.engine.catalog
    found = named_models(current, model)
    if not found:
        raise ModelNotFound(f"the catalog knows no model called {model!r}", suggestions=catalog.suggest(model))
    if as_json:
        rows = [{**msgspec.to_builtins(one), "sources": _sources(current, _letters(one))} for one in found]
        current.out.line(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for place, one in enumerate(found):
        if place:
            current.out.line()
        current.out.line(current.out.paint(one.name, "bold"))
        for label, text in _facts(current, one):
            for line in current.out.hanging(f"  {label:<14} ", text):
                current.out.line(line)


@command.command("refresh", short_help="Fetch newer prices and models.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--json", "as_json", is_flag=True, help="What changes, as JSON.")
@click.pass_context
def refresh(context: click.Context, dry_run: bool, as_json: bool) -> None:
    """Fetch newer prices and models from models.dev and genai-prices, and show what is different.

    Nothing else ever fetches them. What is found is kept in a file of yours beside the configuration, each price with
    its source and the day from which it holds.
    """
    from interlingua.catalog.refresh import save

    current = session(context)
    found = asyncio.run(_refreshed(current))
    if as_json:
        current.out.line(json.dumps(msgspec.to_builtins(found.changes), indent=2, ensure_ascii=False))
    else:
        rows = [(one.model, _WORDS[one.what], one.before, one.after, one.source, one.why) for one in found.changes]
        for line in table(current.out, _COLUMNS, rows) if rows else ():
            current.out.line(line)
    for problem in found.unread:
        current.err.line(f"{current.err.paint('note:', 'yellow')} {problem}")
    taken = sum(one.what != "left" for one in found.changes)
    told = f"{taken:,} changes" if taken else "nothing changed"
    if dry_run:
        current.err.line(f"{told}; nothing was written")
        return
    path = overlay_path()
    save(found.overlay, path)
    current.err.line(f"{told}; checked {found.overlay.as_of}, kept in {path}")


async def _refreshed(current: Session) -> Refreshed:
    from interlingua.catalog.refresh import refreshed

    today = f"{datetime.now(UTC):%Y-%m-%d}"
    async with current.client as client:
        engine = client.engine
        return await refreshed(engine.network, engine.catalog, {row.provider for row in engine.catalog.models}, today)


def _facts(current: Session, model: Model) -> Iterator[tuple[str, str]]:
    if not model.prices:
        yield "costs", "unknown"
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for row in model.prices:
        is_now = row.from_ <= today <= (row.until or today)
        yield _span(row), _rates(row) + ("" if is_now or len(model.prices) == 1 else " (not today)")
        for ttl, rate in row.cache_write_by_ttl.items():
            yield "", f"{rate} cache write for {ttl}"
        for tier in row.tiers:
            yield "", f"{_rates(tier)} where the prompt is over {tier.above:,} tokens"
        if row.peak is not None:
            hours = ", ".join(f"{start}–{end}" for start, end in row.peak.utc)
            days = _days(row.peak.days)
            note = f" ({row.peak.note}; unknown where that may be)" if row.peak.note else ""
            yield "", f"{_rates(row.peak)} from {hours} UTC on {days}{note}"
        yield "", f"says {_sources(current, row.source)}"
    for rule in model.rules:
        factors = ", ".join(f"{value} × {factor}" for value, factor in rule.factors.items())
        yield rule.field, f"{factors or 'anything but ' + ', '.join(rule.plain) + ' is of unknown price'}"
    for label, text in {"released": model.released, "shutdown": model.shutdown, "note": model.note}.items():
        if text:
            yield label, text
    yield "facts", f"say {_sources(current, model.sources)}" if model.sources else "of unknown source"
    yield "checked", current.engine.catalog.as_of


def _days(days: tuple[int, ...]) -> str:
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{_DAYS[days[0]]} to {_DAYS[days[-1]]}"
    return ", ".join(_DAYS[day] for day in days)


def _span(row: PriceRow) -> str:
    if row.from_ and row.until:
        return f"{row.from_[5:]}–{row.until[5:]}"
    return f"from {row.from_[2:]}" if row.from_ else f"to {row.until[2:]}" if row.until else "costs"


def _rates(row: Rates) -> str:
    told = [f"{rate} {label}" for name, label in _LABELS.items() if (rate := getattr(row, name)) is not None]
    return ", ".join(told) + " (USD per million tokens)" if isinstance(row, PriceRow) else ", ".join(told)


def _letters(model: Model) -> str:
    return "".join(dict.fromkeys(model.sources + "".join(row.source for row in model.prices)))


def _sources(current: Session, letters: str) -> str:
    known: dict[str, Any] = current.engine.catalog.sources
    return "; ".join(str(known.get(letter, letter)) for letter in letters)

"""`il usage`: what the gateway's calls used and cost, by day, model, provider, key, tenant or tag."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import msgspec

from interlingua.catalog.words import tokens
from interlingua.cli.period import moment
from interlingua.cli.session import Session, session
from interlingua.cli.stored import dollars, run
from interlingua.cli.table import Column, table
from interlingua.engine.usage import BYS, By, UsageSum, summed, total
from interlingua.types.money import Money

if TYPE_CHECKING:
    from interlingua.cli.terminal import Style
    from interlingua.engine.budgets import Kind
    from interlingua.engine.principal import Budget
    from interlingua.ports.budgets import BudgetState
    from interlingua.ports.store import UsageHour
    from interlingua.stores.sql import SqlStore

WIDEST_BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"
_NAMELESS = {"tag": "(no tag)", "key": "(no key)", "model": "(refused)", "provider": "(refused)"}
_CSV = (
    *("calls", "failed", "input_tokens", "output_tokens", "cache_read", "cost", "unknown_cost", "unknown_usage"),
    *("hits", "saved_input_tokens", "saved_output_tokens", "saved", "unknown_saved"),
)


@click.group("usage", invoke_without_command=True, short_help="Show what calls used and cost.")
@click.option("--by", type=click.Choice(BYS), default="day", help="What makes a row; day by default.")
@click.option("--since", metavar="WHEN", default="30d", help="From when: 12h, 30d, today, 2026-11-01; 30d by default.")
@click.option("--until", metavar="WHEN", help="Until when; now by default.")
@click.option("--key", metavar="NAME", help="Only of this virtual key.")
@click.option("--tenant", metavar="NAME", help="Only of this tenant.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(
    context: click.Context,
    by: By,
    since: str,
    until: str | None,
    key: str | None,
    tenant: str | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show what the gateway's calls used and cost. Days are UTC; what nobody told is shown as unknown.

    \b
    il usage --by model --since 7d
    il usage --by tag --csv > november.csv
    """
    if context.invoked_subcommand:
        return
    current = session(context)
    now = time.time()
    start = moment(since, now, "since")
    # The hour that has begun counts.
    end = moment(until, now, "until") if until else now + 3600
    hours = run(
        current, lambda store: store.rollups.hours(tenant, int(start * 1e6), int(end * 1e6), tagged=by == "tag")
    )
    if key is not None:
        hours = tuple(hour for hour in hours if hour.key == key)
    sums = summed(hours, by)
    if as_json:
        current.out.line(json.dumps(_as_json(sums, hours, by, start, end), indent=2, ensure_ascii=False))
    elif as_csv:
        current.out.write(_as_csv(sums, by))
    else:
        _show(current, _with_empty_days(sums, start, min(end, now)) if by == "day" else sums, hours, by)


@command.command("reprice", short_help="Reckon costs again with the prices known now.")
@click.option("--since", metavar="WHEN", default="30d", help="Of calls from when; 30d by default.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--json", "as_json", is_flag=True, help="What changes, as JSON.")
@click.pass_context
def reprice(context: click.Context, since: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Reckon the costs of past calls again, each at the price of its own day and hour as it is known now.

    It shows what would change, and asks. What a provider itself reported as the cost stays as it is.
    """
    from interlingua.cli.reprice import reprice_calls  # shows and asks; `il usage` alone does without

    current = session(context)
    reprice_calls(current, moment(since, time.time(), "since"), yes=yes, dry_run=dry_run, as_json=as_json)


def _cost(one: UsageSum) -> str:
    """What is known of a group's cost; `unknown` where nothing is."""
    return "unknown" if one.unknown_cost and not one.cost else dollars(one.cost)


def _show(current: Session, sums: Sequence[UsageSum], hours: Sequence[UsageHour], by: By) -> None:
    out = current.out
    whole = total(hours)
    if not whole.calls:
        current.err.line("no calls in this time; il serve writes them down")
    else:
        for line in table(out, _columns(by), _rows(sums, by, _bar_width(out.width))):
            out.line(line)
        if out.is_terminal:
            out.line()
            told = f"{whole.calls:,} calls · {tokens(whole.input_tokens)} in · {tokens(whole.output_tokens)} out"
            told += f" · {_cost(whole)}"
            if whole.unknown_cost and whole.cost:
                told += f", and {whole.unknown_cost:,} answers of unknown cost"
            told += _told_of_hits(whole)
            for line in out.hanging(" ", told):
                out.line(out.paint(line, "bold"))
    for line in _budget_lines(current) if out.is_terminal else ():
        out.line(line)


def _told_of_hits(whole: UsageSum) -> str:
    """What answers from the cache saved, which is in no other sum."""
    if not whole.hits:
        return ""
    told = f" · {whole.hits:,} from the cache saved {tokens(whole.saved_input_tokens)} in"
    told += f" and {tokens(whole.saved_output_tokens)} out"
    return told + (f", {_saved(whole)}" if whole.saved or not whole.unknown_saved else "")


def _saved(one: UsageSum) -> str:
    """What is known of what a group's hits would have cost; nothing where there were none."""
    if not one.hits:
        return ""
    return "unknown" if one.unknown_saved and not one.saved else dollars(one.saved)


def _columns(by: By) -> tuple[Column, ...]:
    return (
        Column(by),
        Column("", keep=6),
        Column("cost", right=True),
        Column("unknown", right=True, keep=5),
        Column("calls", right=True, keep=9),
        Column("failed", right=True, keep=3),
        Column("in", right=True, keep=8),
        Column("out", right=True, keep=7),
        Column("cached", right=True, keep=2),
        Column("hits", right=True, keep=1),
        Column("saved", right=True, keep=4),
    )


def _rows(sums: Sequence[UsageSum], by: By, width: int) -> list[tuple[str, ...]]:
    measure = (lambda one: one.cost) if any(one.cost for one in sums) else _all_tokens
    most = max((measure(one) for one in sums), default=0)
    return [
        (
            one.group or _NAMELESS.get(by, "(none)"),
            bar(measure(one), most, width) if width else "",
            _cost(one) if one.calls or one.attempts else "",
            f"{one.unknown_cost:,}" if one.unknown_cost else "",
            f"{one.calls:,}" if one.calls else "",
            f"{one.failed:,}" if one.failed else "",
            _count(one, one.input_tokens),
            _count(one, one.output_tokens),
            tokens(one.cache_read) if one.cache_read else "",
            f"{one.hits:,}" if one.hits else "",
            _saved(one),
        )
        for one in sums
    ]


def _bar_width(columns: int | None) -> int:
    """None in a pipe, short ones on a narrow screen."""
    return 0 if columns is None else WIDEST_BAR if columns >= 90 else WIDEST_BAR // 2


def _all_tokens(one: UsageSum) -> int:
    return one.input_tokens + one.output_tokens


def _count(one: UsageSum, count: int) -> str:
    if count:
        return tokens(count) + ("+?" if one.unknown_usage else "")
    return "unknown" if one.unknown_usage else ""


def bar(value: int, most: int, width: int = WIDEST_BAR) -> str:
    """A bar in eighths of a letter; whatever is there is seen."""
    if value <= 0 or most <= 0:
        return ""
    eighths = max(1, value * width * 8 // most)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _with_empty_days(sums: Sequence[UsageSum], start: float, end: float) -> list[UsageSum]:
    """Every day from the first with a call on, so that a gap is seen as one."""
    known = {one.group: one for one in sums}
    if not known:
        return []
    day = max(datetime.fromtimestamp(start, UTC), datetime.fromisoformat(f"{min(known)}T00:00:00+00:00"))
    last, found = datetime.fromtimestamp(end, UTC).date(), []
    while day.date() <= last:
        name = f"{day:%Y-%m-%d}"
        found.append(known.get(name) or UsageSum(name))
        day += timedelta(days=1)
    return found


def _budget_lines(current: Session) -> list[str]:
    found = _budgets(current)
    if not found:
        return []
    lines = [""]
    for budget, state in found:
        spent = state.spent + state.estimated
        share = spent * 100 // budget.limit
        whose = f"{state.budget.kind} {state.budget.name}".strip()
        text = f"{whose}  {dollars(spent)} of {budget} ({share} %)"
        text += f" · {dollars(state.leased)} held for running calls" if state.leased else ""
        text += f" · {dollars(state.estimated)} of it estimated" if state.estimated else ""
        style: Style = "red" if share >= 100 else "yellow" if share >= 80 else "dim"
        lines += [current.out.paint(line, style) for line in current.out.hanging(" budget  ", text)]
    return lines


def _budgets(current: Session) -> list[tuple[Budget, BudgetState]]:
    from interlingua.engine.budgets import period_of
    from interlingua.engine.principal import parse_budget

    config, now = current.config, time.time()
    budgets: dict[tuple[Kind, str], Budget]
    budgets = {("key", one.name): parse_budget(one.budget) for one in config.virtual_keys if one.budget}
    shared = config.budgets.parsed()

    async def read(store: SqlStore) -> list[tuple[Budget, BudgetState]]:
        stored = {("key", row.name): parse_budget(row.budget) for row in await store.keys() if row.budget}
        every: dict[tuple[Kind, str], Budget] = {**stored, **budgets, **shared}  # type: ignore[dict-item]  # "key"
        periods = [period_of(kind, name, one.span, now)[0] for (kind, name), one in every.items()]
        states = await store.budgets.states(periods, int(now * 1e6))
        return list(zip(every.values(), states, strict=True))

    return run(current, read)


def _as_json(sums: Sequence[UsageSum], hours: Sequence[UsageHour], by: By, start: float, end: float) -> dict[str, Any]:
    return {
        "by": by,
        "since": _time(start),
        "until": _time(end),
        "rows": [{by: one.group, **as_dict(one)} for one in sums],
        "total": as_dict(total(hours)),
    }


def as_dict(one: UsageSum) -> dict[str, Any]:
    """Sums for programs: costs in US dollars as decimal strings.

    `unknown_cost` and `unknown_saved` say how many answers they lack.
    """
    values = msgspec.structs.asdict(one)
    del values["group"]
    return {**values, "cost": f"{Money(one.cost).usd:f}", "saved": f"{Money(one.saved).usd:f}"}


def _as_csv(sums: Sequence[UsageSum], by: By) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((by, *_CSV))
    for one in sums:
        values = as_dict(one)
        # A name that begins like a formula must not be one in a spreadsheet.
        group = f"'{one.group}" if one.group[:1] in tuple("=+-@\t") else one.group
        writer.writerow((group, *(values[name] for name in _CSV)))
    return text.getvalue()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

"""What calls used, summed up as somebody wants to see it; and what they would cost at the prices known now.

Sums hold what is known, and say of how many answers it is not: a sum with unknown parts is no total. Days are UTC. A
call with several tags counts in each of them, so sums by tag may exceed the total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Literal

from msgspec import Struct

from interlingua.catalog.catalog import Catalog, Model
from interlingua.engine.cost import REPORTED, Charge, charge_for
from interlingua.engine.lanes import CACHE
from interlingua.ports.budgets import Repricing
from interlingua.ports.store import AttemptRow, LedgerRow, UsageHour
from interlingua.providers.provider import Provider

By = Literal["day", "model", "provider", "key", "tenant", "tag"]
BYS: tuple[By, ...] = ("day", "model", "provider", "key", "tenant", "tag")
_COUNTS = (
    *("calls", "failed", "attempts", "input_tokens", "output_tokens", "cache_read", "cache_creation", "reasoning"),
    *("cost", "unknown_cost", "unknown_usage"),
    *("hits", "saved_input_tokens", "saved_output_tokens", "saved", "unknown_saved"),
)


class UsageSum(Struct, frozen=True):
    """A group's sums of what is known.

    Args:
        group: what it is called; empty is what has no name, such as calls without a tag.
        calls, failed: how many, and how many of them ended with a status of 400 or more.
        attempts: all tries, answers that were remembered included.
        input_tokens, output_tokens, cache_read, cache_creation, reasoning: of all attempts that somebody was asked in.
        cost: pico-dollars.
        unknown_cost, unknown_usage: answers that did not say.
        hits: answers that were remembered: nobody was asked, and nothing paid.
        saved_input_tokens, saved_output_tokens: of those, and of no other sum here.
        saved, unknown_saved: pico-dollars that they would have cost, and of how many of them nobody can say.
    """

    group: str
    calls: int = 0
    failed: int = 0
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read: int = 0
    cache_creation: int = 0
    reasoning: int = 0
    cost: int = 0
    unknown_cost: int = 0
    unknown_usage: int = 0
    hits: int = 0
    saved_input_tokens: int = 0
    saved_output_tokens: int = 0
    saved: int = 0
    unknown_saved: int = 0


def summed(hours: Iterable[UsageHour], by: By) -> list[UsageSum]:
    """The sums of each group: days in order, others with the most expensive first.

    Args:
        hours: for `tag`, by tags too.
        by: what makes a group.
    """
    sums: dict[str, list[int]] = {}
    for hour in hours:
        values = [getattr(hour, name) for name in _COUNTS]
        for group in _GROUPS[by](hour):
            known = sums.setdefault(group, [0] * len(_COUNTS))
            for place, value in enumerate(values):
                known[place] += value
    found = [UsageSum(group, *values) for group, values in sums.items()]
    if by == "day":
        return sorted(found, key=lambda one: one.group)
    return sorted(found, key=lambda one: (-one.cost, -one.calls, one.group))


def parted(hours: Iterable[UsageHour], by: Sequence[By]) -> list[tuple[tuple[str, ...], list[UsageHour]]]:
    """The hours of each combination of groups, such as each model on each day, days in order.

    Args:
        hours: for `tag`, by tags too.
        by: what makes a group, in order.
    """
    parts: dict[tuple[str, ...], list[UsageHour]] = {}
    for hour in hours:
        for names in product(*(_GROUPS[one](hour) for one in by)):
            parts.setdefault(names, []).append(hour)
    return sorted(parts.items())


def total(hours: Iterable[UsageHour]) -> UsageSum:
    """The sums of all."""
    values = [0] * len(_COUNTS)
    for hour in hours:
        for place, name in enumerate(_COUNTS):
            values[place] += getattr(hour, name)
    return UsageSum("", *values)


def day_of(hour: int) -> str:
    """The day that an hour since 1970 lies in, as YYYY-MM-DD."""
    return f"{datetime.fromtimestamp(hour * 3600, UTC):%Y-%m-%d}"


_GROUPS: dict[By, Callable[[UsageHour], Iterable[str]]] = {
    "day": lambda hour: (day_of(hour.hour),),
    "model": lambda hour: (hour.target,),
    "provider": lambda hour: (hour.target.partition("/")[0],),
    "key": lambda hour: (hour.key,),
    "tenant": lambda hour: (hour.tenant,),
    "tag": lambda hour: hour.tags.split(","),
}


def catalog_row(catalog: Catalog, providers: Mapping[str, Provider], name: str) -> Model | None:
    """The catalog's row of who was asked; None where it knows none.

    Args:
        catalog: models and prices.
        providers: by id.
        name: `provider/model`, as a row of the ledger has it.
    """
    id, _, model = name.partition("/")
    provider = providers.get(id)
    if provider is None:
        return None
    behind = provider.deployments.get(model, model)
    maker, slash, rest = behind.partition("/")
    found = catalog.find(provider.catalog or provider.id, behind)
    return catalog.find(maker, rest) if found is None and slash and behind != model else found


def repriced(row: LedgerRow, find: Callable[[str], Model | None]) -> Iterator[Repricing]:
    """The attempts of a call whose cost would be another one at the prices that are known now.

    What the provider itself reported stays, and so does a cost where no price is known any more; an answer that was
    remembered stays free.

    Args:
        row: the call.
        find: the catalog's row of a `provider/model`.
    """
    last = len(row.attempts) - 1
    for place, attempt in enumerate(row.attempts):
        model = find(attempt.target)
        if attempt.usage is None or attempt.price_source == REPORTED or attempt.lane == CACHE or model is None:
            continue
        charge = charge_for(attempt.usage, model, attempt.started / 1e6, attempt.service_tier)
        if charge.cost is None or charge.cost.pico == attempt.cost:
            continue
        yield _repricing(row, None if place == last else place + 1, attempt, charge.cost.pico, charge)


def _repricing(row: LedgerRow, number: int | None, attempt: AttemptRow, cost: int, charge: Charge) -> Repricing:
    return Repricing(
        request_id=row.request_id,
        tenant=row.tenant,
        key=row.key,
        number=number,
        target=attempt.target,
        started=row.started,
        before=attempt.cost,
        cost=cost,
        price_source=charge.source,
        price_since=charge.since,
    )

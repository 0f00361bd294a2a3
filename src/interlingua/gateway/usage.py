"""What calls used and cost, for people and the web: sums, budgets, and what budgets cannot see."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from interlingua.catalog.catalog import Model
from interlingua.engine.cost import most_cost
from interlingua.engine.principal import Principal
from interlingua.engine.savings import prompts_saved
from interlingua.engine.usage import BYS, UsageSum, catalog_row, parted, summed, total
from interlingua.errors import AuthenticationFailed, InvalidRequest, PermissionDenied
from interlingua.gateway.asked import Asked, json_answer
from interlingua.gateway.incoming import Incoming
from interlingua.gateway.state import State
from interlingua.gateway.virtual_keys import VirtualKeys
from interlingua.ports.budgets import BudgetState
from interlingua.ports.dialect import WireResponse
from interlingua.ports.store import UsageHour
from interlingua.types.money import Money

log = logging.getLogger("interlingua.budgets")


def warn_of_unpriced(state: State, keys: VirtualKeys) -> None:
    """Says once that there are budgets, and models that they cannot charge.

    Args:
        state: the gateway.
        keys: the virtual keys.
    """
    budgets, engine = state.budgets, state.engine
    is_budgeted = budgets.is_shared or any(issued.row.budget for issued in keys.issued)
    if not is_budgeted or budgets.settings.unpriced == "refuse":
        return
    now = engine.clock.time()
    usable = {provider.id for provider in engine.providers.values() if engine.has_credential(provider)}
    rows = [row for row in engine.catalog.models if row.provider in usable]
    unpriced = [row.name for row in rows if most_cost(row, 1, 1, now) is None]
    log.warning(
        "budgets count calls of models without a known price, and charge nothing for them: %s; "
        'budgets.unpriced = "refuse" refuses them',
        f"{len(unpriced)} of the catalog ({', '.join(unpriced[:3])} …) and all that are not in it"
        if len(unpriced) > 3
        else ", ".join([*unpriced, "all that are not in the catalog"]),
    )


DEFAULT_DAYS = 30
MOST_DAYS = 3660
_NAMES = frozenset({"by", "since", "until", "tenant", "key"})


async def used(state: State, incoming: Incoming, principal: Principal) -> dict[str, Any]:
    """Sums of what was used and cost, as `GET /api/usage` tells them: an administrator's of all tenants or one, a
    key's of its own tenant; with the budgets that the caller falls under.

    Query: `by` (day, model, provider, key, tenant, tag; may stand several times), `since` and `until` (ISO 8601; a
    month by default), `key`, and for administrators `tenant`.

    Raises:
        AuthenticationFailed: without keys, the administrator's token is needed.
        PermissionDenied: it asks for another tenant's.
        InvalidRequest: of the query.
    """
    if not (principal.admin or principal.key):
        raise AuthenticationFailed(
            "the administrator's token is needed here",
            remedy="Send it as `Authorization: Bearer …`; `il serve` prints where it lies.",
        )
    asked = _query(incoming.query)
    tenant = asked.get("tenant", [""])[-1] or None
    if not principal.admin:
        if tenant not in (None, principal.tenant):
            raise PermissionDenied("this key sees its own tenant's usage only", remedy="Leave `tenant` out.")
        tenant = principal.tenant
    now = state.engine.clock.time()
    since, until = _span(asked, now)
    await state.ledger.flush()
    bys = tuple(dict.fromkeys(asked.get("by") or ["day"]))
    for by in bys:
        if by not in BYS:
            raise InvalidRequest(f"by: there is no {by!r}", path="by", remedy=f"One of {', '.join(BYS)}.")
    hours = await state.usage.hours(tenant, since, until, tagged="tag" in bys)
    if (key := asked.get("key", [""])[-1]) != "":
        hours = tuple(hour for hour in hours if hour.key == key)
    find = partial(catalog_row, state.engine.catalog, state.engine.providers)
    items = [
        {**dict(zip(bys, names, strict=True)), **_told(total(part)), "prompts_saved": _saved(part, find)}
        for names, part in parted(hours, bys)  # type: ignore[arg-type]  # they were checked above
    ]
    budgets = [_budget(str(budget), one) for budget, one in await state.budgets.states(principal)]
    return {
        "tenant": tenant,
        "since": _time(since),
        "until": _time(until),
        "total": {**_told(total(hours)), "prompts_saved": _saved(hours, find)},
        "by": {by: [{by: one.group, **_told(one)} for one in summed(hours, by)] for by in bys},  # type: ignore[arg-type]  # likewise
        "items": items,
        "budgets": budgets,
    }


async def budgets(asked: Asked) -> WireResponse:
    """How budgets stand: an administrator sees all, a key those that it falls under."""
    state, principal = asked.state, asked.principal
    who = [principal, *state.keys.principals()] if principal.admin else [principal]
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in who:
        for budget, stands in await state.budgets.states(one):
            period = stands.budget
            resets = following(period.period)
            found[period.kind, period.name, period.period] = {
                "scope": period.kind,
                "name": period.name,
                "limit": f"{Money(budget.limit).usd:f}",
                "period": budget.span,
                "spent": f"{Money(stands.spent + stands.estimated).usd:f}",
                "reserved": f"{Money(stands.leased).usd:f}",
                "resets": resets.isoformat().replace("+00:00", "Z") if resets is not None else None,
            }
    return json_answer({"items": list(found.values()), "next": None})


def following(period: str) -> datetime | None:
    """When the period after one begins; None after `total`.

    Args:
        period: `2026-11-20`, `2026-11` or `total`.
    """
    if period == "total":
        return None
    if len(period) == 7:
        year, month = int(period[:4]), int(period[5:])
        return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return datetime.fromisoformat(period).replace(tzinfo=UTC) + timedelta(days=1)


def _query(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in _NAMES:
            raise InvalidRequest(f"{name}: is not known here", path=name, remedy=f"One of {', '.join(sorted(_NAMES))}.")
        found.setdefault(name, []).append(value)
    return found


def _span(asked: dict[str, list[str]], now: float) -> tuple[int, int]:
    """Microseconds since 1970 of both ends; the hour that has begun counts."""
    until = _moment(asked, "until", now + 3600)
    since = _moment(asked, "since", now - DEFAULT_DAYS * 86_400)
    if not 0 <= until - since <= MOST_DAYS * 86_400:
        raise InvalidRequest("since must be before until, by ten years at most", path="since")
    return int(since * 1e6), int(until * 1e6)


def _moment(asked: dict[str, list[str]], name: str, otherwise: float) -> float:
    text = asked.get(name, [""])[-1]
    if not text:
        return otherwise
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{name}: {text!r} is not a time", path=name, remedy="Write 2026-11-01.") from error


def _told(one: UsageSum) -> dict[str, Any]:
    """Costs in US dollars as decimal strings; `unknown_cost` and `unknown_saved` say how many answers they lack."""
    values = msgspec.structs.asdict(one)
    del values["group"]
    return {**values, "cost": f"{Money(one.cost).usd:f}", "saved": f"{Money(one.saved).usd:f}"}


def _saved(hours: Iterable[UsageHour], find: Callable[[str], Model | None]) -> str | None:
    found = prompts_saved(hours, find)
    return None if found is None else f"{Money(found).usd:f}"


def _budget(text: str, state: BudgetState) -> dict[str, Any]:
    return {
        "scope": state.budget.kind,
        "name": state.budget.name,
        "budget": text,
        "period": state.budget.period,
        "spent": f"{Money(state.spent).usd:f}",
        "estimated": f"{Money(state.estimated).usd:f}",
        "held": f"{Money(state.leased).usd:f}",
        "calls": state.calls,
        "unpriced": state.unpriced,
    }


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

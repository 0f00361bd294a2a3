"""Newer prices and models, fetched when somebody asks for them, and kept beside the catalog that came with the package.

Rules (contracts §6.4): a fixed list of hosts, https, redirects only within it, a size cap, and everything checked
before anything changes. Where lists disagree, what two of three say holds, ours being the third; else genai-prices. A
price that changed gets a row of its own from today on, with its source: what calls cost before stays as it was. What
the lists cannot tell (peak hours, tiers that they leave out) is left alone and told. The last good file stays until a
better one is whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlingua.catalog.catalog import Catalog
from interlingua.catalog.model import Model, PriceRow
from interlingua.catalog.overlay import Overlay
from interlingua.catalog.price_lists import LISTS, Listed, Models, PriceList, parse
from interlingua.catalog.pricing import row_of_day
from interlingua.errors import ConnectionFailed, LocalFileError, TimedOut, UpstreamError
from interlingua.ports.transport import HttpRequest, Transport
from interlingua.types.traits import Traits

HOSTS = frozenset({"models.dev", "raw.githubusercontent.com"})
MOST_BYTES = 32 * 1024 * 1024
MOST_REDIRECTS = 3
LARGEST_CHANGE = 10
"""A price that changed by more than this factor is taken for a mistake of the list."""
LEAST_KNOWN = 20
"""A list that knows fewer of the models that we know is taken to be broken."""
_COMPARED = ("input", "output", "cache_read", "cache_write")

What = Literal["price", "new", "left"]


class Change(Struct, frozen=True, kw_only=True):
    """What is different of a model.

    Args:
        model: `provider/model`.
        what: another price, a model that was not known, or one that was left as it is though a list differs.
        before, after: input and output rates; empty where unknown.
        source: the list's name.
        why: why it was left.
    """

    model: str
    what: What
    before: str = ""
    after: str = ""
    source: str = ""
    why: str = ""


class Refreshed(Struct, frozen=True):
    """A new overlay and what is different in it, lists that could not be read included."""

    overlay: Overlay
    changes: tuple[Change, ...]
    unread: tuple[str, ...]


async def fetch(transport: Transport, source: PriceList) -> bytes:
    """A list as it is now.

    Raises:
        ConnectionFailed, TimedOut, UpstreamError: it cannot be had, or leads to a host that is not on the list.
    """
    url = source.url
    for _ in range(MOST_REDIRECTS + 1):
        where = urlsplit(url)
        if where.scheme != "https" or where.hostname not in HOSTS or where.port not in (None, 443) or where.username:
            raise UpstreamError(
                f"{source.name} leads to {where.scheme}://{where.hostname}, which is not one of our sources",
                retryable=False,
                remedy="Nothing was changed.",
            )
        response = await transport.send(HttpRequest(method="GET", url=url, headers=(("accept", "application/json"),)))
        try:
            if response.status in (301, 302, 303, 307, 308):
                url = urljoin(url, dict(response.headers).get("location", ""))
                continue
            if response.status != 200:
                raise UpstreamError(f"{url} answers with {response.status}", upstream_status=response.status)
            body = bytearray()
            async for piece in response.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    raise UpstreamError(f"{url} sends more than {MOST_BYTES:,} bytes", retryable=False)
            return bytes(body)
        finally:
            await response.aclose()
    raise UpstreamError(f"{source.name} redirects without end", retryable=False)


async def refreshed(
    transport: Transport, catalog: Catalog, providers: Iterable[str], today: str, sources: tuple[PriceList, ...] = LISTS
) -> Refreshed:
    """What the lists make of a catalog; nothing is written.

    Args:
        transport: the way out.
        catalog: what is known, an overlay included.
        providers: whose models are looked at.
        today: as YYYY-MM-DD.
        sources: the lists, the strongest first.

    Raises:
        ConnectionFailed, TimedOut, UpstreamError: none of the lists can be had; the first one's error.
    """
    lists: dict[PriceList, Models] = {}
    hashes: dict[str, str] = {}
    failures: list[UpstreamError | ConnectionFailed | TimedOut] = []
    for source in sources:
        try:
            body = await fetch(transport, source)
            models = parse(source, body, today)
            if sum(catalog.find(*place) is not None for place in models) < LEAST_KNOWN:
                raise UpstreamError(f"{source.url} knows next to none of our models: it is taken to be broken")
        except (UpstreamError, ConnectionFailed, TimedOut) as error:
            failures.append(error)
        else:
            lists[source] = models
            hashes[source.url] = hashlib.sha256(body).hexdigest()
    if not lists:
        raise failures[0]
    rows, changes = _merged(catalog, lists, frozenset(providers), today)
    names = {source.letter: f"{source.name} {today}" for source in lists}
    overlay = Overlay(as_of=today, sources=names, hashes=hashes, models=tuple(rows))
    return Refreshed(overlay, tuple(changes), tuple(error.message for error in failures))


def save(overlay: Overlay, path: Path) -> None:
    """Puts an overlay in the place of the last one, whole or not at all.

    Raises:
        LocalFileError: it cannot be written; the last one stays.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(overlay), indent=1))
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise LocalFileError(f"{path} cannot be written: {error.strerror or error}", path=str(path)) from error


def _merged(
    catalog: Catalog, lists: Mapping[PriceList, Models], providers: frozenset[str], today: str
) -> tuple[list[Model], list[Change]]:
    rows: list[Model] = []
    changes: list[Change] = []
    seen: set[str] = set()
    for provider, id in dict.fromkeys(place for models in lists.values() for place in models):
        said = {source: models[provider, id] for source, models in lists.items() if (provider, id) in models}
        known = catalog.find(provider, id)
        if provider not in providers or (known is not None and known.name in seen):
            continue
        if known is None:
            source, listed = next(iter(said.items()))
            described = next((one for one in said.values() if one.input), listed)
            rows.append(_new(provider, id, listed, described, source, today))
            changes.append(Change(model=f"{provider}/{id}", what="new", after=_shown(listed.rates), source=source.name))
            continue
        seen.add(known.name)
        row, change = _priced(known, said, today)
        if row is not None:
            rows.append(row)
        if change is not None:
            changes.append(change)
    # What an overlay before this one knew, and no list told of today, stays.
    named = {row.name for row in rows}
    rows += [model for model in catalog.models if model.name in catalog.overlaid and model.name not in named]
    return rows, changes


def _new(provider: str, id: str, listed: Listed, described: Listed, source: PriceList, today: str) -> Model:
    traits = Traits(
        context=described.context or listed.context,
        max_output=described.max_output,
        input=described.input,
        output=described.output,
        tools=described.tools,
        reasoning=described.reasoning,
    )
    price = _row(listed, source, "")
    return Model(
        provider=provider,
        id=id,
        traits=traits,
        prices=(price,),
        released=described.released,
        note=f"from {source.name}, {today}",
        sources=source.letter,
    )


def _priced(known: Model, said: Mapping[PriceList, Listed], today: str) -> tuple[Model | None, Change | None]:
    """The model with another price, and what changed; None where nothing does."""
    now = row_of_day(known.prices, today)
    if now is not None and any(_same(now, listed) for listed in said.values()):
        # Ours and one of the lists are two of three.
        return None, None
    source, listed = next(iter(said.items()))
    change = Change(
        model=known.name,
        what="price",
        before="" if now is None else f"{now.input or '?'}/{now.output or '?'}",
        after=_shown(listed.rates),
        source=source.name,
    )
    why = "" if now is None else _objection(now, listed)
    if why:
        return None, replace(change, what="left", why=why)
    later = [row for row in known.prices if row.from_ > today]
    until = _day_before(min(row.from_ for row in later)) if later else ""
    row = _row(listed, source, today if now is not None else "", until, now)
    earlier = [
        replace(each, until=_day_before(today)) if each is now else each
        for each in known.prices
        if each not in later and (each is not now or each.from_ < today)
    ]
    return replace(known, prices=(*earlier, row, *later)), change


def _objection(now: PriceRow, listed: Listed) -> str:
    """Why a list's price is not taken; empty where it is."""
    if now.peak is not None:
        return "its price depends on the hour"
    if now.tiers and [tier.above for tier in now.tiers] != [above for above, _ in listed.tiers]:
        return "the list does not have its tiers"
    for name in _COMPARED:
        before, after = getattr(now, name), listed.rates.get(name)
        if before is None or after is None or before == after:
            continue
        least, most = sorted((Decimal(before), Decimal(after)))
        if most > least * LARGEST_CHANGE:
            return f"{name} would go from {before} to {after}, which is taken for a mistake"
    return ""


def _same(now: PriceRow, listed: Listed) -> bool:
    if any(name in listed.rates and listed.rates[name] != _plain(getattr(now, name)) for name in _COMPARED):
        return False
    told = {above: (rates.get("input"), rates.get("output")) for above, rates in listed.tiers}
    ours = {tier.above: (_plain(tier.input), _plain(tier.output)) for tier in now.tiers}
    return not told or told == ours


def _row(listed: Listed, source: PriceList, since: str, until: str = "", now: PriceRow | None = None) -> PriceRow:
    rates = dict(listed.rates)
    by_ttl: dict[str, str] = {}
    if now is not None:
        for name in _COMPARED:
            if getattr(now, name) is not None:
                rates.setdefault(name, getattr(now, name))
        by_ttl = now.cache_write_by_ttl
        if rates.get("cache_write") != _plain(now.cache_write):
            # What other lifetimes cost now is not told.
            by_ttl = {ttl: rates["cache_write"] for ttl in by_ttl if ttl == "5m"}
    values: dict[str, object] = {
        "from": since,
        "until": until,
        "source": source.letter,
        "cache_write_by_ttl": by_ttl,
        **rates,
    }
    values["tiers"] = [{"above": above, **each} for above, each in listed.tiers]
    return msgspec.convert(values, PriceRow)


def _plain(rate: str | None) -> str | None:
    return None if rate is None else f"{Decimal(rate).normalize():f}"


def _shown(rates: Mapping[str, str]) -> str:
    return f"{rates.get('input', '?')}/{rates.get('output', '?')}"


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()

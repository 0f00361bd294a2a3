"""What the pages know of models: what they can, cost, and whether they can be asked; and what a message would take.

Nothing is asked of any provider: what is known of their state is what was last seen (contracts §8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interlingua.catalog.catalog import Model
from interlingua.catalog.model import PriceRow
from interlingua.catalog.pricing import row_of_day
from interlingua.client.estimate import estimate
from interlingua.engine.estimate import RESERVED_OUTPUT
from interlingua.engine.prepare import prepare
from interlingua.errors import InterlinguaError, NotFound, PermissionDenied, Unsupported
from interlingua.gateway import discovery
from interlingua.gateway.asked import Asked, dollars, json_answer, tagged
from interlingua.gateway.chat_settings import ChatSettings, chat_request, read_settings
from interlingua.gateway.chats import shown_loss
from interlingua.gateway.states import state_of
from interlingua.ports.dialect import WireResponse
from interlingua.providers.provider import Provider, find
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.parts import Part
from interlingua.types.tools import Tool
from interlingua.types.traits import Traits


class Draft(Struct, forbid_unknown_fields=True):
    """A message that is being written, and where."""

    model: str = ""
    conversation: str | None = None
    parent: str | None = None
    parts: tuple[Part, ...] = ()
    settings: dict[str, Json] = {}


async def models(asked: Asked) -> WireResponse:
    """Every model that can be asked for, those without a credential too, so that one knows what a key would open."""
    await discovery.refresh(asked.state)
    engine, principal = asked.state.engine, asked.principal
    day = _day(asked)
    rows: dict[str, dict[str, Any]] = {}
    aliases = {name: _alias_targets(asked, name) for name in engine.aliases if "*" not in name}
    for name, targets in aliases.items():
        if targets and principal.may_use(name, *targets):
            rows[name] = _alias(asked, name, targets)
    named = [target for targets in aliases.values() for target in targets]
    for provider in engine.providers.values():
        for model in _of(asked, provider, named):
            if not model.retired(day) and principal.may_use(model.id, f"{provider.id}/{model.id}"):
                found = _shown(asked, provider, model, day)
                rows.setdefault(found["id"], found)
    return tagged(asked, {"items": list(rows.values()), "next": None})


async def model(asked: Asked) -> WireResponse:
    """One of them, with all that is known of its price."""
    engine, id = asked.state.engine, asked.values[0]
    if id in engine.aliases:
        targets = _alias_targets(asked, id)
        if targets and asked.principal.may_use(id, *targets):
            return tagged(asked, _alias(asked, id, targets))
        raise NotFound(f"there is no model {id!r} here", what="model")
    provider, _, name = id.partition("/")
    host = find(provider, engine.providers)
    row = engine.catalog.find(host.catalog or host.id, name) if host is not None else None
    if host is None or not name or not asked.principal.may_use(name, f"{host.id}/{name}"):
        raise NotFound(f"there is no model {id!r} here", what="model")
    shown = row if row is not None else Model(provider=host.id, id=name)
    return tagged(asked, _shown(asked, host, shown, _day(asked), whole=True))


def _day(asked: Asked) -> str:
    return datetime.fromtimestamp(asked.state.engine.clock.time(), UTC).date().isoformat()


async def estimated(asked: Asked) -> WireResponse:
    """What sending a draft would take and cost, and what its model could not take of it."""
    given = await asked.body(Draft)
    engine, settings = asked.state.engine, read_settings(given.settings)
    messages: list[Message] = []
    if given.conversation is not None and given.parent is not None:
        thread = await asked.state.conversations.get(asked.tenant, given.conversation, leaf=given.parent)
        messages = [one.message for one in thread.messages]
    if given.parts:
        messages.append(Message(role="user", parts=given.parts))
    request = replace(chat_request(given.model, settings, messages), tools=await _tools(asked, settings))
    target = engine.route(request.model)[0]
    if not asked.principal.may_use(request.model, target.name):
        raise PermissionDenied(f"this key may not use {request.model!r}", model=request.model)
    found = await estimate(engine, request)
    reserved = min(found.most_output or RESERVED_OUTPUT, RESERVED_OUTPUT)
    most = min(request.max_output_tokens or reserved, reserved)
    reserving = await estimate(engine, replace(request, max_output_tokens=most))
    problems, losses = _foreseen(asked, request)
    taken = found.tokens.input_tokens
    return json_answer(
        {
            "model": found.model,
            "input_tokens": taken,
            "exact": found.tokens.exact,
            "output_reserved": reserved,
            "prompt_cost": dollars(found.prompt_cost.pico) if found.prompt_cost is not None else None,
            "cost": dollars(reserving.most_cost.pico) if reserving.most_cost is not None else None,
            "context": found.context,
            "fits": found.context is None or taken < found.context,
            "losses": losses,
            "problems": problems,
        }
    )


async def _tools(asked: Asked, settings: ChatSettings) -> tuple[Tool, ...]:
    """What the model would be told of the tools that the chat has chosen."""
    if not settings.tools:
        return ()
    async with asked.state.tools.open(asked.principal) as offered:
        return tuple(offered[name].tool.definition for name in dict.fromkeys(settings.tools) if name in offered)


def _foreseen(asked: Asked, request: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    engine = asked.state.engine
    try:
        attempt = prepare(engine, request, engine.route(request.model)[0])
    except Unsupported as error:
        problem = {
            "feature": error.feature,
            "part": error.path or None,
            "message": error.message,
            "alternatives": list(error.alternatives),
        }
        return [problem], []
    except InterlinguaError:
        return [], []  # a missing key is told where one sends
    return [], [shown_loss(loss) for loss in attempt.losses]


def _of(asked: Asked, provider: Provider, named: Iterable[str]) -> Iterator[Model]:
    """The catalog's models of a provider, and those that it need not know: a local one's on the disk, a host's default
    and what aliases lead to."""
    engine = asked.state.engine
    rows = engine.catalog.of(provider.catalog or provider.id)
    yield from rows
    known = {row.id for row in rows}
    told = asked.state.local_names() if provider.in_process else _named(provider, named)
    for name in dict.fromkeys([*told, *discovery.told(asked.state, provider)]):
        if name not in known:
            yield Model(provider=provider.id, id=name)


def _named(provider: Provider, targets: Iterable[str]) -> list[str]:
    mine = f"{provider.id}/"
    found = [target.removeprefix(mine) for target in targets if target.startswith(mine)]
    return [provider.default_model, *found] if provider.default_model else found


def _alias_targets(asked: Asked, name: str) -> list[str]:
    try:
        return [target.name for target in asked.state.engine.route(name)]
    except InterlinguaError:
        return []  # an alias that leads nowhere is told by `il config check`


def _alias(asked: Asked, name: str, targets: list[str]) -> dict[str, Any]:
    engine = asked.state.engine
    first = engine.route(name)[0]
    return {
        **_facts(first.traits),
        "id": name,
        "provider": first.provider.id,
        "name": name,
        "price": None,
        "released": None,
        "shutdown": None,
        "local": first.provider.in_process,
        "state": state_of(asked.state, first.provider),
        "alias": True,
        "targets": targets,
    }


def _shown(asked: Asked, provider: Provider, model: Model, day: str, *, whole: bool = False) -> dict[str, Any]:
    return {
        **_facts(model.traits),
        "id": f"{provider.id}/{model.id}",
        "provider": provider.id,
        "name": model.id,
        "price": _price(model, day, asked, whole=whole),
        "released": model.released or None,
        "shutdown": model.shutdown or None,
        "local": provider.in_process,
        "state": state_of(asked.state, provider),
        "alias": False,
    }


def _facts(traits: Traits) -> dict[str, Any]:
    def takes(modality: str) -> bool | None:
        return modality in traits.input if traits.input else None

    return {
        "context": traits.context,
        "max_output": traits.max_output,
        "capabilities": {
            "vision": takes("image"),
            "documents": takes("pdf"),
            "audio": takes("audio"),
            "tools": traits.tools,
            "reasoning": traits.reasoning,
            "json": traits.structured_output,
        },
    }


def _price(model: Model, day: str, asked: Asked, *, whole: bool) -> dict[str, Any] | None:
    """A model's rates; in lists those alone by which one chooses."""
    row = row_of_day(model.prices, day)
    if row is None:
        return None
    if not whole:
        return {"input": row.input, "output": row.output}
    sources = asked.state.engine.catalog.sources
    return {
        "input": row.input,
        "output": row.output,
        "cache_read": row.cache_read,
        "cache_creation": row.cache_write,
        "tiers": list(_tiers(row)),
        "source": "; ".join(sources.get(letter, letter) for letter in row.source) or None,
        "since": row.from_ or None,
    }


def _tiers(row: PriceRow) -> Iterator[dict[str, Any]]:
    for tier in row.tiers:
        yield {"when": f"prompt over {tier.above:,} tokens", "input": tier.input, "output": tier.output}
    if row.peak is not None:
        hours = ", ".join(f"{begin}–{end}" for begin, end in row.peak.utc)
        yield {"when": f"{hours} UTC", "input": row.peak.input, "output": row.peak.output}

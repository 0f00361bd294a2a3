"""What is known of the model that answers, and what changes when another one does. All of it asked, none inferred."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from interlingua.catalog.pricing import row_of_day
from interlingua.catalog.words import costs, short_costs, tokens
from interlingua.engine.capabilities import admit
from interlingua.engine.continuity import view
from interlingua.engine.engine import Engine
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError
from interlingua.types.opaque import Origin
from interlingua.types.request import ChatRequest
from interlingua.types.traits import Traits

UNKNOWN = "unknown (not in the catalog)"
_ROOM = 0.95
"""Of a context, what a conversation may fill and still be answered."""


def abilities(traits: Traits) -> dict[str, bool | None]:
    """What a model can do beside text, by a word for it; None is unknown."""
    inputs: dict[str, bool | None] = {
        f"sees {kind}" if kind != "audio" else "hears audio": (kind in traits.input if traits.input else None)
        for kind in ("image", "audio", "video", "pdf")
    }
    return {
        "tools": traits.tools,
        "thinking": traits.reasoning,
        "schemas": traits.structured_output,
        **inputs,
    }


def can(target: Target) -> str:
    """What a model can do, in a line."""
    found = abilities(target.traits)
    if all(one is None for one in found.values()):
        return UNKNOWN
    return ", ".join(["text", *(word for word, able in found.items() if able)])


def price(target: Target, day: str) -> str:
    """What a model costs, in a line."""
    if target.row is None:
        return UNKNOWN
    return costs(row_of_day(target.row.prices, day))


def model_facts(target: Target, day: str, last: str, credential: str) -> Iterator[tuple[str, str]]:
    """What `/model` shows: labels and values.

    Args:
        target: who answers.
        day: today, for prices.
        last: how the last call went.
        credential: where its key comes from.
    """
    aliases = ", ".join(target.provider.aliases)
    yield "provider", target.provider.id + (f"  ({aliases})" if aliases else "")
    yield "model", target.model
    yield "context", f"{target.traits.context:,} tokens" if target.traits.context is not None else "unknown"
    yield "can", can(target)
    yield "costs", price(target, day)
    if target.row is not None and target.row.shutdown:
        yield "ends", target.row.shutdown
    yield "key", credential
    yield "last", last


def changes(before: Target, after: Target, day: str) -> Iterator[str]:
    """What a switch changes, each in a few words."""
    if after.row is None:
        yield "not in the catalog: context, abilities and price unknown"
        return
    yield f"context {tokens(after.traits.context) if after.traits.context is not None else 'unknown'}"
    yield "price " + short_costs(row_of_day(after.row.prices, day))
    old, new = abilities(before.traits), abilities(after.traits)
    lost = [word for word, able in new.items() if able is False and old[word]]
    gained = [word for word, able in new.items() if able and old[word] is False]
    if lost:
        yield "without " + ", ".join(lost)
    if gained:
        yield "now with " + ", ".join(gained)


def losses(engine: Engine, request: ChatRequest, target: Target) -> list[str]:
    """What the next request would lose on its way to a model, or why it would be refused. Nothing is sent."""
    try:
        admitted, lost = admit(request, target, engine.settings.losses, partial(_no_others, engine))
        origin = Origin(provider=target.provider.id, endpoint=target.dialect, model=target.model)
        seen = view(admitted.messages, origin, reasoning=engine.settings.losses.reasoning)
    except InterlinguaError as error:
        return [f"the next request would be refused: {error.message}"]
    counted: dict[str, int] = {}
    for loss in (*lost, *seen.losses):
        counted[loss.reason] = counted.get(loss.reason, 0) + 1
    return [reason if count == 1 else f"{reason} ({count} times)" for reason, count in counted.items()]


def _no_others(engine: Engine, needed: str) -> Sequence[str]:
    return ()


def fits(used: int, target: Target) -> bool:
    """Whether a conversation of so many tokens fits a model and leaves it room to answer; unknown limits fit."""
    context = target.traits.context
    return context is None or used < context * _ROOM


def context_left(used: int, counted: bool, target: Target) -> str:
    """What is left of a model's context: `8.1k of 8.2k context left`."""
    context = target.traits.context
    about = "" if counted else "~"
    if context is None:
        return f"{about}{tokens(used)} used, context unknown"
    return f"{about}{tokens(max(0, context - used))} of {tokens(context)} context left"

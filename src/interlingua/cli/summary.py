"""A finished answer as one JSON object, for `il ask --json` and the last line of `--jsonl`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from interlingua.types.parts import BlobPart, UriPart

if TYPE_CHECKING:
    from interlingua.client.reply import Reply
    from interlingua.types.money import Money
    from interlingua.types.usage import Usage


def summary(reply: Reply[Any]) -> dict[str, Any]:
    """The object; unknown is null. Costs are US dollars as decimal strings, because floats are not exact."""
    timing = {
        name: value if value is None else round(value, 6)
        for name, value in msgspec.to_builtins(reply.timing).items()
        if name != "started"
    }
    found: dict[str, Any] = {
        "text": reply.text,
        "reasoning": reply.reasoning or None,
        "output": msgspec.to_builtins(reply.output),
        "model": reply.model,
        "finish": msgspec.to_builtins(reply.finish),
        "usage": _usage(reply.usage),
        "cost": dollars(reply.cost),
        "timing": timing,
        "losses": msgspec.to_builtins(reply.losses),
        "attempts": [
            {**msgspec.to_builtins(one), "usage": _usage(one.usage), "cost": dollars(one.cost)}
            for one in reply.attempts
        ],
    }
    media = [part for part in reply.parts if isinstance(part, BlobPart | UriPart)]
    return {**found, "media": msgspec.to_builtins(media)} if media else found


def dollars(money: Money | None) -> str | None:
    """An amount in US dollars as a plain decimal number, or None."""
    if money is None:
        return None
    text = f"{money.usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    known = {"input_tokens": None, "output_tokens": None, **msgspec.to_builtins(usage)}
    known.pop("raw", None)
    if usage.reported_cost is not None:
        known["reported_cost"] = dollars(usage.reported_cost)
    return known

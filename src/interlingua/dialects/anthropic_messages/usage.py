"""Token counts. On the wire `input_tokens` is the remainder that no cache was involved in; ours is the whole prompt."""

from __future__ import annotations

from typing import Any, TypeGuard

from interlingua.types.money import Money
from interlingua.types.opaque import Json
from interlingua.types.usage import Usage

_REQUESTS = "_requests"
_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_SERVER_TOOLS = ("web_fetch", "web_search")
"""Tools whose counts the format demands as soon as one is given."""
_FOREIGN = ("total_tokens", "input_tokens_details")


def parse_usage(raw: Json) -> Usage | None:
    """What a usage object says; None where it says nothing. Figures that are no counts are taken as unsaid."""
    if not isinstance(raw, dict) or not raw:
        return None
    read, written = _count(raw, "cache_read_input_tokens"), _count(raw, "cache_creation_input_tokens")
    by_ttl = {
        key.removeprefix("ephemeral_").removesuffix("_input_tokens"): value
        for key, value in _counts(raw.get("cache_creation")).items()
    }
    if written is None and by_ttl:
        written = sum(by_ttl.values())
    uncached = _count(raw, "input_tokens")
    cost = raw.get("cost")
    return Usage(
        input_tokens=None if uncached is None else uncached + (read or 0) + (written or 0),
        output_tokens=_count(raw, "output_tokens"),
        cache_read=read,
        cache_creation=written,
        cache_creation_by_ttl=by_ttl,
        reasoning=_count(raw.get("output_tokens_details"), "thinking_tokens"),
        server_tool_requests={
            key.removesuffix(_REQUESTS): value for key, value in _counts(raw.get("server_tool_use")).items()
        },
        reported_cost=Money.of_usd(str(cost)) if _is_number(cost) else None,
        raw=raw,
    )


def render_usage(usage: Usage | None, service_tier: str | None = None) -> dict[str, Any]:
    """The usage object of a whole answer; the format demands both totals, so an unknown one stands as 0."""
    if usage is None:
        wire: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0}
    elif _is_own(usage.raw) and parse_usage(usage.raw) == usage:
        wire = {"output_tokens": 0} | usage.raw
    else:
        wire = _rendered(usage)
    if service_tier is not None:
        wire.setdefault("service_tier", service_tier)
    return wire


def merge_usage(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """The usage of a stream so far: figures are cumulative, so a later one replaces an earlier one.

    Null replaces nothing, and 0 no figure of the prompt: compatible servers repeat fields that they filled before.
    """
    return earlier | {
        key: value
        for key, value in later.items()
        if key not in earlier or (value is not None and (value or key not in _PROMPT or not earlier[key]))
    }


def _is_own(raw: Json) -> bool:
    """Whether a usage object is of this format: another one says `input_tokens` too, and means the whole prompt."""
    return isinstance(raw, dict) and "input_tokens" in raw and not any(key in raw for key in _FOREIGN)


def _rendered(usage: Usage) -> dict[str, Any]:
    cached = (usage.cache_read or 0) + (usage.cache_creation or 0)
    wire: dict[str, Any] = {"input_tokens": max(0, (usage.input_tokens or 0) - cached)}
    if usage.cache_creation is not None:
        wire["cache_creation_input_tokens"] = usage.cache_creation
    if usage.cache_read is not None:
        wire["cache_read_input_tokens"] = usage.cache_read
    if usage.cache_creation_by_ttl:
        short = usage.cache_creation_by_ttl.get("5m", 0)
        wire["cache_creation"] = {
            "ephemeral_5m_input_tokens": short,
            "ephemeral_1h_input_tokens": sum(usage.cache_creation_by_ttl.values()) - short,
        }
    wire["output_tokens"] = usage.output_tokens or 0
    if usage.reasoning is not None:
        wire["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.server_tool_requests:
        counts = dict.fromkeys(_SERVER_TOOLS, 0) | usage.server_tool_requests
        wire["server_tool_use"] = {f"{name}{_REQUESTS}": count for name, count in counts.items()}
    return wire


def _count(raw: Json, key: str) -> int | None:
    value = raw.get(key) if isinstance(raw, dict) else None
    return int(value) if _is_number(value) and value == int(value) and value >= 0 else None


def _counts(raw: Json) -> dict[str, int]:
    found = {key: _count(raw, key) for key in raw} if isinstance(raw, dict) else {}
    return {key: count for key, count in found.items() if count}


def _is_number(value: Json) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""Token counts of this format, both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from interlingua.types.money import Money
from interlingua.types.opaque import Json
from interlingua.types.usage import Usage

_TTLS = {"ttl_30m_tokens": "30m", "ttl_12h_tokens": "12h"}
_TTL_KEYS = {"30m": "ttl_30m_tokens", "1h": "ttl_30m_tokens", "12h": "ttl_12h_tokens", "24h": "ttl_12h_tokens"}
_OWN = {"input_tokens", "output_tokens", "total_tokens"}
"""What tells a usage object of this format from those of others."""
_PICO_PER_TICK = 100
"""xAI counts its prices in ticks of 10^-10 dollars."""


def parse_usage(raw: Json, tool_usage: Json = None) -> Usage | None:
    """A usage object's counts; None where there is no object or nothing in it.

    Args:
        raw: the `usage` of a response.
        tool_usage: its `tool_usage`, which tells how often the provider's own tools ran.
    """
    if not isinstance(raw, dict) or not raw:
        return None
    prompt, answer = _object(raw, "input_tokens_details"), _object(raw, "output_tokens_details")
    input_tokens, output_tokens = _count(raw.get("input_tokens")), _count(raw.get("output_tokens"))
    reasoning = _count(answer.get("reasoning_tokens"))
    if None not in (input_tokens, output_tokens) and reasoning:
        total = _count(raw.get("total_tokens"))
        if total == (input_tokens or 0) + (output_tokens or 0) + reasoning or reasoning > (output_tokens or 0):
            output_tokens = (output_tokens or 0) + reasoning
    by_ttl = _object(prompt, "cache_write_tokens_details")
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read=_count(prompt.get("cached_tokens")),
        cache_creation=_count(prompt.get("cache_write_tokens")),
        cache_creation_by_ttl={ttl: count for key, ttl in _TTLS.items() if (count := _count(by_ttl.get(key)))},
        reasoning=reasoning,
        input_audio=_count(prompt.get("audio_tokens")),
        input_image=_count(prompt.get("image_tokens")),
        output_audio=_count(answer.get("audio_tokens")),
        output_image=_count(answer.get("image_tokens")),
        server_tool_requests=_ran(raw, tool_usage),
        reported_cost=_cost(raw),
        raw=raw,
    )


def _ran(raw: dict[str, Json], tool_usage: Json) -> dict[str, int]:
    """How often the provider's tools ran: OpenAI says so beside the usage, xAI inside it."""
    details = _object(raw, "server_side_tool_usage_details")
    found = {key.removesuffix("_calls"): count for key, value in details.items() if (count := _count(value))}
    told = tool_usage.get("web_search") if isinstance(tool_usage, dict) else None
    searches = _count(told.get("num_requests")) if isinstance(told, dict) else None
    return {**found, "web_search": searches} if searches else found


def _cost(raw: dict[str, Json]) -> Money | None:
    cost = raw.get("cost")
    if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < float("inf"):
        return Money.of_usd(Decimal(str(cost)))
    ticks = _count(raw.get("cost_in_usd_ticks"))
    return None if ticks is None else Money(ticks * _PICO_PER_TICK)


def _object(raw: dict[str, Json], key: str) -> dict[str, Json]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _count(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        return None
    return int(value)


def render_usage(usage: Usage) -> dict[str, Any] | None:
    """Counts as this format writes them, over the object that it wrote itself where there is one.

    The format knows no unknown detail, so a detail that nobody counted is 0 here; None where nothing is known at all.
    """
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    raw = usage.raw if isinstance(usage.raw, dict) and usage.raw.keys() >= _OWN else {}
    prompt: dict[str, Any] = {
        "cached_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_creation,
        "audio_tokens": usage.input_audio,
        "image_tokens": usage.input_image,
    }
    answer: dict[str, Any] = {
        "reasoning_tokens": usage.reasoning,
        "audio_tokens": usage.output_audio,
        "image_tokens": usage.output_image,
    }
    written: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    needed = {"cached_tokens": 0, "cache_write_tokens": 0}, {"reasoning_tokens": 0}
    for key, counts, zeros in zip(_DETAILS, (prompt, answer), needed, strict=True):
        known = {name: count for name, count in counts.items() if count is not None}
        details = {**({} if raw else zeros), **_object(raw, key), **known}
        if details:
            written[key] = details
    if usage.cache_creation_by_ttl and not raw:
        by_ttl = dict.fromkeys(_TTLS, 0)
        for ttl, count in usage.cache_creation_by_ttl.items():
            if ttl in _TTL_KEYS:
                by_ttl[_TTL_KEYS[ttl]] += count
        if any(by_ttl.values()):
            written["input_tokens_details"]["cache_write_tokens_details"] = by_ttl
    if usage.reported_cost is not None and not raw:
        written["cost"] = float(usage.reported_cost.usd)
    return {**raw, **{key: value for key, value in written.items() if value is not None or key not in raw}}


_DETAILS = ("input_tokens_details", "output_tokens_details")

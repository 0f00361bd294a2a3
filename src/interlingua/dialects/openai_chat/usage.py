"""Token counts of this format and its vendors' variants, both ways."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any

from interlingua.types.money import Money
from interlingua.types.opaque import Json
from interlingua.types.usage import Usage

_CACHE_READ = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")
_PROMPT = ("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens")
_ANSWER = ("reasoning_tokens", "audio_tokens", "image_tokens")
_TTLS = {"ephemeral_5m_input_tokens": "5m", "ephemeral_1h_input_tokens": "1h", "ephemeral_24h_input_tokens": "24h"}
_PICO_PER_TICK = 100
"""xAI counts its prices in ticks of 10^-10 dollars (checked against its price list and recorded usage)."""


def parse_usage(raw: Json) -> Usage | None:
    """A usage object's counts; None where there is no object or nothing in it."""
    if not isinstance(raw, dict) or not raw:
        return None
    cached, written, input_audio, input_image = _counts(_details(raw, "prompt_tokens_details"), _PROMPT)
    reasoning, output_audio, output_image = _counts(_details(raw, "completion_tokens_details"), _ANSWER)
    input_tokens = _first(raw, "prompt_tokens", "promptTokens")
    output_tokens = _first(raw, "completion_tokens", "completionTokens")
    if _excludes(input_tokens, output_tokens, reasoning, _count(raw.get("total_tokens"))):
        output_tokens = (output_tokens or 0) + (reasoning or 0)
    by_ttl = _details(raw, "cache_creation")
    ran = _count(_details(raw, "server_tool_use_details").get("web_search_requests"))
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read=cached if cached is not None else _first(raw, *_CACHE_READ),
        cache_creation=written if written is not None else _count(raw.get("cache_creation_input_tokens")),
        cache_creation_by_ttl={ttl: count for key, ttl in _TTLS.items() if (count := _count(by_ttl.get(key)))}
        if by_ttl
        else {},
        reasoning=reasoning,
        input_audio=input_audio,
        input_image=input_image,
        output_audio=output_audio,
        output_image=output_image,
        server_tool_requests={"web_search": ran} if ran else {},
        reported_cost=_cost(raw),
        raw=raw,
    )


def _excludes(prompt: int | None, answer: int | None, reasoning: int | None, total: int | None) -> bool:
    """Whether the answer's count leaves reasoning out: xAI's total tells, elsewhere reasoning outweighs the whole."""
    if prompt is None or answer is None or not reasoning:
        return False
    return total == prompt + answer + reasoning or reasoning > answer


def _cost(raw: dict[str, Json]) -> Money | None:
    cost = raw.get("cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    if isinstance(cost, int | float) and not isinstance(cost, bool) and cost >= 0:
        return Money.of_usd(Decimal(str(cost)))
    ticks = _count(raw.get("cost_in_usd_ticks"))
    return None if ticks is None else Money(ticks * _PICO_PER_TICK)


def _details(raw: dict[str, Json], key: str) -> dict[str, Json]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _first(raw: dict[str, Json], *keys: str) -> int | None:
    for key in keys:
        if (count := _count(raw.get(key))) is not None:
            return count
    return None


def _counts(details: dict[str, Json], keys: tuple[str, ...]) -> list[int | None]:
    return [_count(details.get(key)) for key in keys] if details else [None] * len(keys)


def _count(value: Json) -> int | None:
    if type(value) is int:
        return value if value >= 0 else None
    return int(value) if type(value) is float and 0 <= value < inf else None


def render_usage(usage: Usage) -> dict[str, Any]:
    """Counts as this format writes them, over the object that it wrote itself where there is one."""
    written: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    prompt = {
        "cached_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_creation,
        "audio_tokens": usage.input_audio,
        "image_tokens": usage.input_image,
    }
    answer = {
        "reasoning_tokens": usage.reasoning,
        "audio_tokens": usage.output_audio,
        "image_tokens": usage.output_image,
    }
    raw = usage.raw if isinstance(usage.raw, dict) and "prompt_tokens" in usage.raw else {}
    if raw.get("completion_tokens") == usage.output_tokens and _count(raw.get("total_tokens")) is not None:
        del written["total_tokens"]  # it may hold more than the two, such as audio that is told nowhere else
    for key, counts in (("prompt_tokens_details", prompt), ("completion_tokens_details", answer)):
        known = {**_details(raw, key), **{name: count for name, count in counts.items() if count is not None}}
        if known:
            written[key] = known
    if usage.reported_cost is not None and "cost" not in raw:
        written["cost"] = float(usage.reported_cost.usd)
    return {**raw, **written}

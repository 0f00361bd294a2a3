"""Token counts. On the wire thoughts stand beside the answer, and what the provider's tools read beside the prompt;
ours include them. Cached tokens are part of the prompt on both sides.
"""

from __future__ import annotations

from typing import Any

from interlingua.dialects.gemini.schema import camel
from interlingua.types.opaque import Json
from interlingua.types.usage import Usage


def parse_usage(raw: Json) -> Usage | None:
    """What a usageMetadata object says; None where it counts nothing.

    A zero is left out on the wire: where the total is given, an answer without figure is what the rest leaves of it.
    """
    if not isinstance(raw, dict):
        return None
    raw = {camel(key): value for key, value in raw.items()}
    prompt, tool_use = _count(raw, "promptTokenCount"), _count(raw, "toolUsePromptTokenCount")
    answer, thoughts = _count(raw, "candidatesTokenCount"), _count(raw, "thoughtsTokenCount")
    total = _count(raw, "totalTokenCount")
    if prompt is None and answer is None and thoughts is None and total is None:
        return None
    whole = None if prompt is None else prompt + (tool_use or 0)
    if answer is not None or thoughts is not None:
        output: int | None = (answer or 0) + (thoughts or 0)
    else:
        output = None if total is None or whole is None else max(0, total - whole)
    return Usage(
        input_tokens=whole,
        output_tokens=output,
        cache_read=_count(raw, "cachedContentTokenCount"),
        reasoning=thoughts,
        tool_use=tool_use,
        input_audio=_modality(raw, "promptTokensDetails", "AUDIO"),
        input_image=_modality(raw, "promptTokensDetails", "IMAGE"),
        output_audio=_modality(raw, "candidatesTokensDetails", "AUDIO"),
        output_image=_modality(raw, "candidatesTokensDetails", "IMAGE"),
        raw=raw,
    )


def render_usage(usage: Usage | None, service_tier: str | None = None) -> dict[str, Any]:
    """The usageMetadata object; empty where nothing is known."""
    wire: dict[str, Any] = {}
    if usage is not None:
        same = isinstance(usage.raw, dict) and parse_usage(usage.raw) == usage
        wire = dict(usage.raw) if same and isinstance(usage.raw, dict) else _rendered(usage)
    if service_tier is not None:
        wire["serviceTier"] = service_tier
    return wire


def _rendered(usage: Usage) -> dict[str, Any]:
    answer = usage.output_tokens
    if answer is not None and usage.reasoning is not None:
        answer = max(0, answer - usage.reasoning)
    prompt = usage.input_tokens
    if prompt is not None and usage.tool_use is not None:
        prompt = max(0, prompt - usage.tool_use)
    counts = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": answer,
        "totalTokenCount": usage.total_tokens,
        "cachedContentTokenCount": usage.cache_read,
        "thoughtsTokenCount": usage.reasoning,
        "toolUsePromptTokenCount": usage.tool_use,
    }
    wire: dict[str, Any] = {key: count for key, count in counts.items() if count is not None}
    for key, audio, image in (
        ("promptTokensDetails", usage.input_audio, usage.input_image),
        ("candidatesTokensDetails", usage.output_audio, usage.output_image),
    ):
        found = [
            {"modality": modality, "tokenCount": count}
            for modality, count in (("AUDIO", audio), ("IMAGE", image))
            if count is not None
        ]
        if found:
            wire[key] = found
    return wire


def _count(raw: dict[str, Json], key: str) -> int | None:
    value = raw.get(key)
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _modality(raw: dict[str, Json], key: str, modality: str) -> int | None:
    details = raw.get(key)
    if not isinstance(details, list):
        return None
    return next((_count(item, "tokenCount") for item in details if _is_about(item, modality)), None)


def _is_about(item: Json, modality: str) -> bool:
    return isinstance(item, dict) and item.get("modality") == modality

"""Usage: two counts and four durations (nanoseconds), all on the last line and each left out where it is 0."""

from __future__ import annotations

from typing import Any

from interlingua.types.opaque import Json
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields

DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
COUNTS = ("prompt_eval_count", "eval_count")
FIGURES = (*COUNTS, *DURATIONS)


def parse_usage(fields: Fields) -> Usage | None:
    """What an answer consumed; None where it says nothing. The durations stay in `raw`."""
    return usage_of({key: fields.json(key) for key in FIGURES})


def usage_of(found: dict[str, Json]) -> Usage | None:
    """What the values of counts and durations amount to."""
    raw = {key: value for key, value in found.items() if isinstance(value, int)}
    if not raw:
        return None
    return Usage(input_tokens=raw.get("prompt_eval_count"), output_tokens=raw.get("eval_count"), raw=raw)


def render_usage(usage: Usage | None) -> dict[str, Any]:
    """The counts that are known, and durations where this format's own server measured them."""
    if usage is None:
        return {}
    measured = usage.raw if isinstance(usage.raw, dict) else {}
    wire: dict[str, Any] = {key: measured[key] for key in DURATIONS if isinstance(measured.get(key), int)}
    counts = zip(COUNTS, (usage.input_tokens, usage.output_tokens), strict=True)
    return wire | {key: count for key, count in counts if count is not None}

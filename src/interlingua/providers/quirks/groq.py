"""Groq: Qwen models mix their thinking into the answer unless asked not to, and some know thinking only on or off."""

from __future__ import annotations

from interlingua.ports.context import Quirk
from interlingua.types.opaque import Json

QWEN = "qwen/"
ON_OFF = ("qwen/qwen3.6", "qwen/qwen3-")
"""Models whose `reasoning_effort` is `none` or `default`."""


def adapt_request(body: dict[str, Json]) -> dict[str, Json]:
    """Asks for thinking in a field of its own, and for an effort that the model knows."""
    model = str(body.get("model", ""))
    if not model.startswith(QWEN):
        return body
    changed = dict(body)
    if "include_reasoning" not in body:  # the two exclude each other
        changed.setdefault("reasoning_format", "parsed")
    if model.startswith(ON_OFF) and body.get("reasoning_effort") not in (None, "none"):
        changed["reasoning_effort"] = "default"
    return changed


QUIRK = Quirk(request=adapt_request)

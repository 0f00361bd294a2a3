"""OpenAI: `/chat/completions` refuses the effort `max`, which the models know elsewhere."""

from __future__ import annotations

from interlingua.ports.context import Quirk
from interlingua.types.opaque import Json


def adapt_request(body: dict[str, Json]) -> dict[str, Json]:
    """Asks for the highest effort that this endpoint takes."""
    return {**body, "reasoning_effort": "xhigh"} if body.get("reasoning_effort") == "max" else body


QUIRK = Quirk(request=adapt_request)

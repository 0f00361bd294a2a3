"""Together: `logprobs` is a number of alternatives."""

from __future__ import annotations

from interlingua.ports.context import Quirk
from interlingua.types.opaque import Json


def adapt_request(body: dict[str, Json]) -> dict[str, Json]:
    """Asks for token probabilities in the host's way."""
    if not isinstance(body.get("logprobs"), bool):
        return body
    changed = {key: value for key, value in body.items() if key not in ("logprobs", "top_logprobs")}
    if body["logprobs"]:
        changed["logprobs"] = max(1, int(body.get("top_logprobs") or 1))
    return changed


QUIRK = Quirk(request=adapt_request)

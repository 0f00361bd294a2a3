"""Token counts as the provider reported them; unknown is None, never 0 (contracts §4)."""

from __future__ import annotations

from msgspec import Struct

from interlingua.types.money import Money
from interlingua.types.opaque import Json


class Usage(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a call consumed.

    Args:
        input_tokens: the whole prompt, cached and cache-written tokens included.
        output_tokens: the whole answer, reasoning included.
        cache_read: of the prompt, read from the provider's cache.
        cache_creation: of the prompt, written to the provider's cache.
        cache_creation_by_ttl: the same by lifetime, such as `{"5m": 10, "1h": 20}`.
        reasoning: of the answer, thinking.
        input_audio, output_audio, input_image, output_image: of either, by modality.
        tool_use: tokens of prompts that the provider's own tools made (part of `input_tokens`).
        server_tool_requests: how often the provider's own tools ran, by tool name.
        reported_cost: what the provider says it charges.
        raw: the usage object as the provider wrote it.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read: int | None = None
    cache_creation: int | None = None
    cache_creation_by_ttl: dict[str, int] = {}
    reasoning: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    input_image: int | None = None
    output_image: int | None = None
    tool_use: int | None = None
    server_tool_requests: dict[str, int] = {}
    reported_cost: Money | None = None
    raw: Json = None

    @property
    def total_tokens(self) -> int | None:
        """Prompt and answer together, or None where either is unknown."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens

"""Rows of the ledger as calls leave them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.types.usage import Usage

START = 1_790_000_000_000_000
USAGE = Usage(input_tokens=100, output_tokens=21, cache_read=40, reasoning=5)

COST = 3 * 10**9


def attempt(**changes: Any) -> AttemptRow:
    """A streamed try that went well: 2 s, the first content after 1 s."""
    row = AttemptRow(
        "openai/gpt-6-sol",
        "openai_chat",
        "translated",
        START,
        2_000_000,
        1_000_000,
        200,
        None,
        "stop",
        USAGE,
        3 * 10**9,
    )
    return replace(row, **changes)


def call(*attempts: AttemptRow, **changes: Any) -> LedgerRow:
    """A streamed call; with one attempt unless others are given."""
    row = LedgerRow(
        "req_1", "lab", "bench", "", START, 2_100_000, "anthropic_messages", "chat", True, "fast", 200, None, (),
        attempts or (attempt(),),
    )  # fmt: skip
    return replace(row, **changes)

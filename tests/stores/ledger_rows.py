"""Ledger rows for tests, with every field filled."""

from __future__ import annotations

from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.types.loss import Loss
from interlingua.types.money import Money
from interlingua.types.usage import Usage

USAGE = Usage(
    input_tokens=100,
    output_tokens=0,
    cache_read=40,
    cache_creation=30,
    cache_creation_by_ttl={"5m": 10, "1h": 20},
    reasoning=7,
    input_audio=1,
    server_tool_requests={"web_search": 2},
    reported_cost=Money(9_000_000_000_000_000_000),
)
FAILED = AttemptRow("openai/gpt-6", "openai_chat", "verbatim", 1_790_000_000_000_000, 5_000, None, 503, "overloaded")
ANSWERED = AttemptRow(
    *("anthropic/claude-opus-5", "anthropic_messages", "translated", 1_790_000_000_100_000, 900_000, 250_000, 200),
    *(None, "stop", USAGE, 123_456_789_000, "lm", "2026-10-01", "standard"),
)


def row(
    request_id: str,
    tenant: str = "acme",
    *,
    attempts: tuple[AttemptRow, ...] = (ANSWERED,),
    status: int = 200,
    error: str | None = None,
) -> LedgerRow:
    """A call."""
    loss = Loss("seed", "anthropic_messages", "there is no such setting", "warn")
    return LedgerRow(
        *(request_id, tenant, "bench", "conv-1", 1_790_000_000_000_000, 1_000_000, "openai_chat", "chat", True),
        *("fast", status, error, (loss,), attempts),
    )

"""Ledger rows as the tables hold them, and back. Plain tuples by position: half a million a minute go through here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from interlingua.ports.store import AttemptRow, Decision, LedgerRow
from interlingua.types.loss import Loss
from interlingua.types.money import Money
from interlingua.types.usage import Usage

_encode = msgspec.json.Encoder().encode
_losses = msgspec.json.Decoder(tuple[Loss, ...])
_decisions = msgspec.json.Decoder(tuple[Decision, ...])
_CONDITIONS = ("inference_geo", "service_tier", "speed")
"""What of a usage as the provider wrote it decides its price (`catalog/pricing.py`), and so is kept of it."""
_PLAIN = frozenset({"auto", "default", "global", "not_available", "standard", "standard_only"})
"""Conditions that decide nothing."""
_NO_USAGE = (None, None, None, None, None, None)


class _Rest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a usage has no column of its own."""

    cache_creation_by_ttl: dict[str, int] = {}
    input_audio: int | None = None
    output_audio: int | None = None
    input_image: int | None = None
    output_image: int | None = None
    tool_use: int | None = None
    server_tool_requests: dict[str, int] = {}
    reported_cost: Money | None = None
    raw: dict[str, str] | None = None


_rest = msgspec.json.Decoder(_Rest)
_EMPTY_REST = _Rest()
_NO_ATTEMPT = (None,) * 21


def call_values(row: LedgerRow) -> tuple[Any, ...]:
    """The columns of `calls` after `id`."""
    attempts = row.attempts
    return (
        row.request_id,
        row.tenant,
        row.key,
        row.conversation,
        row.started,
        row.duration,
        row.dialect,
        row.operation,
        row.stream,
        row.model,
        row.status,
        row.error,
        _encode(row.losses).decode() if row.losses else None,
        ",".join(row.tags) if row.tags else None,
        len(attempts),
        *(attempt_values(attempts[-1]) if attempts else _NO_ATTEMPT),
        _encode(row.decisions).decode() if row.decisions else None,
    )


def earlier_values(row: LedgerRow) -> list[tuple[Any, ...]]:
    """The rows of `attempts`: every attempt but the last."""
    return [
        (row.request_id, row.tenant, number, *attempt_values(attempt))
        for number, attempt in enumerate(row.attempts[:-1], 1)
    ]


def attempt_values(attempt: AttemptRow) -> tuple[Any, ...]:
    """The columns that both tables say of an attempt."""
    return (
        attempt.target,
        attempt.dialect,
        attempt.lane,
        attempt.started,
        attempt.duration,
        attempt.first,
        attempt.status,
        attempt.error,
        attempt.finish,
        *(_usage_values(attempt.usage) if attempt.usage is not None else _NO_USAGE),
        attempt.cost,
        attempt.price_source,
        attempt.price_since,
        attempt.service_tier,
        attempt.saved,
        attempt.head,
    )


def _usage_values(usage: Usage) -> tuple[Any, ...]:
    rest = _Rest(
        usage.cache_creation_by_ttl,
        usage.input_audio,
        usage.output_audio,
        usage.input_image,
        usage.output_image,
        usage.tool_use,
        usage.server_tool_requests,
        usage.reported_cost,
        _conditions(usage.raw) if isinstance(usage.raw, dict) else None,
    )
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read,
        usage.cache_creation,
        usage.reasoning,
        # An empty text, not None: a usage of which nothing was known is not the same as none.
        "" if rest == _EMPTY_REST else _encode(rest).decode(),
    )


def _conditions(raw: dict[str, Any]) -> dict[str, str] | None:
    found = {
        name: value
        for name in _CONDITIONS
        if isinstance(value := raw.get(name), str) and value and value not in _PLAIN and len(value) <= 64
    }
    return found or None


def ledger_row(values: Sequence[Any], earlier: Sequence[Sequence[Any]]) -> LedgerRow:
    """A call from its columns after `id` and its earlier attempts' columns after `number`, in order."""
    each = (*earlier, values[15:-1]) if values[14] else ()
    losses = _losses.decode(values[12]) if values[12] else ()
    attempts = tuple(_attempt(one) for one in each)
    decisions = _decisions.decode(values[-1]) if values[-1] else ()
    tags = tuple(values[13].split(",")) if values[13] else ()
    fields = (*values[:8], bool(values[8]), *values[9:12], losses, attempts, decisions, tags)
    return LedgerRow(*fields)


def _attempt(values: Sequence[Any]) -> AttemptRow:
    fields = (*values[:9], _usage(values[9:15]), *values[15:])
    return AttemptRow(*fields)


def _usage(values: Sequence[Any]) -> Usage | None:
    if values[5] is None:
        return None
    rest = _rest.decode(values[5]) if values[5] else _EMPTY_REST
    return Usage(
        input_tokens=values[0],
        output_tokens=values[1],
        cache_read=values[2],
        cache_creation=values[3],
        reasoning=values[4],
        **msgspec.structs.asdict(rest),
    )

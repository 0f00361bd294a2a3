"""What is written down of a call: who asked, what came of it, every try."""

from __future__ import annotations

from interlingua.engine.answer import AttemptRecord
from interlingua.engine.passage import Outcome
from interlingua.engine.principal import Principal
from interlingua.ports.lens import Peek
from interlingua.ports.store import AttemptRow, LedgerRow


def ledger_row(
    request_id: str,
    principal: Principal,
    dialect: str,
    peek: Peek,
    outcome: Outcome,
    *,
    started: float,
    ended: float,
    first: float | None = None,
    operation: str = "chat",
    conversation: str = "",
    tags: tuple[str, ...] = (),
) -> LedgerRow:
    """The row of a call.

    Args:
        request_id: ours.
        principal: who asked.
        dialect: what they speak.
        peek: what they asked.
        outcome: what came of it.
        started, ended, first: seconds since 1970; `first` is when the first content went out.
        operation: what was asked for.
        conversation: which it belongs to; empty where unknown.
        tags: what the client calls it.
    """
    error = outcome.error
    return LedgerRow(
        request_id,
        principal.tenant,
        principal.key,
        conversation,
        int(started * 1e6),
        int((ended - started) * 1e6),
        dialect,
        operation,
        peek.stream,
        peek.model,
        200 if error is None else error.status,
        None if error is None else error.code,
        outcome.losses,
        attempt_rows(outcome, started, first),
        tuple(outcome.decisions),
        tags,
    )


def attempt_rows(outcome: Outcome, started: float, first: float | None) -> tuple[AttemptRow, ...]:
    """The tries of a call as they are written down.

    Args:
        outcome: what came of the call.
        started, first: seconds since 1970; `first` is when the first content went out.
    """
    return tuple(_attempt(record, outcome, started, first) for record in outcome.attempts)


def _attempt(record: AttemptRecord, outcome: Outcome, started: float, first: float | None) -> AttemptRow:
    return AttemptRow(
        record.target,
        record.dialect,
        record.lane,
        int(record.started * 1e6),
        int(record.seconds * 1e6),
        int((first - started) * 1e6) if first is not None and record.error is None else None,
        record.status,
        record.error,
        outcome.finish.kind if outcome.finish and record.error is None else None,
        record.usage,
        None if record.cost is None else record.cost.pico,
        record.price_source,
        record.price_since,
        record.service_tier,
        None if record.saved is None else record.saved.pico,
        None if record.head is None else int(record.head * 1e6),
    )

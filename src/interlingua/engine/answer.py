"""What a call gives back besides the response: who answered, how often it took, what was lost, what it cost."""

from __future__ import annotations

from msgspec import Struct

from interlingua.engine.lanes import Lane
from interlingua.engine.target import Target
from interlingua.ports.store import Decision
from interlingua.types.loss import Loss
from interlingua.types.money import Money
from interlingua.types.response import ChatResponse
from interlingua.types.usage import Usage


class AttemptRecord(Struct, frozen=True, kw_only=True):
    """One try at a target.

    Args:
        target: `provider/model`.
        dialect: what was spoken.
        started: seconds since 1970.
        seconds: how long it took.
        status: the HTTP status, or None where no answer came.
        error: the code of the error that ended it, or None.
        usage, cost: what it consumed, where known; failed attempts can cost too.
        lane: whether bytes were passed on or translated.
        price_source, price_since, service_tier: what the cost was reckoned by, where known (`engine/cost.py`).
        saved: what an answer would have cost that was remembered; None where nobody can say, and of others.
        head: seconds until the head of its answer came; None where none came.
    """

    target: str
    dialect: str
    started: float
    seconds: float
    status: int | None = None
    error: str | None = None
    usage: Usage | None = None
    cost: Money | None = None
    lane: Lane = "translated"
    price_source: str | None = None
    price_since: str | None = None
    service_tier: str | None = None
    saved: Money | None = None
    head: float | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """A finished call.

    Args:
        response: what the model said.
        target: who said it.
        losses: what could not be carried to it.
        cost: of the answering attempt, or None where unknown.
        attempts: all tries, the answering one last.
        decisions: why they went where they went; empty where there was only one way, and it was taken.
    """

    response: ChatResponse
    target: Target
    losses: tuple[Loss, ...] = ()
    cost: Money | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    decisions: tuple[Decision, ...] = ()

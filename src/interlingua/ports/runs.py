"""What is known of a run beside what it tells."""

from __future__ import annotations

from msgspec import Struct


class RunHead(Struct, frozen=True, kw_only=True):
    """Whose a run is.

    Args:
        id, tenant: which.
        conversation, parent: where its answer is kept; None is nowhere.
        model: who was asked for.
        request_id: of its first call.
        owner: the process that began it.
        started: microseconds since 1970.
    """

    id: str
    tenant: str
    conversation: str | None
    parent: str | None
    model: str
    request_id: str
    owner: str
    started: int

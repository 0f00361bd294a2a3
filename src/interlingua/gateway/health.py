"""Whether the process lives, whether it is ready for calls, and what it has counted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from interlingua._version import __version__
from interlingua.errors import NotFound
from interlingua.gateway.state import State
from interlingua.ports.dialect import WireResponse

if TYPE_CHECKING:
    from interlingua.telemetry.metrics import Metrics

_JSON = (("content-type", "application/json"),)
COUNT_SECONDS = 1.0


class _Now(TypedDict):
    running: int
    tasks: int
    waiting: int
    lost: int
    config_valid: bool
    queued: int
    waited: Mapping[str, int]


def answer(state: State, path: str, accept: str = "") -> WireResponse:
    """`/healthz`: it lives. `/readyz`: it takes calls. `/metrics`: Prometheus' text format.

    `/readyz` is 503 while the process drains or its ledger cannot be written. A configuration file that cannot be used
    does not make it so, because the last good one is in force; it is told, and the log says what is wrong with it.

    Args:
        state: the gateway.
        path: one of these.
        accept: what the asker takes, for `/metrics`.

    Raises:
        NotFound: metrics are switched off.
    """
    if path == "/healthz":
        return _json({"status": "ok", "version": __version__})
    if path == "/metrics":
        return _metrics(state, accept)
    problem = "draining" if state.draining else state.ledger.failure.message if state.ledger.failure else None
    body = {
        "status": "ready" if problem is None else "not ready",
        "running": len(state.running),
        "problem": problem,
        "configuration": "in force" if state.config_problem is None else "the file cannot be used; the log says why",
        "restart_needed_for": state.needs_restart,
    }
    if state.worker is not None:
        body["worker"], body["workers"] = state.worker.number, state.worker.workers
    return _json(body, 200 if problem is None else 503)


def _metrics(state: State, accept: str) -> WireResponse:
    metrics = state.seeing.metrics
    if metrics is None:
        raise NotFound("metrics are switched off", what="path", remedy="Set telemetry.metrics = true and restart.")
    text, content_type = metrics.text(**_now(state), accept=accept)
    return WireResponse(headers=(("content-type", content_type),), body=text)


async def keep_counting(state: State, metrics: Metrics) -> None:
    """Writes down again and again how things are in this worker, because another may be asked."""
    while True:
        metrics.note(**_now(state))
        await asyncio.sleep(COUNT_SECONDS)


def _now(state: State) -> _Now:
    return {
        "running": len(state.running),
        "tasks": len(asyncio.all_tasks()),
        "waiting": state.ledger.waiting,
        "lost": state.ledger.lost,
        "queued": state.queue.waiting,
        "waited": state.queue.ended,
        "config_valid": state.config_problem is None,
    }


def _json(body: dict[str, Any], status: int = 200) -> WireResponse:
    return WireResponse(status=status, headers=_JSON, body=msgspec.json.encode(body))

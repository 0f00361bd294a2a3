"""Whether the process lives, and whether it is ready for calls."""

from __future__ import annotations

import msgspec

from interlingua._version import __version__
from interlingua.gateway.state import State
from interlingua.ports.dialect import WireResponse

_JSON = (("content-type", "application/json"),)


def answer(state: State, path: str) -> WireResponse:
    """`/healthz`: it lives. `/readyz`: it takes calls; 503 while it drains or its ledger cannot be written."""
    if path == "/healthz":
        return WireResponse(headers=_JSON, body=msgspec.json.encode({"status": "ok", "version": __version__}))
    problem = "draining" if state.draining else state.ledger.failure.message if state.ledger.failure else None
    body = {"status": "ready" if problem is None else "not ready", "running": len(state.running), "problem": problem}
    return WireResponse(status=200 if problem is None else 503, headers=_JSON, body=msgspec.json.encode(body))

"""Where a request would go and what would become of it there, without sending it."""

from __future__ import annotations

from typing import Any

from interlingua.catalog.pricing import cost, price_at
from interlingua.dialects import registry
from interlingua.engine.engine import Engine
from interlingua.engine.estimate import RESERVED_OUTPUT, estimate_tokens
from interlingua.engine.lanes import may_pass
from interlingua.engine.prepare import prepare
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError
from interlingua.types.request import ChatRequest
from interlingua.types.usage import Usage


def explained(engine: Engine, request: ChatRequest, targets: list[Target], client: str) -> list[dict[str, Any]]:
    """What each target would make of a request, best first.

    Args:
        engine: what would answer it.
        request: what would be asked.
        targets: whom, in order.
        client: the client's dialect.
    """
    return [_explained(engine, request, target, client, place) for place, target in enumerate(targets)]


def _explained(engine: Engine, request: ChatRequest, target: Target, client: str, place: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "target": target.name,
        "dialect": target.dialect,
        "lane": "verbatim" if may_pass(target, client) else "translated",
        "callable": engine.has_credential(target.provider),
        "estimate": _estimate(engine, request, target),
        "losses": [],
        "why": _why(target, client, place),
        "error": None,
    }
    try:
        attempt = prepare(engine, request, target, client)
        found["dialect"] = attempt.target.dialect
        if found["lane"] == "translated":
            registry.dialect(attempt.target.dialect).render_request(attempt.request, attempt.exchange.context)
            found["losses"] = list(attempt.losses)
    except InterlinguaError as error:
        found["error"] = {"code": error.code, "message": error.message, "remedy": error.remedy}
        found["callable"] = False
    return found


def _why(target: Target, client: str, place: int) -> str:
    order = "the first choice for this name" if place == 0 else f"choice {place + 1}, if those before it fail"
    if may_pass(target, client):
        return f"{order}; the host speaks {client}, so the request passes as it is"
    if target.dialect == client:
        return f"{order}; the host speaks {client} in a way of its own, so the request is rewritten"
    return f"{order}; the host speaks {target.dialect}, so the request is translated from {client}"


def _estimate(engine: Engine, request: ChatRequest, target: Target) -> dict[str, Any]:
    prompt = estimate_tokens(request).input_tokens
    caps = (request.max_output_tokens, target.traits.max_output, RESERVED_OUTPUT)
    output = min(cap for cap in caps if cap is not None)
    price = None if target.row is None else price_at(target.row, prompt_tokens=prompt, when=engine.clock.time())
    least = most = None
    if price is not None:
        least = cost(Usage(input_tokens=prompt, output_tokens=0), price)
        most = cost(Usage(input_tokens=prompt, output_tokens=output), price)
    return {
        "input_tokens": prompt,
        "most_output_tokens": output,
        "least_cost": None if least is None else f"{least.usd:f}",
        "most_cost": None if most is None else f"{most.usd:f}",
    }

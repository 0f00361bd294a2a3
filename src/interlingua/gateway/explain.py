"""Where a request would go and what would become of it there, without sending it: what the ledger says afterwards."""

from __future__ import annotations

from typing import Any

from interlingua.catalog.pricing import cost, price_at
from interlingua.dialects import registry
from interlingua.engine.breaker import key_name, usable
from interlingua.engine.engine import Engine
from interlingua.engine.estimate import RESERVED_OUTPUT, estimate_tokens
from interlingua.engine.lanes import may_pass
from interlingua.engine.prepare import prepare
from interlingua.engine.route import Route
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError
from interlingua.types.request import ChatRequest
from interlingua.types.usage import Usage


def explained(engine: Engine, request: ChatRequest, route: Route, *, admin: bool = False) -> dict[str, Any]:
    """The way of a request, and what each target would make of it, best first.

    Args:
        engine: what would answer it.
        request: what would be asked.
        route: whom, in order.
        admin: whether the names of credentials are shown.
    """
    retry, asking = engine.settings.retry, route.asking
    bounds = [seconds for seconds in (retry.deadline, asking.timeout) if seconds is not None]
    return {
        "targets": [
            _explained(engine, request, route, target, place, admin) for place, target in enumerate(route.targets)
        ],
        "fallbacks": dict(route.fallbacks) if asking.failover else {},
        "attempts": retry.total if asking.attempts is None else min(retry.total, asking.attempts),
        "timeout": min(bounds, default=None),
        "failover": asking.failover,
        "continues": retry.continue_on_interrupt if asking.continues is None else asking.continues,
    }


def _explained(
    engine: Engine, request: ChatRequest, route: Route, target: Target, place: int, admin: bool
) -> dict[str, Any]:
    client = route.client
    found: dict[str, Any] = {
        "target": target.name,
        "dialect": target.dialect,
        "lane": "verbatim" if may_pass(target, client) else "translated",
        "callable": engine.has_credential(target.provider),
        "estimate": _estimate(engine, request, target),
        "losses": [],
        "why": _why(target, client, place) + (f"; {route.why[target.name]}" if target.name in route.why else ""),
        "rests": _rests(engine, target),
        "credentials": _credentials(engine, target, admin),
        "error": None,
    }
    try:
        attempt = prepare(engine, request, target, client)
        found["dialect"] = attempt.target.dialect
        if found["lane"] == "translated":
            registry.dialect(attempt.target.dialect).render_request(attempt.asked, attempt.exchange.context)
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


def _rests(engine: Engine, target: Target) -> str | None:
    """Why a target would be passed over now, or None."""
    rest = engine.breaker.open(target.name)
    if rest is not None:
        return f"its breaker is open ({engine.breaker.why_resting(rest)})"
    free, resting = usable(engine.breaker, target.provider.id, target.model, engine.pool(target.provider))
    if free or not resting:
        return None
    return f"its credentials rest ({', '.join(engine.breaker.why_resting(rest) for _, rest in resting)})"


def _credentials(engine: Engine, target: Target, admin: bool) -> list[dict[str, Any]]:
    """A target's credentials and their rests; what they are called is the administrator's business."""
    breaker, provider = engine.breaker, target.provider.id
    found = []
    for credential in engine.pool(target.provider):
        rest = breaker.resting(key_name(provider, credential), target.model)
        named = {"credential": credential.profile, "account": credential.account} if admin else {}
        said = None if rest is None else breaker.why_resting(rest)
        found.append({**named, "weight": credential.weight, "rests": said})
    return found


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

"""What a call would take and cost, before it is made (contracts §4.2)."""

from __future__ import annotations

import time

from msgspec import Struct

from interlingua.engine.cost import cost_of
from interlingua.engine.defaults import with_defaults
from interlingua.engine.engine import Engine
from interlingua.engine.estimate import estimate_tokens
from interlingua.engine.operations import count_tokens
from interlingua.types.money import Money
from interlingua.types.request import ChatRequest
from interlingua.types.token_count import TokenCount
from interlingua.types.usage import Usage


class Estimate(Struct, frozen=True, kw_only=True):
    """What a call would take.

    Args:
        model: who would answer, as `provider/model`.
        tokens: of the prompt.
        most_output: tokens of the longest possible answer, or None where nothing limits it.
        prompt_cost: of the prompt alone, nothing of it cached; None where it is unknown.
        most_cost: with the longest possible answer; None where either is unknown.
        context: what the model takes, or None where it is unknown.
    """

    model: str
    tokens: TokenCount
    most_output: int | None
    prompt_cost: Money | None
    most_cost: Money | None
    context: int | None


async def estimate(engine: Engine, request: ChatRequest, *, ask_provider: bool = False) -> Estimate:
    """What a request would take.

    Args:
        engine: knows models and prices.
        request: what would be asked.
        ask_provider: have the provider count the prompt, where it does; sends the request to it.

    Raises:
        ModelNotFound: no such model.
        InterlinguaError: of any other kind, when the provider is asked.
    """
    target = engine.route(request.model)[0]
    request = with_defaults(request, target)
    tokens = await count_tokens(engine, request) if ask_provider else estimate_tokens(request)
    limits = [limit for limit in (request.max_output_tokens, target.traits.max_output) if limit is not None]
    most = min(limits) if limits else None

    def cost(output: int) -> Money | None:
        return cost_of(Usage(input_tokens=tokens.input_tokens, output_tokens=output), target, time.time())

    return Estimate(
        model=target.name,
        tokens=tokens,
        most_output=most,
        prompt_cost=cost(0),
        most_cost=None if most is None else cost(most),
        context=target.traits.context,
    )

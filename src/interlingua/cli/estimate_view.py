"""What `il ask --estimate` shows: what a question would take and cost. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlingua.cli.usage_line import cost

if TYPE_CHECKING:
    from interlingua.client.estimate import Estimate


def estimate_lines(estimate: Estimate) -> list[str]:
    """The estimate for people, one fact a line."""
    tokens = f"{estimate.tokens.input_tokens:,} tokens"
    lines = [
        f"model    {estimate.model}",
        f"prompt   {tokens}" if estimate.tokens.exact else f"prompt   about {tokens}",
        f"context  {'unknown' if estimate.context is None else f'{estimate.context:,} tokens'}",
        f"costs    {_price(estimate)}",
    ]
    if estimate.context is not None and estimate.tokens.input_tokens > estimate.context:
        lines.append("note     the prompt does not seem to fit")
    return lines


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """The same for programs: costs in US dollars as decimal strings, null where unknown."""
    return {
        "model": estimate.model,
        "input_tokens": estimate.tokens.input_tokens,
        "exact": estimate.tokens.exact,
        "most_output_tokens": estimate.most_output,
        "context": estimate.context,
        "prompt_cost": None if estimate.prompt_cost is None else str(estimate.prompt_cost.usd),
        "most_cost": None if estimate.most_cost is None else str(estimate.most_cost.usd),
    }


def _price(estimate: Estimate) -> str:
    if estimate.prompt_cost is None:
        return "unknown"
    if estimate.prompt_cost.pico == 0 and (estimate.most_cost is None or estimate.most_cost.pico == 0):
        return "free"
    prompt = f"{cost(estimate.prompt_cost)} for the prompt"
    if estimate.most_cost is None:
        return prompt
    return f"{prompt}, at most {cost(estimate.most_cost)} with {estimate.most_output:,} tokens of answer"

"""How much to think: `thinkingBudget` in tokens for models that take one (2.5), else `thinkingLevel` (3 and later);
both together are refused. Which of them a model takes is a trait; unknown models get what the caller spoke of.
"""

from __future__ import annotations

from typing import Any

from interlingua.dialects.gemini.schema import ProtoFields
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from interlingua.types.request import Reasoning

EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""Every effort that is more than none, lowest first; all but the last are levels here."""
_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 65536}
"""Budgets for efforts; low to high as the provider's own compatible endpoint translates them."""
_CEILINGS = ((2_048, "low"), (10_240, "medium"), (24_576, "high"))
_SUMMARIES = {True: "summarized", False: "omitted", None: None}


def parse_thinking(config: ProtoFields | None) -> tuple[Reasoning | None, dict[str, Json]]:
    """What a thinkingConfig asks for, and what else stands in it."""
    if config is None:
        return None, {}
    level, budget = config.text("thinkingLevel"), config.integer("thinkingBudget", least=-1)
    effort = (level or "").lower()
    if level and effort not in EFFORTS:
        if effort != "thinking_level_unspecified":
            raise config.error("thinkingLevel", f"must be MINIMAL, LOW, MEDIUM, HIGH or XHIGH, got {level!r}")
        effort = ""
    display = _SUMMARIES[config.boolean("includeThoughts")]
    rest = config.rest()
    if not effort and budget is None and display is None:
        return None, rest
    return Reasoning(effort=effort or None, budget_tokens=budget, display=display), rest


def render_thinking(reasoning: Reasoning | None, context: TranslationContext) -> dict[str, Any]:
    """The thinkingConfig; empty where nothing is said or the model does not think."""
    if reasoning is None:
        return {}
    off = reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget_tokens == 0
    if context.traits.reasoning is False:
        if not off:
            context.lose("reasoning", "this model does not think")
        return {}
    wire = _off(context) if off else _amount(reasoning, context)
    if reasoning.display is not None and not off:
        wire["includeThoughts"] = reasoning.display != "omitted"
    elif reasoning.display == "omitted":
        wire["includeThoughts"] = False
    return wire


def _off(context: TranslationContext) -> dict[str, Any]:
    traits = context.traits
    if traits.budget is not None:
        least = traits.budget[0]
        if traits.reasoning_off is not True and least > 0:
            context.emulate("reasoning", f"thinking cannot be switched off: the least budget, {least} tokens")
            return {"thinkingBudget": least}
        return {"thinkingBudget": 0}
    levels = _levels(context)
    if levels and traits.reasoning_off is not True:
        context.emulate("reasoning", f"thinking cannot be switched off: the lowest level, {levels[0]}")
        return {"thinkingLevel": levels[0].upper()}
    return {"thinkingBudget": 0}


def _amount(reasoning: Reasoning, context: TranslationContext) -> dict[str, Any]:
    effort, budget = reasoning.effort, reasoning.budget_tokens
    if effort is not None and effort not in EFFORTS:
        context.lose("reasoning.effort", f"{effort!r} is no effort")
        effort = None
    if context.traits.budget is not None:
        return _budget(effort, budget, reasoning.enabled, context.traits.budget, context)
    if _levels(context) or budget is None:
        return _level(effort, budget, context)
    if effort is not None:
        context.lose("reasoning.effort", "a budget in tokens is given too, and both are refused together")
    return {"thinkingBudget": budget}


def _budget(
    effort: str | None, budget: int | None, enabled: bool | None, limits: tuple[int, int], context: TranslationContext
) -> dict[str, Any]:
    if budget is None:
        if effort is None:
            return {"thinkingBudget": -1} if enabled else {}
        budget = _BUDGETS[effort]
        context.emulate("reasoning.effort", "sent as a budget in tokens")
    elif effort is not None:
        context.emulate("reasoning.effort", "the budget in tokens is sent instead")
    if budget < 0:
        return {"thinkingBudget": -1}
    least, most = limits
    clamped = max(least, min(budget, most) if most else budget)
    if clamped != budget:
        context.emulate("reasoning.budget_tokens", f"{budget} is beyond this model: {clamped} instead")
    return {"thinkingBudget": clamped}


def _level(effort: str | None, budget: int | None, context: TranslationContext) -> dict[str, Any]:
    if effort is None:
        if budget is None or budget < 0:
            return {}
        effort = next((word for ceiling, word in _CEILINGS if budget <= ceiling), "xhigh")
        context.emulate("reasoning.budget_tokens", f"sent as the level {effort}")
    levels = _levels(context) or EFFORTS[:-1]
    nearest = min(levels, key=lambda level: abs(EFFORTS.index(level) - EFFORTS.index(effort)))
    if nearest != effort:
        context.emulate("reasoning.effort", f"this model knows no {effort}: {nearest} instead")
    return {"thinkingLevel": nearest.upper()}


def _levels(context: TranslationContext) -> tuple[str, ...]:
    return tuple(effort for effort in context.traits.efforts if effort in EFFORTS)

"""`think`: a switch, or one of four levels. Models that cannot switch off take levels alone."""

from __future__ import annotations

from interlingua.ports.context import TranslationContext
from interlingua.types.request import Reasoning
from interlingua.wire.fields import Fields

LEVELS = ("low", "medium", "high", "max")

_ORDER = ("minimal", "low", "medium", "high", "xhigh", "max")
_NEAREST = {"minimal": "low", "xhigh": "max"}
_CEILINGS = ((2_048, "low"), (10_240, "medium"), (24_576, "high"))
"""Budgets in tokens up to which a level stands for them; beyond is max."""


def parse_think(fields: Fields) -> Reasoning | None:
    """What `think` asks for.

    Raises:
        InvalidRequest: it is neither a boolean nor a level.
    """
    if fields.kind("think") in ("", "null"):
        fields.skip("think")
        return None
    if fields.kind("think") == "boolean":
        return Reasoning(enabled=fields.boolean("think"))
    level = fields.text("think")
    if level not in LEVELS:
        raise fields.error("think", f"expected true, false, {', '.join(LEVELS)}, got {level!r}")
    return Reasoning(effort=level)


def render_think(reasoning: Reasoning | None, context: TranslationContext) -> bool | str | None:
    """The value of `think`; None where nothing is to be said."""
    if reasoning is None:
        return None
    off = reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget_tokens == 0
    if context.traits.reasoning is False:
        if not off and (reasoning.enabled or reasoning.effort or reasoning.budget_tokens):
            context.lose("reasoning", "this model does not think")
        return None
    if off:
        return _off(context)
    if reasoning.display == "omitted":
        context.lose("reasoning.display", "what a model thinks is always shown")
    effort = _effort(reasoning, context)
    if effort is None:
        return True if reasoning.enabled or reasoning.budget_tokens == -1 else None
    level = _clamped(_NEAREST.get(effort, effort), context)
    if level != effort:
        context.emulate("reasoning.effort", f"there is no {effort}: {level} instead")
    return level


def _off(context: TranslationContext) -> bool | str:
    levels = _levels(context)
    if levels and context.traits.reasoning_off is False:
        context.emulate("reasoning", f"thinking cannot be switched off: the lowest level, {levels[0]}")
        return levels[0]
    return False


def _effort(reasoning: Reasoning, context: TranslationContext) -> str | None:
    effort, budget = reasoning.effort, reasoning.budget_tokens
    if effort is not None and effort not in _ORDER:
        context.lose("reasoning.effort", f"{effort!r} is no effort")
        effort = None
    if budget is None or budget < 0:
        return effort
    if effort is None:
        effort = next((level for ceiling, level in _CEILINGS if budget <= ceiling), "max")
        context.emulate("reasoning.budget_tokens", f"sent as the level {effort}")
    else:
        context.lose("reasoning.budget_tokens", "thinking has levels here, no budget: the effort is sent")
    return effort


def _levels(context: TranslationContext) -> tuple[str, ...]:
    return tuple(level for level in LEVELS if level in context.traits.efforts)


def _clamped(level: str, context: TranslationContext) -> str:
    known = _levels(context) or LEVELS
    return min(known, key=lambda one: abs(LEVELS.index(one) - LEVELS.index(level)))

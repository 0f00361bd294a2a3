"""How much to think: `reasoning`, within what the model takes."""

from __future__ import annotations

from interlingua.dialects.openai_responses.schema import EFFORTS, Body
from interlingua.ports.context import TranslationContext
from interlingua.types.request import Reasoning
from interlingua.wire.fields import Fields

_BUDGET_EFFORTS = ((2048, "low"), (10_240, "medium"), (24_576, "high"))
_SUMMARIES = {"summarized": "auto"}


def parse_reasoning(fields: Fields) -> tuple[Reasoning | None, Body]:
    """(reasoning settings, what only this dialect understands of them, for `extra`)."""
    child = fields.child("reasoning")
    if child is None:
        return None, {}
    effort = child.text("effort")
    display = child.text("summary") or child.text("generate_summary")
    found = Reasoning(effort=effort, display=display) if effort or display else None
    return found, child.rest()


def render_reasoning(body: Body, wanted: Reasoning | None, context: TranslationContext) -> None:
    """Adds `reasoning`, or notes that the model has none."""
    if wanted is None:
        return
    off = wanted.enabled is False or wanted.effort == "none" or wanted.budget_tokens == 0
    if context.traits.reasoning is False:
        if not off:
            context.lose("reasoning", "the model does not reason")
        return
    settings: Body = {}
    effort = _effort(wanted, off, context)
    if effort is not None:
        settings["effort"] = effort
    if wanted.display not in (None, "omitted"):
        settings["summary"] = _SUMMARIES.get(str(wanted.display), wanted.display)
    if settings:
        body["reasoning"] = settings


def _effort(wanted: Reasoning, off: bool, context: TranslationContext) -> str | None:
    if off:
        if context.traits.reasoning_off is False:
            context.lose("reasoning", "reasoning cannot be switched off on this model")
            return clamp_effort("minimal", context) if context.traits.efforts else "low"
        return clamp_effort("none", context)
    if wanted.effort:
        return clamp_effort(wanted.effort, context)
    if wanted.budget_tokens is not None and wanted.budget_tokens > 0:
        budget = wanted.budget_tokens
        effort = next((word for most, word in _BUDGET_EFFORTS if budget <= most), "xhigh")
        context.emulate("reasoning.budget_tokens", f"no budgets in this format; sent as effort {effort}")
        return clamp_effort(effort, context)
    if wanted.enabled and context.traits.reasoning_default is False:
        return clamp_effort("medium", context)
    return None


def clamp_effort(effort: str, context: TranslationContext) -> str:
    """The nearest effort that the model accepts, the higher of two as near."""
    known = [word for word in context.traits.efforts if word in EFFORTS]
    if not known or effort in known or effort not in EFFORTS:
        return effort
    place = EFFORTS.index(effort)
    nearest = min(known, key=lambda word: (abs(EFFORTS.index(word) - place), -EFFORTS.index(word)))
    context.emulate("reasoning.effort", f"the model does not know {effort}; sent as {nearest}")
    return nearest

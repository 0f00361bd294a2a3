"""How much to think."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.dialects.gemini.thinking import render_thinking
from interlingua.ports.context import TranslationContext
from interlingua.types.request import Reasoning
from interlingua.types.traits import Traits

BUDGET = Traits(budget=(512, 24576))
LEVELS = Traits(efforts=("low", "medium", "high"))
UNKNOWN = Traits()


@pytest.mark.parametrize(
    ("traits", "reasoning", "sent", "emulated"),
    [
        (BUDGET, Reasoning(effort="medium"), {"thinkingBudget": 8192}, True),
        (BUDGET, Reasoning(effort="max"), {"thinkingBudget": 24576}, True),
        (BUDGET, Reasoning(budget_tokens=100), {"thinkingBudget": 512}, True),
        (BUDGET, Reasoning(budget_tokens=-1), {"thinkingBudget": -1}, False),
        (BUDGET, Reasoning(enabled=True), {"thinkingBudget": -1}, False),
        (BUDGET, Reasoning(effort="none"), {"thinkingBudget": 512}, True),
        (Traits(budget=(512, 0), reasoning_off=True), Reasoning(effort="none"), {"thinkingBudget": 0}, False),
        (Traits(budget=(0, 24576)), Reasoning(enabled=False), {"thinkingBudget": 0}, False),
        (LEVELS, Reasoning(effort="minimal"), {"thinkingLevel": "LOW"}, True),
        (LEVELS, Reasoning(effort="high"), {"thinkingLevel": "HIGH"}, False),
        (LEVELS, Reasoning(effort="max"), {"thinkingLevel": "HIGH"}, True),
        (LEVELS, Reasoning(budget_tokens=5000), {"thinkingLevel": "MEDIUM"}, True),
        (LEVELS, Reasoning(budget_tokens=-1), {}, False),
        (LEVELS, Reasoning(effort="none", display="summarized"), {"thinkingLevel": "LOW"}, True),
        (UNKNOWN, Reasoning(effort="xhigh"), {"thinkingLevel": "XHIGH"}, False),
        (UNKNOWN, Reasoning(budget_tokens=0), {"thinkingBudget": 0}, False),
        (
            UNKNOWN,
            Reasoning(budget_tokens=7, display="omitted"),
            {"thinkingBudget": 7, "includeThoughts": False},
            False,
        ),
        (UNKNOWN, Reasoning(display="auto"), {"includeThoughts": True}, False),
        (UNKNOWN, Reasoning(effort="none", display="omitted"), {"thinkingBudget": 0, "includeThoughts": False}, False),
        (UNKNOWN, None, {}, False),
    ],
)
def test_efforts_and_budgets_become_what_the_model_takes(
    traits: Traits, reasoning: Reasoning | None, sent: dict[str, Any], emulated: bool
) -> None:
    surroundings = TranslationContext(dialect="gemini", traits=traits)
    assert render_thinking(reasoning, surroundings) == sent
    assert bool(surroundings.losses) is emulated
    assert all(loss.action == "emulate" for loss in surroundings.losses)


@pytest.mark.parametrize(
    ("traits", "reasoning", "field"),
    [
        (Traits(reasoning=False), Reasoning(effort="low"), "reasoning"),
        (LEVELS, Reasoning(effort="hardest"), "reasoning.effort"),
        (UNKNOWN, Reasoning(effort="low", budget_tokens=9), "reasoning.effort"),
    ],
)
def test_what_cannot_be_said_is_a_loss(traits: Traits, reasoning: Reasoning, field: str) -> None:
    surroundings = TranslationContext(dialect="gemini", traits=traits)
    sent = render_thinking(reasoning, surroundings)
    assert "thinkingLevel" not in sent
    assert [loss.field for loss in surroundings.losses] == [field]


def test_a_model_that_does_not_think_need_not_be_told_so() -> None:
    surroundings = TranslationContext(dialect="gemini", traits=Traits(reasoning=False))
    assert render_thinking(Reasoning(effort="none"), surroundings) == {}
    assert surroundings.losses == []

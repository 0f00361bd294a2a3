"""`think`, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.types.messages import user
from interlingua.types.request import ChatRequest, Reasoning
from interlingua.types.traits import Traits
from tests.dialects.ollama.wire import context, read, written

LEVELED = Traits(efforts=("low", "medium", "high"), reasoning_off=False)
UNSAID = object()


@pytest.mark.parametrize(
    ("think", "reasoning"),
    [
        (True, Reasoning(enabled=True)),
        (False, Reasoning(enabled=False)),
        ("max", Reasoning(effort="max")),
        (None, None),
    ],
)
def test_a_switch_or_a_level_is_read(think: Any, reasoning: Reasoning | None) -> None:
    assert read({"model": "m", "messages": [], "think": think}).reasoning == reasoning


@pytest.mark.parametrize(
    ("reasoning", "traits", "think", "noted"),
    [
        (Reasoning(enabled=True), Traits(), True, []),
        (Reasoning(enabled=False), Traits(), False, []),
        (Reasoning(effort="none"), Traits(), False, []),
        (Reasoning(budget_tokens=0), Traits(), False, []),
        (Reasoning(budget_tokens=-1), Traits(), True, []),
        (Reasoning(effort="medium"), Traits(), "medium", []),
        (Reasoning(effort="minimal"), Traits(), "low", ["emulate"]),
        (Reasoning(effort="xhigh"), Traits(), "max", ["emulate"]),
        (Reasoning(effort="max"), LEVELED, "high", ["emulate"]),
        (Reasoning(effort="none"), LEVELED, "low", ["emulate"]),
        (Reasoning(effort="odd"), Traits(), UNSAID, ["warn"]),
        (Reasoning(budget_tokens=1500), Traits(), "low", ["emulate"]),
        (Reasoning(budget_tokens=99999), Traits(), "max", ["emulate"]),
        (Reasoning(effort="low", budget_tokens=5000), Traits(), "low", ["warn"]),
        (Reasoning(display="omitted"), Traits(), UNSAID, ["warn"]),
        (Reasoning(display="summarized"), Traits(), UNSAID, []),
        (Reasoning(effort="high"), Traits(reasoning=False), UNSAID, ["warn"]),
        (Reasoning(enabled=False), Traits(reasoning=False), UNSAID, []),
    ],
)
def test_what_is_asked_becomes_the_nearest_that_there_is(
    reasoning: Reasoning, traits: Traits, think: Any, noted: list[str]
) -> None:
    surroundings = context(traits=traits)
    body = written(ChatRequest(model="m", messages=(user("x"),), reasoning=reasoning), surroundings)
    assert body.get("think", UNSAID) == think
    assert [loss.action for loss in surroundings.losses] == noted

"""How much to think, for models of every age."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import ReasoningPart, ToolCallResponsePart, tool_call
from interlingua.types.request import Reasoning
from interlingua.types.traits import Traits
from tests.dialects.anthropic_messages.wire import ID, parse, render

OLD = Traits(thinking=("enabled", "disabled"), reasoning=True, reasoning_default=False, max_output=64000)
MIDDLE = Traits(
    thinking=("enabled", "adaptive", "disabled"),
    reasoning_default=False,
    efforts=("low", "medium", "high", "max"),
    max_output=128000,
)
NEW = Traits(
    thinking=("adaptive", "disabled"),
    reasoning_default=True,
    efforts=("low", "medium", "high", "xhigh", "max"),
    max_output=128000,
)
TOOLS_ONLY = Traits(thinking=("adaptive", "between_tools"), reasoning_default=True, efforts=("low", "high"))
ALWAYS = Traits(thinking=("adaptive",), reasoning_default=True, efforts=("low", "medium", "high"))


def sent(reasoning: Reasoning, traits: Traits, **asked: Any) -> tuple[Any, Any]:
    body = render(reasoning=reasoning, traits=traits, **asked).body
    return body.get("thinking"), body.get("output_config", {}).get("effort")


@pytest.mark.parametrize(
    ("reasoning", "traits", "thinking", "effort"),
    [
        # a budget
        (Reasoning(budget_tokens=5000), OLD, {"type": "enabled", "budget_tokens": 5000}, None),
        (Reasoning(budget_tokens=10), OLD, {"type": "enabled", "budget_tokens": 1024}, None),
        (Reasoning(budget_tokens=5000), MIDDLE, {"type": "enabled", "budget_tokens": 5000}, None),
        (Reasoning(budget_tokens=2000), NEW, {"type": "adaptive"}, "low"),
        (Reasoning(budget_tokens=10000), NEW, {"type": "adaptive"}, "medium"),
        (Reasoning(budget_tokens=24000), NEW, {"type": "adaptive"}, "high"),
        (Reasoning(budget_tokens=60000), NEW, {"type": "adaptive"}, "xhigh"),
        (Reasoning(budget_tokens=60000, effort="low"), NEW, {"type": "adaptive"}, "low"),
        (Reasoning(budget_tokens=-1), NEW, {"type": "adaptive"}, None),
        # an effort
        (Reasoning(effort="high"), OLD, {"type": "enabled", "budget_tokens": 16384}, None),
        (Reasoning(effort="minimal"), OLD, {"type": "enabled", "budget_tokens": 1024}, None),
        (Reasoning(effort="minimal"), MIDDLE, {"type": "adaptive"}, "low"),
        (Reasoning(effort="xhigh"), MIDDLE, {"type": "adaptive"}, "max"),
        (Reasoning(effort="max"), ALWAYS, None, "high"),
        (Reasoning(effort="high"), NEW, None, "high"),
        (Reasoning(effort="high"), Traits(), {"type": "adaptive"}, "high"),
        # a switch
        (Reasoning(enabled=True), OLD, {"type": "enabled", "budget_tokens": 8192}, None),
        (Reasoning(enabled=True), NEW, {"type": "adaptive"}, None),
        (Reasoning(enabled=False), OLD, {"type": "disabled"}, None),
        (Reasoning(effort="none"), OLD, None, None),
        (Reasoning(effort="none"), NEW, {"type": "disabled"}, None),
        (Reasoning(budget_tokens=0), TOOLS_ONLY, {"type": "between_tools"}, None),
        (Reasoning(effort="none"), ALWAYS, None, "low"),
        # what is shown
        (Reasoning(enabled=True, display="auto"), NEW, {"type": "adaptive", "display": "summarized"}, None),
        (Reasoning(display="omitted"), NEW, {"type": "adaptive", "display": "omitted"}, None),
        (Reasoning(display="detailed"), MIDDLE, None, None),
    ],
)
def test_thinking_is_asked_for_in_the_form_that_the_model_takes(
    reasoning: Reasoning, traits: Traits, thinking: Any, effort: Any
) -> None:
    assert sent(reasoning, traits) == (thinking, effort)


def test_a_model_that_does_not_think_loses_the_setting() -> None:
    rendered = render(reasoning=Reasoning(effort="high"), traits=Traits(reasoning=False))
    assert rendered.lost == ["reasoning"] and "thinking" not in rendered.body
    assert render(reasoning=Reasoning(effort="none"), traits=Traits(reasoning=False)).lost == []


def test_a_budget_stays_below_the_limit_that_the_caller_set() -> None:
    thinking, _ = sent(Reasoning(budget_tokens=5000), OLD, max_output_tokens=3000)
    assert thinking == {"type": "enabled", "budget_tokens": 2999}
    rendered = render(reasoning=Reasoning(budget_tokens=5000), traits=OLD, max_output_tokens=1000)
    assert "thinking" not in rendered.body and rendered.lost == ["reasoning"]


def test_a_limit_that_nobody_set_makes_room_for_the_budget() -> None:
    body = render(reasoning=Reasoning(budget_tokens=20000)).body
    assert body["thinking"]["budget_tokens"] == 20000 and body["max_tokens"] == 24096


def test_effort_alone_is_passed_on_without_switching_thinking_on() -> None:
    request = parse(output_config={"effort": "low"})
    assert request.reasoning == Reasoning(effort="low")
    body = render(reasoning=request.reasoning, extra=request.extra, traits=MIDDLE).body
    assert body["output_config"] == {"effort": "low"} and "thinking" not in body


@pytest.mark.parametrize(
    "thinking",
    [
        {"type": "enabled", "budget_tokens": 1024},
        {"type": "adaptive", "display": "updates"},
        {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}},
        {"type": "disabled"},
        {"type": "between_tools"},
    ],
)
def test_every_form_of_the_format_survives(thinking: dict[str, Any]) -> None:
    request = parse(thinking=thinking, max_tokens=9000)
    body = render(reasoning=request.reasoning, extra=request.extra, max_output_tokens=9000).body
    assert body["thinking"] == thinking


def test_a_form_that_the_model_does_not_take_is_replaced() -> None:
    request = parse(thinking={"type": "between_tools"})
    assert request.extra == {ID: {"thinking": {"type": "between_tools"}}}
    rendered = render(reasoning=request.reasoning, extra=request.extra, traits=NEW)
    assert rendered.body["thinking"] == {"type": "disabled"}


def test_a_round_of_tools_that_began_without_thinking_goes_on_without() -> None:
    call = Message(role="assistant", parts=(tool_call("t", "f"),))
    result = Message(role="tool", parts=(ToolCallResponsePart(id="t"),))
    rendered = render(user("q"), call, result, reasoning=Reasoning(enabled=True, budget_tokens=2000))
    assert "thinking" not in rendered.body and rendered.lost == ["reasoning"]
    signed = ReasoningPart(opaque=(Opaque(f"{ID}.signature", "s"),))
    thought = Message(role="assistant", parts=(signed, *call.parts))
    assert "thinking" in render(user("q"), thought, result, reasoning=Reasoning(budget_tokens=2000)).body


def test_effort_alone_stays_alone_on_a_model_of_budgets() -> None:
    request = parse(output_config={"effort": "low"})
    traits = Traits(thinking=("enabled", "disabled"), efforts=("low", "high"))
    body = render(reasoning=request.reasoning, extra=request.extra, traits=traits).body
    assert body["output_config"] == {"effort": "low"} and "thinking" not in body

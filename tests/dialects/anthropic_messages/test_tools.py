"""Tools and the choice among them."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.errors import Unsupported
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import CacheHint, ReasoningPart
from interlingua.types.request import Reasoning
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, ToolChoice
from interlingua.types.traits import Traits
from tests.dialects.anthropic_messages.wire import ID, parse, render

F, G = FunctionTool(name="f"), FunctionTool(name="g")


@pytest.mark.parametrize(
    ("wire", "choice", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": False}, ToolChoice("required", ("f",)), True),
        ({"type": "none"}, ToolChoice("none"), None),
    ],
)
def test_choices_are_read_and_written(wire: dict[str, Any], choice: ToolChoice, parallel: bool | None) -> None:
    request = parse(tool_choice=wire, tools=[{"name": "f", "input_schema": {"type": "object"}}])
    assert (request.tool_choice, request.parallel_tool_calls) == (choice, parallel)
    rendered = render(tools=request.tools, tool_choice=choice, parallel_tool_calls=parallel)
    assert rendered.body["tool_choice"] == wire


def test_one_call_at_a_time_needs_a_choice_to_say_so() -> None:
    assert render(tools=(F,), parallel_tool_calls=False).body["tool_choice"] == {
        "type": "auto",
        "disable_parallel_tool_use": True,
    }
    assert "tool_choice" not in render(tools=(F,), parallel_tool_calls=True).body


def test_without_tools_there_is_no_choice() -> None:
    rendered = render(tool_choice=ToolChoice("required"))
    assert "tool_choice" not in rendered.body and rendered.lost == ["tool_choice"]


@pytest.mark.parametrize(
    ("traits", "reasoning"),
    [(Traits(forced_tool_choice=False), None), (Traits(), Reasoning(enabled=True, budget_tokens=2000))],
)
def test_a_choice_that_cannot_be_forced_is_left_to_the_model(traits: Traits, reasoning: Reasoning | None) -> None:
    rendered = render(tools=(F,), tool_choice=ToolChoice("required", ("f",)), traits=traits, reasoning=reasoning)
    assert rendered.body["tool_choice"] == {"type": "auto"} and "tool_choice" in rendered.emulated


def test_an_allowed_subset_is_sent_as_all_there_is() -> None:
    rendered = render(tools=(F, G), tool_choice=ToolChoice("auto", ("g",)))
    assert [tool["name"] for tool in rendered.body["tools"]] == ["g"]
    assert rendered.emulated == ["tool_choice.names"]
    required = render(tools=(F, G), tool_choice=ToolChoice("required", ("f", "g")))
    assert required.body["tool_choice"] == {"type": "any"}


def test_no_tool_is_left_out_where_that_would_void_the_reasoning_state() -> None:
    signed = Message(role="assistant", parts=(ReasoningPart(opaque=(Opaque(f"{ID}.signature", "s"),)),))
    choice = ToolChoice("auto", ("g",))
    rendered = render(user("a"), signed, user("b"), tools=(F, G), tool_choice=choice, traits=Traits(prefix_bound=True))
    assert len(rendered.body["tools"]) == 2 and rendered.lost == ["tool_choice.names"]


def test_a_server_tool_keeps_its_exact_text_and_its_cache_mark_counts() -> None:
    definition = {"type": "web_search_20260318", "name": "web_search", "cache_control": {"type": "ephemeral"}}
    request = parse(tools=[definition])
    [tool] = request.tools
    assert isinstance(tool, ServerTool) and tool.kind == "web_search_20260318" and tool.cache == CacheHint()
    assert render(tools=request.tools).body["tools"] == [definition]
    many = (tool, *(FunctionTool(name=f"f{i}", cache=CacheHint()) for i in range(4)))
    assert "cache_control" not in render(tools=many).body["tools"][0]


def test_a_server_tool_of_another_dialect_is_refused() -> None:
    with pytest.raises(Unsupported) as refused:
        render(tools=(ServerTool(dialect="gemini", kind="googleSearch", raw="{}"),))
    assert refused.value.path == "tools[0]"


def test_a_free_form_tool_becomes_a_function_of_one_string() -> None:
    rendered = render(tools=(CustomTool(name="sql", description="d", format={"type": "text"}),))
    [tool] = rendered.body["tools"]
    assert tool["input_schema"]["required"] == ["input"] and rendered.emulated == ["tools[0]"]


@pytest.mark.parametrize("parameters", [None, {}, {"properties": {}}, True])
def test_a_schema_is_always_one_of_an_object(parameters: Any) -> None:
    [tool] = render(tools=(FunctionTool(name="f", parameters=parameters),)).body["tools"]
    assert tool["input_schema"]["type"] == "object"


def test_strict_schemas_are_closed_in_every_corner_and_others_left_alone() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "object"}, {"$ref": "#/$defs/d"}]}},
        "$defs": {"d": {"type": "object", "additionalProperties": True}},
    }
    loose, strict = render(
        tools=(FunctionTool(name="f", parameters=schema), FunctionTool(name="g", parameters=schema, strict=True))
    ).body["tools"]
    assert loose["input_schema"] == schema
    sent = strict["input_schema"]
    assert sent["additionalProperties"] is False
    assert sent["properties"]["a"]["anyOf"][0]["additionalProperties"] is False
    assert sent["$defs"]["d"]["additionalProperties"] is True

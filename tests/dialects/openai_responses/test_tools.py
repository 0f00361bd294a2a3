from __future__ import annotations

from typing import Any

import pytest

from interlingua.types.messages import user
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, ToolChoice
from interlingua.types.traits import Traits
from tests.dialects.openai_responses.wire import context, parse, render

F = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
SEARCH = {"type": "web_search", "search_context_size": "low"}


def test_tools_are_flat_and_come_back_as_they_were() -> None:
    custom = {"type": "custom", "name": "c", "description": "d", "format": {"type": "grammar", "syntax": "lark"}}
    tools = [{**F, "defer_loading": True}, custom, SEARCH]
    request = parse(tools=tools)
    assert [type(tool) for tool in request.tools] == [FunctionTool, CustomTool, ServerTool]
    assert render(request)["tools"] == tools


def test_strict_is_always_said_because_silence_means_yes_here() -> None:
    request = ChatRequest(model="m", messages=(user("u"),), tools=(FunctionTool(name="f"),))
    assert render(request)["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
    ]


def test_a_grammar_that_another_dialect_nests_is_made_flat() -> None:
    form = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}}
    request = ChatRequest(model="m", messages=(user("u"),), tools=(CustomTool(name="c", format=form),))
    assert render(request)["tools"][0]["format"] == {"type": "grammar", "syntax": "regex", "definition": "a+"}


@pytest.mark.parametrize(
    ("choice", "meaning"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("required", ("f",))),
        ({"type": "custom", "name": "c"}, ToolChoice("required", ("c",))),
        ({"type": "web_search"}, ToolChoice("required")),
        ({"type": "mcp", "server_label": "s", "name": "n"}, ToolChoice("required")),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("auto", ("f",)),
        ),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}, SEARCH]},
            ToolChoice("required", ("f",)),
        ),
    ],
)
def test_every_choice_is_understood_and_comes_back(choice: Any, meaning: ToolChoice) -> None:
    request = parse(tools=[F, {"type": "custom", "name": "c"}, SEARCH], tool_choice=choice)
    assert request.tool_choice == meaning
    assert render(request)["tool_choice"] == choice


def test_a_choice_without_tools_is_not_sent() -> None:
    body = render(parse(tool_choice={"type": "web_search"}, parallel_tool_calls=False))
    assert "tool_choice" not in body and "parallel_tool_calls" not in body and "tools" not in body


def test_a_model_that_cannot_be_forced_may_choose() -> None:
    here = context(traits=Traits(forced_tool_choice=False))
    body = render(parse(tools=[F], tool_choice="required"), here)
    assert body["tool_choice"] == "auto" and [loss.field for loss in here.losses] == ["tool_choice"]


def test_a_server_tool_of_another_dialect_is_content_lost() -> None:
    here = context()
    tool = ServerTool(dialect="gemini", kind="google_search", raw="{}")
    body = render(ChatRequest(model="m", messages=(user("u"),), tools=(tool,)), here)
    assert "tools" not in body and [loss.field for loss in here.losses] == ["tools[0]"]

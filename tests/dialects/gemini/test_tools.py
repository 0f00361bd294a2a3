"""Tools and how to choose among them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from interlingua.dialects import gemini
from interlingua.errors import Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import user
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, Tool, ToolChoice

F = FunctionTool(name="f")
SEARCH = ServerTool(dialect="gemini", kind="googleSearch", raw='{"googleSearch":{}}')


def render(*tools: Tool, surroundings: TranslationContext | None = None, **more: Any) -> dict[str, Any]:
    request = ChatRequest(model="m", messages=(user("hi"),), tools=tools, **more)
    found: dict[str, Any] = msgspec.json.decode(gemini.render_request(request, surroundings or context()).body)
    return found


def context() -> TranslationContext:
    return TranslationContext(dialect="gemini")


def parse(**more: Any) -> ChatRequest:
    body = {"contents": [{"parts": [{"text": "hi"}]}], **more}
    return gemini.parse_request(WireRequest(body=msgspec.json.encode(body)), context())


def test_both_forms_of_schema_are_read_and_the_plain_one_is_written() -> None:
    request = parse(
        tools=[
            {
                "functionDeclarations": [
                    {
                        "name": "f",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {"b": {"type": "STRING", "enum": ["x"], "nullable": True}, "type": {}},
                            "propertyOrdering": ["type", "b"],
                            "defs": {"d": {"type": "INTEGER"}},
                            "anyOf": [{"ref": "#/defs/d"}],
                        },
                    },
                    {"name": "g", "parametersJsonSchema": {"type": "object"}, "behavior": "BLOCKING"},
                ]
            },
            {"google_search": {}, "codeExecution": None},
        ]
    )
    first, second, third = request.tools
    assert isinstance(first, FunctionTool)
    assert first.parameters == {
        "type": "object",
        "properties": {"type": {}, "b": {"type": ["string", "null"], "enum": ["x", None]}},
        "$defs": {"d": {"type": "integer"}},
        "anyOf": [{"$ref": "#/$defs/d"}],
    }
    assert list(first.parameters["properties"]) == ["type", "b"]
    assert second == FunctionTool(name="g", parameters={"type": "object"}, extra={"gemini": {"behavior": "BLOCKING"}})
    assert third == SEARCH
    declared = render(*request.tools)["tools"]
    assert declared[0]["functionDeclarations"][0]["parametersJsonSchema"] == first.parameters
    assert declared[0]["functionDeclarations"][1]["behavior"] == "BLOCKING"
    assert declared[1] == {"googleSearch": {}}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("required", ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("auto", ("f",)), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ],
)
def test_choices_have_their_modes(choice: ToolChoice | None, sent: dict[str, Any] | None) -> None:
    assert render(F, tool_choice=choice).get("toolConfig", {}).get("functionCallingConfig") == sent


def test_a_strict_tool_makes_the_whole_request_validated() -> None:
    surroundings = context()
    body = render(msgspec.structs.replace(F, strict=True), surroundings=surroundings)
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    assert [(loss.field, loss.action) for loss in surroundings.losses] == [("tools", "emulate")]


def test_validated_is_auto_and_comes_back_as_it_was() -> None:
    calling = {"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"], "later": 1}}
    request = parse(tools=[{"functionDeclarations": [{"name": "f"}]}], toolConfig=calling)
    assert request.tool_choice == ToolChoice("auto", ("f",))
    body = render(*request.tools, tool_choice=request.tool_choice, extra=request.extra)
    assert body["toolConfig"] == calling


def test_without_functions_there_is_nothing_to_choose() -> None:
    surroundings = context()
    body = render(SEARCH, tool_choice=ToolChoice("required"), surroundings=surroundings)
    assert "toolConfig" not in body
    assert [loss.field for loss in surroundings.losses] == ["tool_choice"]


def test_a_free_form_tool_is_a_function_of_one_text() -> None:
    surroundings = context()
    body = render(CustomTool(name="patch", description="d"), surroundings=surroundings)
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert declared["parametersJsonSchema"]["required"] == ["input"]
    assert [loss.action for loss in surroundings.losses] == ["emulate"]


def test_a_tool_that_another_provider_runs_is_refused() -> None:
    with pytest.raises(Unsupported) as refused:
        render(ServerTool(dialect="openai_chat", kind="web_search", raw="{}"))
    assert refused.value.path == "tools[0]"

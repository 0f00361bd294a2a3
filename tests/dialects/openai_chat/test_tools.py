from __future__ import annotations

import pytest

from interlingua.dialects import openai_chat
from interlingua.errors import Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    ToolCallPart,
    ToolCallResponsePart,
    tool_call,
)
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, ServerTool, ToolChoice
from interlingua.types.traits import HostTraits, Traits
from tests.dialects.openai_chat.wire import TOOL, actions, ask, context, parse, render


def test_a_forced_choice_becomes_auto_where_the_model_cannot_be_forced() -> None:
    where = context(traits=Traits(forced_tool_choice=False))
    body = render(ask(tools=(TOOL,), tool_choice=ToolChoice("required", ("add",))), where)
    assert body["tool_choice"] == "auto" and actions(where) == {"tool_choice": "warn"}


def test_a_choice_without_tools_is_not_sent() -> None:
    assert render(ask(tool_choice=ToolChoice("none"), parallel_tool_calls=False)).keys() == {"model", "messages"}


def test_deprecated_functions_are_read_as_tools() -> None:
    request = parse(
        functions=[{"name": "f", "parameters": {}}],
        function_call={"name": "f"},
        messages=[
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "r"},
        ],
    )
    assert request.tool_choice == ToolChoice("required", ("f",))
    call, result = request.messages[1].parts[0], request.messages[2].parts[0]
    assert isinstance(call, ToolCallPart) and isinstance(result, ToolCallResponsePart)
    assert call.id and call.id == result.id


def test_unknown_parts_and_tools_pass_through_their_own_dialect_alone() -> None:
    raw = {"type": "hologram", "hologram": {"x": 1.5}}
    request = parse(messages=[{"role": "user", "content": [raw]}], tools=[{"type": "web", "depth": 2}])
    assert request.tools == (ServerTool(dialect="openai_chat", kind="web", raw='{"type":"web","depth":2}'),)
    body = render(request)
    assert body["messages"][0]["content"] == [raw] and body["tools"] == [{"type": "web", "depth": 2}]
    with pytest.raises(Unsupported):
        render(ask(tools=(ServerTool(dialect="gemini", kind="x", raw="{}"),)))


def test_state_of_gemini_behind_this_format_returns_byte_for_byte() -> None:
    raw = '{"google": {"thought_signature":"sig"}}'
    called = ToolCallPart(id="a", name="f", raw="{}", arguments={}, opaque=(Opaque("openai_chat.extra_content", raw),))
    wire = openai_chat.render_request(ask(Message(role="assistant", parts=(called,))), context())
    assert raw.encode() in wire.body
    again = openai_chat.parse_request(wire, TranslationContext())
    assert again.messages[0].parts[0] == called


def test_a_host_without_free_form_tools_gets_functions_of_one_string() -> None:
    where = context(host=HostTraits(custom_tools=False))
    call = tool_call("c", "note", 'buy "milk"', custom=True)
    history = (user("x"), Message(role="assistant", parts=(call,)))
    tools = (CustomTool(name="note", description="Notes it.", format={"type": "text"}),)
    body = render(
        ChatRequest(model="m", messages=history, tools=tools, tool_choice=ToolChoice("required", ("note",))), where
    )
    assert body["tools"][0]["type"] == body["tool_choice"]["type"] == "function"
    assert body["tools"][0]["function"]["parameters"]["required"] == ["input"]
    assert body["messages"][1]["tool_calls"][0]["function"] == {
        "name": "note",
        "arguments": '{"input":"buy \\"milk\\""}',
    }
    assert actions(where) == {"tools[0]": "emulate", "tools": "emulate"}

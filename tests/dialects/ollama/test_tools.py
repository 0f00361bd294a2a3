"""Tools, the choice among them and their calls, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.dialects import ollama
from interlingua.errors import Unsupported
from interlingua.types.messages import Message, user
from interlingua.types.parts import ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, Tool, ToolChoice
from tests.dialects.ollama.wire import answer, context, read, sent, written

F = FunctionTool(name="f", parameters={"type": "object"})
G = FunctionTool(name="g", parameters={"type": "object"})


def asking(*tools: Tool, **given: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=(user("go"),), tools=tools, **given)


def names(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools", ())]


def test_a_function_keeps_what_we_do_not_know() -> None:
    tool = {"type": "function", "more": 1, "function": {"name": "f", "parameters": {"type": "object"}, "odd": 2}}
    request = read({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [tool]})
    assert written(request)["tools"] == [tool]


def test_a_function_without_arguments_is_an_empty_object_and_strict_is_lost() -> None:
    surroundings = context()
    body = written(asking(FunctionTool(name="f", strict=True)), surroundings)
    empty = {"type": "object", "properties": {}}
    assert body["tools"] == [{"type": "function", "function": {"name": "f", "parameters": empty}}]
    assert [loss.field for loss in surroundings.losses] == ["tools[0].strict"]


def test_no_tools_means_no_field() -> None:
    assert "tools" not in written(asking())
    assert read({"model": "m", "messages": [], "tools": []}).tools == ()


@pytest.mark.parametrize(
    ("choice", "kept", "noted"),
    [
        (ToolChoice("auto"), ["f", "g"], []),
        (ToolChoice("none"), [], [("tool_choice", "emulate")]),
        (ToolChoice("auto", ("g",)), ["g"], [("tool_choice.names", "emulate")]),
        (ToolChoice("required"), ["f", "g"], [("tool_choice", "warn")]),
        (ToolChoice("required", ("f",)), ["f"], [("tool_choice.names", "emulate"), ("tool_choice", "warn")]),
    ],
)
def test_a_choice_is_carried_as_far_as_tools_can_be_left_out(
    choice: ToolChoice, kept: list[str], noted: list[tuple[str, str]]
) -> None:
    surroundings = context()
    assert names(written(asking(F, G, tool_choice=choice), surroundings)) == kept
    assert [(loss.field, loss.action) for loss in surroundings.losses] == noted


def test_calls_one_at_a_time_cannot_be_asked_for() -> None:
    surroundings = context()
    written(asking(F, parallel_tool_calls=False), surroundings)
    assert [loss.field for loss in surroundings.losses] == ["parallel_tool_calls"]


def test_a_tool_of_a_provider_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="web_search"):
        written(asking(ServerTool(dialect="openai_responses", kind="web_search", raw="{}")))


def test_a_free_form_tool_is_a_function_of_one_string() -> None:
    surroundings = context()
    body = written(asking(CustomTool(name="patch", description="edits")), surroundings)
    function = body["tools"][0]["function"]
    assert function["parameters"]["properties"] == {"input": {"type": "string"}}
    assert [loss.action for loss in surroundings.losses] == ["emulate"]
    history = sent(Message(role="assistant", parts=(ToolCallPart(id="c", name="patch", raw="+a", custom=True),)))
    assert history[0]["tool_calls"][0]["function"]["arguments"] == {"input": "+a"}


@pytest.mark.parametrize(
    ("raw", "wire"),
    [
        ('{"b": 1.50, "a": 1e3}', b'"arguments":{"b": 1.50, "a": 1e3}'),
        ("", b'"arguments":{}'),
        ('{"a":\n 1}', b'"arguments":{"a":1}'),
        ("{oops", b'"arguments":{"_raw":"{oops"}'),
        ("[1]", b'"arguments":{"_raw":"[1]"}'),
    ],
)
def test_arguments_are_sent_as_the_model_wrote_them(raw: str, wire: bytes) -> None:
    surroundings = context()
    request = ChatRequest(model="m", messages=(Message(role="assistant", parts=(tool_call("c", "f", raw),)),))
    assert wire in ollama.render_request(request, surroundings).body
    assert bool(surroundings.losses) is (b"_raw" in wire)


@pytest.mark.parametrize(
    ("arguments", "raw"), [({"a": 1}, '{"a":1}'), ('{"a": 1}', '{"a": 1}'), (None, "{}"), ("", "")]
)
def test_arguments_are_read_in_every_form_that_servers_use(arguments: Any, raw: str) -> None:
    call = {"type": "function", "function": {"index": 0, "name": "f", "arguments": arguments}}
    (part,) = answer({"message": {"tool_calls": [call]}, "done": True}).message.parts
    assert isinstance(part, ToolCallPart) and part.raw == raw and part.id.startswith("call_")

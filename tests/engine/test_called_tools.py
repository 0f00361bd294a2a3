"""What a caller's definitions say of calls that models of any dialect make."""

from __future__ import annotations

import pytest

from interlingua.engine.called_tools import CalledTools
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.messages import Message
from interlingua.types.parts import ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import CustomTool, FunctionTool

REQUEST = ChatRequest(model="m", tools=(CustomTool(name="run"), FunctionTool(name="look")))


def answer(*calls: ToolCallPart) -> ChatResponse:
    message = Message(role="assistant", parts=calls)
    return ChatResponse(id="1", model="m", choices=(Choice(message=message, finish=FinishReason("tool_call", "x")),))


@pytest.mark.parametrize(
    ("raw", "text"),
    [('{"input": "ls \\"x\\""}', 'ls "x"'), ('{"other": 1}', '{"other": 1}'), ("not json", "not json"), ("", "")],
)
def test_the_one_argument_of_the_function_is_the_free_text(raw: str, text: str) -> None:
    """Whole and streamed; what is something else stays what the model wrote."""
    received = answer(tool_call("a", "run", raw), tool_call("b", "look", '{"input": "x"}'))
    restored = CalledTools(REQUEST).restore(received)
    assert restored.message.parts[0] == tool_call("a", "run", text, custom=True)
    assert restored.message.parts[1] == received.message.parts[1]
    tools = CalledTools(REQUEST)
    streamed = accumulate([out for event in unfold(received) for out in tools.restore_event(event)])
    assert streamed == restored


def test_requests_without_such_tools_are_untouched() -> None:
    """The very same objects."""
    received = answer(tool_call("a", "run", '{"input": "x"}'))
    tools = CalledTools(ChatRequest(model="m"))
    assert tools.restore(received) is received
    assert [out for event in unfold(received) for out in tools.restore_event(event)] == list(unfold(received))


def test_a_call_carries_what_the_definition_of_its_tool_has_for_it() -> None:
    """Whole and streamed; what the call says itself wins."""
    grouped = FunctionTool(name="crm__find", call_extra={"a": {"group": "crm", "name": "find"}})
    request = ChatRequest(model="m", tools=(grouped,))
    received = answer(tool_call("1", "crm__find", "{}", extra={"a": {"name": "x"}, "b": {"y": 1}}), tool_call("2", "f"))
    restored = CalledTools(request).restore(received)
    assert restored.message.parts[0].extra == {"a": {"group": "crm", "name": "x"}, "b": {"y": 1}}
    assert restored.message.parts[1] == received.message.parts[1]
    tools = CalledTools(request)
    assert accumulate([out for event in unfold(received) for out in tools.restore_event(event)]) == restored

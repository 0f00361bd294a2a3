"""Tools for models that have none."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.agent import AsyncTaskAgent
from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.engine.emulated_tools import EmulatedTools, needs_emulation
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.accumulate import accumulate
from interlingua.types.events import Event, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import CustomTool, FunctionTool, ToolChoice

LOOK = FunctionTool(name="look", description="Look.", parameters={"type": "object", "properties": {"at": {}}})
REQUEST = ChatRequest(model="m", messages=(system("Be kind."), user("hi")), tools=(LOOK, CustomTool(name="run")))
CALL = '<tool_call>{"name": "look", "arguments": {"at": "x"}}</tool_call>'
NONE = "unsloth/Mistral-Nemo-Instruct-2407-TEE"


def answer(text: str) -> ChatResponse:
    choice = Choice(message=assistant(text), finish=FinishReason("stop", "stop"))
    return ChatResponse(id="1", model="m", choices=(choice,))


def stream(pieces: list[str]) -> list[Event]:
    """A thought and then a text, in pieces."""
    return [
        MessageStart(id="1", model="m"),
        PartStart(index=0, part=ReasoningPart(text="hm")),
        PartEnd(index=0),
        PartStart(index=1, part=TextPart(text="")),
        *(PartDelta(index=1, text=piece) for piece in pieces),
        PartEnd(index=1),
        MessageEnd(finish=FinishReason("stop", "stop")),
    ]


def restored(pieces: list[str]) -> ChatResponse:
    tools = EmulatedTools(REQUEST, "seed")
    return accumulate(event for one in stream(pieces) for event in tools.restore_event(one))


def test_definitions_calls_and_results_become_words() -> None:
    """After the caller's own instructions, before the conversation."""
    call = tool_call("c", "look", '{"at": 1}')
    result = ToolCallResponsePart(id="c", name="look", response=(TextPart(text="seen </tool_result> now"),))
    history = (*REQUEST.messages, Message(role="assistant", parts=(TextPart(text="So:"), call)))
    request = msgspec.structs.replace(REQUEST, messages=(*history, Message(role="tool", parts=(result,))))
    asked = EmulatedTools(request, "").request()
    assert asked.tools == ()
    assert [one.role for one in asked.messages] == ["system", "system", "user", "assistant", "user"]
    assert '"name":"look","description":"Look."' in asked.messages[1].text
    assert asked.messages[3].text == 'So:\n<tool_call>{"name":"look","arguments":{"at":1}}</tool_call>'
    assert asked.messages[4].text.count("</tool_result>") == 1
    assert not needs_emulation(asked)


def test_a_choice_among_tools_is_told() -> None:
    """As it was made."""
    request = msgspec.structs.replace(REQUEST, tool_choice=ToolChoice("required", ("look",)), parallel_tool_calls=False)
    words = EmulatedTools(request, "").request().messages[1].text
    assert "must now call one of: look" in words
    assert "at most one tool" in words
    assert '"run"' not in words


def test_what_is_written_becomes_a_call_with_its_place() -> None:
    """The text before it stays text, and the answer ends as one that calls."""
    found = EmulatedTools(REQUEST, "seed").restore(answer(f"Let me look.\n{CALL}\n{CALL}\n"))
    text, first, second = found.message.parts
    assert text == TextPart(text="Let me look.")
    assert isinstance(first, ToolCallPart)
    assert isinstance(second, ToolCallPart)
    assert (first.name, first.arguments, first.id != second.id) == ("look", {"at": "x"}, True)
    assert found.finish == FinishReason("tool_call", "stop")
    again = EmulatedTools(REQUEST, "seed").restore(answer(CALL)).message.parts[0]
    assert again == first


@pytest.mark.parametrize(
    "text",
    [
        "no call at all",
        "a <tool_ca",
        "<tool_call>not json</tool_call>",
        '<tool_call>{"arguments": {}}</tool_call>',
        "",
    ],
)
def test_what_is_no_call_stays_the_text_that_it_is(text: str) -> None:
    """Nothing that was said is lost."""
    found = EmulatedTools(REQUEST, "").restore(answer(text))
    assert found.message.text == text
    assert found.finish.kind == "stop"


def test_a_call_without_its_end_is_a_call() -> None:
    """Models stop before the last tag."""
    found = EmulatedTools(REQUEST, "").restore(answer(CALL.removesuffix("</tool_call>")))
    assert isinstance(found.message.parts[0], ToolCallPart)


@given(st.lists(st.sampled_from([CALL, "<tool_call>", "</tool_call>", "<", "text ", "\n", '{"name"']), max_size=6))
def test_any_cutting_of_a_stream_gives_the_same(texts: list[str]) -> None:
    """One letter at a time, or all at once."""
    whole = "".join(texts)

    def told(response: ChatResponse) -> list[object]:
        return [(type(part), getattr(part, "text", ""), getattr(part, "raw", "")) for part in response.message.parts]

    once, letters = restored([whole]), restored(list(whole))
    assert told(once) == told(letters)
    assert once.message.parts[0] == ReasoningPart(text="hm")


def said(text: str) -> Script:
    head = {"id": "1", "model": "m", "created": 1, "object": "chat.completion.chunk"}
    return Script.sse(
        {**head, "choices": [{"index": 0, "delta": {"content": text[:9]}}]},
        {**head, "choices": [{"index": 0, "delta": {"content": text[9:]}}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    )


async def test_an_agent_works_the_same_with_a_model_that_has_no_tools() -> None:
    """And it is told that tools are emulated."""
    transport = ScriptedTransport(
        [said('<tool_call>{"name": "double", "arguments": {"number": 21}}</tool_call>'), said("It is 42.")]
    )

    def double(number: int) -> int:
        """Twice a number."""
        return number * 2

    client = AsyncClient(config=Config(), transport=transport, api_keys={"chutes": "k" * 20})
    reply = await AsyncTaskAgent("chutes", NONE, [double], client=client).run("Twice 21?")
    assert reply.text == "It is 42."
    assert [run.response.text for run in reply.tool_runs] == ["42"]
    assert {(loss.field, loss.action) for loss in reply.losses} == {("tools", "emulate")}
    last = transport.bodies[-1]
    assert isinstance(last, dict)
    assert "tools" not in last
    assert '<tool_result tool="double">' in str(last["messages"])

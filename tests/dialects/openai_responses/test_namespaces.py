"""Groups of functions, which other formats are offered as plain ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.openai_responses import StreamParser, StreamRenderer
from interlingua.dialects.openai_responses.namespaces import flat_name
from interlingua.engine.called_tools import CalledTools
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.messages import Message, user
from interlingua.types.parts import ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import ServerTool, ToolChoice
from interlingua.types.traits import HostTraits
from tests.dialects.openai_responses.wire import answer, context, parse, parts_of, render, told

PLAIN = {"type": "function", "name": "find", "parameters": {"type": "object"}, "strict": False}
CRM = {
    "type": "namespace",
    "name": "crm",
    "description": "Customers.",
    "tools": [{**PLAIN, "description": "Finds one.", "defer_loading": True}, {"type": "custom", "name": "note"}],
}
BILLS = {"type": "namespace", "name": "bills", "description": "Bills.", "tools": [PLAIN]}
KNOWS = HostTraits(namespaces=True)
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "find", "namespace": "crm", "arguments": "{}"}


def called(*calls: ToolCallPart) -> ChatResponse:
    message = Message(role="assistant", parts=calls)
    return ChatResponse(id="1", model="m", choices=(Choice(message=message, finish=FinishReason("tool_call", "x")),))


def test_functions_of_groups_are_plain_functions_of_their_own_names() -> None:
    request = parse(tools=[PLAIN, CRM, BILLS])
    assert [tool.name for tool in request.tools if not isinstance(tool, ServerTool)] == [
        "find",
        "crm__find",
        "crm__note",
        "bills__find",
    ]


def test_a_host_that_knows_groups_gets_them_as_they_were() -> None:
    tools = [PLAIN, CRM, BILLS, PLAIN]
    assert render(parse(tools=tools), context(host=KNOWS))["tools"] == tools


def test_any_other_host_gets_plain_functions_and_its_loss_says_so() -> None:
    here = context()
    tools = render(parse(tools=[PLAIN, CRM]), here)["tools"]
    assert [tool["name"] for tool in tools] == ["find", "crm__find", "crm__note"]
    assert "namespace" not in tools[1]
    assert [(loss.field, loss.action) for loss in here.losses] == [("tools[1]", "emulate"), ("tools[2]", "emulate")]


def test_a_group_with_a_tool_of_the_hosts_own_is_kept_as_it_stands() -> None:
    group = {"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "web_search"}]}
    request = parse(tools=[group])
    assert isinstance(request.tools[0], ServerTool)
    assert render(request)["tools"] == [group]


def test_a_call_that_any_model_made_reaches_the_client_under_its_group() -> None:
    """Whole and streamed: other models only say the flat name."""
    request = parse(tools=[CRM])
    restored = CalledTools(request).restore(called(tool_call("c1", "crm__find", '{"a":1}')))
    item = told(restored)["output"][0]
    assert (item["type"], item["namespace"], item["name"]) == ("function_call", "crm", "find")

    renderer = StreamRenderer(context(), request)
    data = b"".join(renderer.render(event) for event in unfold(restored)) + renderer.close()
    events = [msgspec.json.decode(line[6:]) for line in data.decode().splitlines() if line.startswith("data: ")]
    items = [event["item"] for event in events if "item" in event]
    assert [(item["namespace"], item["name"]) for item in items] == [("crm", "find")] * 2
    done = next(event for event in events if event["type"] == "response.function_call_arguments.done")
    assert done["name"] == "find"
    assert events[-1]["response"]["tools"] == [{**CRM, "tools": [CRM["tools"][0], CRM["tools"][1]]}]


def test_a_free_form_tool_of_a_group_is_called_back_in_free_text() -> None:
    restored = CalledTools(parse(tools=[CRM])).restore(called(tool_call("c1", "crm__note", '{"input":"hello"}')))
    item = told(restored)["output"][0]
    assert (item["type"], item["namespace"], item["name"]) == ("custom_tool_call", "crm", "note")
    assert item["input"] == "hello"


def test_a_call_in_the_history_has_the_name_that_its_tool_has() -> None:
    (part,) = parts_of(CALL)
    assert isinstance(part, ToolCallPart)
    assert part.name == "crm__find"
    request = ChatRequest(model="m", messages=(user("u"), Message(role="assistant", parts=(part,))))
    assert render(request, context(host=KNOWS))["input"][1] == CALL
    flat = render(request)["input"][1]
    assert flat["name"] == "crm__find"
    assert "namespace" not in flat


def test_a_call_that_a_host_makes_in_a_group_is_read_alike_whole_and_streamed() -> None:
    whole = answer(CALL)
    assert isinstance(part := whole.message.parts[0], ToolCallPart)
    assert part.name == "crm__find"
    done = {"type": "response.output_item.done", "output_index": 0, "item": CALL}
    events: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "output_index": 0, "item": {**CALL, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"},
        done,
        {"type": "response.completed", "response": {"id": "r", "model": "m", "status": "completed", "output": [CALL]}},
    ]
    parser = StreamParser(context())
    data = b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events)
    streamed = accumulate([*parser.feed(data), *parser.close()])
    assert streamed.message.parts == whole.message.parts


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "name": "find", "namespace": "crm"},
        {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [
                {"type": "function", "name": "find", "namespace": "crm"},
                {"type": "custom", "name": "note", "namespace": "crm"},
            ],
        },
    ],
)
def test_a_choice_among_groups_is_understood_and_comes_back(choice: dict[str, Any]) -> None:
    request = parse(tools=[CRM], tool_choice=choice)
    assert request.tool_choice is not None
    assert request.tool_choice.names[0] == "crm__find"
    assert render(request, context(host=KNOWS))["tool_choice"] == choice
    assert isinstance(request.tool_choice, ToolChoice)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_flat_name_is_one_that_every_provider_takes(namespace: str, name: str) -> None:
    flat = flat_name(namespace, name)
    assert flat == flat_name(namespace, name)
    assert 0 < len(flat) <= 64
    assert all(char.isascii() and (char.isalnum() or char in "_-") for char in flat)


def test_names_that_must_be_changed_stay_apart() -> None:
    long = "n" * 80
    assert len({flat_name(long, "a"), flat_name(long, "b"), flat_name("a.b", "c"), flat_name("a:b", "c")}) == 4
    assert flat_name("mcp__github__", "search") == "mcp__github__search"

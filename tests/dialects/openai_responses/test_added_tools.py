"""Tools that come among the items."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.dialects import anthropic_messages
from interlingua.ports.context import TranslationContext
from interlingua.types.parts import OpaquePart
from interlingua.types.tools import FunctionTool
from interlingua.types.traits import HostTraits
from tests.dialects.openai_responses.wire import context, parse, render

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}
GROUP = {"type": "namespace", "name": "g", "description": "", "tools": [{"type": "custom", "name": "exec"}]}
ADDED = {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [GROUP, {**TOOL, "name": "late"}]}
ASK = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "o"}
KNOWS = HostTraits(namespaces=True)


@pytest.mark.parametrize("items", [[ADDED, ASK], [ASK, ADDED, ASK], [ASK, CALL, ADDED, RESULT, ADDED, ASK]])
def test_a_host_that_knows_them_gets_them_in_their_places(items: list[Any]) -> None:
    found = render(parse(input=items, tools=[TOOL]), context(host=KNOWS))
    assert found["input"] == items
    assert found["tools"] == [TOOL]


def test_a_model_of_any_format_is_offered_them() -> None:
    """Claude, for one; nothing is refused."""
    request = parse(input=[ADDED, ASK])
    here = TranslationContext(dialect="anthropic_messages")
    wire = anthropic_messages.render_request(request, here)
    offered = anthropic_messages.parse_request(wire, here).tools
    assert [tool.name for tool in offered if isinstance(tool, FunctionTool)] == ["g__exec", "late"]
    flat = render(request)
    assert flat["input"] == [ASK]
    assert [tool["name"] for tool in flat["tools"]] == ["g__exec", "late"]


def test_the_last_item_stays_where_it_is() -> None:
    request = parse(input=[ASK, ADDED])
    assert isinstance(request.messages[-1].parts[0], OpaquePart)
    assert render(request)["input"] == [ASK, ADDED]

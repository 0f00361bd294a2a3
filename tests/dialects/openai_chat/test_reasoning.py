from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import openai_chat
from interlingua.dialects.openai_chat.reasoning import merge_details
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import ReasoningPart, TextPart, tool_call
from interlingua.types.request import ChatRequest, Reasoning
from interlingua.types.tools import FunctionTool
from interlingua.types.traits import HostTraits, Traits

DETAILS = '[ {"type":"reasoning.text","text":"hm","signature":"s\\u00e9","index":0} ]'


def rendered(
    reasoning: Reasoning | None, host: HostTraits, traits: Traits | None = None, *messages: Message, **more: Any
) -> tuple[dict[str, Any], TranslationContext]:
    where = TranslationContext(dialect="openai_chat", host=host, traits=traits or Traits())
    request = ChatRequest(model="m", messages=messages or (user("x"),), reasoning=reasoning, **more)
    body = msgspec.json.decode(openai_chat.render_request(request, where).body)
    return {key: value for key, value in body.items() if key not in ("model", "tools")}, where


@pytest.mark.parametrize(
    ("wanted", "host", "traits", "sent"),
    [
        (Reasoning(effort="high"), HostTraits(), Traits(), {"reasoning_effort": "high"}),
        (Reasoning(effort="max"), HostTraits(), Traits(efforts=("low", "high")), {"reasoning_effort": "high"}),
        (Reasoning(effort="minimal"), HostTraits(), Traits(efforts=("none", "low")), {"reasoning_effort": "low"}),
        (Reasoning(budget_tokens=9_000), HostTraits(), Traits(), {"reasoning_effort": "medium"}),
        (Reasoning(enabled=False), HostTraits(), Traits(), {"reasoning_effort": "none"}),
        (Reasoning(enabled=True), HostTraits(), Traits(), {}),
        (Reasoning(enabled=True), HostTraits(), Traits(reasoning_default=False), {"reasoning_effort": "medium"}),
        (Reasoning(effort="high"), HostTraits(effort=""), Traits(), {}),
        (Reasoning(effort="high"), HostTraits(effort="reasoning"), Traits(), {"reasoning": {"effort": "high"}}),
        (Reasoning(budget_tokens=9), HostTraits(effort="reasoning"), Traits(), {"reasoning": {"max_tokens": 9}}),
        (Reasoning(enabled=False), HostTraits(effort="reasoning"), Traits(), {"reasoning": {"enabled": False}}),
        (
            Reasoning(effort="low"),
            HostTraits(thinking_switch="thinking"),
            Traits(),
            {"thinking": {"type": "enabled"}, "reasoning_effort": "low"},
        ),
        (
            Reasoning(effort="none"),
            HostTraits(thinking_switch="thinking"),
            Traits(),
            {"thinking": {"type": "disabled"}},
        ),
        (
            Reasoning(budget_tokens=0),
            HostTraits(thinking_switch="chat_template_kwargs", effort=""),
            Traits(),
            {"chat_template_kwargs": {"enable_thinking": False}},
        ),
        (
            Reasoning(enabled=True),
            HostTraits(thinking_switch="enable_thinking", effort=""),
            Traits(),
            {"enable_thinking": True},
        ),
    ],
)
def test_settings_are_sent_in_the_hosts_spelling(
    wanted: Reasoning, host: HostTraits, traits: Traits, sent: dict[str, Any]
) -> None:
    body, where = rendered(wanted, host, traits)
    del body["messages"]
    assert body == sent
    if not sent and wanted.effort:
        assert where.losses


def test_thinking_that_cannot_be_switched_off_stays_on_with_a_loss() -> None:
    body, where = rendered(Reasoning(enabled=False), HostTraits(), Traits(reasoning_off=False, efforts=("low", "max")))
    assert body["reasoning_effort"] == "low"
    assert [loss.action for loss in where.losses] == ["warn"]


def test_function_tools_switch_reasoning_off_where_the_endpoint_refuses_both() -> None:
    tool = FunctionTool(name="f")
    body, where = rendered(Reasoning(effort="high"), HostTraits(), Traits(tools_with_reasoning=False), tools=(tool,))
    assert body["reasoning_effort"] == "none" and where.losses[0].field == "reasoning"


def said(*opaque: Opaque, calls: bool = False) -> Message:
    call = (tool_call("a", "f", "{}"),) if calls else ()
    return Message(role="assistant", parts=(ReasoningPart(text="hm", opaque=opaque), TextPart(text="so"), *call))


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thinking_goes_back_in_the_hosts_field(field: Any) -> None:
    body, _ = rendered(None, HostTraits(reasoning_field=field), None, user("x"), said())
    assert body["messages"][1] == {"role": "assistant", "content": "so", field: "hm"}


def test_thinking_that_the_host_does_not_take_is_a_loss() -> None:
    body, where = rendered(None, HostTraits(), None, user("x"), said(Opaque("anthropic_messages.signature", "s")))
    assert body["messages"][1] == {"role": "assistant", "content": "so"}
    assert [loss.field for loss in where.losses] == ["messages[1].parts[0].opaque", "messages[1].parts[0]"]


def test_a_required_field_is_sent_empty_with_tool_calls() -> None:
    called = Message(role="assistant", parts=(tool_call("a", "f", "{}"),))
    host = HostTraits(reasoning_field="reasoning_content", reasoning_required=True)
    body, _ = rendered(None, host, None, user("x"), called)
    assert body["messages"][1]["reasoning_content"] == ""


def test_reasoning_details_return_byte_for_byte() -> None:
    host = HostTraits(reasoning_field="reasoning_details")
    where = TranslationContext(dialect="openai_chat", host=host)
    message = said(Opaque("openai_chat.reasoning_details", DETAILS))
    wire = openai_chat.render_request(ChatRequest(model="m", messages=(message,)), where)
    assert DETAILS.encode() in wire.body
    assert openai_chat.parse_request(WireRequest(body=wire.body), where).messages == (message,)


def test_thinking_chunks_go_back_at_the_head_of_the_content() -> None:
    message = said(Opaque("openai_chat.thinking_signature", "sig"))
    body, where = rendered(None, HostTraits(reasoning_field="content"), None, message)
    assert body["messages"][0]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "signature": "sig"},
        {"type": "text", "text": "so"},
    ]
    again = openai_chat.parse_request(WireRequest(body=msgspec.json.encode({"model": "m", **body})), where)
    assert again.messages == (message,)


@given(st.lists(st.integers(0, 2), max_size=6), st.data())
def test_fragments_of_details_merge_into_the_array_that_was_cut(indices: list[int], data: st.DataObject) -> None:
    whole: list[dict[str, Any]] = []
    for index in indices:
        if not whole or whole[-1]["index"] != index:
            whole.append({"type": "reasoning.text", "index": index, "text": "abcdef", "format": "f"})
    pieces = []
    for detail in whole:
        cut = data.draw(st.integers(0, 6))
        pieces += [{**detail, "text": detail["text"][:cut]}, {**detail, "text": detail["text"][cut:]}]
    assert merge_details(pieces) == whole
    assert merge_details(merge_details(pieces)) == whole

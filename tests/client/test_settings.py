"""The settings of a call as Python callers write them."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.client.settings import as_request
from interlingua.errors import InvalidRequest
from interlingua.types.messages import system, user
from interlingua.types.request import ChatRequest, Reasoning
from interlingua.types.tools import FunctionTool, ToolChoice


def test_a_text_becomes_a_conversation_of_one_message() -> None:
    """The shortest form."""
    assert as_request("hi", "m", {}) == ChatRequest(model="m", messages=(user("hi"),))


def test_a_system_text_precedes_the_conversation() -> None:
    """Also one of several messages."""
    assert as_request([user("a"), user("b")], None, {"system": "s"}).messages == (system("s"), user("a"), user("b"))


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ({"reasoning": "low"}, "reasoning", Reasoning(effort="low")),
        ({"stop": "END"}, "stop", ("END",)),
        ({"modalities": "audio"}, "modalities", ("audio",)),
        ({"stop": ["a", "b"]}, "stop", ("a", "b")),
        ({"tool_choice": "required"}, "tool_choice", ToolChoice("required")),
        ({"tool_choice": "lookup"}, "tool_choice", ToolChoice("required", ("lookup",))),
        ({"tools": [FunctionTool(name="f")]}, "tools", (FunctionTool(name="f"),)),
        ({"temperature": 1}, "temperature", 1.0),
        ({"seed": None}, "seed", None),
    ],
)
def test_short_forms_mean_the_long_ones(settings: Any, field: str, value: object) -> None:
    """As people write them."""
    assert getattr(as_request("hi", None, settings), field) == value


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"temperature": "hot"}, "temperature: Expected"),
        ({"temperature": float("nan")}, "nan is no number"),
        ({"stop": 5}, "stop: Expected"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"messages": []}, "unknown setting 'messages'"),
    ],
)
def test_a_mistake_is_named(settings: Any, says: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequest, match=says) as caught:
        as_request("hi", None, settings)
    assert caught.value.path in settings


def test_settings_win_over_those_of_a_whole_request() -> None:
    """The call knows best."""
    request = ChatRequest(model="a", messages=(user("hi"),), seed=1, temperature=0.5)
    changed = as_request(request, "b", {"seed": 2})
    assert (changed.model, changed.seed, changed.temperature) == ("b", 2, 0.5)


@pytest.mark.parametrize("wrong", [[{"role": "user", "content": "hi"}], ["hi"]])
def test_what_is_no_message_is_named(wrong: Any) -> None:
    """Such as the dictionaries that other packages take: never sent as they are."""
    with pytest.raises(InvalidRequest, match=r"messages\[0\] is a \w+, and no Message") as caught:
        as_request(wrong, "m", {})
    assert "user()" in caught.value.remedy


@pytest.mark.parametrize("wrong", [None, 5, b"hi", {"role": "user"}])
def test_what_is_no_prompt_is_named(wrong: Any) -> None:
    with pytest.raises(InvalidRequest, match="the prompt is a"):
        as_request(wrong, "m", {})

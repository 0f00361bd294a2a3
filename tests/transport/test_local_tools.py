"""Tool calls read out of text, however it is cut."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.errors import InvalidRequest
from interlingua.transport.local_tools import Forced, Plain, Reader, Tagged, plan_tools

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}}
USER = [{"role": "user", "content": "hi"}]


def read(reader: Reader, text: str, cuts: list[int]) -> tuple[str, list[dict[str, str]]]:
    """(content, calls) of a text fed in pieces."""
    places = sorted({0, *(cut % (len(text) + 1) for cut in cuts), len(text)})
    deltas = [delta for start, end in itertools.pairwise(places) for delta in reader.feed(text[start:end])]
    calls: list[dict[str, str]] = []
    content = ""
    for delta in [*deltas, *reader.close()]:
        content += delta.get("content", "")
        for piece in delta.get("tool_calls", ()):
            if "id" in piece:
                assert piece["index"] == len(calls)
                calls.append({"name": piece["function"]["name"], "arguments": ""})
            calls[piece["index"]]["arguments"] += piece["function"]["arguments"]
    return content, calls


CUTS = st.lists(st.integers(0, 500), max_size=30)
ARGUMENTS = st.dictionaries(st.text(max_size=8), st.text(max_size=12) | st.lists(st.integers(), max_size=3), max_size=4)


@given(arguments=ARGUMENTS, indent=st.sampled_from([None, 1, 4]), cuts=CUTS)
def test_a_forced_call_is_read_whatever_its_cuts(
    arguments: dict[str, Any], indent: int | None, cuts: list[int]
) -> None:
    text = json.dumps({"name": 'a "b', "arguments": arguments}, indent=indent, ensure_ascii=False)
    content, calls = read(Forced(), text, cuts)
    assert content == ""
    assert [call["name"] for call in calls] == ['a "b']
    assert json.loads(calls[0]["arguments"]) == arguments


@given(arguments=ARGUMENTS, cuts=CUTS)
def test_tagged_calls_are_read_whatever_their_cuts(arguments: dict[str, Any], cuts: list[int]) -> None:
    block = f"<tool_call>\n{json.dumps({'name': 'f', 'arguments': arguments})}\n</tool_call>"
    reader = Tagged(frozenset({"f"}))
    content, calls = read(reader, f"\n{block}\n{block}", cuts)
    assert content == ""
    assert [json.loads(call["arguments"]) for call in calls] == [arguments, arguments]
    assert reader.called


@given(text=st.text(max_size=80) | st.text(alphabet='<tool_call>{}" \n', max_size=40), cuts=CUTS)
def test_text_that_is_no_call_stays_text_whatever_its_cuts(text: str, cuts: list[int]) -> None:
    assert read(Tagged(frozenset({"f"})), text, cuts) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "unknown", "arguments": {}}</tool_call>',
        "<tool_call>{broken</tool_call> and more",
        "<tool_call>[1]</tool_call>",
        'I would say <tool_call>{"name": "f", "arguments": {}}</tool_call>',
        "<tool_call>",
    ],
)
def test_what_only_looks_like_a_call_is_not_swallowed(text: str) -> None:
    assert read(Tagged(frozenset({"f"})), text, [3, 15]) == (text, [])


def test_a_call_whose_end_tag_is_missing_still_counts() -> None:
    assert read(Tagged(frozenset({"f"})), '<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}', [20]) == (
        "",
        [{"name": "f", "arguments": '{"a": 1}'}],
    )


def test_what_follows_a_call_is_text() -> None:
    content, calls = read(Tagged(frozenset({"f"})), '<tool_call>{"name": "f"}</tool_call> done', [5])
    assert (content, len(calls)) == (" done", 1)


def test_the_request_itself_is_never_changed() -> None:
    body = {"messages": [{"role": "system", "content": "s"}, *USER], "tools": [TOOL], "tool_choice": "required"}
    before = json.dumps(body)
    plan_tools(body, native=False)
    assert json.dumps(body) == before


def test_a_forced_choice_becomes_a_schema_with_a_limit() -> None:
    body, reader = plan_tools({"messages": USER, "tools": [TOOL], "tool_choice": "required"}, native=False)
    assert isinstance(reader, Forced)
    assert body["json_schema"]["anyOf"][0]["properties"]["name"] == {"const": "f"}
    assert body["temperature"] == 0
    assert body["max_tokens"] == 1024
    assert "tools" not in body
    assert body["messages"][0]["role"] == "system"
    assert "f(a)" in body["messages"][0]["content"]


def test_allowed_tools_narrow_the_choice() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [other]}}
    body, _ = plan_tools({"messages": USER, "tools": [TOOL, other], "tool_choice": choice}, native=False)
    assert [each["properties"]["name"]["const"] for each in body["json_schema"]["anyOf"]] == ["g"]


def test_with_the_choice_none_the_model_hears_of_no_tool() -> None:
    body, reader = plan_tools({"messages": USER, "tools": [TOOL], "tool_choice": "none"}, native=False)
    assert isinstance(reader, Plain)
    assert body == {"messages": USER}


def test_a_template_that_knows_tools_gets_them_untouched() -> None:
    asked = {"messages": USER, "tools": [TOOL], "tool_choice": "auto"}
    body, reader = plan_tools(asked, native=True)
    assert isinstance(reader, Plain)
    assert body == asked


def test_earlier_calls_and_results_become_text_in_turn() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    history = [
        {"role": "developer", "content": "d"},
        *USER,
        {"role": "assistant", "content": "so", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "one"},
        {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "two"}]},
        {"role": "user", "content": "and?"},
    ]
    body, _ = plan_tools({"messages": history}, native=False)
    assert body["messages"] == [
        {"role": "system", "content": "d"},
        *USER,
        {"role": "assistant", "content": 'so\n<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>'},
        {
            "role": "user",
            "content": "<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n</tool_response>",
        },
        {"role": "user", "content": "and?"},
    ]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}], "tool_choice": "required"},
            "tools[0].function.parameters",
        ),
    ],
)
def test_malformed_tools_are_refused_by_name(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan_tools({"messages": USER, **fields}, native=False)
    assert caught.value.path == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["f", "function", "auto", "required", "json_schema"]),
    lambda child: (
        st.lists(child, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "function", "name", "parameters", "mode", "tools", "schema", "json_schema"]),
            child,
            max_size=4,
        )
    ),
    max_leaves=10,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": JSON, "tool_calls": JSON}
)


@given(
    messages=st.lists(MESSAGE, min_size=1, max_size=3),
    tools=JSON | st.just([TOOL]),
    choice=JSON,
    wanted=JSON,
    native=st.booleans(),
)
def test_any_json_is_a_plan_or_bad_input(messages: Any, tools: Any, choice: Any, wanted: Any, native: bool) -> None:
    body = {"messages": messages, "tools": tools, "tool_choice": choice, "response_format": wanted}
    try:
        planned, reader = plan_tools(body, native)
    except InvalidRequest as error:
        assert error.path
    else:
        assert planned["messages"]
        assert reader.feed("x") in ([], [{"content": "x"}])

"""The rules of tolerance are no tolerance of loss: whatever is dropped, changed or moved in a body is reported."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from interlingua.types.opaque import Json
from tests.replay.check import BROKEN, READINGS, judge
from tests.replay.coverage import Covered
from tests.replay.differences import ABSENT, Path, differences
from tests.replay.reading import beside
from tests.replay.rich_answers import ANSWERS
from tests.replay.rich_requests import PATHS, PNG, REQUESTS
from tests.replay.rules import Rules, Tally, at, compare, renamed, whole_second, without_nulls

BODIES = [
    pytest.param(name, kind, bodies[name], id=f"{name}-{kind}")
    for kind, bodies in (("request", REQUESTS), ("response", ANSWERS))
    for name in bodies
]
UNSAID = {
    ("openai_chat", "object", "chat.completion"),
    ("openai_chat", "type", "function"),
    ("openai_responses", "type", "message"),
    ("gemini", "role", "user"),
}
"""What formats mean where nothing is said: these words may go without a loss, but none may become another."""
NUMBERING = "message.tool_calls[].function.index"
"""A number beside Ollama's calls that says no more than their order does."""


def rules_of(name: str, kind: str) -> Rules:
    return READINGS[name].request if kind == "request" else READINGS[name].response


def found(recorded: Json, rendered: Json, rules: Rules) -> list[str]:
    """What a comparison reports; a body too broken to be read is reported as well."""
    try:
        return compare(recorded, rendered, rules, Tally())
    except BROKEN as error:
        return [str(error)]


def exchange_of(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "provider": "hand-made",
        "dialect": name,
        "request": {"url": f"https://example.org{PATHS[name]}", "headers": {}, "body": REQUESTS[name]},
        "response": {"status": 200, "headers": {}, "body": ANSWERS[name]},
    }


@pytest.mark.parametrize("name", list(READINGS))
def test_a_body_with_everything_in_it_comes_back_whole(name: str) -> None:
    tally = Tally()
    verdict = judge(exchange_of(name), Covered(name, "chat"), tally)
    assert verdict.problems == {"request": [], "response": []}
    assert any(place.endswith("novelty") for _, place in tally.unknown)


# Mutations.


def places(value: Json, path: Path = ()) -> Iterator[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield (*path, step)
        yield from places(one, (*path, step))


def reached(value: Json, path: Path) -> Json:
    for step in path:
        value = value[step]
    return value


def changed(body: Json, path: Path, value: Json) -> Json:
    mutant = copy.deepcopy(body)
    holder = reached(mutant, path[:-1])
    if value is ABSENT:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return mutant


def another(value: Json) -> Json:
    """A value of the same type that is another; a list in another order."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "~"
    return [*value[1:], value[0]] if isinstance(value, list) and len(value) > 1 else ABSENT


@pytest.mark.parametrize(("name", "kind", "body"), BODIES)
def test_whatever_is_dropped_changed_or_reordered_is_reported(name: str, kind: str, body: Json) -> None:
    rules, mutants = rules_of(name, kind), 0
    for path in places(body):
        value = reached(body, path)
        pattern = "".join("[]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        if pattern == NUMBERING:
            continue
        for mutation in (ABSENT, another(value)):
            mutants += 1
            silent = not found(body, changed(body, path, mutation), rules)
            unsaid = mutation is ABSENT and (name, path[-1], str(value)) in UNSAID
            assert not silent or unsaid, (pattern, value, mutation)
    assert mutants > 40


@pytest.mark.parametrize(("name", "kind", "body"), BODIES)
def test_ids_that_changed_places_are_reported(name: str, kind: str, body: Json) -> None:
    ids = [path for path in places(body) if path[-1] in ("id", "call_id", "tool_call_id", "tool_use_id")]
    texts = [path for path in ids if isinstance(reached(body, path), str)]
    for one, two in itertools.pairwise(texts):
        mutant = changed(changed(body, one, reached(body, two)), two, reached(body, one))
        assert mutant == body or found(body, mutant, rules_of(name, kind)), (one, two)


@pytest.mark.parametrize(("name", "kind", "body"), BODIES)
def test_what_nobody_sent_is_reported(name: str, kind: str, body: Json) -> None:
    for path in [(), *(path for path in places(body) if isinstance(reached(body, path), dict))]:
        mutant = copy.deepcopy(body)
        reached(mutant, path)["stray"] = 1
        assert found(body, mutant, rules_of(name, kind)), path


# Spellings.

TEXT = {"type": "text", "text": "x"}
CALL = {"id": "1", "type": "function", "function": {"name": "f"}}


def turns(*messages: tuple[str, Any]) -> dict[str, Any]:
    """A body of messages: each a role and what else it holds, content where that is no object."""
    return {
        "messages": [
            {"role": role, **(held if isinstance(held, dict) else {"content": held})} for role, held in messages
        ]
    }


def parts(*inside: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": list(inside)}]}


def schema(new: bool, **inside: Any) -> dict[str, Any]:
    return {"generationConfig": {"responseJsonSchema" if new else "responseSchema": inside}}


SAME: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "openai_chat",
        "text alone is one part",
        turns(("user", "x")),
        turns(("user", [TEXT, {"type": "text", "text": ""}])),
    ),
    ("openai_chat", "null is absent", {"seed": None}, {}),
    ("openai_chat", "default said", {"stream": False, "stream_options": {"include_usage": False}}, {}),
    (
        "openai_chat",
        "functions are tools",
        {"functions": [{"name": "f"}], "function_call": {"name": "f"}},
        {
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        },
    ),
    (
        "openai_chat",
        "forced tool in several forms",
        {"tool_choice": "any", "tools": [{"function": {"name": "f"}}]},
        {"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
    ),
    ("openai_chat", "choice without tools", {"tools": [], "tool_choice": "auto"}, {}),
    (
        "openai_chat",
        "address alone",
        turns(("user", [{"type": "image_url", "image_url": "u"}])),
        turns(("user", [{"type": "image_url", "image_url": {"url": "u"}}])),
    ),
    ("openai_chat", "turn that says nothing", turns(("assistant", "")), turns()),
    ("openai_chat", "one stop", {"stop": "END"}, {"stop": ["END"]}),
    ("openai_chat", "user is safety_identifier", {"user": "ada"}, {"safety_identifier": "ada"}),
    (
        "openai_chat",
        "tool named again",
        turns(("assistant", {"tool_calls": [CALL]}), ("tool", {"tool_call_id": "1", "name": "f"})),
        turns(("assistant", {"tool_calls": [CALL]}), ("tool", {"tool_call_id": "1"})),
    ),
    (
        "openai_responses",
        "text alone is one item",
        {"input": "x"},
        {"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}]},
    ),
    (
        "openai_responses",
        "choice nested",
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tool_choice": {"type": "function", "name": "f"}},
    ),
    ("anthropic_messages", "text alone is one part", {"system": "x"}, {"system": [TEXT]}),
    (
        "anthropic_messages",
        "turns of one role",
        turns(("user", [TEXT]), ("user", [TEXT])),
        turns(("user", [TEXT, TEXT])),
    ),
    (
        "anthropic_messages",
        "output_format is output_config.format",
        {"output_format": {"type": "json_schema"}},
        {"output_config": {"format": {"type": "json_schema"}}},
    ),
    (
        "gemini",
        "names in snake_case",
        parts({"inline_data": {"mime_type": "image/png", "data": PNG}}),
        parts({"inlineData": {"mimeType": "image/png", "data": PNG}}),
    ),
    ("gemini", "list of one", {"contents": {"role": "user", "parts": {"text": "x"}}}, parts({"text": "x"})),
    (
        "gemini",
        "parts as they mean",
        parts({"inlineData": {"data": "-_8"}, "thought": False}, {"text": ""}),
        parts({"inlineData": {"data": "+/8="}}),
    ),
    (
        "gemini",
        "schema in JSON Schema",
        schema(
            False,
            type="OBJECT",
            nullable=True,
            properties={"b": {"type": "STRING"}, "a": {"type": "INTEGER"}},
            propertyOrdering=["a", "b"],
        ),
        schema(True, type=["object", "null"], properties={"a": {"type": "integer"}, "b": {"type": "string"}}),
    ),
    ("ollama", "default said", {"stream": True}, {}),
    ("ollama", "empty says nothing", {"options": {}, "format": "", "tools": []}, {}),
]


@pytest.mark.parametrize(("name", "rule", "one", "other"), SAME, ids=[f"{name}: {rule}" for name, rule, *_ in SAME])
def test_two_ways_to_write_the_same_are_equal_by_the_rule_of_that_name(
    name: str, rule: str, one: Json, other: Json
) -> None:
    tally = Tally()
    assert compare(one, other, READINGS[name].request, tally) == []
    assert rule in {known for known, _ in tally.rules}


NOT_SAME: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("openai_chat", "a stream became none", {"stream": True}, {}),
    ("openai_chat", "a role became another", turns(("developer", "x")), turns(("system", "x"))),
    (
        "openai_chat",
        "an image became a text",
        turns(("user", [{"type": "image_url", "image_url": "u"}])),
        turns(("user", "u")),
    ),
    (
        "openai_chat",
        "a text moved into another turn",
        turns(("user", "x"), ("user", "x")),
        turns(("user", [TEXT, TEXT])),
    ),
    (
        "openai_chat",
        "null in the caller's own schema",
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"default": None}}}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
    ),
    (
        "openai_chat",
        "thinking beside details that say something else",
        turns(("assistant", {"reasoning": "a", "reasoning_details": [{"text": "b"}]})),
        turns(("assistant", {"reasoning_details": [{"text": "b"}]})),
    ),
    (
        "openai_chat",
        "an id made for a call that was answered",
        turns(("assistant", {"tool_calls": [CALL]}), ("tool", {"tool_call_id": "1"}), ("tool", {})),
        turns(("assistant", {"tool_calls": [CALL]}), *[("tool", {"tool_call_id": "1"})] * 2),
    ),
    (
        "openai_chat",
        "a result's own name",
        turns(("assistant", {"tool_calls": [CALL]}), ("tool", {"tool_call_id": "1", "name": "g"})),
        turns(("assistant", {"tool_calls": [CALL]}), ("tool", {"tool_call_id": "1"})),
    ),
    ("openai_responses", "stored where nothing was said", {"input": "x"}, {"input": "x", "store": True}),
    ("openai_responses", "another thing included", {"include": ["a"]}, {"include": ["a", "b"]}),
    ("openai_responses", "storing was forbidden", {"store": False}, {}),
    (
        "openai_responses",
        "an unfinished item",
        {"input": [{"type": "function_call", "status": "incomplete"}]},
        {"input": [{"type": "function_call"}]},
    ),
    (
        "anthropic_messages",
        "a turn changed sides",
        turns(("user", [TEXT]), ("assistant", [TEXT])),
        turns(("user", [TEXT, TEXT])),
    ),
    (
        "anthropic_messages",
        "an error became a result",
        turns(("user", [{"type": "tool_result", "is_error": True}])),
        turns(("user", [{"type": "tool_result"}])),
    ),
    (
        "anthropic_messages",
        "null in a tool's input",
        turns(("assistant", [{"type": "tool_use", "input": {"a": None}}])),
        turns(("assistant", [{"type": "tool_use", "input": {}}])),
    ),
    ("gemini", "a thought became a text", parts({"text": "x", "thought": True}), parts({"text": "x"})),
    (
        "gemini",
        "a signature changed its part",
        parts({"text": "a", "thoughtSignature": "s"}, {"text": "b"}),
        parts({"text": "a"}, {"text": "b", "thoughtSignature": "s"}),
    ),
    (
        "gemini",
        "snake_case in the caller's own arguments",
        parts({"functionCall": {"args": {"a_b": 1}}}, role="model"),
        parts({"functionCall": {"args": {"aB": 1}}}, role="model"),
    ),
    (
        "gemini",
        "properties in another order",
        schema(True, properties={"a": {}, "b": {}}),
        schema(True, properties={"b": {}, "a": {}}),
    ),
    ("gemini", "a tool without settings", {"tools": [{"googleSearch": {}}]}, {"tools": []}),
    ("ollama", "an answer in one piece", {"stream": False}, {}),
    (
        "ollama",
        "an id of no call before it",
        turns(("tool", "x")),
        turns(("tool", {"content": "x", "tool_call_id": "call_9"})),
    ),
]


@pytest.mark.parametrize(
    ("name", "what", "one", "other"), NOT_SAME, ids=[f"{name}: {what}" for name, what, *_ in NOT_SAME]
)
def test_what_only_looks_the_same_is_reported(name: str, what: str, one: Json, other: Json) -> None:
    assert compare(one, other, READINGS[name].request, Tally()), what


def test_numbers_are_equal_by_value_and_booleans_are_no_numbers() -> None:
    assert not list(differences({"a": 1}, {"a": 1.0}))
    assert [str(one) for one in differences({"a": True}, {"a": 1})] == ["a changed: true -> 1"]
    assert [str(one) for one in differences({"a": [1, {"b": 2}]}, {"a": [1, {}], "c": 3})] == [
        "a[1].b lost: 2",
        "c added: 3",
    ]


def test_a_vector_in_base64_is_its_numbers_and_no_others() -> None:
    packed, other = {"data": [{"embedding": "AACAPwAAAMA="}]}, {"data": [{"embedding": [1.0, -2.5]}]}
    assert compare(packed, {"data": [{"embedding": [1.0, -2.0]}]}, beside.EMBED_RESPONSE, Tally()) == []
    assert compare(packed, other, beside.EMBED_RESPONSE, Tally())


# The pieces that rules are made of.


def test_a_pattern_leads_to_every_place_that_it_names() -> None:
    body = {"a": [{"b": 1}, {"b": 2, "c": 3}, 4], "d": {"x": {"b": 5}}}
    assert at(body, "a[].b", lambda value: value + 1) == body | {"a": [{"b": 2}, {"b": 3, "c": 3}, 4]}
    assert at(body, "d.*.b", lambda value: ABSENT) == body | {"d": {"x": {}}}
    assert at(body, "a[]", lambda value: ABSENT if value == 4 else value) == body | {"a": [{"b": 1}, {"b": 2, "c": 3}]}
    assert body["a"] == [{"b": 1}, {"b": 2, "c": 3}, 4]


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    assert renamed({"old": 1}, {"old": "new"}) == {"new": 1}
    assert renamed({"old": 1, "new": 2}, {"old": "new"}) == {"old": 1, "new": 2}


def test_nulls_go_but_not_from_lists_nor_from_what_is_sealed() -> None:
    assert without_nulls("args")({"a": None, "b": [None, {"c": None}], "args": {"d": None}}) == {
        "b": [None, {}],
        "args": {"d": None},
    }


def test_only_the_fraction_of_a_second_goes() -> None:
    assert whole_second("2026-01-01T00:00:01.250Z") == "2026-01-01T00:00:01Z"
    assert whole_second("1.5") == "1.5"

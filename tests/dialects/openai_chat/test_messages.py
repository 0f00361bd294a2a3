from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from interlingua.errors import InvalidRequest
from interlingua.types.messages import Message, assistant, user
from interlingua.types.opaque import Origin
from interlingua.types.parts import (
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallResponsePart,
    tool_call,
)
from interlingua.types.traits import HostTraits
from tests.dialects.openai_chat.wire import PNG, actions, ask, context, parse, render


def test_luggage_of_an_answer_is_not_sent_back() -> None:
    origin = Origin(provider="p", endpoint="openai_chat", model="m")
    said = Message(role="assistant", parts=(TextPart(text="x"),), origin=origin, extra={"openai_chat": {"channel": 1}})
    where = context()
    assert render(ask(said), where)["messages"] == [{"role": "assistant", "content": "x"}]
    assert not where.losses


def test_names_and_fields_follow_the_host() -> None:
    host = HostTraits(max_tokens_field="max_tokens", seed_field="random_seed", names=False, developer_role=False)
    where = context(host, model="real")
    told = Message(role="system", parts=(TextPart(text="s"),), raw_role="developer", name="n")
    body = render(ask(told, user("x"), max_output_tokens=5, seed=1), where)
    assert body == {
        "model": "real",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "x"}],
        "max_tokens": 5,
        "random_seed": 1,
    }
    assert actions(where) == {"messages[0].name": "warn"}


def test_a_host_that_must_be_told_gets_the_prefix_mark() -> None:
    body = render(ask(user("a"), assistant("b")), context(HostTraits(assistant_prefix=True)))
    assert body["messages"][-1] == {"role": "assistant", "content": "b", "prefix": True}


def test_media_of_tool_results_follows_all_results_in_a_user_message() -> None:
    results = Message(
        role="tool",
        parts=(
            ToolCallResponsePart(id="a", response=(TextPart(text="one"), PNG)),
            ToolCallResponsePart(id="b", response=(PNG,), is_error=True),
        ),
    )
    called = Message(role="assistant", parts=(tool_call("a", "f", "{}"), tool_call("b", "f", "")))
    where = context()
    messages = render(ask(user("x"), called, results, user("go on")), where)["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[1]["tool_calls"][1]["function"]["arguments"] == "{}"
    assert messages[3]["content"].startswith("Error: [image")
    assert [one["type"] for one in messages[4]["content"]] == ["image_url", "image_url", "text"]
    assert set(actions(where).values()) == {"emulate"}


def test_results_move_up_to_their_calls() -> None:
    called = Message(role="assistant", parts=(tool_call("a", "f", "{}"),))
    result = Message(role="tool", parts=(ToolCallResponsePart(id="a", response=(TextPart(text="r"),)),))
    messages = render(ask(user("x"), called, user("wait"), result))["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant", "tool", "user"]


def test_media_that_an_assistant_made_is_shown_to_the_next_model_by_the_user() -> None:
    messages = render(ask(user("draw"), assistant("here", PNG), user("bluer")))["messages"]
    assert messages[1] == {"role": "assistant", "content": "here"}
    assert [one["type"] for one in messages[2]["content"]] == ["image_url", "text"]


def test_empty_turns_are_not_sent() -> None:
    hollow = Message(role="assistant", parts=(TextPart(text=""), ReasoningPart(text="hm")))
    assert len(render(ask(user("x"), hollow, user("y")))["messages"]) == 2


def test_a_refusal_in_history_is_a_part_of_the_content() -> None:
    said = Message(role="assistant", parts=(RefusalPart(text="no"),))
    body = render(ask(user("x"), said))
    assert body["messages"][1]["content"] == [{"type": "refusal", "refusal": "no"}]
    assert parse(messages=[{"role": "assistant", "refusal": "no"}]).messages[0].parts == (RefusalPart(text="no"),)


CALLS = [
    {"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}},
    {"id": "b", "type": "function", "function": {"name": "sub", "arguments": "{}"}},
]


def results(*messages: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    request = parse(
        messages=[{"role": "assistant", "tool_calls": CALLS}, *({"role": "tool", **one} for one in messages)]
    )
    parts = [part for part in request.messages[-1].parts if isinstance(part, ToolCallResponsePart)]
    return [(part.id, part.extra) for part in parts]


def test_a_result_without_an_id_answers_the_call_that_waits_for_it() -> None:
    assert [id for id, _ in results({"content": "1"}, {"content": "2"})] == ["a", "b"]
    assert [id for id, _ in results({"content": "2", "name": "sub"}, {"content": "1", "tool_call_id": ""})] == [
        "b",
        "a",
    ]
    for more in ({"name": "mul"}, {"content": "3"}):
        with pytest.raises(InvalidRequest, match="tool_call_id"):
            results({"content": "1"}, {"content": "2"}, more)


def test_a_results_name_is_luggage_only_where_it_is_not_that_of_the_call() -> None:
    assert results({"tool_call_id": "a", "name": "add", "content": "1"}) == [("a", {})]
    assert results({"tool_call_id": "a", "name": "odd", "content": "1"}) == [("a", {"openai_chat": {"name": "odd"}})]


def test_citations_go_back_where_the_client_sent_them_and_not_from_our_own_history() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    request = parse(
        messages=[{"role": "assistant", "content": "x", "annotations": [note]}, {"role": "user", "content": "y"}]
    )
    assert render(request)["messages"][0]["annotations"] == [note]
    ours = replace(request.messages[0], origin=Origin(provider="p", endpoint="openai_chat", model="m"))
    assert "annotations" not in render(replace(request, messages=(ours, *request.messages[1:])))["messages"][0]


def test_media_stays_in_the_result_where_the_host_takes_it_there() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    request = parse(
        messages=[
            {"role": "assistant", "tool_calls": CALLS[:1]},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "x"}, image]},
        ]
    )
    where = context(HostTraits(media_in_results=True))
    assert render(request, where)["messages"][1]["content"] == [{"type": "text", "text": "x"}, image]
    assert not where.losses

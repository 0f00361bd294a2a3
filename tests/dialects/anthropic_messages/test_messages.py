"""Turns: order, alternation, systems in the middle, continued answers."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.errors import InvalidRequest, Unsupported
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.parts import BlobPart, ServerToolCallPart, TextPart, ToolCallResponsePart, tool_call
from interlingua.types.traits import Traits
from tests.dialects.anthropic_messages.wire import ID, Rendered, parse, render

CALL = Message(role="assistant", parts=(tool_call("t1", "f", "{}"),))
RESULT = Message(role="tool", parts=(ToolCallResponsePart(id="t1", response=(TextPart(text="r"),)),))
PNG = BlobPart(modality="image", mime_type="image/png", content="AAAA")


def turns(rendered: Rendered) -> list[tuple[str, Any]]:
    return [
        (
            turn["role"],
            turn["content"]
            if isinstance(turn["content"], str)
            else [block.get("text", block["type"]) for block in turn["content"]],
        )
        for turn in rendered.body["messages"]
    ]


def test_results_become_a_tool_message_and_the_rest_of_the_turn_the_users() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "r"}], "is_error": True}
    messages = parse(
        messages=[
            {"role": "user", "content": [result]},
            {"role": "user", "content": [result | {"tool_use_id": "b"}, {"type": "text", "text": "go on"}]},
        ]
    ).messages
    assert [message.role for message in messages] == ["tool", "user"]
    assert [part.id for part in messages[0].parts if isinstance(part, ToolCallResponsePart)] == ["a", "b"]
    assert messages[1].text == "go on"


def test_results_come_first_in_the_turn_after_the_calls() -> None:
    rendered = render(user("q"), CALL, user("and hurry"), RESULT, RESULT)
    assert turns(rendered)[2] == ("user", ["tool_result", "tool_result", "and hurry"])


def test_turns_of_one_role_are_merged_and_empty_ones_left_out() -> None:
    rendered = render(user("a"), user("b"), assistant(""), user("c"), assistant("x"), assistant("y"), user("d"))
    assert turns(rendered) == [("user", ["a", "b", "c"]), ("assistant", ["x", "y"]), ("user", "d")]


def test_leading_systems_stand_apart_with_their_cache_marks() -> None:
    rendered = render(system("a"), Message(role="system", parts=(TextPart(text="b"), PNG)), user("x"), lenient=True)
    assert [block["text"] for block in rendered.body["system"]] == ["a", "b"]
    assert rendered.lost == ["messages[1].parts[1]"]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((user("a"), system("s")), [("user", "a"), ("system", "s")]),
        ((user("a"), system("s"), assistant("b"), user("c")), [("user", "a"), ("system", "s"), ("assistant", "b")]),
        ((user("a"), system("s"), system("t")), [("user", "a"), ("system", ["s", "t"])]),
        ((user("a"), system("s"), user("c")), [("user", ["a", "<system>s</system>", "c"])]),
        ((user("a"), assistant("b"), system("s")), [("user", "a"), ("assistant", "b"), ("user", "<system>s</system>")]),
    ],
)
def test_a_system_in_the_middle_stands_where_the_format_takes_it(
    messages: tuple[Message, ...], expected: list[tuple[str, Any]]
) -> None:
    assert turns(render(*messages, traits=Traits(system_anywhere=True)))[: len(expected)] == expected


@pytest.mark.parametrize("traits", [Traits(), Traits(system_anywhere=False)])
def test_a_system_in_the_middle_is_else_told_by_the_user(traits: Traits) -> None:
    rendered = render(user("q"), CALL, system("s"), RESULT, traits=traits)
    assert turns(rendered)[2] == ("user", ["tool_result", "<system>s</system>"])
    assert rendered.emulated == ["messages[2]"]


def test_the_first_turn_is_a_users() -> None:
    rendered = render(system("s"), assistant("hello"), user("x"))
    assert turns(rendered)[0] == ("user", ".") and rendered.emulated == ["messages"]
    assert turns(render(system("only"))) == [("user", ".")]


@pytest.mark.parametrize("messages", [(user(""),), (user("", TextPart(text="")), assistant(""))])
def test_saying_nothing_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        render(*messages)
    assert refused.value.path == "messages"


def test_an_answer_to_be_continued_loses_the_white_space_at_its_end() -> None:
    rendered = render(user("x"), assistant("The answer is \n"))
    assert turns(rendered)[-1] == ("assistant", "The answer is")
    assert rendered.emulated == ["messages[1]"]


def test_a_model_that_continues_no_answer_refuses_one() -> None:
    traits = Traits(prefill=False)
    with pytest.raises(Unsupported):
        render(user("x"), assistant("The"), traits=traits)
    rendered = render(user("x"), assistant("The"), traits=traits, lenient=True)
    assert turns(rendered) == [("user", "x")] and rendered.lost == ["messages[1]"]


def test_an_answer_that_paused_is_continued_by_every_model() -> None:
    raw = '{"type":"server_tool_use","id":"s","name":"web_search","input":{}}'
    paused = Message(
        role="assistant",
        parts=(TextPart(text="Searching "), ServerToolCallPart(id="s", name="web_search", dialect=ID, raw=raw)),
    )
    rendered = render(user("x"), paused, traits=Traits(prefill=False))
    assert turns(rendered)[-1] == ("assistant", ["Searching ", "server_tool_use"]) and rendered.lost == []


def test_media_of_an_assistant_turn_move_to_the_next_user_turn() -> None:
    rendered = render(user("draw"), Message(role="assistant", parts=(TextPart(text="here"), PNG)), user("bluer"))
    assert turns(rendered) == [("user", "draw"), ("assistant", "here"), ("user", ["image", "bluer"])]
    assert rendered.emulated == ["messages[1].parts[1]"]


def test_names_of_participants_and_luggage_of_others_are_lost_by_name() -> None:
    message = Message(role="user", parts=(TextPart(text="x", extra={"gemini": {"a": 1}}),), name="ann")
    assert render(message).lost == ["messages[0].name", "messages[0].parts[0].extra.gemini"]


def test_luggage_of_a_turn_is_put_back() -> None:
    body = [{"role": "user", "content": "x"}, {"role": "system", "content": "s", "clear_at": 3}]
    request = parse(messages=body)
    rendered = render(*request.messages, traits=Traits(system_anywhere=True))
    assert rendered.body["messages"] == body

from __future__ import annotations

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

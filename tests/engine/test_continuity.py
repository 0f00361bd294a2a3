"""What a target may see of a conversation."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlingua.engine.continuity import INTERRUPTED, tool_call_id, view
from interlingua.errors import InvalidRequest
from interlingua.types.messages import Message, assistant, user
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import (
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    tool_call,
)

CLAUDE = Origin(provider="anthropic", endpoint="anthropic_messages", model="claude-opus-5-5", credential="default")
OTHER_CLAUDE = replace(CLAUDE, model="claude-sonnet-5-5")
GPT = Origin(provider="openai", endpoint="openai_chat", model="gpt-6-sol", credential="default")
SIGNED = ReasoningPart(text="hm", opaque=(Opaque("anthropic_messages.signature", "SIG", CLAUDE),))


def answered(*parts: Part, origin: Origin | None = CLAUDE) -> Message:
    return Message(role="assistant", parts=parts, origin=origin)


def result(id: str, text: str = "ok") -> Message:
    return Message(role="tool", parts=(ToolCallResponsePart(id=id, response=(TextPart(text=text),)),))


def test_signed_reasoning_goes_back_unchanged_to_the_model_that_made_it() -> None:
    """Byte for byte: it is the very same object."""
    history = [user("a"), answered(SIGNED, TextPart(text="b")), user("c")]
    seen = view(history, CLAUDE)
    assert list(seen.messages) == history
    assert seen.messages[1] is history[1]
    assert seen.losses == ()


@pytest.mark.parametrize("target", [OTHER_CLAUDE, GPT])
def test_reasoning_of_another_model_is_left_out_and_noted(target: Origin) -> None:
    """A signature made by another model is refused by every provider."""
    seen = view([user("a"), answered(SIGNED, TextPart(text="b")), user("c")], target)
    assert seen.messages[1].parts == (TextPart(text="b"),)
    assert [loss.field for loss in seen.losses] == ["messages[1].parts[0]"]


def test_reasoning_of_another_model_can_be_told_as_text() -> None:
    """For who wants the next model to know."""
    seen = view([user("a"), answered(SIGNED, TextPart(text="b"))], GPT, reasoning="text")
    assert seen.messages[1].text == "<thinking>\nhm\n</thinking>\nb"
    assert seen.losses[0].action == "emulate"


def test_state_bound_to_another_account_is_left_out() -> None:
    """Encrypted reasoning is void for another account."""
    other = replace(CLAUDE, credential="team")
    seen = view([user("a"), answered(SIGNED, TextPart(text="b"))], other)
    assert seen.messages[1].parts == (TextPart(text="b"),)


def test_models_of_one_group_accept_each_others_state() -> None:
    """A row may say that models accept each other's reasoning."""
    groups = {("anthropic", "claude-opus-5-5"): "five"}
    history = [user("a"), answered(SIGNED, TextPart(text="b"))]
    assert view(history, OTHER_CLAUDE, portable="five", portable_of=groups).losses == ()


def test_a_thought_signature_on_a_tool_call_is_stripped_for_others_and_the_call_stays() -> None:
    """The call itself is no secret."""
    call = tool_call("c1", "f", "{}", opaque=(Opaque("gemini.thought_signature", "S", CLAUDE),))
    seen = view([user("a"), answered(call), result("c1")], GPT)
    assert seen.messages[1].parts == (tool_call("c1", "f", "{}"),)


def test_an_interrupted_call_is_closed() -> None:
    """Every provider refuses a call without a result."""
    history = [user("a"), answered(tool_call("c1", "f", "{}"), tool_call("c2", "g", "{}")), result("c1"), user("b")]
    seen = view(history, GPT)
    results = [part for part in seen.messages[2].parts if isinstance(part, ToolCallResponsePart)]
    assert [(part.id, part.is_error) for part in results] == [("c1", False), ("c2", True)]
    assert results[1].text == INTERRUPTED
    assert seen.messages[3] == user("b")
    assert any("never answered" in loss.reason for loss in seen.losses)


def test_results_are_put_directly_after_their_calls() -> None:
    """What the user said in between comes after them."""
    history = [user("a"), answered(tool_call("c1", "f", "{}")), user("wait"), result("c1"), user("b")]
    seen = view(history, GPT)
    assert [m.role for m in seen.messages] == ["user", "assistant", "tool", "user", "user"]


def test_a_result_without_a_call_is_refused_by_name() -> None:
    """It would be a 400 that names nothing."""
    with pytest.raises(InvalidRequest, match="c9"):
        view([user("a"), result("c9")], GPT)


def test_ids_are_changed_alike_in_call_and_result() -> None:
    """Otherwise they would not pair."""
    long = "call_" + "x" * 60
    seen = view([user("a"), answered(tool_call(long, "f", "{}")), result(long)], GPT, tool_call_ids="ascii40")
    call, response = seen.messages[1].parts[0], seen.messages[2].parts[0]
    assert call.id == response.id != long  # type: ignore[union-attr]  # both are tool parts


RULES = {"ascii40": r"[!-~]{1,40}", "word": r"[a-zA-Z0-9_-]+", "alnum9": r"[a-zA-Z0-9]{9}"}


@given(id=st.text(min_size=1, max_size=80), rule=st.sampled_from(sorted(RULES)))
def test_every_id_becomes_one_that_the_target_takes_and_does_so_every_time(id: str, rule: str) -> None:
    """Replays must hit the provider's cache."""
    made = tool_call_id(id, rule)  # type: ignore[arg-type]  # sampled from the rules
    assert re.fullmatch(RULES[rule], made)
    assert made == tool_call_id(made, rule) == tool_call_id(id, rule)  # type: ignore[arg-type]  # as above


@given(st.lists(st.sampled_from(["text", "reasoning", "call"]), max_size=6), st.integers(1, 4))
def test_the_view_of_a_longer_conversation_begins_with_the_view_of_a_shorter_one(kinds: list[str], cut: int) -> None:
    """Append-only: prompt caches and prefix-bound state depend on it."""
    history: list[Message] = [user("start")]
    for i, kind in enumerate(kinds):
        if kind == "call":
            history += [answered(SIGNED, tool_call(f"c{i}", "f", "{}")), result(f"c{i}")]
        else:
            history += [answered(SIGNED, TextPart(text="b")) if kind == "reasoning" else assistant("t"), user(f"u{i}")]
    whole = view(history, GPT).messages
    shorter = history[:-cut] if history[:-cut] and history[-cut].role != "tool" else history
    assert whole[: len(view(shorter, GPT).messages)] == view(shorter, GPT).messages


def test_calls_of_one_id_are_told_apart_with_their_results_in_order() -> None:
    """Hosts that give every call of a turn the same id would else end the conversation."""
    history = [user("a"), answered(tool_call("c", "f", "{}"), tool_call("c", "g", "{}")), result("c"), result("c")]
    seen = view(history, GPT, tool_call_ids="alnum9")
    calls = [part.id for part in seen.messages[1].parts if isinstance(part, ToolCallPart)]
    results = [part for part in seen.messages[2].parts if isinstance(part, ToolCallResponsePart)]
    assert len(set(calls)) == 2
    assert [part.id for part in results] == calls
    assert not any(part.is_error for part in results)
    assert view(history, GPT, tool_call_ids="alnum9") == seen
    with pytest.raises(InvalidRequest, match="answers no call before it"):
        view([*history, result("c")], GPT)

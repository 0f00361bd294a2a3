"""State that a client cannot carry is remembered, and put back where it stood."""

from __future__ import annotations

from msgspec.structs import replace

from interlingua.engine.continuity import view
from interlingua.engine.recall import attach, keys, remember
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallResponsePart, tool_call

GEMINI = Origin(provider="google", endpoint="gemini", model="gemini-3.8-flash", credential="default")
SIGNED = Opaque("gemini.thought_signature", "c2ln", GEMINI)
THOUGHT = ReasoningPart(text="hm", summary=True)
CALL = tool_call("call_1", "lookup", '{"city": "Oslo"}', opaque=(SIGNED,))
ANSWER = Message(role="assistant", origin=GEMINI, parts=(THOUGHT, TextPart(text="Let me look."), CALL))
RESULT = Message(role="tool", parts=(ToolCallResponsePart(id="call_1", response=(TextPart(text="rain"),)),))


def echoed(message: Message) -> Message:
    """What an OpenAI client sends back: no reasoning, no state, no origin."""
    parts = tuple(replace(part, opaque=()) for part in message.parts if not isinstance(part, ReasoningPart))
    return replace(message, origin=None, parts=parts)


def test_a_turn_is_known_again_by_the_id_of_its_tool_call() -> None:
    """The signature is back on the call that it came on."""
    history = [user("Weather?"), echoed(ANSWER), RESULT]
    assert attach(history, remember(ANSWER)) == (history[0], ANSWER, RESULT)


def test_a_turn_without_calls_is_known_again_by_its_text() -> None:
    """White space at its ends makes no difference."""
    answer = Message(role="assistant", origin=GEMINI, parts=(THOUGHT, TextPart(text="It rains.", opaque=(SIGNED,))))
    client = Message(role="assistant", parts=(TextPart(text="It rains.\n"),))
    (found,) = attach([client], remember(answer))
    assert found.origin == GEMINI
    assert found.parts == (THOUGHT, TextPart(text="It rains.\n", opaque=(SIGNED,)))


def test_a_string_that_passed_through_untouched_gets_its_maker_back() -> None:
    """The verbatim lane: the client carries it, we only know who made it."""
    part = ReasoningPart(text="hm", opaque=(Opaque("anthropic_messages.signature", "S", GEMINI),))
    answer = Message(role="assistant", origin=GEMINI, parts=(part, TextPart(text="a")))
    unknown = replace(part, opaque=(Opaque("anthropic_messages.signature", "S"),))
    client = Message(role="assistant", parts=(unknown, TextPart(text="a")))
    (found,) = attach([client], remember(answer))
    assert found.parts[0] == part
    assert found.origin == GEMINI


def test_a_signature_that_comes_back_in_the_other_base64_alphabet_is_known_again() -> None:
    """Google's own client writes it so."""
    sent = replace(THOUGHT, opaque=(Opaque("gemini.thought_signature", "a+/b+w==", GEMINI),))
    back = replace(THOUGHT, opaque=(Opaque("gemini.thought_signature", "a-_b-w=="),))
    answer = Message(role="assistant", origin=GEMINI, parts=(sent, TextPart(text="a")))
    (found,) = attach([Message(role="assistant", parts=(back, TextPart(text="a")))], remember(answer))
    assert found.origin == GEMINI
    assert found.parts[0].opaque == (Opaque("gemini.thought_signature", "a-_b-w==", GEMINI),)


def test_what_is_not_remembered_stays_as_it_is() -> None:
    """And keeps its unknown origin."""
    other = Message(role="assistant", parts=(TextPart(text="something else"),))
    assert attach([other], remember(ANSWER)) == (other,)


def test_turns_that_carry_their_state_are_not_looked_up() -> None:
    """A library's own history knows better."""
    assert keys([user("x"), ANSWER]) == []
    assert "call:call_1" in keys([echoed(ANSWER)])


def test_answers_without_state_leave_no_trace() -> None:
    """Memory is for what cannot be had otherwise."""
    assert remember(Message(role="assistant", origin=GEMINI, parts=(TextPart(text="a"),))) == {}
    assert remember(replace(ANSWER, origin=None)) == {}


def test_after_recall_continuity_sends_the_state_to_its_maker_and_to_nobody_else() -> None:
    """The two work together."""
    history = attach([user("Weather?"), echoed(ANSWER), RESULT], remember(ANSWER))
    assert view(history, GEMINI).messages[1].parts[-1].opaque == (SIGNED,)
    other = replace(GEMINI, model="gemini-3.1-pro-preview")
    assert all(not part.opaque for part in view(history, other).messages[1].parts)

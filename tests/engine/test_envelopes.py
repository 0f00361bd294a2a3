"""State in a client's hands."""

from __future__ import annotations

import base64

import pytest
from msgspec.structs import replace

from interlingua.engine.envelopes import CARRIERS, Envelopes
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import ReasoningPart, TextPart, tool_call
from interlingua.types.response import ChatResponse, Choice, FinishReason

KEY = b"a key of at least 16 bytes"
CLAUDE = Origin(provider="anthropic", endpoint="anthropic_messages", model="claude-opus-5-5", credential="default")
STATE = (Opaque("anthropic_messages.signature", "SIG==", CLAUDE), Opaque("x.y", "é\x00", CLAUDE))
ANSWER = Message(
    role="assistant",
    origin=CLAUDE,
    parts=(ReasoningPart(text="hm", opaque=STATE), TextPart(text="a"), tool_call("c", "f")),
)


def returned(message: Message) -> Message:
    """What a client sends back of it: the strings, not who made them."""
    parts = [replace(p, opaque=tuple(replace(one, origin=None) for one in p.opaque)) for p in message.parts]
    return replace(message, origin=None, parts=tuple(parts))


@pytest.mark.parametrize("dialect", sorted(CARRIERS))
def test_state_comes_back_as_it_went_out(dialect: str) -> None:
    """Byte for byte, with its origin."""
    sealed = Envelopes(dialect, KEY, "t").wrap(ANSWER)
    assert [one.kind for one in sealed.parts[0].opaque] == [CARRIERS[dialect].kind]
    assert "SIG" not in sealed.parts[0].opaque[0].data
    (found,) = Envelopes(dialect, KEY, "t").unwrap([returned(sealed)])
    assert found == ANSWER


@pytest.mark.parametrize("dialect", sorted(CARRIERS))
def test_streamed_state_goes_out_as_in_a_whole_answer(dialect: str) -> None:
    """Sealed when its part ends."""
    response = ChatResponse(id="1", model="m", choices=(Choice(message=ANSWER, finish=FinishReason("stop", "stop")),))
    envelopes = Envelopes(dialect, KEY, "t")
    streamed = accumulate([out for event in unfold(response) for out in envelopes.wrap_event(event)])
    assert streamed.message == Envelopes(dialect, KEY, "t").wrap(ANSWER)


@pytest.mark.parametrize("dialect", ["openai_chat", "ollama"])
def test_a_dialect_without_a_field_carries_nothing(dialect: str) -> None:
    """Recall does it there."""
    assert all(not part.opaque for part in Envelopes(dialect, KEY, "t").wrap(ANSWER).parts)


def test_gemini_clients_get_base64() -> None:
    """Their format allows nothing else."""
    (one,) = Envelopes("gemini", KEY, "t").wrap(ANSWER).parts[0].opaque
    assert base64.b64decode(one.data, validate=True).startswith(b"il1.")


def test_another_tenants_envelope_stays_closed() -> None:
    """And is of unknown origin."""
    sealed = returned(Envelopes("gemini", KEY, "t").wrap(ANSWER))
    (found,) = Envelopes("gemini", KEY, "u").unwrap([sealed])
    assert found == sealed


def test_a_providers_own_signature_passes_as_it_is() -> None:
    """It is not ours to read."""
    message = Message(
        role="assistant",
        parts=(ReasoningPart(text="hm", opaque=(Opaque("anthropic_messages.signature", "EqQB"),)),),
    )
    assert Envelopes("anthropic_messages", KEY, "t").unwrap([message]) == (message,)

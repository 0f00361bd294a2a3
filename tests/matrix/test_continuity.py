"""One conversation across every ordered pair of dialects (contracts §2): the five columns and what goes with them.

Turns go through the whole engine to scripted hosts; what is asserted is the bytes that the hosts would get.
"""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from interlingua.dialects.gemini.schema import DUMMY_SIGNATURE
from interlingua.dialects.registry import DIALECTS
from interlingua.engine.continuity import INTERRUPTED
from interlingua.errors import InterlinguaError
from interlingua.transport.scripted import Script
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallResponsePart, tool_call
from tests.contract.requests import PIXEL, PNG
from tests.matrix.conversations import (
    SPEAKERS,
    Speaker,
    begins_with,
    calls,
    chat_with,
    paired,
    read_as,
    says,
    tool_parts,
)

PAIRS = [(source, target) for source in DIALECTS for target in DIALECTS]
each_pair = pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: name)
each_dialect = pytest.mark.parametrize("name", DIALECTS)


def other_end(source: str, target: str) -> tuple[Speaker, Speaker, str]:
    """Who speaks first, who speaks then, and the model that the latter is."""
    first, second = SPEAKERS[source], SPEAKERS[target]
    return first, second, second.model if source != target else second.sibling


def traces(body: bytes, mark: str) -> list[str]:
    """The reasoning state and thinking of one turn that stand in a request."""
    return re.findall(rf"(?:state|thought) {mark}\b", body.decode())


# Columns 1 and 2: state goes to nobody else, neither to another dialect nor to another model of the same host.


@each_pair
async def test_state_and_thinking_go_to_no_other_model(source: str, target: str) -> None:
    """What the other gets of the turn is what was said, called and answered."""
    first, second, model = other_end(source, target)
    chat, transport = chat_with(calls(source, "A1"), says(source, "A2"), says(target, "B1"), model=first.model)
    await chat.ask("Look it up.")
    chat.use(model)
    await chat.ask("And now?")
    body = transport.requests[-1].body
    assert traces(body, "A1") == traces(body, "A2") == []
    assert "I look A1." in body.decode()
    assert "It is so A2." in body.decode()
    heard = read_as(body, second)
    assert [part.id for part in tool_parts(heard)] != []
    assert paired(heard, second)
    assert not [opaque for message in heard.messages for part in message.parts for opaque in part.opaque]


# Column 3: back at the model that made it, the state is there again, and nothing before it has changed by a byte.


@each_pair
async def test_back_at_the_first_model_its_turns_are_the_same_bytes(source: str, target: str) -> None:
    """Prefix-bound thinking stays valid and prompt caches hit: requests only ever grow at their end."""
    first, _, model = other_end(source, target)
    scripts = [calls(source, "A1"), says(source, "A2"), calls(target, "B1"), says(target, "B2"), says(source, "A3")]
    chat, transport = chat_with(*scripts, says(source, "A4"), model=first.model, system="Be brief.")
    await chat.ask("Look it up.")
    chat.use(model)
    await chat.ask("And you?")
    chat.use(first.model)
    await chat.ask("Once more.")
    await chat.ask("And again.")
    own = [request.body for request in (transport.requests[i] for i in (0, 1, 4, 5))]
    for shorter, longer in pairwise(own):
        assert begins_with(longer, shorter, first)
    last = own[-1]
    assert traces(last, "B1") == traces(last, "B2") == []
    for mark in ("A1", "A2", "A3"):
        assert len(traces(last, mark)) > 0, mark
        assert traces(last, mark) == traces(own[3], mark)
    assert {"state A1"} <= set(traces(own[1], "A1")) or source == "ollama"


@pytest.mark.parametrize("target", [name for name in DIALECTS if name != "openai_chat"])
async def test_plain_reasoning_text_goes_back_to_its_model_alone(target: str) -> None:
    """`reasoning_content`, which some hosts demand back, has no signature that would protect it."""
    chat, transport = chat_with(
        calls("openai_chat", "A1"),
        says("openai_chat", "A2"),
        says(target, "B1"),
        says("openai_chat", "A3"),
        model="deepseek/deepseek-v4-pro",
    )
    await chat.ask("Look it up.")
    chat.use(SPEAKERS[target].model)
    await chat.ask("And you?")
    chat.use("deepseek/deepseek-v4-pro")
    await chat.ask("Once more.")
    _, second, other, last = (request.body for request in transport.requests)
    assert b'"reasoning_content":"thought A1"' in second
    assert traces(other, "A1") == []
    assert b'"reasoning_content":"thought A1"' in last
    assert begins_with(last, second, SPEAKERS["openai_chat"])
    assert traces(last, "B1") == []


# Columns 4 to 6: orphans are closed, ids fit, empty arguments are objects.


@each_pair
async def test_a_call_that_never_got_its_result_is_closed(source: str, target: str) -> None:
    """The user interrupted one of two parallel calls; ids are of another alphabet, one has no arguments."""
    first, second, model = other_end(source, target)
    ids = ("call_" + "x" * 60, "call_b|fc_9 é")
    history = [
        user("Look both up."),
        Message(
            role="assistant",
            parts=(tool_call(ids[0], "look_up", '{"what":"x"}'), tool_call(ids[1], "look_up", "")),
            origin=Origin(provider=first.model.partition("/")[0], endpoint=source, model="somebody"),
        ),
        Message(role="tool", parts=(ToolCallResponsePart(id=ids[0], response=(TextPart(text="all about x"),)),)),
    ]
    chat, transport = chat_with(says(target, "B1"), model=model, messages=history)
    await chat.ask("Go on.")
    body = transport.requests[0].body
    heard = read_as(body, second)
    assert paired(heard, second)
    assert body.decode().count(INTERRUPTED) == 1
    found = [part for part in tool_parts(heard) if not isinstance(part, ToolCallResponsePart)]
    assert [call.arguments for call in found] == [{"what": "x"}, {}]
    assert body.decode().index(INTERRUPTED) < body.decode().index("Go on.")


@each_dialect
async def test_a_result_without_a_call_is_refused_by_name(name: str) -> None:
    """Before anything is sent."""
    orphan = Message(role="tool", parts=(ToolCallResponsePart(id="call_9", response=(TextPart(text="?"),)),))
    chat, transport = chat_with(model=SPEAKERS[name].model, messages=[user("Hi."), orphan])
    with pytest.raises(InterlinguaError, match="call_9"):
        await chat.ask("Go on.")
    assert transport.requests == []


@each_pair
async def test_two_renderings_of_a_conversation_are_the_same_bytes(source: str, target: str) -> None:
    """Ids that are made up are made up alike, in another process too: nothing is drawn at random."""
    first, _, model = other_end(source, target)

    async def bodies() -> list[bytes]:
        chat, transport = chat_with(
            calls(source, "A1"), says(source, "A2"), calls(target, "B1"), says(target, "B2"), model=first.model
        )
        await chat.ask("Look it up.")
        chat.use(model)
        await chat.ask("And you?")
        return [request.body for request in transport.requests]

    assert await bodies() == await bodies()


# Interrupted and resumed tool loops.


@each_pair
async def test_another_model_takes_up_a_tool_loop_that_broke_off(source: str, target: str) -> None:
    """The tool has run when the first model's host fails; the second gets call and result and answers."""
    first, second, model = other_end(source, target)
    down = Script.json({"error": {"message": "down", "type": "server_error"}}, status=500)
    chat, transport = chat_with(calls(source, "A1"), down, says(target, "B1"), model=first.model)
    with pytest.raises(InterlinguaError):
        await chat.ask("Look it up.")
    chat.use(model)
    assert (await chat.ask()).text == "It is so B1."
    body = transport.requests[-1].body
    assert traces(body, "A1") == []
    heard = read_as(body, second)
    assert paired(heard, second)
    assert "all about x" in body.decode()


@pytest.mark.parametrize("source", [name for name in DIALECTS if name != "gemini"])
async def test_gemini_takes_up_a_call_that_it_did_not_sign(source: str) -> None:
    """With the documented stand-in on the first call of the turn, and no other state in its place."""
    down = Script.json({"error": {"message": "down", "type": "server_error"}}, status=500)
    chat, transport = chat_with(calls(source, "A1"), down, says("gemini", "B1"), model=SPEAKERS[source].model)
    with pytest.raises(InterlinguaError):
        await chat.ask("Look it up.")
    chat.use(SPEAKERS["gemini"].model)
    await chat.ask()
    assert transport.requests[-1].body.decode().count(DUMMY_SIGNATURE) == 1


async def test_gemini_gets_its_own_signature_back_on_the_call_and_no_stand_in() -> None:
    """Where it signed the call itself."""
    chat, transport = chat_with(calls("gemini", "A1"), says("gemini", "A2"), model=SPEAKERS["gemini"].model)
    await chat.ask("Look it up.")
    body = transport.requests[1].body
    assert traces(body, "A1").count("state A1") == 1
    assert DUMMY_SIGNATURE not in body.decode()


# State that is bound to an account.


@each_dialect
@pytest.mark.parametrize(("account", "kept"), [("default", True), ("another-team", False)])
async def test_state_goes_back_only_through_the_account_that_got_it(name: str, account: str, kept: bool) -> None:
    """OpenAI's encrypted reasoning is void for another organisation; so we treat everybody's."""
    speaker = SPEAKERS[name]
    provider, _, model = speaker.model.partition("/")
    origin = Origin(provider=provider, endpoint=name, model=model, credential=account)
    kinds = {
        "openai_chat": "reasoning_details",
        "openai_responses": "encrypted_content",
        "anthropic_messages": "signature",
        "gemini": "thought_signature",
        "ollama": "",
    }
    data = '[{"type":"reasoning.encrypted","data":"state A1"}]' if name == "openai_chat" else "state A1"
    opaque = (Opaque(f"{name}.{kinds[name]}", data, origin),) if kinds[name] else ()
    thought = ReasoningPart(text="state A1" if name == "ollama" else "hm", summary=True, opaque=opaque)
    history = [user("Hi."), Message(role="assistant", parts=(thought, TextPart(text="Yes.")), origin=origin)]
    chat, transport = chat_with(says(name, "B1"), model=speaker.model, messages=history)
    await chat.ask("Go on.")
    assert (b"state A1" in transport.requests[0].body) is kept


# Media in tool results.


@each_dialect
async def test_an_image_in_a_tool_result_reaches_every_dialect(name: str) -> None:
    """Where it may not stand in the result, it follows it; all results still stand directly behind their calls."""
    speaker = SPEAKERS[name]
    history = [
        user("Show me both."),
        Message(
            role="assistant",
            parts=(tool_call("call_1", "look_up", '{"what":"a"}'), tool_call("call_2", "look_up", '{"what":"b"}')),
        ),
        Message(
            role="tool",
            parts=(
                ToolCallResponsePart(id="call_1", response=(TextPart(text="here"), PNG)),
                ToolCallResponsePart(id="call_2", response=(TextPart(text="none"),)),
            ),
        ),
    ]
    chat, transport = chat_with(says(name, "B1"), model=speaker.model, messages=history)
    await chat.ask("What is on it?")
    body = transport.requests[0].body
    assert body.decode().count(PIXEL) == 1
    heard = read_as(body, speaker)
    assert paired(heard, speaker)
    roles = [message.role for message in heard.messages]
    assert roles[roles.index("assistant") + 1] == "tool"

"""The complaints about other gateways that concern translation, each as a test under its number (1-5 and 18)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.accumulate import unfold
from interlingua.types.events import Event
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallPart
from interlingua.types.usage import Usage
from interlingua.wire.sse import render_sse
from tests.contract.difference import untold
from tests.contract.measure import (
    answer_of,
    level_request,
    parsed_stream,
    rendered_stream,
    request_through,
    response_through,
    stream_through,
    surroundings,
)
from tests.contract.requests import REQUESTS, asks
from tests.contract.responses import RESPONSES, answers
from tests.matrix.conversations import SPEAKERS, calls, chat_with, says, state
from tests.matrix.grammar import GRAMMARS

each_dialect = pytest.mark.parametrize("name", DIALECTS)
BUSY = answers(
    ReasoningPart(text="Grübel …"),
    TextPart(text="Grüße 👩‍👩‍👧\r\n\u2028!"),
    *(part for part in RESPONSES["calls_parallel"].message.parts),
    kind="tool_call",
    usage=Usage(input_tokens=30, output_tokens=12, cache_read=8, reasoning=5),
)


@each_dialect
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_seed_1_any_rechunking_gives_the_same_events(name: str, data: st.DataObject) -> None:
    """Byte by byte, inside a character, between CR and LF."""
    wire, _ = rendered_stream(unfold(BUSY), name)
    if name != "ollama" and data.draw(st.booleans(), label="CRLF"):
        wire = wire.replace(b"\n", b"\r\n")
    whole = parsed_stream(wire, name)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12), label="cuts"))
    assert _meant(parsed_stream(wire, name, cuts)) == _meant(whole)
    assert _meant(parsed_stream(wire, name, range(1, len(wire)))) == _meant(whole)


def _meant(events: list[Event]) -> bytes:
    return msgspec.json.encode(events)


def _chunk(**delta: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return render_sse(msgspec.json.encode({"id": "1", "model": "m", "choices": [choice]}).decode())


def _call(index: int | None, arguments: str = "", id: str | None = None, name: str | None = None) -> dict[str, object]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return ({} if index is None else {"index": index}) | ({"id": id} if id else {}) | {"function": function}


_END = render_sse('{"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}')
ODD_CALLS = {
    "interleaved": [
        [_call(0, "", "a", "f"), _call(1, "", "b", "g")],
        [_call(0, '{"x"')],
        [_call(1, '{"y"')],
        [_call(0, ":1}")],
        [_call(1, ":2}")],
    ],
    "empty list first": [[], [_call(0, '{"x":1}', "a", "f")], [], [_call(1, '{"y":2}', "b", "g")]],
    "in one piece": [[_call(0, '{"x":1}', "a", "f"), _call(1, '{"y":2}', "b", "g")]],
    "no index": [[_call(None, '{"x":1}', "a", "f")], [_call(None, '{"y":2}', "b", "g")]],
    "the same index twice": [[_call(0, '{"x":1}', "a", "f")], [_call(0, '{"y":2}', "b", "g")]],
}


@each_dialect
@pytest.mark.parametrize("shape", ODD_CALLS)
def test_seed_2_odd_parallel_calls_become_one_well_formed_block_each(shape: str, name: str) -> None:
    """However the host tells them."""
    wire = b"".join([_chunk(role="assistant"), *(_chunk(tool_calls=each) for each in ODD_CALLS[shape]), _END])
    passed_on, _ = rendered_stream(parsed_stream(wire, "openai_chat"), name)
    GRAMMARS[name](passed_on)
    heard = answer_of(parsed_stream(passed_on, name))
    found = [part for part in heard.message.parts if isinstance(part, ToolCallPart)]
    assert [(call.name, call.arguments) for call in found] == [("f", {"x": 1}), ("g", {"y": 2})]
    assert len({call.id for call in found}) == 2


@each_dialect
def test_seed_2_a_call_without_arguments_is_an_empty_object(name: str) -> None:
    """Not a missing block, not an empty string."""
    wire = b"".join([_chunk(tool_calls=[_call(0, "", "a", "f")]), _END])
    passed_on, _ = rendered_stream(parsed_stream(wire, "openai_chat"), name)
    GRAMMARS[name](passed_on)
    (call,) = answer_of(parsed_stream(passed_on, name)).message.parts
    assert isinstance(call, ToolCallPart)
    assert (call.raw, call.arguments) == ("{}", {})


@each_dialect
def test_seed_2_an_empty_list_of_calls_does_not_swallow_the_text(name: str) -> None:
    """Some hosts send `tool_calls: []` with every piece of text."""
    wire = b"".join([_chunk(content="He", tool_calls=[]), _chunk(content="llo", tool_calls=[]), _END])
    passed_on, _ = rendered_stream(parsed_stream(wire.replace(b'tool_calls"}', b'stop"}'), "openai_chat"), name)
    heard = answer_of(parsed_stream(passed_on, name))
    assert heard.message.parts == (heard.message.parts[0],)
    assert heard.text == "Hello"
    assert heard.finish.kind == "stop"


@each_dialect
def test_seed_3_blocks_never_overlap_and_the_prompts_tokens_arrive(name: str) -> None:
    """From a host of each dialect to an Anthropic client."""
    wire, _ = rendered_stream(parsed_stream(rendered_stream(unfold(BUSY), name)[0], name), "anthropic_messages")
    GRAMMARS["anthropic_messages"](wire)
    heard = answer_of(parsed_stream(wire, "anthropic_messages"))
    assert heard.finish.raw == "tool_use"
    assert heard.usage is not None
    assert heard.usage.input_tokens == 30


@each_dialect
@pytest.mark.parametrize("streamed", [False, True])
def test_seed_4_usage_is_there_exactly_once(streamed: bool, name: str) -> None:
    """As many tokens as the provider said, streamed or not."""
    heard, _ = (stream_through if streamed else response_through)(BUSY, name)
    assert heard.usage is not None
    assert (heard.usage.input_tokens, heard.usage.output_tokens) == (30, 12)
    if name != "ollama":
        assert (heard.usage.cache_read, heard.usage.reasoning) == (8, 5)


@each_dialect
async def test_seed_5_state_survives_two_turns_and_reaches_nobody_else(name: str) -> None:
    """Byte for byte to its maker; a documented drop to another model."""
    speaker = SPEAKERS[name]
    chat, transport = chat_with(calls(name, "A1"), says(name, "A2"), says(name, "B1"), model=speaker.model)
    await chat.ask("Look it up.")
    texts = [one.data for one in state(name, "A1")]
    sent = transport.requests[1].body.decode()
    for text in texts:
        stripped = text.strip("[{}]")
        assert stripped in sent or msgspec.json.encode(text).decode() in sent
    chat.use(speaker.sibling)
    reply = await chat.ask("And you?")
    assert "state A1" not in transport.requests[2].body.decode()
    assert [loss.action for loss in reply.losses if "of another model" in loss.reason] != []


SETTINGS = {
    "temperature": 0.0,
    "top_p": 0.0,
    "top_k": 0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "seed": 0,
    "stop": ("END",),
    "n": 2,
    "logit_bias": {"1": 0.0},
    "logprobs": False,
    "top_logprobs": 0,
    "parallel_tool_calls": False,
    "metadata": {"a": "b"},
    "end_user": "u",
    "cache_key": "k",
    "service_tier": "flex",
    "verbosity": "low",
    "store": True,
}


NO_OP = {"openai_responses": {"logprobs"}, "anthropic_messages": {"logprobs"}}
"""Settings of the above whose value is what the dialect means by saying nothing."""


@each_dialect
@settings(max_examples=60, deadline=None)
@given(names=st.sets(st.sampled_from(sorted(SETTINGS))))
def test_seed_18_no_setting_is_dropped_silently_and_zero_is_a_value(name: str, names: set[str]) -> None:
    """Whatever is asked for together reaches the wire or is a Loss."""
    request = asks(**{field: SETTINGS[field] for field in names}, tools=REQUESTS["tool"].tools)
    heard, losses = request_through(request, name)
    missing = untold(level_request(request), level_request(heard), (loss.field for loss in losses))
    gone = {path.partition(".")[0].partition("[")[0] for path in missing} & names
    assert gone <= NO_OP.get(name, set())


@each_dialect
def test_seed_18_a_field_that_we_do_not_know_comes_back_on_its_own_dialect(name: str) -> None:
    """A new parameter of the provider must not wait for our release; elsewhere it is a Loss."""
    news = {"depth": 0, "on": False}
    for case in REQUESTS:
        wire = dialect(name).render_request(REQUESTS[case], surroundings(name))
        body = msgspec.json.decode(wire.body) | {"brandNew": news}
        request = dialect(name).parse_request(
            WireRequest(path=wire.path, body=msgspec.json.encode(body)), TranslationContext(dialect=name)
        )
        again = msgspec.json.decode(dialect(name).render_request(request, surroundings(name)).body)
        assert again["brandNew"] == news, case
        for other in DIALECTS:
            context = surroundings(other)
            dialect(other).render_request(request, context)
            assert any(loss.field == f"extra.{name}" for loss in context.losses) == (other != name), (case, other)

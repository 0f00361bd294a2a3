"""What is plain is read and written a quick way; it must lead where the careful one leads, whatever comes."""

from __future__ import annotations

import random
import re
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.errors import InterlinguaError
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.messages import (
    Message,
    assistant,
    plain_calls,
    plain_result,
    plain_results,
    plain_text,
    system,
    user,
)
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import CacheHint, TextPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import FunctionTool, ToolChoice
from interlingua.types.traits import HostTraits, Traits
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields
from tests.fuzz import samples
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import told
from tests.strategies import json_objects, json_texts, messages, texts

PATHS = {name: dialect(name).CHAT_PATHS[0].replace("{model}", "m") for name in DIALECTS}
QUICK: dict[str, Any] = {
    "read_plain": lambda decoder, raw: None,
    "plain_text": lambda message: "",
    "plain_calls": lambda message: None,
    "plain_results": lambda message: [],
    "plain_result": lambda part: "",
}
"""What the quick ways ask, with the answer that says: not plain."""
SEEDS = st.integers(0, 2**32)
MEMBER = re.compile(rb'("\w+":)("[^"]*"|[\d.]+|true|false|null)')
ODD_VALUES = (
    *(
        b"null",
        b"true",
        b'""',
        b'"x"',
        b'"assistant"',
        b'"tool"',
        b"{}",
        b"[]",
        b'[""]',
        b'{"a":1}',
        b"0",
        b"-0",
        b"-1",
    ),
    *(
        b"3.0",
        b"0.5",
        b"1e2",
        b"1e400",
        b"9007199254740993",
        b"18446744073709551616",
        b"1" * 400,
        b"12345678901234567890.5",
    ),
)
ODD_BYTES = (b"\xff", b" ", b"\n", b"\\", b"\\ud800", b"\\u0000", b'"', b",", b"}", b"\xc3\xbc")

_ids = st.sampled_from(["call_1", "call_2", "toolu_3", "fc_4", ""])
_calls = st.builds(tool_call, id=_ids, name=st.sampled_from(["lookup", "shell"]), raw=json_texts | texts)
_results = st.builds(
    ToolCallResponsePart,
    id=_ids,
    name=st.none() | st.just("lookup"),
    response=st.lists(st.builds(TextPart, text=texts | json_texts), max_size=2).map(tuple),
    is_error=st.booleans(),
)
_turns = st.one_of(
    *(texts.map(make) for make in (system, user, assistant)),
    st.builds(assistant, texts, _calls),
    st.lists(_calls, max_size=2).map(lambda calls: Message(role="assistant", parts=tuple(calls))),
    st.lists(_results, max_size=2).map(lambda results: Message(role="tool", parts=tuple(results))),
)
conversations = st.lists(_turns | messages, max_size=5).map(tuple)


def plain_request(text: str = "Hi") -> ChatRequest:
    """A request of nothing but what is plain in every dialect."""
    call = tool_call("call_1", "lookup", '{"city": "Oslo", "at": [1, 2.5, null]}')
    result = ToolCallResponsePart(id="call_1", name="lookup", response=(TextPart(text="rain"),))
    return ChatRequest(
        model="m",
        max_output_tokens=9,
        temperature=0.5,
        tools=(FunctionTool(name="lookup", description="d", parameters={"type": "object"}),),
        messages=(
            system("Be brief."),
            user(text),
            assistant("I look.", call),
            Message(role="tool", parts=(result,)),
            assistant("Rain."),
            user("And?"),
        ),
    )


def plain_response(*parts: Any) -> ChatResponse:
    """An answer of nothing but what is plain in every dialect."""
    message = Message(role="assistant", parts=parts or (TextPart(text="Rain."),))
    finish = FinishReason("tool_call" if parts else "stop", "stop")
    usage = Usage(input_tokens=30, output_tokens=12)
    return ChatResponse(id="r1", model="m", created=1, usage=usage, choices=(Choice(message=message, finish=finish),))


@cache
def bodies(name: str) -> tuple[bytes, ...]:
    """Bodies to begin with: plain ones first, then those with everything in them."""
    speaker, context = dialect(name), samples.lenient
    requests = (plain_request(), plain_request("ü"), ChatRequest(model="m", messages=(user("Hi"),), stream=True))
    answers = (plain_response(), plain_response(tool_call("call_1", "lookup", '{"a": 1}')))
    return (
        *(speaker.render_request(request, context(name)).body for request in requests),
        *(speaker.render_response(response, context(name)).body for response in answers),
        *samples.bodies(name),
    )


def mutated(name: str, place: int, seed: int) -> bytes:
    """A body of a dialect, three in four changed somewhere; plain ones come as often as all others."""
    rng, seeds = random.Random(seed), bodies(name)
    data = seeds[place % (5 if place % 2 else len(seeds))]
    return mutate(data, rng, seeds, samples.words(f"dialects/{name}")) if seed % 4 else data


@cache
def asked(name: str) -> list[tuple[Any, str]]:
    """Where a dialect asks whether something is plain: modules, and the names there."""
    rooms = [module for key, module in sys.modules.items() if key.startswith(f"interlingua.dialects.{name}.")]
    found = [(room, word) for room in rooms for word in QUICK if hasattr(room, word)]
    assert {word for _, word in found} >= {"read_plain", "plain_text", "plain_calls"}
    return found


def carefully(patch: pytest.MonkeyPatch, name: str) -> None:
    """Takes the quick ways from a dialect."""
    for room, word in asked(name):
        patch.setattr(room, word, QUICK[word])


def outcome(name: str, work: Any, **surroundings: Any) -> Any:
    """What comes out: the value or the error's words, what was lost, and the next id."""
    context = replace(samples.lenient(name), **surroundings)
    try:
        found = work(context)
    except InterlinguaError as error:
        found = (type(error), error.message, getattr(error, "path", None))
    return repr((found, context.losses, context.new_id("x")))  # unlike values, texts tell 1 from 1.0


def both_ways(name: str, work: Any, **surroundings: Any) -> tuple[Any, Any]:
    """What comes out the quick way, and what comes out the careful way."""
    quick = outcome(name, work, **surroundings)
    with pytest.MonkeyPatch.context() as patch:
        carefully(patch, name)
        return quick, outcome(name, work, **surroundings)


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=120, deadline=None)
@given(place=st.integers(0, 199), seed=SEEDS)
def test_a_request_is_read_the_same_both_ways(name: str, place: int, seed: int) -> None:
    request = WireRequest(path=PATHS[name], body=mutated(name, place, seed))
    origin = Origin("p", name, "m") if seed % 2 else None
    quick, careful = both_ways(name, lambda context: dialect(name).parse_request(request, context), origin=origin)
    assert quick == careful


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=120, deadline=None)
@given(place=st.integers(0, 4), data=st.data())
def test_odd_json_is_read_the_same_both_ways(name: str, place: int, data: st.DataObject) -> None:
    """Keys that stand twice, numbers at the edge, bytes that belong nowhere."""
    body = bodies(name)[place]
    found = data.draw(st.sampled_from(list(MEMBER.finditer(body))))
    key, value = found[1], data.draw(st.sampled_from(ODD_VALUES))
    at = data.draw(st.integers(0, len(body)))
    odd = data.draw(
        st.sampled_from(
            [
                body[: found.start()] + key + value + b"," + body[found.start() :],
                body[: found.end()] + b"," + key + value + body[found.end() :],
                body[: found.start()] + key + value + body[found.end() :],
                body[:at] + data.draw(st.sampled_from(ODD_BYTES)) + body[at:],
            ]
        )
    )
    for read in (
        lambda context: dialect(name).parse_request(WireRequest(path=PATHS[name], body=odd), context),
        lambda context: dialect(name).parse_response(WireResponse(body=odd), context),
    ):
        quick, careful = both_ways(name, read)
        assert quick == careful


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=40, deadline=None)
@given(said=conversations, choice=st.none() | st.builds(ToolChoice, mode=st.sampled_from(["auto", "required"])))
def test_a_conversation_is_read_the_same_both_ways(
    name: str, said: tuple[Message, ...], choice: ToolChoice | None
) -> None:
    wanted = ChatRequest(model="m", messages=said, tools=plain_request().tools, tool_choice=choice)
    try:
        request = dialect(name).render_request(wanted, samples.lenient(name))
    except InterlinguaError:
        return
    request = WireRequest(path=PATHS[name], body=request.body)
    quick, careful = both_ways(name, lambda context: dialect(name).parse_request(request, context))
    assert quick == careful


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=40, deadline=None)
@given(
    said=conversations,
    required=st.booleans(),
    signed=st.none() | st.booleans(),
    parameters=json_objects,
)
def test_a_conversation_is_written_the_same_both_ways(
    name: str, said: tuple[Message, ...], required: bool, signed: bool | None, parameters: dict[str, Any]
) -> None:
    request = ChatRequest(model="m", messages=said, tools=(FunctionTool(name="f", parameters=parameters),))
    host = HostTraits(reasoning_required=required, reasoning_field="reasoning_content" if required else "")
    quick, careful = both_ways(
        name,
        lambda context: dialect(name).render_request(request, context),
        host=host,
        traits=Traits(thought_signatures=signed),
    )
    assert quick == careful


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=120, deadline=None)
@given(place=st.integers(0, 199), seed=SEEDS)
def test_an_answer_is_read_the_same_both_ways(name: str, place: int, seed: int) -> None:
    response = WireResponse(body=mutated(name, place, seed))
    origin = Origin("p", name, "m") if seed % 2 else None
    quick, careful = both_ways(name, lambda context: dialect(name).parse_response(response, context), origin=origin)
    assert quick == careful


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 99), seed=SEEDS)
def test_a_stream_is_read_the_same_both_ways(name: str, place: int, seed: int) -> None:
    streams = samples.streams(name)
    data = streams[place % len(streams)]
    if seed % 4:
        data = mutate(data, random.Random(seed), streams, samples.words(f"dialects/{name}"))
    quick = told(dialect(name).StreamParser(samples.lenient(name)), [data])
    with pytest.MonkeyPatch.context() as patch:
        carefully(patch, name)
        assert quick == told(dialect(name).StreamParser(samples.lenient(name)), [data])


@pytest.mark.parametrize("name", DIALECTS)
def test_what_is_plain_is_read_without_care(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    request = WireRequest(path=PATHS[name], body=bodies(name)[0])

    def refuse(*_: Any) -> None:
        raise AssertionError("read field by field")

    careful = both_ways(name, lambda context: dialect(name).parse_request(request, context))[1]
    monkeypatch.setattr(Fields, "__init__", refuse)
    assert outcome(name, lambda context: dialect(name).parse_request(request, context)) == careful
    for body in bodies(name)[3:5]:
        dialect(name).parse_response(WireResponse(body=body), samples.lenient(name))


def test_only_a_message_of_one_bare_text_is_plain() -> None:
    assert plain_text(user("Hello")) == "Hello"
    assert plain_text(user("Hello", TextPart(text="again"))) == ""
    assert plain_text(Message(role="user", parts=(TextPart(text="Hello", extra={"gemini": {"a": 1}}),))) == ""
    assert plain_text(Message(role="user", parts=(TextPart(text="Hello"),), name="me")) == ""


def test_only_bare_function_calls_behind_at_most_one_bare_text_are_plain() -> None:
    call = tool_call("call_1", "lookup", "{}")
    assert plain_calls(assistant("Hello", call)) == ("Hello", (call,))
    assert plain_calls(Message(role="assistant", parts=(call, call))) == ("", (call, call))
    assert plain_calls(assistant("Hello")) is None
    assert plain_calls(Message(role="assistant", parts=(call, TextPart(text="Hello")))) is None
    for odd in (
        tool_call("call_1", "lookup", "ls", custom=True),
        tool_call("call_1", "lookup", "{}", extra={"gemini": {"id": "1"}}),
        tool_call("call_1", "lookup", "{}", opaque=(Opaque("gemini.thought_signature", "x"),)),
        tool_call("call_1", "lookup", "{}", cache=CacheHint()),
    ):
        assert plain_calls(Message(role="assistant", parts=(call, odd))) is None


def test_only_results_of_one_bare_text_are_plain() -> None:
    result = ToolCallResponsePart(id="call_1", name="lookup", response=(TextPart(text="rain"),))
    assert plain_results(Message(role="tool", parts=(result,))) == [("call_1", "lookup", "rain")]
    assert plain_result(result) == "rain"
    for changes in ({"is_error": True}, {"response": ()}, {"cache": CacheHint()}, {"extra": {"gemini": {"a": 1}}}):
        odd = msgspec.structs.replace(result, **changes)
        assert plain_result(odd) == ""
        assert plain_results(Message(role="tool", parts=(result, odd))) == []

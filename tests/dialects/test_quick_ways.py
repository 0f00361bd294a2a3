"""Messages that are nothing but text are read and written a quick way; it must lead where the long one leads."""

from __future__ import annotations

import importlib
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.errors import InterlinguaError
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, assistant, plain_text, system, user
from interlingua.types.parts import TextPart
from interlingua.types.request import ChatRequest
from tests.fuzz import samples
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import told
from tests.strategies import messages, texts

ROOMS = {
    "openai_chat": "messages",
    "openai_responses": "items",
    "anthropic_messages": "messages",
    "gemini": "contents",
    "ollama": "messages",
}
PATHS = {name: dialect(name).CHAT_PATHS[0].replace("{model}", "m") for name in DIALECTS}

_plain = st.one_of(*(texts.map(make) for make in (system, user, assistant)))
conversations = st.lists(_plain | messages.filter(lambda message: message.role != "tool"), max_size=4).map(tuple)

_text = texts | st.sampled_from(["", " "])
_block = st.fixed_dictionaries(
    {"text": _text},
    optional={"type": st.sampled_from(["text", "input_text", "output_text"]), "annotations": st.just([])},
)
_turn = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["system", "developer", "user", "assistant", "model", "tool"]),
        "content": _text | st.lists(_block, max_size=2),
        "parts": st.lists(_block, max_size=2),
        "type": st.just("message"),
        "name": _text,
    },
)
_KEYS = {"gemini": "contents", "openai_responses": "input"}


def outcome(work: Any) -> Any:
    """What comes out: the value, or the error's words."""
    try:
        return work()
    except InterlinguaError as error:
        return type(error), error.message


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_conversation_is_read_the_same_both_ways(name: str, data: st.DataObject) -> None:
    room = importlib.import_module(f"interlingua.dialects.{name}.{ROOMS[name]}")
    turns = data.draw(st.lists(_turn, max_size=3))
    body = msgspec.json.encode({"model": "m", "max_tokens": 9, _KEYS.get(name, "messages"): turns})
    request = WireRequest(path=PATHS[name], body=body)
    quick = outcome(lambda: dialect(name).parse_request(request, samples.lenient(name)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "read_plain", lambda decoder, raw: None)
        assert quick == outcome(lambda: dialect(name).parse_request(request, samples.lenient(name)))


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=100, deadline=None)
@given(said=conversations)
def test_a_conversation_is_written_the_same_both_ways(name: str, said: tuple[Message, ...]) -> None:
    room = importlib.import_module(f"interlingua.dialects.{name}.{ROOMS[name]}")
    request = ChatRequest(model="m", messages=said)
    contexts = [samples.lenient(name), samples.lenient(name)]
    quick = outcome(lambda: dialect(name).render_request(request, contexts[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "plain_text", lambda message: "")
        assert quick == outcome(lambda: dialect(name).render_request(request, contexts[1]))
    assert contexts[0].losses == contexts[1].losses


def test_only_a_message_of_one_bare_text_is_plain() -> None:
    assert plain_text(user("Hello")) == "Hello"
    assert plain_text(user("Hello", TextPart(text="again"))) == ""
    assert plain_text(Message(role="user", parts=(TextPart(text="Hello", extra={"gemini": {"a": 1}}),))) == ""
    assert plain_text(Message(role="user", parts=(TextPart(text="Hello"),), name="me")) == ""


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 99), seed=st.integers(0, 2**32))
def test_a_stream_is_read_the_same_both_ways(name: str, place: int, seed: int) -> None:
    room = importlib.import_module(f"interlingua.dialects.{name}.stream")
    streams = samples.streams(name)
    data = streams[place % len(streams)]
    if seed % 4:
        data = mutate(data, random.Random(seed), streams, samples.words(f"dialects/{name}"))
    quick = told(dialect(name).StreamParser(samples.lenient(name)), [data])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "read_plain", lambda decoder, raw: None, raising=False)
        assert quick == told(dialect(name).StreamParser(samples.lenient(name)), [data])

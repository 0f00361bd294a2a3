from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from interlingua.errors import InvalidRequest
from interlingua.types.events import Event
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.serde import VERSION, canonical, dump, load
from tests.strategies import events, json_objects, messages, requests, responses


@given(requests)
def test_a_request_comes_back_as_it_was(value: ChatRequest) -> None:
    assert load(dump(value), ChatRequest) == value


@given(responses())
def test_a_response_comes_back_as_it_was(value: ChatResponse) -> None:
    assert load(dump(value), ChatResponse) == value


@given(messages)
def test_a_message_comes_back_as_it_was(value: Message) -> None:
    assert load(dump(value), Message) == value


@given(events)
def test_an_event_comes_back_as_it_was(value: Event) -> None:
    kind: Any = Event
    assert load(dump(value), kind) == value


def in_order(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """The object that `pairs` make; fails where its keys are not sorted."""
    keys = [key.encode() for key, _ in pairs]
    assert keys == sorted(keys)
    return dict(pairs)


@given(requests)
def test_one_value_has_one_text(value: ChatRequest) -> None:
    text = dump(value)
    assert dump(load(text, ChatRequest)) == text
    assert json.loads(text, object_pairs_hook=in_order)["interlingua"] == VERSION


@given(json_objects)
def test_the_order_of_keys_makes_no_difference_to_canonical_json(value: dict[str, Json]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical(backwards) == canonical(value)
    assert json.loads(canonical(value)) == value


def test_canonical_json_has_sorted_keys_and_no_white_space() -> None:
    assert canonical({"b": [1, {"d": None, "c": "é"}], "a": True}) == '{"a":true,"b":[1,{"c":"é","d":null}]}'.encode()


def test_defaults_are_left_out() -> None:
    assert dump(user("hi")) == (b'{"interlingua":1,"value":{"parts":[{"text":"hi","type":"text"}],"role":"user"}}')


def test_what_a_newer_version_wrote_is_refused_with_a_remedy() -> None:
    text = dump(user("hi")).replace(b'"interlingua":1', b'"interlingua":2')
    with pytest.raises(InvalidRequest, match="newer") as caught:
        load(text, Message)
    assert "upgrade" in caught.value.remedy.lower()


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"null", b'{"interlingua":1}', b'{"interlingua":1,"value":{"role":"robot"}}', b'{"interlingua":"1"}'],
)
def test_what_is_no_stored_value_is_refused_by_name(text: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not a stored Message"):
        load(text, Message)

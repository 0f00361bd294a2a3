"""Arguments are whole where their brackets balance, however they are cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.openai_chat.growing_call import Brackets, GrowingCall
from interlingua.types.opaque import Json
from tests.strategies import json_objects


@given(json_objects, st.data())
def test_an_object_balances_at_its_last_bracket_and_not_before(value: dict[str, Json], data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = data.draw(st.integers(0, len(text) - 1))
    brackets = Brackets()
    brackets.add(text[:cut])
    assert not brackets.balanced
    brackets.add(text[cut:])
    assert brackets.balanced


@pytest.mark.parametrize("text", ["", " ", "12", '"{}"', '{"a": "}', '{"a": "\\"}'])
def test_a_text_that_is_not_whole_does_not_balance(text: str) -> None:
    brackets = Brackets()
    for mark in text:
        brackets.add(mark)
    assert not brackets.balanced


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [(["{", "}"], True), (["{}", " "], True), (["{}", "{"], False), (["[1]"], False), (["{"], False), ([" "], False)],
)
def test_arguments_are_whole_when_they_are_one_object(pieces: list[str], whole: bool) -> None:
    call = GrowingCall("call_1", 0, custom=False)
    call.pieces += pieces
    assert call.whole() == whole


def test_free_text_is_never_whole_before_its_end() -> None:
    call = GrowingCall("call_1", 0, custom=True)
    call.pieces.append("{}")
    assert not call.whole()

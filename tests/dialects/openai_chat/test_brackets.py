"""Brackets balance where the object is whole, however it is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.openai_chat.brackets import Brackets
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

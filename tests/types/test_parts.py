from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.opaque import Json, Opaque
from interlingua.types.parts import (
    BlobPart,
    CacheHint,
    ReasoningPart,
    TextPart,
    ToolCallResponsePart,
    modality_of,
    parse_arguments,
    tool_call,
)
from tests.strategies import json_objects, json_values


@given(json_objects)
def test_arguments_are_the_parsed_text(value: dict[str, Json]) -> None:
    call = tool_call("1", "f", json.dumps(value))
    assert call.arguments == value
    assert json.loads(call.raw) == value


@given(st.text() | json_values.filter(lambda value: not isinstance(value, dict)).map(json.dumps))
def test_text_that_is_no_object_gives_no_arguments(raw: str) -> None:
    assert parse_arguments(raw) == ({} if not raw.strip() else None)


@pytest.mark.parametrize("raw", ['{"a": ', "\ud800", "[" * 100_000, '{"a": "\\ud800"'])
def test_arguments_that_no_parser_takes_are_none_and_no_exception(raw: str) -> None:
    assert parse_arguments(raw) is None


def test_the_input_of_a_custom_tool_is_not_parsed() -> None:
    call = tool_call("1", "f", "{}", custom=True, cache=CacheHint(), opaque=(Opaque("k", "d"),), extra={"d": {"x": 1}})
    assert (call.raw, call.arguments, call.custom) == ("{}", None, True)
    assert (call.cache, call.opaque, call.extra) == (CacheHint(), (Opaque("k", "d"),), {"d": {"x": 1}})


@pytest.mark.parametrize(
    ("mime_type", "modality"),
    [
        ("image/png", "image"),
        ("IMAGE/PNG", "image"),
        ("audio/wav", "audio"),
        ("video/mp4", "video"),
        ("application/pdf", "document"),
        ("", "document"),
    ],
)
def test_the_modality_is_told_from_the_mime_type(mime_type: str, modality: str) -> None:
    assert modality_of(mime_type) == modality


def test_the_text_of_a_message_is_what_it_says_without_its_reasoning() -> None:
    image = BlobPart(modality="image", mime_type="image/png", content="")
    said = assistant("a", ReasoningPart(text="hidden"), image, TextPart(text="b"))
    assert said.text == "ab"
    assert (system("s").role, user("u").role, said.role) == ("system", "user", "assistant")
    assert Message(role="user").text == ""


def test_the_text_of_a_tool_result_leaves_its_media_out() -> None:
    image = BlobPart(modality="image", mime_type="image/png", content="")
    assert ToolCallResponsePart(id="1", response=(TextPart(text="a"), image, TextPart(text="b"))).text == "a\nb"

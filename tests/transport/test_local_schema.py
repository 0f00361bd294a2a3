"""Schemas on their way into a grammar."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.errors import InvalidRequest
from interlingua.transport.local_schema import grammar_schema, named_schemas


def root(schema: Any, *, bounded: bool = False) -> Any:
    return grammar_schema(schema, "s", bounded=bounded)["$defs"]["root"]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "string", "minLength": 3, "maxLength": 1}, "s.minLength"),
        ({"type": "array", "items": {"type": "string", "minLength": 2, "maxLength": 1}}, "s.items.minLength"),
        ({"type": "array", "minItems": 5, "maxItems": 2}, "s.minItems"),
        ({"type": "string", "minLength": 10**6}, "s.minLength"),
        ({"type": "string", "maxLength": -1}, "s.maxLength"),
        ({"type": "string", "maxLength": True}, "s.maxLength"),
        ({"type": "integer", "minimum": 5, "maximum": 2}, "s.minimum"),
        ({"type": "integer", "maximum": 1e300}, "s.maximum"),
        ({"enum": [f"v{i}" for i in range(10_000)]}, "s.enum"),
        ({"enum": []}, "s.enum"),
        ({"anyOf": []}, "s.anyOf"),
        ({"properties": [1]}, "s.properties"),
        ({"type": "object", "properties": {"a": 5}}, "s.properties.a"),
        ({"$ref": "https://elsewhere.example/schema"}, "s.$ref"),
        ({"$ref": "#/nowhere"}, "s"),
        ({"$ref": "#"}, "s"),
        ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "s"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "s"),
        ("string", "s"),
    ],
)
def test_what_would_hang_or_exhaust_llama_cpp_is_refused_by_name(schema: Any, path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        grammar_schema(schema, "s")
    assert caught.value.path == path


def test_a_schema_without_end_or_bottom_is_refused() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(300):
        deep = {"type": "object", "properties": {"a": deep}}
    with pytest.raises(InvalidRequest, match="too large"):
        grammar_schema(deep, "s")
    with pytest.raises(InvalidRequest, match="too large"):
        grammar_schema({"properties": {f"p{i}": {"type": "string"} for i in range(5000)}}, "s")


def test_references_that_double_at_every_step_are_refused_quickly() -> None:
    layers = {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(40)}
    with pytest.raises(InvalidRequest, match="alternatives"):
        grammar_schema({"$ref": "#/$defs/d0", "$defs": {**layers, "d40": {"type": "null"}}}, "s")


def test_optional_properties_count_as_alternatives() -> None:
    properties = {f"p{i}": {"type": "string"} for i in range(900)}
    with pytest.raises(InvalidRequest, match="alternatives"):
        grammar_schema({"type": "object", "properties": properties}, "s")
    assert root({"type": "object", "properties": properties, "required": list(properties)})["required"]


def test_a_recursion_through_an_object_is_kept() -> None:
    found = root({"type": "object", "properties": {"next": {"$ref": "#"}}})
    assert found["properties"]["next"] == {"$ref": "#/$defs/root"}


def test_a_pattern_that_llama_cpp_cannot_express_is_left_out() -> None:
    assert "pattern" not in root({"type": "string", "pattern": r"\d+"})
    assert "pattern" not in root({"type": "string", "pattern": "^a{5,1}$"})
    assert "pattern" not in root({"type": "string", "pattern": "^a(?=b)$"})
    assert root({"type": "string", "pattern": "^[a-z]+-[0-9]+$"})["pattern"] == "^[a-z]+-[0-9]+$"


def test_words_of_other_drafts_and_documentation_are_left_out() -> None:
    schema = {"type": "object", "title": "T", "not": {}, "if": {}, "properties": {"a": True}}
    assert root(schema) == {"type": "object", "properties": {"a": {}}}


def test_bounded_schemas_come_to_an_end() -> None:
    found = root(
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {}}}}, bounded=True
    )
    assert found["additionalProperties"] is False
    assert found["properties"]["a"]["maxLength"] == 256
    assert found["properties"]["b"]["maxItems"] == 16
    assert "anyOf" in found["properties"]["b"]["items"]


def test_bounds_that_stand_there_are_kept() -> None:
    assert root({"type": "string", "maxLength": 9}, bounded=True)["maxLength"] == 9
    assert root({"type": "string", "minLength": 900}, bounded=True)["maxLength"] == 900
    assert "maxLength" not in root({"enum": ["a"], "type": "string"}, bounded=True)


def test_references_move_along_with_a_named_schema() -> None:
    found = named_schemas({"t1": ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "null"}}}, "tools[1]")})
    assert found["t1"] == {"$ref": "#/$defs/t1/$defs/x", "$defs": {"x": {"type": "null"}}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda child: (
        st.lists(child, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "$ref", "anyOf", "minLength", "enum", "pattern", "x"]),
            child,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_schema_or_bad_input(schema: Any) -> None:
    try:
        found = grammar_schema(schema, "s", bounded=True)
    except InvalidRequest as error:
        assert error.path
    else:
        assert found["$ref"] == "#/$defs/root"

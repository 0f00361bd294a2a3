from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.schema import Schema, accepts_null, drop_nulls, hoist, mismatch, plain, strict, tidy

LEAVES: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"type": "string", "minLength": 2, "default": "ab"},
        {"type": "integer", "description": "n", "minimum": 0},
        {"enum": ["a", "b"]},
        {"const": 3},
        {"type": "null"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "odd"},
    ]
)
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: {"type": "array", "items": one, "maxItems": 3}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"oneOf": some, "description": "either"}),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda some: {"type": "object", "title": "T", "properties": some, "required": sorted(some)[:1]}
        ),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_making_strict_changes_nothing_the_second_time(inner: Any) -> None:
    schema = {"type": "object", "properties": {"value": inner}}
    before = copy.deepcopy(schema)
    once, problems = strict(tidy(schema))
    assert problems == ()
    assert strict(once) == (once, ())
    assert schema == before


def test_definitions_move_to_the_root_and_keep_apart() -> None:
    def one(kind: str) -> Schema:
        return {"$ref": "#/$defs/X", "$defs": {"X": {"type": kind}}}

    definitions: Schema = {}
    nodes = hoist([one("string"), one("integer"), one("string")], definitions)
    assert nodes == [{"$ref": "#/$defs/X"}, {"$ref": "#/$defs/X_2"}, {"$ref": "#/$defs/X"}]
    assert definitions == {"X": {"type": "string"}, "X_2": {"type": "integer"}}


def test_tidying_resolves_the_root_and_drops_what_nobody_uses() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}, "B": {"type": "string"}}}
    assert tidy(schema) == {"type": "object"}


def test_a_reference_to_itself_ends() -> None:
    loop = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert strict(tidy(loop))[1]


def test_titles_go_but_properties_of_that_name_stay() -> None:
    schema = {"title": "T", "properties": {"title": {"enum": ["a"], "title": "Title", "default": {"title": "x"}}}}
    assert plain(schema) == {"properties": {"title": {"type": "string", "enum": ["a"], "default": {"title": "x"}}}}


@pytest.mark.parametrize(
    ("node", "accepted"),
    [
        ({}, True),
        ({"type": "null"}, True),
        ({"type": ["string", "null"]}, True),
        ({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/N"}]}, True),
        ({"enum": [None, 1]}, True),
        ({"type": "string"}, False),
        ({"enum": [1]}, False),
        ({"properties": {}}, False),
    ],
)
def test_null_is_accepted_where_the_schema_says_so(node: Schema, accepted: bool) -> None:
    assert accepts_null(node, {"N": {"type": "null"}}) is accepted


def test_nulls_are_dropped_only_where_they_mean_not_given() -> None:
    item = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {}}, "required": ["a"]}
    schema = {"type": "array", "items": {"$ref": "#/$defs/I"}}
    value = [{"a": None, "b": None, "c": None, "d": None}]
    assert drop_nulls(value, schema, {"I": item}) == [{"a": None, "c": None, "d": None}]
    assert value == [{"a": None, "b": None, "c": None, "d": None}]


@pytest.mark.parametrize(
    ("value", "node", "wrong"),
    [
        (True, {"type": "integer"}, ("", "expected integer, got boolean")),
        (2.0, {"type": "integer"}, None),
        (2, {"type": "number"}, None),
        ("x", {"type": ["integer", "null"]}, ("", "expected integer or null, got string")),
        ({"a": 1}, {"properties": {}, "additionalProperties": False}, ("a", "not a property here")),
        ({"a": "x"}, {"additionalProperties": {"type": "integer"}}, ("a", "expected integer, got string")),
        ([1, "x"], {"items": {"type": "integer"}}, ("[1]", "expected integer, got string")),
        (1, {"const": 2}, ("", "expected 2")),
        (None, {"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ("anything", True, None),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_place(value: Any, node: Any, wrong: Any) -> None:
    assert mismatch(value, node, {}) == wrong

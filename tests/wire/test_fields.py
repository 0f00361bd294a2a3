from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given

from interlingua.errors import InvalidRequest
from interlingua.types.opaque import Json
from interlingua.wire.fields import Fields, kind_of
from tests.strategies import json_objects, json_values


def fail(path: str, reason: str) -> Exception:
    return InvalidRequest(reason, path=path)


def fields(text: str) -> Fields:
    return Fields(text, fail)


@given(json_objects)
def test_what_nobody_takes_is_kept_but_nulls(value: dict[str, Json]) -> None:
    kept = {key: item for key, item in value.items() if item is not None}
    assert Fields(msgspec.json.encode(value), fail).rest() == kept


@given(json_values)
def test_the_kind_of_every_value_is_told_from_its_text(value: Json) -> None:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    assert kind_of(b" \n" + msgspec.json.encode(value)) == names.get(type(value), "number")


def test_each_field_is_taken_once() -> None:
    taken = fields('{"a": "x", "b": 2, "c": null}')
    assert taken.text("a") == "x"
    assert taken.text("a") is None
    assert not taken.has("a")
    assert taken.has("c")
    assert taken.keys() == ("b", "c")
    taken.skip("b", "absent")
    assert taken.rest() == {}
    assert taken.rest() == {}


def test_values_keep_their_exact_text() -> None:
    assert fields('{"a":  {"x":1.0 ,"y" :[ ]} }').raw("a") == '{"x":1.0 ,"y" :[ ]}'
    assert fields('{"a": null}').raw("a") is None


def test_every_getter_reads_its_type() -> None:
    it = fields('{"t": "é", "n": 0.5, "i": 3.0, "b": false, "o": {"p": 1}, "l": [{"q": 1}], "s": ["a", "b"], "j": [1]}')
    assert (it.text("t"), it.number("n"), it.integer("i"), it.boolean("b")) == ("é", 0.5, 3, False)
    inner = it.child("o")
    assert inner is not None
    assert inner.at("p") == "o.p"
    assert [child.at("q") for child in it.children("l")] == ["l[0].q"]
    assert it.texts("s") == ("a", "b")
    assert it.kind("j") == "array"
    assert it.json("j") == [1]


def test_absent_and_null_read_the_same() -> None:
    for text in ("{}", '{"a": null}'):
        read: list[Callable[[Fields], object]] = [
            lambda f: f.text("a"),
            lambda f: f.number("a"),
            lambda f: f.integer("a"),
            lambda f: f.boolean("a"),
            lambda f: f.json("a"),
            lambda f: f.raw("a"),
            lambda f: f.child("a"),
        ]
        assert [take(fields(text)) for take in read] == [None] * len(read)
        assert fields(text).items("a") == []
        assert fields(text).texts("a") == ()


@pytest.mark.parametrize(
    ("text", "take", "path", "reason"),
    [
        ('{"a": 1}', lambda f: f.text("a"), "a", "expected string, got number"),
        ("{}", lambda f: f.need_text("a"), "a", "required"),
        ('{"a": "1"}', lambda f: f.number("a"), "a", "expected number, got string"),
        ('{"a": 3}', lambda f: f.number("a", 0, 2), "a", "between 0 and 2, got 3"),
        ('{"a": 1.5}', lambda f: f.integer("a"), "a", "whole number"),
        ('{"a": -1}', lambda f: f.integer("a", 0), "a", "between 0 and any"),
        ('{"a": 0}', lambda f: f.boolean("a"), "a", "expected boolean, got number"),
        ('{"a": {"b": 1}}', lambda f: f.child("a").text("b"), "a.b", "expected string"),
        ('{"a": [{}, 1]}', lambda f: f.children("a"), "a[1]", "expected an object"),
        ('{"a": ["x", 1]}', lambda f: f.texts("a"), "a[1]", "expected string, got number"),
    ],
)
def test_a_wrong_shape_is_refused_by_path_and_reason(
    text: str, take: Callable[[Fields], object], path: str, reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason) as caught:
        take(fields(text))
    assert caught.value.path == path


@pytest.mark.parametrize("text", ["", "[]", '{"a": }', '{"a": 1', "nonsense", '{"a": ' + "[" * 100_000])
def test_text_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        fields(text)


def test_bytes_that_are_no_text_are_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        Fields(b'{"a": {"b": "\xff"}}', fail).raw("a")


def test_looking_at_a_field_leaves_it_where_it_is() -> None:
    fields = Fields(b'{"a": [1], "b": 1e999}', lambda path, reason: ValueError(f"{path}: {reason}"))
    assert fields.look("a") == [1] and fields.look("c") is None
    assert fields.json("a") == [1] and not fields.has("a")
    with pytest.raises(ValueError, match="b: malformed JSON"):
        fields.look("b")


def test_a_number_that_no_float_holds_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="too large") as caught:
        fields('{"a": ' + "1" * 400 + "}").number("a")
    assert caught.value.path == "a"

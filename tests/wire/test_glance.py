from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from interlingua.errors import InvalidRequest
from interlingua.wire import glance
from interlingua.wire.strict_json import cut
from tests.strategies import json_objects, names

VALUES = cut(b'{"s": "\\u0061", "t": true, "n": 3.0, "z": null, "e": [ ], "a": [1], "o": {"k": {"x": ["w", 1]}}}')


def test_scalars_are_read_and_absent_is_as_null() -> None:
    assert (glance.text(VALUES, "s"), glance.flag(VALUES, "t"), glance.count(VALUES, "n")) == ("a", True, 3)
    for key in ("z", "missing"):
        assert (glance.text(VALUES, key), glance.flag(VALUES, key), glance.count(VALUES, key)) == ("", None, None)


@pytest.mark.parametrize("key", ["a", "o", "t"])
def test_a_wrong_type_is_refused_by_name(key: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{key}: expected string") as refused:
        glance.text(VALUES, key)
    assert refused.value.path == key
    with pytest.raises(InvalidRequest):
        glance.count(VALUES, key)


def test_a_broken_number_and_a_word_are_no_count_and_no_flag() -> None:
    with pytest.raises(InvalidRequest, match="whole number"):
        glance.count(cut(b'{"n": 1.5}'), "n")
    with pytest.raises(InvalidRequest, match="boolean"):
        glance.flag(VALUES, "s")


def test_empty_is_told_from_full() -> None:
    full = {key for key in (*VALUES, "missing") if glance.holds(VALUES, key)}
    assert full >= {"s", "a", "o"}
    assert not full & {"z", "e", "missing"}


def test_members_are_kept_as_they_stand() -> None:
    assert glance.some(VALUES, "o", "missing", "s") == b'{"o":{"k": {"x": ["w", 1]}},"s":"\\u0061"}'
    assert glance.some(VALUES, "missing") == b""
    assert list(glance.members(VALUES["o"])) == ["k"]
    assert glance.members(VALUES["a"]) == glance.members(None) == {}


def test_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="out of range"):
        glance.words(msgspec.Raw(b'{"a":1e999}'))


@given(json_objects, names, names)
def test_every_key_and_string_is_a_word(value: dict[str, object], key: str, said: str) -> None:
    raw = msgspec.Raw(msgspec.json.encode([value, {"deep": [{key: said}]}]))
    assert glance.words(raw) >= {key, said, "deep", *value}

"""A client's JSON, cut at its top level."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.errors import InvalidRequest
from interlingua.wire.strict_json import MOST_NESTED, cut, joined
from tests.strategies import json_objects


@given(json_objects, st.sampled_from([None, 2]))
def test_an_object_comes_apart_and_together_unchanged(value: dict[str, object], indent: int | None) -> None:
    """Whatever its white space: values keep theirs."""
    text = json.dumps(value, indent=indent, ensure_ascii=indent is None).encode()
    values = cut(text)
    assert list(values) == list(value)
    assert json.loads(joined(values)) == value


def test_values_stay_byte_for_byte() -> None:
    """Numbers and escapes too."""
    text = b'{"model":"a","x": {"f":1.50e3 ,"u":"\\u00e9\\/"} ,"model_":[ 1 ]}'
    assert bytes(memoryview(cut(text)["x"])).strip() == b'{"f":1.50e3 ,"u":"\\u00e9\\/"}'
    assert b'{"f":1.50e3 ,"u":"\\u00e9\\/"}' in joined(cut(text))


@pytest.mark.parametrize(
    "text",
    [
        b'{"model":"a","model":"b"}',
        b'{"model":"a","x":{"model":"c"},"mod\\u0065l":"b"}',
        b'{"a":1,"b":"\\"a\\":","a" :2}',
        '{"é":1,"é":2}'.encode(),
    ],
)
def test_a_key_that_stands_twice_is_refused(text: bytes) -> None:
    """However it is written."""
    with pytest.raises(InvalidRequest, match="stands twice"):
        cut(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"model":"a","messages":[{"model":"b"},{"model":"c"}]}',
        b'{"a":"\\"a\\": x","b":"a"}',
        b'{"text":"say \\"model\\": twice \\"model\\"","model":"m"}',
    ],
)
def test_the_same_word_elsewhere_is_no_repetition(text: bytes) -> None:
    """In nested objects and in strings."""
    assert json.loads(joined(cut(text))) == json.loads(text)


def test_nesting_is_limited_and_brackets_in_strings_do_not_count() -> None:
    """200 levels are more than anybody needs."""
    cut(b'{"a":' + b"[" * (MOST_NESTED - 1) + b"]" * (MOST_NESTED - 1) + b"}")
    cut(json.dumps({"a": "[{" * 500, "b": [[1]] * 300}).encode())
    with pytest.raises(InvalidRequest, match="nested deeper"):
        cut(b'{"a":' + b"[" * MOST_NESTED + b"]" * MOST_NESTED + b"}")
    with pytest.raises(InvalidRequest):
        cut(b'{"a":' + b"[" * 100_000)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"a":}', b'"x"', b'{"a":"\xff"}', b'{"a":1}x', b"\xef\xbb\xbf{}"])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    """Typed, never a traceback."""
    with pytest.raises(InvalidRequest):
        cut(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_cut_or_refused(body: bytes) -> None:
    """And agree with an ordinary parser when cut."""
    try:
        values = cut(body)
    except InvalidRequest:
        return
    assert {key: msgspec.json.decode(value) for key, value in values.items()} == msgspec.json.decode(body)

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.types.opaque import Json
from interlingua.wire.partial_json import parse_partial
from tests.strategies import json_values


def begins(part: Json, whole: Json) -> bool:
    """Whether `part` is what a cut could leave of `whole`."""
    if part is None:
        return True
    if isinstance(whole, str):
        return isinstance(part, str) and whole.startswith(part)
    if isinstance(whole, list):
        return (
            isinstance(part, list)
            and len(part) <= len(whole)
            and all(begins(mine, other) for mine, other in zip(part, whole, strict=False))
        )
    if isinstance(whole, dict):
        return isinstance(part, dict) and all(key in whole and begins(part[key], whole[key]) for key in part)
    if isinstance(whole, bool):
        return part is whole
    return isinstance(part, int | float) and (part == 0 or first_digit(part) == first_digit(whole))


def first_digit(number: Json) -> tuple[bool, str]:
    """Sign and first digit that counts: an exponent cut short moves the point, and nothing else."""
    return number < 0, json.dumps(number).lstrip("-0.")[:1]


@given(json_values, st.booleans(), st.sampled_from([None, 1]))
def test_a_whole_text_is_read_whole(value: Json, ascii_only: bool, indent: int | None) -> None:
    assert parse_partial(json.dumps(value, ensure_ascii=ascii_only, indent=indent)) == value


@given(json_values, st.booleans(), st.data())
def test_every_cut_gives_a_beginning_of_the_value(value: Json, ascii_only: bool, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    part = parse_partial(text[: data.draw(st.integers(0, len(text)))])
    assert begins(part, value)


@given(st.text() | st.text('{}[]",:\\u01dtruefalsn -.e'))
def test_no_text_at_all_makes_it_fail(text: str) -> None:
    value = parse_partial(text)
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ('"hel', "hel"),
        ('{"a": "hel', {"a": "hel"}),
        ('{"a": 12', {"a": 12}),
        ('{"a": 12.', {"a": 12}),
        ('{"a": -', {}),
        ('{"a": 1e', {"a": 1}),
        ('{"a": tru', {}),
        ('{"a": true', {"a": True}),
        ('{"a": null, "b', {"a": None}),
        ('{"a": 1, "b":', {"a": 1}),
        ('{"a": [1, {"b": [2,', {"a": [1, {"b": [2]}]}),
        ('{"a": [[], {}', {"a": [[], {}]}),
        ('"tab\\', "tab"),
        ('"tab\\t', "tab\t"),
        ('"back\\\\u12', "back\\u12"),
        ('"eur\\u20a', "eur"),
        ('"smile \\ud83d', "smile "),
        ('"smile \\ud83d\\ude0', "smile "),
        ('"smile \\ud83d\\ude00', "smile 😀"),
        ('["lone \\ud83d here"', ["lone � here"]),
        ('["low \\ude00"', ["low �"]),
        ('{"a": 1} and more', {"a": 1}),
        ('{"a": 1, b: 2}', {"a": 1}),
        ('["raw\nline"]', ["raw\nline"]),
        ('["bad \\x escape"]', ["bad "]),
        ("[1e999", []),
        ("[1] ]", [1]),
    ],
)
def test_what_is_open_is_closed(text: str, value: Json) -> None:
    assert parse_partial(text) == value


def test_nesting_without_end_is_left_out_and_not_followed() -> None:
    value, depth = parse_partial("[" * 100_000), 0
    while value:
        value, depth = value[0], depth + 1
    assert depth == 199


def test_a_long_string_with_many_escapes_is_read() -> None:
    assert len(parse_partial('"' + "\\n" * 300_000)) == 300_000

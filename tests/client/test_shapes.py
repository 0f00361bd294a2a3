from __future__ import annotations

import datetime
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest

from interlingua.client.shapes import Mismatch, Shape, description_of
from interlingua.errors import InvalidRequest


class Inner(pydantic.BaseModel):
    number: int


class Outer(msgspec.Struct):
    inner: Inner
    path: Path
    when: datetime.date | None = None


def test_pydantic_models_inside_other_types_are_read() -> None:
    shape = Shape[Outer](Outer)
    assert shape.schema["properties"]["inner"]["properties"] == {"number": {"type": "integer"}}
    value = shape.convert({"inner": {"number": 1}, "path": "a", "when": "2026-11-20"})
    assert value == Outer(Inner(number=1), Path("a"), datetime.date(2026, 11, 20))
    with pytest.raises(Mismatch) as caught:
        shape.convert({"inner": {"number": "x"}, "path": "a"})
    assert caught.value.path == "inner"
    assert caught.value.reason.startswith("number: Input should be a valid integer")


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (int, "3", 3),
        (int, 3.0, 3),
        (float, 3, 3.0),
        (bool, "true", True),
        (list[int], "[1]", [1]),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (str | int, "3", "3"),
        (uuid.UUID, "00000000-0000-0000-0000-000000000001", uuid.UUID(int=1)),
        (Any, None, None),
    ],
)
def test_values_are_converted(kind: Any, written: Any, value: Any) -> None:
    converted = Shape(kind).convert(written)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(("kind", "written"), [(int, "x"), (str, 3), (list[int], "x"), (bool, 7), (int, None)])
def test_what_is_something_else_is_refused(kind: Any, written: Any) -> None:
    with pytest.raises(Mismatch):
        Shape(kind).convert(written)


def test_deep_nesting_is_a_mismatch() -> None:
    value: Any = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(Mismatch, match="nested too deeply"):
        Shape(list[int]).convert(value)


def test_what_msgspec_cannot_describe_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no form in JSON"):
        Shape(complex)


def test_an_annotation_without_words_says_nothing() -> None:
    assert description_of(int) == ""

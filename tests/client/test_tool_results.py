from __future__ import annotations

import pytest

from interlingua.client.tool_results import render_result
from interlingua.errors import InvalidRequest
from interlingua.types.parts import TextPart, UriPart


class Array:
    """Stands for NumPy's."""

    def tolist(self) -> list[int]:
        return [1, 2]


def test_arrays_become_lists() -> None:
    assert render_result({"a": Array()}) == (TextPart(text='{"a":[1,2]}'),)


def test_nothing_is_said_in_the_callers_word() -> None:
    assert render_result(None) == (TextPart(text="null"),)
    assert render_result(None, "done") == (TextPart(text="done"),)


def test_parts_and_strings_may_be_mixed() -> None:
    picture = UriPart(modality="image", uri="https://example.com/a.png")
    assert render_result(("see", picture)) == (TextPart(text="see"), picture)


def test_bytes_among_parts_are_refused_too() -> None:
    with pytest.raises(InvalidRequest, match="bytes"):
        render_result([TextPart(text="a"), b"x"])


def test_halves_of_surrogate_pairs_are_made_whole() -> None:
    """Names of files that are not UTF-8 hold them, and one in the history would make every later request fail."""
    assert render_result("caf\udce9 \U0001f600") == (TextPart(text="caf\ufffd \U0001f600"),)

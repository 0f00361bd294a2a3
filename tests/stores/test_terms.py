"""Words as they are looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.stores.terms import LONGEST, MOST_BYTES, snippet, terms, wanted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello, hello WORLD_wide", {"hello", "world", "wide"}),
        ("Ünïcode STRASSE Straße", {"unicode", "strasse"}),
        ("東京都", {"東京", "京都", "都"}),
        ("Pythonで書く", {"python", "で書", "書く", "く"}),
        ("हिन्दी में", {"हिन्दी", "में"}),
        ("naïve Ελλάδα ёлка", {"naive", "ελλαδα", "елка"}),
        ("한국어", {"한국어"}),
        ("", set()),
        ("--- !!! \0\ue000", set()),
    ],
)
def test_terms_are_words_without_case_and_accents_and_pairs_where_nothing_parts_them(
    text: str, found: set[str]
) -> None:
    """For every script the same on every database."""
    assert set(terms(text)) == found


@given(st.text(max_size=300))
def test_a_text_is_found_by_itself(text: str) -> None:
    """Each term that is wanted begins one that is there; none holds what a query could misread."""
    held = terms(text)
    assert all(any(term.startswith(one) for term in held) for one in wanted(text))
    assert not any(set(term) & set(" \"'*:&|()\\\0\ue000") for term in held)


@given(st.text(max_size=600), st.text(max_size=5))
def test_a_snippet_is_a_piece_of_the_text_and_its_marks_are_in_it(text: str, word: str) -> None:
    """In order, and never over each other."""
    shown, marks = snippet(text, wanted(word))
    begin = 0
    for start, end in marks:
        assert begin <= start < end <= len(shown)
        begin = end
    assert len(shown) <= 300


def test_long_texts_and_words_are_bounded() -> None:
    """As the databases are."""
    assert terms("x" * 1000) == ["x" * LONGEST]
    assert wanted("x" * 1000) == ["x" * LONGEST]
    assert sum(len(term.encode()) for term in terms(" ".join(f"é{number}" for number in range(200_000)))) <= MOST_BYTES

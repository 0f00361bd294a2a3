from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.docstrings import Docstring, parse_docstring

GOOGLE = """Finds things.

    More words: not a parameter.

    Args:
        query (str): what to find,
            in any language.
        limit: how many.
        width, height (int): of the picture.

    Returns:
        result: what was found.
    """
NUMPY = """Finds things.

    Parameters
    ----------
    query : str
        what to find,
        in any language.
    limit : int, optional
        how many.
    width, height : int
        of the picture.

    Returns
    -------
    result : str
        what was found.
    """
SPHINX = """Finds things.

    :param str query: what to find,
        in any language.
    :param limit: how many.
    :param int width: of the picture.
    :param height: of the picture.
    :type height: int
    :returns: what was found.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX])
def test_every_style_says_the_same(text: str) -> None:
    assert parse_docstring(text) == Docstring(
        summary="Finds things.",
        parameters={
            "query": "what to find, in any language.",
            "limit": "how many.",
            "width": "of the picture.",
            "height": "of the picture.",
        },
    )


@pytest.mark.parametrize("text", [None, "", "  \n "])
def test_nothing_is_nothing(text: str | None) -> None:
    assert parse_docstring(text) == Docstring()


def test_a_summary_of_several_lines_ends_at_the_first_section() -> None:
    found = parse_docstring("One\n    two.\n    Args:\n        a: first.")
    assert found == Docstring(summary="One two.", parameters={"a": "first."})


@given(st.text(alphabet=st.sampled_from(list("ab:-, \n()*")) | st.characters(codec="utf-8"), max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert isinstance(parse_docstring("Args:\n" + text).parameters, dict)

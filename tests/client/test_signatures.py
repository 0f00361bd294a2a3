from __future__ import annotations

import functools
from typing import Annotated

import pytest

from interlingua.client.signatures import read_signature
from interlingua.errors import InvalidRequest


def find(query: Annotated[str, "what to find"], limit: int = 3) -> None:
    """Finds.

    Args:
        query: overruled by the annotation.
        limit: how many.
    """


def test_a_signature_says_what_a_model_needs() -> None:
    signature = read_signature(find)
    assert (signature.name, signature.docstring.summary, signature.returns_nothing) == ("find", "Finds.", True)
    assert [(one.name, one.description, one.required, one.default) for one in signature.parameters] == [
        ("query", "what to find", True, None),
        ("limit", "how many.", False, 3),
    ]


def test_what_a_partial_fixes_is_hidden_and_what_it_leaves_is_not() -> None:
    assert [one.name for one in read_signature(functools.partial(find, "x")).parameters] == ["limit"]
    assert [one.name for one in read_signature(functools.partial(find, limit=1)).parameters] == ["query"]


def test_a_decorated_function_is_read_in_its_own_module() -> None:
    @functools.wraps(find)
    def wrapper(*args: object, **kwargs: object) -> None: ...

    assert [one.name for one in read_signature(wrapper).parameters] == ["query", "limit"]


def test_a_builtin_without_a_signature_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_signature(max)


def test_a_variable_that_is_assigned_later_is_no_hindrance() -> None:
    """A tool that changes the chat it is made for is written before that chat."""

    def switch(name: str) -> str:
        return name + chat

    found = read_signature(switch)
    chat = "!"
    assert [one.name for one in found.parameters] == ["name"]
    assert switch("a") == "a!"

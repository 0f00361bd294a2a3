"""A dialect has every verb, or declares that it has none; there is no half of one."""

from __future__ import annotations

import importlib.util
import inspect

import pytest

from interlingua.dialects.registry import DIALECTS, count_tokens, dialect, embeddings, models
from interlingua.ports.dialect import CountTokens, Dialect, Embeddings, Models

VERBS = {
    "embeddings": (embeddings, Embeddings),
    "models": (models, Models),
    "count_tokens": (count_tokens, CountTokens),
}
each_dialect = pytest.mark.parametrize("name", DIALECTS)


def named(protocol: type) -> set[str]:
    """The public names that a protocol promises."""
    return {name for name in (*vars(protocol), *inspect.get_annotations(protocol)) if not name.startswith("_")}


@each_dialect
def test_a_dialect_has_every_name_of_its_protocol(name: str) -> None:
    """And its id is the name it is known by."""
    assert name == dialect(name).ID
    assert all(hasattr(dialect(name), verb) for verb in named(Dialect))


@each_dialect
@pytest.mark.parametrize("operation", sorted(VERBS))
def test_an_operation_is_whole_or_declared_absent(name: str, operation: str) -> None:
    """A module that is not declared is as wrong as a declaration without module."""
    find, protocol = VERBS[operation]
    found = find(name)
    exists = importlib.util.find_spec(f"interlingua.dialects.{name}.{operation}") is not None
    assert exists == (operation in dialect(name).OPERATIONS) == (found is not None)
    if found is not None:
        assert {verb for verb in named(protocol) if not hasattr(found, verb)} == set()


@each_dialect
def test_no_operation_is_declared_that_nobody_knows(name: str) -> None:
    """A misspelt one would be silently absent."""
    assert set(dialect(name).OPERATIONS) <= set(VERBS)

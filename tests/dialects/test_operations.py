"""What dialects do beside chat: each operation is a module with exactly its protocol's names."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from interlingua import dialects
from interlingua.dialects.registry import DIALECTS, count_tokens, dialect, embeddings, models
from interlingua.errors import InterlinguaError, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import CountTokens, Embeddings, Models

PROTOCOLS = {"embeddings": Embeddings, "models": Models, "count_tokens": CountTokens}
FOUND = [
    (folder.name, name)
    for folder in sorted(Path(dialects.__path__[0]).iterdir())
    for name in PROTOCOLS
    if (folder / f"{name}.py").exists()
]


@pytest.mark.parametrize(("name", "operation"), FOUND)
def test_an_operation_has_the_names_and_parameters_of_its_protocol(name: str, operation: str) -> None:
    """A module cannot be checked against a protocol of static methods by types alone."""
    module = importlib.import_module(f"interlingua.dialects.{name}.{operation}")
    protocol = PROTOCOLS[operation]
    wanted = {key: value.__func__ for key, value in vars(protocol).items() if isinstance(value, staticmethod)}
    assert wanted
    for key, function in wanted.items():
        assert inspect.signature(getattr(module, key)) == inspect.signature(function), key
    assert module.PATHS
    assert all(path.startswith("/") for path in module.PATHS)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_names_the_operations_that_it_has(name: str) -> None:
    assert list(dialect(name).OPERATIONS) == sorted(operation for one, operation in FOUND if one == name)


def test_the_registry_hands_out_what_there_is_and_none_else() -> None:
    assert embeddings("openai_chat") is not None
    assert models("anthropic_messages") is not None
    assert count_tokens("gemini") is not None
    assert embeddings("anthropic_messages") is None
    assert count_tokens("openai_chat") is None


@pytest.mark.parametrize("name", ["ollama", "gemini", "anthropic_messages"])
def test_the_internal_error_of_another_interlingua_is_an_upstreams_failure(name: str) -> None:
    """It may be tried again, and nobody is asked to report it."""
    codec, context = dialect(name), TranslationContext(dialect=name)
    told = codec.render_error(InterlinguaError("something broke"), context)
    assert isinstance(codec.parse_error(told, context), UpstreamError)

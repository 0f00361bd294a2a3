"""Dialects by name, imported on first use."""

from __future__ import annotations

import importlib
from functools import cache
from typing import cast

from interlingua.errors import ConfigError
from interlingua.ports.dialect import CountTokens, Dialect, Embeddings, Models
from interlingua.ports.lens import Lens

DIALECTS: tuple[str, ...] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama")


@cache
def dialect(name: str) -> Dialect:
    """The dialect called `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in DIALECTS:
        raise ConfigError(f"unknown dialect {name!r}", remedy="Known dialects: " + ", ".join(DIALECTS))
    return cast(Dialect, importlib.import_module(f"interlingua.dialects.{name}"))


@cache
def lens(name: str) -> Lens:
    """A dialect's view of bytes that pass through untouched.

    Raises:
        ConfigError: there is no such dialect.
    """
    return cast(Lens, importlib.import_module(f"interlingua.dialects.{dialect(name).ID}.lens"))


def embeddings(name: str) -> Embeddings | None:
    """A dialect's embeddings, or None where it has none."""
    return cast("Embeddings | None", _operation(name, "embeddings"))


def models(name: str) -> Models | None:
    """A dialect's model lists, or None where it has none."""
    return cast("Models | None", _operation(name, "models"))


def count_tokens(name: str) -> CountTokens | None:
    """A dialect's token counts, or None where it has none."""
    return cast("CountTokens | None", _operation(name, "count_tokens"))


@cache
def _operation(name: str, operation: str) -> object:
    if operation not in dialect(name).OPERATIONS:
        return None
    return importlib.import_module(f"interlingua.dialects.{name}.{operation}")

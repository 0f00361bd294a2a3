"""Dialects by name, imported on first use."""

from __future__ import annotations

import importlib
from functools import cache
from typing import cast

from interlingua.errors import ConfigError
from interlingua.ports.dialect import Dialect

DIALECTS: tuple[str, ...] = ("openai_chat", "anthropic_messages", "gemini")


@cache
def dialect(name: str) -> Dialect:
    """The dialect called `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in DIALECTS:
        raise ConfigError(f"unknown dialect {name!r}", remedy="Known dialects: " + ", ".join(DIALECTS))
    return cast(Dialect, importlib.import_module(f"interlingua.dialects.{name}"))

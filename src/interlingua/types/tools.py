"""Tools that a model may call, and how it must choose among them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from interlingua.types.opaque import Extra, Json
from interlingua.types.parts import CacheHint


class ToolBase(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type"):
    """What every tool definition may carry.

    Args:
        cache: how its prefix of the prompt is cached.
        extra: what one dialect alone knows of it.
        call_extra: the same of each call of it, whichever model makes the call.
    """

    cache: CacheHint | None = None
    extra: Extra = {}
    call_extra: Extra = {}


class FunctionTool(ToolBase, frozen=True, tag="function"):
    """A function of the caller's.

    Args:
        name: letters, digits, `_` and `-`, at most 64.
        description: what it is for, read by the model.
        parameters: JSON Schema of an object; None for a function without arguments.
        strict: whether arguments must match the schema; None leaves it to the provider.
    """

    name: str
    description: str | None = None
    parameters: Json = None
    strict: bool | None = None


class CustomTool(ToolBase, frozen=True, tag="custom"):
    """A tool that takes free text; `format` is the dialect's grammar description, None for any text."""

    name: str
    description: str | None = None
    format: Json = None


class ServerTool(ToolBase, frozen=True, tag="server"):
    """A tool that the provider runs itself; `raw` is the JSON text of its definition as `dialect` wrote it."""

    dialect: str
    kind: str
    raw: str


Tool: TypeAlias = FunctionTool | CustomTool | ServerTool


class ToolChoice(Struct, frozen=True, omit_defaults=True):
    """How the model must choose.

    Args:
        mode: auto (may), none (must not), required (must).
        names: limits the choice to these tools; `required` with one name forces that tool.
    """

    mode: Literal["auto", "none", "required"]
    names: tuple[str, ...] = ()

"""Groups of functions (`namespace`): this format alone has them, and not every host of it.

A group is read as plain functions, each under a flat name that holds the group's, so that every model of every format
can be offered them. The flat name follows from the two names alone. The way back is luggage: a tool carries its group,
and what its calls must say (`call_extra`), so a call finds its group again whichever model made it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from interlingua.dialects.openai_responses.schema import ID, Body, own, source_of
from interlingua.types.opaque import Extra, Json
from interlingua.types.parts import ToolCallPart
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, Tool
from interlingua.wire.fields import Fields

NAMESPACE = "namespace"
"""Type of the group among the tools, field of a call, and key of the luggage."""
MEMBERS = ("function", "custom")
"""Types of tools that a group may hold, and that a choice may name."""
MOST = 64
"""Characters that every provider takes in a function's name."""
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
_DIGITS = 8


def flat_name(namespace: str, name: str) -> str:
    """The name under which a function of a group stands outside of it: letters, digits, `_` and `-`, at most 64."""
    whole = f"{namespace.rstrip('_')}__{name}"
    flat = _NO_NAME.sub("_", whole)
    if flat == whole and len(flat) <= MOST:
        return flat
    mark = hashlib.sha256(f"{namespace}\0{name}".encode()).hexdigest()[:_DIGITS]
    return f"{flat[: MOST - _DIGITS - 1]}_{mark}"


def parse_namespace(fields: Fields, parse_tool: Callable[[Fields], Tool]) -> tuple[Tool, ...]:
    """The tools of a group; the group as it stands where something else is in it than the caller's own tools.

    Args:
        fields: the group.
        parse_tool: reads one of its tools.
    """
    source, inner = source_of(fields), fields.children("tools")
    if not inner or any(child.look("type") not in MEMBERS for child in inner):
        return (ServerTool(dialect=ID, kind=NAMESPACE, raw=source),)
    fields.skip("type")
    group = {"name": fields.need_text("name"), **fields.rest()}
    return tuple(_member(parse_tool(child), group) for child in inner)


def _member(tool: Tool, group: Body) -> Tool:
    assert isinstance(tool, FunctionTool | CustomTool)
    place, flat = {NAMESPACE: {**group, "tool": tool.name}}, flat_name(group["name"], tool.name)
    extra = {ID: {**own(tool.extra), **place}}
    return replace(tool, name=flat, extra=extra, call_extra=call_luggage(group["name"], tool.name))


def call_luggage(namespace: str, name: str) -> Extra:
    """What a call of a function in a group carries."""
    return {ID: {NAMESPACE: namespace, "name": name}}


def group_of(tool: Tool) -> dict[str, Json]:
    """The group of a tool, with the tool's name in it as `tool`; empty for one that is in none."""
    found = own(tool.extra).get(NAMESPACE)
    return found if isinstance(found, dict) else {}


def called(part: ToolCallPart, rest: Body) -> str:
    """The name that a call's item has: that within its group, where it says one.

    Args:
        part: the call.
        rest: what its item has besides, its group included.
    """
    return str(rest.get("name", part.name)) if rest.get(NAMESPACE) else part.name


def grouped(tools: Sequence[tuple[Tool, Any]]) -> list[Any]:
    """Rendered tools with those of a group inside it; neighbours of one group share it.

    Args:
        tools: each with what it is rendered as.
    """
    found: list[Any] = []
    latest: Body = {}
    for tool, body in tools:
        group = {key: value for key, value in group_of(tool).items() if key != "tool"}
        if not group:
            found.append(body)
        elif group == latest:
            found[-1]["tools"].append(body)
        else:
            found.append({"type": NAMESPACE, **group, "tools": [body]})
        latest = group
    return found

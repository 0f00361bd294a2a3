"""Tool definitions and the choice among them."""

from __future__ import annotations

from typing import Any

from interlingua.dialects.openai_responses.content import render_cache
from interlingua.dialects.openai_responses.namespaces import (
    MEMBERS,
    NAMESPACE,
    flat_name,
    group_of,
    grouped,
    parse_namespace,
)
from interlingua.dialects.openai_responses.schema import (
    ADDED,
    ID,
    Body,
    as_raw,
    lose_foreign,
    luggage,
    own,
    put_back,
    source_of,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, Tool, ToolChoice
from interlingua.wire.fields import Fields

NO_ARGUMENTS = {"type": "object", "properties": {}}
"""The schema of a function without arguments; the field must be there."""
_MARKS = (NAMESPACE, ADDED)
"""Luggage that says where a tool stood, and is no field of it."""


def parse_tools(fields: Fields) -> tuple[Tool, ...]:
    """The tools, those in groups among them; what the provider runs is kept as it stands."""
    found: list[Tool] = []
    for child in fields.children("tools"):
        if child.look("type") == NAMESPACE:
            found += parse_namespace(child, _parse_tool)
        else:
            found.append(_parse_tool(child))
    return tuple(found)


def _parse_tool(fields: Fields) -> Tool:
    source = source_of(fields)
    kind = fields.need_text("type")
    if kind == "function":
        return FunctionTool(
            name=fields.need_text("name"),
            description=fields.text("description"),
            parameters=fields.json("parameters"),
            strict=fields.boolean("strict"),
            extra=luggage(fields.rest()),
        )
    if kind == "custom":
        name, description, form = fields.need_text("name"), fields.text("description"), fields.json("format")
        return CustomTool(name=name, description=description, format=form, extra=luggage(fields.rest()))
    return ServerTool(dialect=ID, kind=kind, raw=source)


def parse_choice(fields: Fields) -> tuple[ToolChoice | None, Body]:
    """(how to choose, the choice as it stands where our words do not hold all of it, for `extra`)."""
    if fields.kind("tool_choice") == "string":
        word = fields.need_text("tool_choice")
        if word not in ("auto", "none", "required"):
            raise fields.error("tool_choice", f"expected auto, none or required, got {word!r}")
        return ToolChoice(word), {}  # type: ignore[arg-type]  # the word was just checked
    child = fields.child("tool_choice")
    if child is None:
        return None, {}
    kind = child.need_text("type")
    if kind in MEMBERS:
        inner = child.child("function") if child.kind("name") != "string" else None  # as in Chat Completions
        name, group = (inner or child).need_text("name"), child.text(NAMESPACE)
        return ToolChoice("required", (flat_name(group, name) if group else name,)), {}
    whole = {"type": kind, **child.rest()}
    if kind != "allowed_tools":
        return ToolChoice("required"), whole
    mode = whole.get("mode")
    tools = whole.get("tools")
    named = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    choice = ToolChoice(
        "required" if mode == "required" else "auto",
        tuple(_chosen(tool) for tool in named if tool.get("type") in MEMBERS and tool.get("name")),
    )
    return choice, {} if len(choice.names) == len(named) else whole


def _chosen(tool: Body) -> str:
    group, name = tool.get(NAMESPACE), str(tool["name"])
    return flat_name(group, name) if isinstance(group, str) and group else name


def render_tools(body: Body, request: ChatRequest, context: TranslationContext) -> None:
    """Adds tools, the choice and the permission for several at once; all three only where there is a tool."""
    tools: list[tuple[Tool, Any]] = []
    for i, tool in enumerate(request.tools):
        rendered = _render_tool(tool, f"tools[{i}]", context)
        if rendered is not None:
            tools.append((tool, rendered))
    if not tools:
        return
    body["tools"] = grouped(tools) if context.host.namespaces else [rendered for _, rendered in tools]
    if request.tool_choice is not None:
        whole = own(request.extra).get("tool_choice")
        body["tool_choice"] = whole or _render_choice(request.tool_choice, request.tools, context)
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _render_tool(tool: Tool, path: str, context: TranslationContext) -> Any:
    if isinstance(tool, ServerTool):
        if tool.dialect == ID:
            return as_raw(tool.raw)
        context.lose(path, f"the tool {tool.kind} exists in {tool.dialect} alone", kind="content")
        return None
    group = group_of(tool)
    if group and not context.host.namespaces:
        context.emulate(path, "the host knows no groups of functions; it is sent as a plain one")
    name = group["tool"] if group and context.host.namespaces else tool.name
    body: Body = {"type": "custom" if isinstance(tool, CustomTool) else "function", "name": name}
    if tool.description is not None:
        body["description"] = tool.description
    if isinstance(tool, CustomTool):
        if tool.format is not None:
            body["format"] = _render_format(tool.format)
    else:
        body["parameters"] = NO_ARGUMENTS if tool.parameters is None else tool.parameters
        # Nothing said means strict here and lax elsewhere, and strict refuses most schemas.
        body["strict"] = tool.strict or False
    if tool.cache is not None and context.host.cache_field == "prompt_cache_breakpoint":
        context.lose("cache", "tools of this format take no breakpoint of the prompt cache")
    else:
        render_cache(body, tool.cache, context)
    put_back(body, {ID: {key: value for key, value in own(tool.extra).items() if key not in _MARKS}})
    lose_foreign(tool.extra, context)
    return body


def _render_format(form: Any) -> Any:
    """A grammar, flat as this format has it; Chat Completions puts it one level deeper."""
    inner = form.get("grammar") if isinstance(form, dict) else None
    return {"type": "grammar", **inner} if isinstance(inner, dict) else form


def _render_choice(choice: ToolChoice, tools: tuple[Tool, ...], context: TranslationContext) -> str | Body:
    mode = choice.mode
    if mode == "required" and context.traits.forced_tool_choice is False:
        context.lose("tool_choice", "the model cannot be forced to call a tool; it may")
        return "auto"
    if mode == "none" or not choice.names:
        return mode
    custom = {tool.name for tool in tools if isinstance(tool, CustomTool)}
    groups = {tool.name: group_of(tool) for tool in tools if not isinstance(tool, ServerTool) and group_of(tool)}
    named = [{"type": "custom" if name in custom else "function", "name": name} for name in choice.names]
    for one in named if context.host.namespaces else ():
        if group := groups.get(one["name"]):
            one |= {"name": group["tool"], NAMESPACE: group["name"]}
    if mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": mode, "tools": named}

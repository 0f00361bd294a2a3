"""Tool definitions and the choice among them."""

from __future__ import annotations

from typing import Any

from interlingua.dialects.openai_responses.content import render_cache
from interlingua.dialects.openai_responses.schema import (
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
_NAMED = ("function", "custom")


def parse_tools(fields: Fields) -> tuple[Tool, ...]:
    """The tools; those that the provider runs are kept as they stand."""
    return tuple(_parse_tool(child) for child in fields.children("tools"))


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
    if kind in _NAMED:
        inner = child.child("function") if child.kind("name") != "string" else None  # as in Chat Completions
        return ToolChoice("required", ((inner or child).need_text("name"),)), {}
    whole = {"type": kind, **child.rest()}
    if kind != "allowed_tools":
        return ToolChoice("required"), whole
    mode = whole.get("mode")
    tools = whole.get("tools")
    named = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    choice = ToolChoice(
        "required" if mode == "required" else "auto",
        tuple(str(tool["name"]) for tool in named if tool.get("type") in _NAMED and tool.get("name")),
    )
    return choice, {} if len(choice.names) == len(named) else whole


def render_tools(body: Body, request: ChatRequest, context: TranslationContext) -> None:
    """Adds tools, the choice and the permission for several at once; all three only where there is a tool."""
    tools = []
    for i, tool in enumerate(request.tools):
        rendered = _render_tool(tool, f"tools[{i}]", context)
        if rendered is not None:
            tools.append(rendered)
    if not tools:
        return
    body["tools"] = tools
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
    body: Body = {"type": "custom" if isinstance(tool, CustomTool) else "function", "name": tool.name}
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
    put_back(body, tool.extra)
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
    named = [{"type": "custom" if name in custom else "function", "name": name} for name in choice.names]
    if mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": mode, "tools": named}

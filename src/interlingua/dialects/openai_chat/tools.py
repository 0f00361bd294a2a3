"""Tool definitions, the choice among them, and the calls that a model makes."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.openai_chat.content import parse_cache, render_cache
from interlingua.dialects.openai_chat.reasoning import parse_state, render_state
from interlingua.dialects.openai_chat.schema import ID, as_raw, lose_foreign, luggage, put_back, source_of, text_or
from interlingua.ports.context import TranslationContext
from interlingua.types.parts import OpaquePart, ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, Tool, ToolChoice
from interlingua.wire.fields import Fields

Body = dict[str, Any]

FREE_TEXT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
"""The schema of a function that stands for a free-form tool."""
CALL = "tool_call."
"""Marks the kind of an opaque part that stood among the tool calls."""
LEGACY = "function_call"
"""Marks a call that stood in the deprecated `function_call`."""


def parse_tools(fields: Fields) -> tuple[Tool, ...]:
    """The tools, deprecated `functions` included."""
    found = [_parse_tool(child) for child in fields.children("tools")]
    found += [_parse_function(child, None, {}) for child in fields.children("functions")]
    return tuple(found)


def _parse_tool(fields: Fields) -> Tool:
    kind = text_or(fields, "type", "function")
    if kind == "custom" and fields.kind("custom") == "object":
        fields.skip("type")
        child = fields.child("custom")
        assert child is not None
        name, description, form = child.need_text("name"), child.text("description"), child.json("format")
        cache, inner = parse_cache(fields), child.rest()
        extra = luggage({**fields.rest(), **({"custom": inner} if inner else {})})
        return CustomTool(name=name, description=description, format=form, cache=cache, extra=extra)
    if kind == "function" and fields.kind("function") == "object":
        fields.skip("type")
        child = fields.child("function")
        assert child is not None
        return _parse_function(child, fields, {})
    if kind == "function":
        raise fields.error("function", "required")
    return ServerTool(dialect=ID, kind=kind, raw=source_of(fields))


def _parse_function(fields: Fields, outer: Fields | None, extra: Body) -> FunctionTool:
    name, description = fields.need_text("name"), fields.text("description")
    parameters, strict = fields.json("parameters"), fields.boolean("strict")
    cache = parse_cache(outer or fields)
    inner = fields.rest()
    if outer is not None:
        extra = outer.rest()
    if inner:
        extra = {**extra, "function": inner}
    return FunctionTool(
        name=name,
        description=description,
        parameters=parameters,
        strict=strict,
        cache=cache,
        extra=luggage(extra),
    )


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
        body["tool_choice"] = _render_choice(request.tool_choice, request.tools, context)
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _render_tool(tool: Tool, path: str, context: TranslationContext) -> Any:
    if isinstance(tool, ServerTool):
        if tool.dialect == ID:
            return as_raw(tool.raw)
        context.lose(path, f"the tool {tool.kind} exists in {tool.dialect} alone", kind="content")
        return None
    if isinstance(tool, CustomTool) and not context.host.custom_tools:
        context.emulate(path, "a free-form tool is sent as a function of one string")
        tool = FunctionTool(name=tool.name, description=tool.description, parameters=FREE_TEXT, cache=tool.cache)
    inner: Body = {"name": tool.name}
    if tool.description is not None:
        inner["description"] = tool.description
    if isinstance(tool, CustomTool):
        if tool.format is not None:
            inner["format"] = tool.format
    else:
        if tool.parameters is not None:
            inner["parameters"] = tool.parameters
        if tool.strict is not None:
            inner["strict"] = tool.strict
    kind = "custom" if isinstance(tool, CustomTool) else "function"
    body: Body = {"type": kind, kind: inner}
    render_cache(body, tool.cache, context)
    put_back(body, tool.extra)
    lose_foreign(tool.extra, context)
    return body


def parse_choice(fields: Fields) -> ToolChoice | None:
    """How to choose, deprecated `function_call` included."""
    for key in ("tool_choice", "function_call"):
        if fields.kind(key) == "string":
            return _choice_word(fields, key)
        if fields.kind(key) == "object":
            child = fields.child(key)
            assert child is not None
            return _choice_object(child)
    return None


def _choice_word(fields: Fields, key: str) -> ToolChoice:
    word = fields.need_text(key)
    if word == "auto":
        return ToolChoice("auto")
    if word == "none":
        return ToolChoice("none")
    if word in ("required", "any"):
        return ToolChoice("required")
    raise fields.error(key, f"expected auto, none or required, got {word!r}")


def _choice_object(fields: Fields) -> ToolChoice:
    if fields.kind("name") == "string":
        return ToolChoice("required", (fields.need_text("name"),))
    kind = text_or(fields, "type", "function")
    child = fields.child(kind)
    if child is None:
        if kind in ("auto", "none", "required", "any"):
            return _choice_word(fields, "type") if fields.has("type") else ToolChoice("auto")
        raise fields.error(kind, "required")
    if kind != "allowed_tools":
        return ToolChoice("required", (child.need_text("name"),))
    mode = child.need_text("mode")
    names = tuple(_named(tool) for tool in child.children("tools"))
    return ToolChoice("required" if mode == "required" else "auto", names)


def _named(fields: Fields) -> str:
    inner = fields.child(text_or(fields, "type", "function"))
    return (inner or fields).need_text("name")


def _render_choice(choice: ToolChoice, tools: tuple[Tool, ...], context: TranslationContext) -> str | Body:
    mode = choice.mode
    if mode == "required" and context.traits.forced_tool_choice is False:
        context.lose("tool_choice", "the model cannot be forced to call a tool; it may")
        return "auto"
    if mode == "none" or not choice.names:
        return mode
    kinds = {
        tool.name: "custom" if isinstance(tool, CustomTool) and context.host.custom_tools else "function"
        for tool in tools
        if not isinstance(tool, ServerTool)
    }
    named = [{"type": kind, kind: {"name": name}} for name in choice.names for kind in (kinds.get(name, "function"),)]
    if mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}


def parse_calls(fields: Fields, context: TranslationContext) -> list[ToolCallPart | OpaquePart]:
    """The calls of an assistant message, deprecated `function_call` included."""
    found: list[ToolCallPart | OpaquePart] = []
    if fields.kind("tool_calls") == "array":
        found += [_parse_call(child, context) for child in fields.children("tool_calls")]
    child = fields.child(LEGACY) if fields.kind(LEGACY) == "object" else None
    name = child.text("name") if child is not None else None
    if child is not None and name:
        raw = child.text("arguments") or ""
        found.append(tool_call(context.new_id("call_"), name, raw, extra={ID: {LEGACY: True}}))
    return found


def _parse_call(fields: Fields, context: TranslationContext) -> ToolCallPart | OpaquePart:
    source = source_of(fields)
    kind = text_or(fields, "type", "function")
    fields.skip("index", "type")
    custom = kind == "custom"
    child = fields.child("custom" if custom else "function")
    if child is None:
        return OpaquePart(dialect=ID, kind=CALL + kind, raw=source)
    call_id = text_or(fields, "id")
    key = "input" if custom else "arguments"
    raw = (child.text(key) if child.kind(key) == "string" else child.raw(key)) or ""
    name, cache, opaque, inner = (
        child.need_text("name"),
        parse_cache(fields),
        parse_state(fields, context),
        child.rest(),
    )
    fields.skip("id", "custom", "function")
    rest = {**fields.rest(), **({"custom" if custom else "function": inner} if inner else {})}
    return tool_call(
        call_id or context.new_id("call_"),
        name,
        raw,
        custom=custom,
        opaque=opaque,
        cache=cache,
        extra=luggage(rest),
    )


def render_call(part: ToolCallPart, context: TranslationContext) -> Body:
    """One call; arguments are sent as they were written, none as `{}`."""
    if part.custom and context.host.custom_tools:
        body: Body = {"id": part.id, "type": "custom", "custom": {"name": part.name, "input": part.raw}}
    else:
        arguments = part.raw if part.raw.strip() else "{}"
        if part.custom:
            context.emulate("tools", "the call of a free-form tool is sent as that of a function of one string")
            arguments = msgspec.json.encode({"input": part.raw}).decode()
        body = {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": arguments}}
    render_state(body, part.opaque)
    render_cache(body, part.cache, context)
    put_back(body, {ID: {key: value for key, value in part.extra.get(ID, {}).items() if key != LEGACY}})
    return body

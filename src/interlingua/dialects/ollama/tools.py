"""Tools and their calls. Arguments are objects, kept and sent in the model's own text; nothing forces a choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from interlingua.dialects.ollama.schema import Body, lose_foreign, luggage, put_back
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from interlingua.types.parts import ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, Tool
from interlingua.wire.fields import Fields

NO_ARGUMENTS: Json = {"type": "object", "properties": {}}
FREE_TEXT: Json = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


def parse_tools(fields: Fields) -> tuple[Tool, ...]:
    """The tools of a request."""
    return tuple(_parse_tool(child) for child in fields.children("tools"))


def _parse_tool(fields: Fields) -> Tool:
    kind = fields.text("type")
    if kind not in (None, "", "function"):
        raise fields.error("type", f"expected function, got {kind!r}")
    function = fields.child("function")
    if function is None:
        raise fields.error("function", "required")
    name, description, parameters = (
        function.need_text("name"),
        function.text("description"),
        function.json("parameters"),
    )
    inner = function.rest()
    extra = luggage(fields.rest(), {"function": inner} if inner else {})
    return FunctionTool(name=name, description=description, parameters=parameters, extra=extra)


def render_tools(request: ChatRequest, context: TranslationContext) -> list[Body]:
    """The tools that a request comes down to; none where the model must not call any."""
    choice = request.tool_choice
    if request.tools and choice is not None and choice.mode == "none":
        context.emulate("tool_choice", "the tools are left out")
        return []
    tools = list(enumerate(request.tools))
    if choice is not None and choice.names:
        context.emulate("tool_choice.names", "only the allowed tools are sent")
        tools = [(i, tool) for i, tool in tools if isinstance(tool, ServerTool) or tool.name in choice.names]
    if choice is not None and choice.mode == "required":
        context.lose("tool_choice", "a model cannot be forced to call a tool here")
    if tools and request.parallel_tool_calls is False:
        context.lose("parallel_tool_calls", "several calls at once cannot be switched off")
    return [wire for i, tool in tools if (wire := _render_tool(tool, f"tools[{i}]", context)) is not None]


def _render_tool(tool: Tool, where: str, context: TranslationContext) -> Body | None:
    if isinstance(tool, ServerTool):
        context.lose(where, f"{tool.kind} is a tool that only {tool.dialect} runs", "content")
        return None
    function: Body = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if isinstance(tool, CustomTool):
        context.emulate(where, "a free-form tool is sent as a function of one string")
        function["parameters"] = FREE_TEXT
    else:
        function["parameters"] = tool.parameters if tool.parameters is not None else NO_ARGUMENTS
        if tool.strict:
            context.lose(f"{where}.strict", "arguments are not held to their schema")
    wire: Body = {"type": "function", "function": function}
    put_back(wire, tool.extra)
    lose_foreign(tool.extra, context)
    return wire


def parse_calls(fields: Fields, new_id: Callable[[int], str]) -> list[ToolCallPart]:
    """The tool_calls of a message.

    Args:
        fields: the message.
        new_id: makes the id of the call at a place that has none (servers before 0.12).
    """
    found = []
    for i, child in enumerate(fields.children("tool_calls")):
        function = child.child("function")
        if function is None:
            raise child.error("function", "required")
        name, raw = function.need_text("name"), _parse_arguments(function)
        id = child.text("id") or new_id(i)
        child.skip("type", "index")
        function.skip("index")
        inner = function.rest()
        extra = luggage(child.rest(), {"function": inner} if inner else {})
        found.append(tool_call(id, name, raw, extra=extra))
    return found


def _parse_arguments(function: Fields) -> str:
    kind = function.kind("arguments")
    if kind == "string":  # some servers and clients write them as OpenAI does
        return function.text("arguments") or ""
    if kind not in ("", "null", "object"):
        raise function.error("arguments", f"expected object, got {kind}")
    return function.raw("arguments") or "{}"


def render_call(part: ToolCallPart, where: str, context: TranslationContext) -> Body:
    """A call as a message has it."""
    wire: Body = {"id": part.id} if part.id else {}
    wire["function"] = {"name": part.name, "arguments": _render_arguments(part, where, context)}
    put_back(wire, part.extra)
    return wire


def _render_arguments(part: ToolCallPart, where: str, context: TranslationContext) -> Any:
    if part.custom:
        context.emulate(where, 'free text for a tool is sent as {"input": …}')
        return {"input": part.raw}
    if not part.raw.strip():
        return part.arguments or {}
    if not isinstance(part.arguments, dict):
        context.emulate(where, 'arguments that are no JSON object are sent as {"_raw": …}')
        return {"_raw": part.raw}
    raw = part.raw.encode()
    # A line feed can only be white space here, and would end the line of a stream.
    return msgspec.Raw(msgspec.json.format(raw, indent=-1) if b"\n" in raw else raw)

"""Tools and how to choose among them: functionDeclarations are the caller's, every other key the provider's own."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.gemini.json_schema import parse_schema, render_schema
from interlingua.dialects.gemini.schema import ID, ProtoFields, luggage, own
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, Tool, ToolChoice

_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none"}
_FREE_FORM: Json = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


def parse_tools(tools: list[ProtoFields]) -> tuple[Tool, ...]:
    """The tools of a request."""
    found: list[Tool] = []
    for tool in tools:
        found += [_parse_function(fields) for fields in tool.list_of("functionDeclarations")]
        others = {key: tool.raw(key) for key in tuple(tool.keys())}
        found += [ServerTool(dialect=ID, kind=key, raw=f'{{"{key}":{raw}}}') for key, raw in others.items() if raw]
    return tuple(found)


def _parse_function(fields: ProtoFields) -> FunctionTool:
    name, description = fields.need_text("name"), fields.text("description")
    plain, openapi = fields.json("parametersJsonSchema"), fields.json("parameters")
    return FunctionTool(
        name=name,
        description=description,
        parameters=plain if plain is not None else parse_schema(openapi),
        extra=luggage(fields.rest()),
    )


def parse_tool_config(config: ProtoFields | None) -> tuple[ToolChoice | None, dict[str, Json]]:
    """The choice that a toolConfig makes, and what else stands in it. VALIDATED is `auto` with a note of itself."""
    if config is None:
        return None, {}
    calling = config.child("functionCallingConfig")
    left: dict[str, Json] = {}
    choice = None
    if calling is not None:
        mode, names = calling.text("mode"), calling.texts("allowedFunctionNames")
        left = calling.rest()
        if mode == "VALIDATED":
            choice = ToolChoice("auto", names)
            left["mode"] = mode
        elif mode in _MODES or names:
            choice = ToolChoice(_choice_mode(mode), names)
    rest = config.rest() | ({"functionCallingConfig": left} if left else {})
    return choice, {"toolConfig": rest} if rest else {}


def _choice_mode(word: str | None) -> Any:
    return _MODES.get(word or "AUTO", "auto")


def render_tools(tools: tuple[Tool, ...], context: TranslationContext) -> list[dict[str, Any]]:
    """The tools as this format has them: all functions together, where the first of them stood."""
    wires: list[dict[str, Any]] = []
    functions: list[dict[str, Any]] = []
    for i, tool in enumerate(tools):
        where = f"tools[{i}]"
        if isinstance(tool, ServerTool):
            if tool.dialect == ID:
                wires.append(msgspec.json.decode(tool.raw, type=dict[str, msgspec.Raw]))
            else:
                context.lose(where, f"{tool.kind} is a tool that only {tool.dialect} runs", "content")
            continue
        if not functions:
            wires.append({"functionDeclarations": functions})
        functions.append(_render_function(tool, where, context))
    return wires


def _render_function(tool: FunctionTool | CustomTool, where: str, context: TranslationContext) -> dict[str, Any]:
    wire: dict[str, Any] = {"name": tool.name}
    if tool.description:
        wire["description"] = tool.description
    if isinstance(tool, CustomTool):
        context.emulate(where, "a free-form tool sent as a function with the argument `input`")
        wire["parametersJsonSchema"] = _FREE_FORM
    elif tool.parameters is not None:
        wire["parametersJsonSchema"], rewritten = render_schema(tool.parameters)
        if rewritten:
            context.emulate(f"{where}.parameters", "keywords that the provider does not know written another way")
    return wire | {key: value for key, value in own(tool.extra).items() if key not in wire}


def render_tool_config(request: ChatRequest, has_functions: bool, context: TranslationContext) -> dict[str, Any]:
    """The toolConfig of a request; empty where nothing is said."""
    kept = own(request.extra).get("toolConfig")
    config: dict[str, Any] = dict(kept) if isinstance(kept, dict) else {}
    left = config.pop("functionCallingConfig", None)
    calling: dict[str, Any] = dict(left) if isinstance(left, dict) else {}
    if request.parallel_tool_calls is False:
        context.lose("parallel_tool_calls", "several calls at once cannot be switched off")
    if has_functions:
        calling = _calling(request, calling, context)
        if calling:
            config["functionCallingConfig"] = calling
    elif request.tool_choice is not None and request.tool_choice.mode == "required":
        context.lose("tool_choice", "there are no functions to choose from")
    return config


def _calling(request: ChatRequest, left: dict[str, Any], context: TranslationContext) -> dict[str, Any]:
    choice = request.tool_choice
    mode = {"auto": "AUTO", "required": "ANY", "none": "NONE"}[choice.mode] if choice is not None else ""
    names = choice.names if choice is not None else ()
    strict = any(isinstance(tool, FunctionTool) and tool.strict for tool in request.tools)
    if mode in ("", "AUTO") and left.get("mode") == "VALIDATED":
        mode = "VALIDATED"
    elif mode in ("", "AUTO") and (names or strict):
        mode = "VALIDATED"
        context.emulate("tool_choice" if names else "tools", "sent as VALIDATED, which holds for all functions")
    calling: dict[str, Any] = {key: value for key, value in left.items() if key != "mode"}
    if mode:
        calling["mode"] = mode
    if names and mode in ("ANY", "VALIDATED"):
        calling["allowedFunctionNames"] = list(names)
    return calling

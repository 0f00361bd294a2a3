"""Tools, and how the model must choose among them."""

from __future__ import annotations

from typing import Any

from interlingua.dialects.anthropic_messages.blocks import Block, Writer
from interlingua.dialects.anthropic_messages.content import luggage, parse_cache, source_text
from interlingua.dialects.anthropic_messages.schema import ID
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, Tool, ToolChoice
from interlingua.wire.fields import Fields

_FREE_TEXT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
_MODES = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}


def parse_tool(fields: Fields) -> Tool:
    """A tool definition: a function of the caller's, or one that the provider runs, kept as it stands."""
    raw = source_text(fields)
    kind = fields.text("type")
    cache, more = parse_cache(fields)
    if kind not in (None, "custom"):
        return ServerTool(dialect=ID, kind=kind, raw=raw, cache=cache)
    return FunctionTool(
        name=fields.need_text("name"),
        description=fields.text("description"),
        parameters=fields.json("input_schema"),
        strict=fields.boolean("strict"),
        cache=cache,
        extra=luggage(fields.rest() | more),
    )


def parse_tool_choice(fields: Fields) -> tuple[ToolChoice | None, bool | None]:
    """(choice, whether calls may be parallel)."""
    choice = fields.child("tool_choice")
    if choice is None:
        return None, None
    kind = choice.need_text("type")
    if kind not in _MODES:
        raise choice.error("type", f"expected one of {', '.join(_MODES)}, got {kind!r}")
    single = choice.boolean("disable_parallel_tool_use")
    names = (choice.need_text("name"),) if kind == "tool" else ()
    mode = ToolChoice(mode="none" if kind == "none" else "auto" if kind == "auto" else "required", names=names)
    return mode, None if single is None else not single


def render_tools(request: ChatRequest, writer: Writer) -> list[Block]:
    """The tool definitions that the request comes down to: an allowed subset is sent as the only tools there are."""
    tools = list(enumerate(request.tools))
    choice = request.tool_choice
    if choice is not None and choice.names and not _forces_one(choice):
        if writer.context.traits.prefix_bound and _has_state(request):
            writer.context.lose("tool_choice.names", "leaving tools out would void the reasoning state in the history")
        else:
            writer.context.emulate("tool_choice.names", "only the allowed tools are sent")
            tools = [(i, tool) for i, tool in tools if isinstance(tool, ServerTool) or tool.name in choice.names]
    return [block for i, tool in tools if (block := _render_tool(tool, writer, f"tools[{i}]")) is not None]


def _render_tool(tool: Tool, writer: Writer, path: str) -> Block | None:
    if isinstance(tool, ServerTool):
        if tool.dialect == ID:
            return writer.verbatim(tool.raw, tool.cache, path)
        writer.context.lose(path, f"{tool.kind} is a tool of {tool.dialect}", kind="content")
        return None
    block: Block = {"name": tool.name}
    if tool.description is not None:
        block["description"] = tool.description
    if isinstance(tool, CustomTool):
        block["input_schema"] = _FREE_TEXT
        writer.context.emulate(path, "a free-form tool is sent as a function of one string")
    else:
        schema = _object_schema(tool.parameters)
        block["input_schema"] = closed(schema) if tool.strict else schema
        if tool.strict is not None:
            block["strict"] = tool.strict
    writer.foreign(tool.extra, path)
    for key, value in tool.extra.get(ID, {}).items():
        block.setdefault(key, value)
    if tool.cache is not None:
        writer.cache(block, tool.cache, path)
    return block


def render_tool_choice(request: ChatRequest, writer: Writer, *, tools: bool, thinking: str) -> dict[str, Any] | None:
    """The `tool_choice`, None where nothing needs saying.

    Args:
        tools: whether any tool is sent; without one the field is refused.
        thinking: the form of thinking that is sent; `enabled` goes with no forced choice.
    """
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if not tools:
        if choice is not None and choice.mode == "required":
            writer.context.lose("tool_choice", "there is no tool to choose")
        return None
    if choice is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if parallel is False else None
    if choice.mode == "none":
        return {"type": "none"}
    wire: dict[str, Any] = {"type": "auto"}
    if choice.mode == "required":
        if writer.context.traits.forced_tool_choice is False or thinking == "enabled":
            writer.context.emulate("tool_choice", "the model cannot be forced here and chooses by itself")
        elif _forces_one(choice):
            wire = {"type": "tool", "name": choice.names[0]}
        else:
            wire = {"type": "any"}
    if parallel is not None:
        wire["disable_parallel_tool_use"] = not parallel
    return wire


def _forces_one(choice: ToolChoice) -> bool:
    return choice.mode == "required" and len(choice.names) == 1


def _has_state(request: ChatRequest) -> bool:
    return any(part.opaque for message in request.messages for part in message.parts)


def _object_schema(schema: Json) -> Json:
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    return schema if "type" in schema else {"type": "object"} | schema


def closed(schema: Json) -> Json:
    """A JSON Schema with `additionalProperties: false` on each object that leaves it open, as strict output demands."""
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed_under(key, value) for key, value in schema.items()}
    if found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def _closed_under(key: str, value: Json) -> Json:
    if key in ("properties", "$defs", "definitions") and isinstance(value, dict):
        return {name: closed(schema) for name, schema in value.items()}
    if key in ("anyOf", "allOf", "oneOf", "prefixItems") and isinstance(value, list):
        return [closed(schema) for schema in value]
    return closed(value) if key in ("items", "additionalProperties", "not") else value

"""The plain shapes of this format: requests and items of text, function calls and their results, read at once.

Whatever else stands in one leaves it to `request.py` and `items.py`, which read field by field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from interlingua.dialects.openai_responses.output import said_item
from interlingua.dialects.openai_responses.schema import HOME, ID, INSTRUCTIONS, LOGPROBS, luggage
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, plain_calls, plain_results, plain_text
from interlingua.types.opaque import Extra, Json
from interlingua.types.parts import Part, TextPart, ToolCallPart, ToolCallResponsePart, parse_arguments
from interlingua.types.request import ChatRequest, Reasoning
from interlingua.types.tools import FunctionTool, Tool, ToolChoice
from interlingua.wire.fields import Plain, read_plain

_Some: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
_Nothing: TypeAlias = Annotated[list[Json], msgspec.Meta(max_length=0)]


class _Text(Plain):
    type: Literal["input_text", "output_text"]
    text: str
    annotations: _Nothing | None = None
    logprobs: _Nothing | None = None

    def is_put_in(self) -> bool:
        """Whether it is written as people's words are, not as a model's."""
        return self.type == "input_text" and self.annotations is None and self.logprobs is None


class _Item(Plain):
    """A message (the type may be left out), a call, or the result of one: what stands in it must be its own."""

    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[_Text] | None = None
    type: Literal["message", "function_call", "function_call_output"] = "message"
    call_id: _Some | None = None
    name: str | None = None
    arguments: str | None = None
    output: _Some | None = None
    id: str | None = None
    status: str | None = None

    def __post_init__(self) -> None:
        if self.type == "message":
            plain = self.call_id is self.name is self.arguments is self.output is None
            plain = plain and self.role is not None and self.content is not None
            if self.role != "assistant":
                plain = plain and self.id is self.status is None
                plain = plain and (isinstance(self.content, str) or all(map(_Text.is_put_in, self.content or ())))
        elif self.role is not None or self.content is not None or self.call_id is None:
            plain = False
        elif self.type == "function_call":
            plain = self.output is None and self.name is not None and self.arguments is not None
        else:
            plain = self.name is self.arguments is self.id is None and self.output is not None
        if not plain:
            raise ValueError("no plain item")


class _Tool(Plain):
    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: Json = None
    strict: bool | None = None

    def tool(self) -> Tool:
        """The tool."""
        return FunctionTool(
            name=self.name, description=self.description, parameters=self.parameters, strict=self.strict
        )


class _Reasoning(Plain):
    effort: str | None = None
    summary: str | None = None

    def wanted(self) -> Reasoning | None:
        """The settings, if any is made."""
        display = self.summary or None
        return Reasoning(effort=self.effort, display=display) if self.effort or display else None


class _Request(Plain):
    input: str | list[_Item]
    model: str = ""
    instructions: str | None = None
    tools: list[_Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning: _Reasoning | None = None
    stream: bool | None = None
    store: bool | None = None
    include: list[str] | None = None
    prompt_cache_key: str | None = None
    user: str | None = None


class _Piece(Plain):
    type: Literal["output_text"]
    text: str
    annotations: _Nothing | None = None
    logprobs: _Nothing | None = None


class _MessageItem(Plain, tag_field="type", tag="message"):
    content: list[_Piece]
    id: str | None = None
    role: str | None = None
    status: str | None = None

    def parts(self) -> tuple[Part, ...]:
        extra: Extra = {} if self.id is None else {ID: {HOME: {"id": self.id}}}
        return tuple([TextPart(text=piece.text, extra=extra) for piece in self.content])


class _CallItem(Plain, tag_field="type", tag="function_call"):
    call_id: _Some
    name: str
    arguments: str
    id: str | None = None
    status: str | None = None

    def parts(self) -> tuple[Part, ...]:
        return (_call(self),)


_output = list[_MessageItem | _CallItem]
_answer = msgspec.json.Decoder(dict[str, Json])
_request = msgspec.json.Decoder(_Request)
_item = msgspec.json.Decoder(_Item)


def read_response(body: bytes) -> tuple[tuple[Part, ...], dict[str, Json]] | None:
    """What a plain answer says and calls, and its other fields in their order; None for any other."""
    rest = read_plain(_answer, body)
    if rest is None or not isinstance(rest.get("output"), list):
        return None
    try:
        items = msgspec.convert(rest.pop("output"), _output)
    except msgspec.ValidationError:
        return None
    return tuple([part for item in items for part in item.parts()]), rest


def parse_plain(body: bytes, context: TranslationContext) -> ChatRequest | None:
    """A plain request; None for any other."""
    plain = read_plain(_request, body)
    if plain is None:
        return None
    messages: list[Message] = []
    if plain.instructions:
        parts = (TextPart(text=plain.instructions),)
        messages.append(Message(role="system", raw_role=INSTRUCTIONS, parts=parts))
    if isinstance(plain.input, str):
        messages += [Message(role="user", parts=(TextPart(text=plain.input),))] if plain.input else []
    else:
        _add(messages, plain.input, context)
    include = [word for word in plain.include if word != LOGPROBS] if plain.include else []
    return ChatRequest(
        model=plain.model,
        messages=tuple(messages),
        tools=tuple([tool.tool() for tool in plain.tools]) if plain.tools else (),
        tool_choice=None if plain.tool_choice is None else ToolChoice(plain.tool_choice),
        parallel_tool_calls=plain.parallel_tool_calls,
        max_output_tokens=plain.max_output_tokens,
        temperature=plain.temperature,
        top_p=plain.top_p,
        logprobs=True if plain.include and LOGPROBS in plain.include else None,
        reasoning=None if plain.reasoning is None else plain.reasoning.wanted(),
        stream=plain.stream or False,
        end_user=plain.user,
        cache_key=plain.prompt_cache_key,
        store=plain.store,
        extra=luggage({"include": include}) if include else {},
    )


def add_plain(messages: list[Message], raw: msgspec.Raw, context: TranslationContext) -> bool:
    """Adds an item to the messages before it, if it is a plain one."""
    plain = read_plain(_item, raw)
    if plain is None:
        return False
    _add(messages, (plain,), context)
    return True


def _add(messages: list[Message], items: Iterable[_Item], context: TranslationContext) -> None:
    for item in items:
        if item.type == "message":
            parts = _texts(item.content, item.id) if item.content else ()
            if item.role == "assistant":
                _join(messages, "assistant", parts, context)
            elif not parts:
                continue
            elif item.role == "developer":
                messages.append(Message(role="system", parts=parts, raw_role="developer"))
            else:
                messages.append(Message(role="user" if item.role == "user" else "system", parts=parts))
        elif item.type == "function_call":
            _join(messages, "assistant", (_call(item),), context)
        else:
            response = (TextPart(text=item.output or ""),)
            _join(messages, "tool", (ToolCallResponsePart(id=item.call_id or "", response=response),), context)


def _join(
    messages: list[Message],
    role: Literal["assistant", "tool"],
    parts: tuple[Part, ...],
    context: TranslationContext,
) -> None:
    """Adds to the turn that goes on, or begins one."""
    if messages and messages[-1].role == role:
        parts = (*messages.pop().parts, *parts)
    if parts:
        messages.append(Message(role=role, parts=parts, origin=context.origin if role == "assistant" else None))


def _texts(content: str | list[_Text], id: str | None) -> tuple[Part, ...]:
    texts = [content] if isinstance(content, str) else [piece.text for piece in content if piece.text]
    if id is None:
        return tuple([TextPart(text=text) for text in texts])
    return tuple([TextPart(text=text, extra={ID: {HOME: {"id": id}}}) for text in texts])


def _call(item: _Item | _CallItem) -> ToolCallPart:
    raw = item.arguments or ""
    extra: Extra = {} if item.id is None else {ID: {"id": item.id}}
    return ToolCallPart(
        id=item.call_id or "", name=item.name or "", raw=raw, arguments=parse_arguments(raw), extra=extra
    )


def render_plain(message: Message) -> list[dict[str, Any]]:
    """The items that a plain message of anybody but a tool is written as; empty for any other."""
    if text := plain_text(message):
        return [said_item(text) if message.role == "assistant" else {"role": message.role, "content": text}]
    if message.role != "assistant" or (said := plain_calls(message)) is None:
        return []
    text, calls = said
    items = [said_item(text)] if text else []
    for call in calls:
        arguments = call.raw if call.raw.strip() else "{}"
        items.append({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments})
    return items


def render_plain_results(message: Message, custom: set[str]) -> list[dict[str, Any]]:
    """The items of a plain message of tool results; empty for any other.

    Args:
        message: the message.
        custom: ids of the calls of free-form tools, whose results are of another type.
    """
    found = plain_results(message)
    if custom and any(id in custom for id, _, _ in found):
        return []
    return [{"type": "function_call_output", "call_id": id, "output": text} for id, _, text in found]

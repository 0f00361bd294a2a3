"""The plain shapes of this format: requests and turns of text, tool calls and their results, read at once.

Whatever else stands in one leaves it to `request.py` and `messages.py`, which read field by field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from interlingua.dialects.anthropic_messages.schema import SIGNATURE
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, plain_calls, plain_results, plain_text
from interlingua.types.opaque import Extra, Json, Opaque
from interlingua.types.parts import (
    CacheHint,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    parse_arguments,
)
from interlingua.types.request import ChatRequest
from interlingua.types.tools import FunctionTool, ToolChoice
from interlingua.wire.fields import Plain, read_plain

_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Cache(Plain):
    type: Literal["ephemeral"]
    ttl: str | None = None

    def hint(self) -> CacheHint:
        return CacheHint(ttl=self.ttl or "")


class _Block(Plain, tag_field="type", kw_only=True):
    cache_control: _Cache | None = None

    def cache(self) -> CacheHint | None:
        return None if self.cache_control is None else self.cache_control.hint()


class _Text(_Block, tag="text"):
    text: str
    citations: None = None

    def part(self, context: TranslationContext) -> TextPart:
        return TextPart(text=self.text, cache=self.cache())


class _Thinking(Plain, tag_field="type", tag="thinking"):
    thinking: str
    signature: str

    def part(self, context: TranslationContext) -> ReasoningPart:
        opaque = (Opaque(kind=SIGNATURE, data=self.signature, origin=context.origin),) if self.signature else ()
        return ReasoningPart(text=self.thinking, opaque=opaque)


class _Call(_Block, tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw

    def part(self, context: TranslationContext) -> ToolCallPart:
        raw = str(self.input, "utf-8").strip()
        raw = "" if raw == "null" else raw
        return ToolCallPart(id=self.id, name=self.name, raw=raw, arguments=parse_arguments(raw), cache=self.cache())


class _Result(_Block, tag="tool_result"):
    tool_use_id: str
    content: str | list[_Text] | None = None
    is_error: bool | None = None

    def part(self, context: TranslationContext) -> ToolCallResponsePart:
        return ToolCallResponsePart(
            id=self.tool_use_id,
            response=_parts(self.content, context) if self.content else (),
            is_error=self.is_error or False,
            cache=self.cache(),
        )


class _User(Plain, tag_field="role", tag="user"):
    content: str | list[_Text | _Result]


class _Assistant(Plain, tag_field="role", tag="assistant"):
    content: str | list[_Text | _Call | _Thinking]


class _System(Plain, tag_field="role", tag="system"):
    content: str | list[_Text]


_Turn: TypeAlias = _User | _Assistant | _System


class _Tool(Plain):
    name: str
    description: str | None = None
    input_schema: Json = None
    type: Literal["custom"] | None = None
    strict: bool | None = None
    cache_control: _Cache | None = None

    def tool(self) -> FunctionTool:
        return FunctionTool(
            name=self.name,
            description=self.description,
            parameters=self.input_schema,
            strict=self.strict,
            cache=None if self.cache_control is None else self.cache_control.hint(),
        )


class _Choice(Plain):
    type: Literal["auto", "any", "none"]
    disable_parallel_tool_use: bool | None = None


class _Metadata(Plain):
    user_id: str | None = None


class _Request(Plain):
    model: str
    messages: list[_Turn]
    system: str | list[_Text] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    max_tokens: _Count | None = None
    temperature: _Share | None = None
    top_p: _Share | None = None
    top_k: _Count | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    metadata: _Metadata | None = None


class PlainResponse(Plain):
    """A plain answer."""

    content: list[_Text | _Call | _Thinking]
    id: str | None = None
    type: str | None = None
    role: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: None = None
    container: None = None
    context_management: None = None
    usage: Json = None

    def parts(self, context: TranslationContext) -> tuple[Part, ...]:
        """What is said, and called."""
        return _parts(self.content, context)


_response = msgspec.json.Decoder(PlainResponse)
_request = msgspec.json.Decoder(_Request)
_turn = msgspec.json.Decoder(_Turn)
_MODES: dict[str, Literal["auto", "required", "none"]] = {"auto": "auto", "any": "required", "none": "none"}


def read_response(body: bytes) -> PlainResponse | None:
    """A plain answer, given as UTF-8; None for any other."""
    return read_plain(_response, body)


def parse_plain(body: bytes, extra: Extra, context: TranslationContext) -> ChatRequest | None:
    """A plain request; None for any other.

    Args:
        body: UTF-8.
        extra: what the headers hold for this dialect alone.
        context: knows who made the assistant's turns, if anybody does.
    """
    plain = read_plain(_request, body)
    if plain is None or (plain.temperature is not None and plain.top_p is not None):
        return None
    messages: list[Message] = []
    if plain.system:
        messages.append(Message(role="system", parts=_parts(plain.system, context)))
    _add(messages, plain.messages, context)
    choice = plain.tool_choice
    single = None if choice is None else choice.disable_parallel_tool_use
    return ChatRequest(
        model=plain.model,
        messages=tuple(messages),
        tools=tuple([tool.tool() for tool in plain.tools]) if plain.tools else (),
        tool_choice=None if choice is None else ToolChoice(mode=_MODES[choice.type]),
        parallel_tool_calls=None if single is None else not single,
        max_output_tokens=plain.max_tokens,
        temperature=plain.temperature,
        top_p=plain.top_p,
        top_k=plain.top_k,
        stop=tuple(plain.stop_sequences) if plain.stop_sequences else (),
        stream=plain.stream or False,
        end_user=None if plain.metadata is None else plain.metadata.user_id,
        extra=extra,
    )


def add_plain(messages: list[Message], raw: msgspec.Raw, context: TranslationContext) -> bool:
    """Adds a turn to those before it, if it is a plain one."""
    plain = read_plain(_turn, raw)
    if plain is None:
        return False
    _add(messages, (plain,), context)
    return True


def _add(messages: list[Message], turns: Iterable[_Turn], context: TranslationContext) -> None:
    for turn in turns:
        parts = _parts(turn.content, context) if turn.content else ()
        if type(turn) is _Assistant:
            messages.append(Message(role="assistant", parts=parts, origin=context.origin))
        elif type(turn) is _System:
            messages.append(Message(role="system", parts=parts))
        else:
            _add_user(messages, parts)


def _add_user(messages: list[Message], parts: tuple[Part, ...]) -> None:
    results = tuple([part for part in parts if type(part) is ToolCallResponsePart])
    if not results:
        messages.append(Message(role="user", parts=parts))
        return
    before: tuple[Part, ...] = ()
    if messages and messages[-1].role == "tool" and not messages[-1].extra:
        before = messages.pop().parts
    messages.append(Message(role="tool", parts=(*before, *results)))
    if len(results) < len(parts):
        rest = tuple([part for part in parts if type(part) is not ToolCallResponsePart])
        messages.append(Message(role="user", parts=rest))


def _parts(content: str | list[Any], context: TranslationContext) -> tuple[Any, ...]:
    if isinstance(content, str):
        return (TextPart(text=content),)
    return tuple([block.part(context) for block in content])


def render_plain(message: Message) -> list[dict[str, Any]]:
    """The blocks that a plain message is written as; empty for any other."""
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": id, "content": text} for id, _, text in plain_results(message)]
    if text := plain_text(message):
        return [{"type": "text", "text": text}]
    if message.role != "assistant" or (said := plain_calls(message)) is None:
        return []
    text, calls = said
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    for call in calls:
        if not call.id or not isinstance(call.arguments, dict) or not call.raw.strip():
            return []
        value = msgspec.Raw(call.raw.encode())
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": value})
    return blocks

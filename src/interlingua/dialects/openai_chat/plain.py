"""The plain shapes of this format: requests and messages of text and function calls, as most are, read at once.

Whatever else stands in one leaves it to `request.py` and `messages.py`, which read field by field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from interlingua.dialects.openai_chat.schema import LAST_CHOICE
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, plain_calls, plain_results, plain_text
from interlingua.types.opaque import Json
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart, parse_arguments
from interlingua.types.request import ChatRequest, Reasoning
from interlingua.types.tools import FunctionTool, Tool, ToolChoice
from interlingua.wire.fields import Plain, Whole, read_plain

_Some: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
_Limit: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Text(Plain):
    type: Literal["text"]
    text: str


_Content: TypeAlias = str | list[_Text]


class _Called(Plain):
    name: str
    arguments: str


class _Call(Plain):
    """A function call with an id."""

    id: _Some
    function: _Called
    type: Literal["function"] = "function"
    index: Whole | None = None


class _System(Plain, tag_field="role", tag="system"):
    content: _Content


class _User(Plain, tag_field="role", tag="user"):
    content: _Content


class _Assistant(Plain, tag_field="role", tag="assistant"):
    content: _Content | None = None
    tool_calls: list[_Call] | None = None


class _Result(Plain, tag_field="role", tag="tool"):
    tool_call_id: _Some
    content: _Content


_Message: TypeAlias = _System | _User | _Assistant | _Result
_ROLES: dict[type, Literal["system", "user"]] = {_System: "system", _User: "user"}


class _Function(Plain):
    name: str
    description: str | None = None
    parameters: Json = None
    strict: bool | None = None


class _Tool(Plain):
    function: _Function
    type: Literal["function"] = "function"


class _StreamOptions(Plain):
    include_usage: bool | None = None


class _Request(Plain):
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    model: str = ""
    tools: list[_Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | None = None
    parallel_tool_calls: bool | None = None
    max_completion_tokens: _Limit | None = None
    max_tokens: _Limit | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: Whole | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    seed: Whole | None = None
    stop: list[str] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    user: str | None = None
    store: bool | None = None


class _Answer(Plain):
    content: str | None = None
    role: str | None = None
    refusal: None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None
    annotations: Annotated[list[Json], msgspec.Meta(max_length=0)] | None = None

    def parts(self) -> tuple[Part, ...]:
        """What is thought, said and called."""
        thought = self.reasoning or self.reasoning_content
        parts: list[Part] = [ReasoningPart(text=thought)] if thought else []
        if self.content:
            parts.append(TextPart(text=self.content))
        if self.tool_calls:
            parts += _calls(self.tool_calls)
        return tuple(parts)


class PlainChoice(Plain):
    """A plain choice of an answer."""

    message: _Answer
    index: Annotated[int, msgspec.Meta(ge=0, le=LAST_CHOICE)] | None = None
    finish_reason: str | None = None
    logprobs: None = None


class PlainResponse(Plain):
    """A plain answer."""

    choices: Annotated[list[PlainChoice], msgspec.Meta(min_length=1)]
    id: str = ""
    object: str | None = None
    created: Whole | None = None
    model: str = ""
    usage: Json = None
    service_tier: str | None = None
    system_fingerprint: str | None = None


_response = msgspec.json.Decoder(PlainResponse)
_request = msgspec.json.Decoder(_Request)
_message = msgspec.json.Decoder(_Message)


def read_response(body: bytes) -> PlainResponse | None:
    """A plain answer; None for any other."""
    return read_plain(_response, body)


def parse_plain(body: bytes, context: TranslationContext) -> ChatRequest | None:
    """A plain request; None for any other."""
    plain = read_plain(_request, body)
    if plain is None:
        return None
    messages: list[Message] = []
    _add(messages, plain.messages, context)
    limit = plain.max_completion_tokens
    return ChatRequest(
        model=plain.model,
        messages=tuple(messages),
        tools=tuple([_tool(tool.function) for tool in plain.tools]) if plain.tools else (),
        tool_choice=None if plain.tool_choice is None else ToolChoice(plain.tool_choice),
        parallel_tool_calls=plain.parallel_tool_calls,
        max_output_tokens=plain.max_tokens if limit is None else limit,
        temperature=plain.temperature,
        top_p=plain.top_p,
        frequency_penalty=plain.frequency_penalty,
        presence_penalty=plain.presence_penalty,
        n=plain.n,
        reasoning=None if plain.reasoning_effort is None else Reasoning(effort=plain.reasoning_effort),
        seed=plain.seed,
        stop=tuple(plain.stop) if plain.stop else (),
        stream=plain.stream or False,
        include_usage=None if plain.stream_options is None else plain.stream_options.include_usage,
        end_user=plain.user,
        store=plain.store,
    )


def _tool(plain: _Function) -> Tool:
    return FunctionTool(
        name=plain.name, description=plain.description, parameters=plain.parameters, strict=plain.strict
    )


def add_plain(messages: list[Message], raw: msgspec.Raw, context: TranslationContext) -> bool:
    """Adds a message to those before it, if it is a plain one."""
    plain = read_plain(_message, raw)
    if plain is None:
        return False
    _add(messages, (plain,), context)
    return True


def _add(messages: list[Message], plain: Iterable[_Message], context: TranslationContext) -> None:
    for one in plain:
        parts = _texts(one.content) if one.content else ()
        if type(one) is _Assistant:
            said: tuple[Part, ...] = (*parts, *_calls(one.tool_calls)) if one.tool_calls else parts
            messages.append(Message(role="assistant", parts=said, origin=context.origin))
        elif type(one) is _Result:
            result = ToolCallResponsePart(id=one.tool_call_id, response=parts)
            before = messages.pop().parts if messages and messages[-1].role == "tool" else ()
            messages.append(Message(role="tool", parts=(*before, result)))
        else:
            messages.append(Message(role=_ROLES[type(one)], parts=parts))


def _texts(content: _Content) -> tuple[TextPart, ...]:
    if isinstance(content, str):
        return (TextPart(text=content),)
    return tuple([TextPart(text=piece.text) for piece in content if piece.text])


def render_plain(message: Message, context: TranslationContext) -> list[dict[str, Any]]:
    """The messages that a plain one is written as; empty for any other."""
    if message.role == "tool":
        return [{"role": "tool", "tool_call_id": id, "content": text} for id, _, text in plain_results(message)]
    if text := plain_text(message):
        return [{"role": message.role, "content": text}]
    if message.role != "assistant" or context.host.reasoning_required or (said := plain_calls(message)) is None:
        return []
    text, calls = said
    body: dict[str, Any] = {"role": "assistant", "content": text} if text else {"role": "assistant"}
    body["tool_calls"] = [_plain_call(call) for call in calls]
    return [body]


def _plain_call(call: ToolCallPart) -> dict[str, Any]:
    raw = call.raw
    function = {"name": call.name, "arguments": raw if raw.strip() else "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _calls(calls: Iterable[_Call]) -> list[Part]:
    return [
        ToolCallPart(
            id=call.id,
            name=call.function.name,
            raw=call.function.arguments,
            arguments=parse_arguments(call.function.arguments),
        )
        for call in calls
    ]

"""The plain shapes of this format: requests and messages of text, tool calls and their results, read at once.

Whatever else stands in one leaves it to `request.py` and `messages.py`, which read field by field. How calls and
results find each other is said there for both.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from interlingua.dialects.ollama.schema import Body
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, plain_calls, plain_text
from interlingua.types.opaque import Json
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart, parse_arguments
from interlingua.types.tools import FunctionTool
from interlingua.wire.fields import Plain, Whole, kind_of, read_plain

_Some: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class _Called(Plain):
    name: str
    arguments: msgspec.Raw
    index: Whole | None = None

    def __post_init__(self) -> None:
        if kind_of(self.arguments) != "object":
            raise ValueError("arguments of another kind")
        str(self.arguments, "utf-8")  # raises where it is none

    def part(self, id: str) -> ToolCallPart:
        """The call, under an id."""
        raw = str(self.arguments, "utf-8").strip()
        return ToolCallPart(id=id, name=self.name, raw=raw, arguments=parse_arguments(raw))


class _Call(Plain):
    id: _Some
    function: _Called

    def part(self) -> ToolCallPart:
        """The call."""
        return self.function.part(self.id)


class _NewCall(Plain):
    function: _Called
    id: str | None = None


class PlainText(Plain, tag_field="role", tag="user"):
    """What a person says."""

    content: str


class PlainSystem(Plain, tag_field="role", tag="system"):
    """What the system says."""

    content: str


class PlainAnswer(Plain, tag_field="role", tag="assistant"):
    """What the model says, and calls."""

    content: str | None = None
    tool_calls: list[_Call] | None = None


class PlainResult(Plain, tag_field="role", tag="tool"):
    """What a tool answered."""

    content: str
    tool_name: str | None = None
    tool_call_id: str | None = None


PlainMessage: TypeAlias = PlainText | PlainSystem | PlainAnswer | PlainResult


class _Function(Plain):
    name: str
    description: str | None = None
    parameters: Json = None


class _Tool(Plain):
    type: str
    function: _Function

    def __post_init__(self) -> None:
        if self.type != "function":
            raise ValueError("a tool of another kind")

    def tool(self) -> FunctionTool:
        """The tool."""
        plain = self.function
        return FunctionTool(name=plain.name, description=plain.description, parameters=plain.parameters)


class PlainOptions(Plain):
    """What tunes an answer."""

    num_predict: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: Whole | None = None
    seed: Whole | None = None
    stop: list[str] | None = None


class PlainRequest(Plain):
    """A plain request."""

    messages: list[PlainMessage]
    model: str = ""
    stream: bool | None = None
    tools: list[_Tool] | None = None
    options: PlainOptions | None = None


class _Answer(Plain):
    role: str | None = None
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_NewCall] | None = None

    def parts(self, context: TranslationContext) -> tuple[Part, ...]:
        """What is thought, said and called."""
        calls = [call.function.part(call.id or context.new_id("call_")) for call in self.tool_calls or ()]
        thought = (ReasoningPart(text=self.thinking),) if self.thinking else ()
        said = (TextPart(text=self.content),) if self.content else ()
        return (*thought, *said, *calls)


class PlainResponse(Plain):
    """A plain answer that is whole."""

    message: _Answer
    done: bool
    model: str | None = None
    created_at: str | None = None
    done_reason: str | None = None
    total_duration: Whole | None = None
    load_duration: Whole | None = None
    prompt_eval_count: Whole | None = None
    prompt_eval_duration: Whole | None = None
    eval_count: Whole | None = None
    eval_duration: Whole | None = None

    def __post_init__(self) -> None:
        if not self.done:
            raise ValueError("not whole")


_response = msgspec.json.Decoder(PlainResponse)
_request = msgspec.json.Decoder(PlainRequest)
_message: msgspec.json.Decoder[PlainMessage] = msgspec.json.Decoder(PlainMessage)


def read_request(body: bytes) -> PlainRequest | None:
    """A plain request; None for any other."""
    return read_plain(_request, body)


def read_response(body: bytes) -> PlainResponse | None:
    """A plain answer; None for any other."""
    return read_plain(_response, body)


def read_message(raw: msgspec.Raw) -> PlainMessage | None:
    """A plain message; None for any other."""
    return read_plain(_message, raw)


def render_plain(message: Message) -> Body | None:
    """A plain message of anybody but a tool; None for any other."""
    if text := plain_text(message):
        return {"role": message.role, "content": text}
    if message.role != "assistant" or (said := plain_calls(message)) is None:
        return None
    text, calls = said
    wires: list[Body] = []
    for call in calls:
        if not isinstance(call.arguments, dict) or not call.raw.strip() or "\n" in call.raw:
            return None
        function = {"name": call.name, "arguments": msgspec.Raw(call.raw.encode())}
        wires.append({"id": call.id, "function": function} if call.id else {"function": function})
    return {"role": "assistant", "content": text, "tool_calls": wires}

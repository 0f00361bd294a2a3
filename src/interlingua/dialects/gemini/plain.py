"""The plain shapes of this format: requests and contents of text, function calls and their results, read at once.

Whatever else stands in one leaves it to `request.py`, `contents.py` and `parts.py`, which read field by field. How
calls and results find each other is said there for both.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, TypeAlias

import msgspec

from interlingua.dialects.gemini.json_schema import parse_schema
from interlingua.dialects.gemini.parts import id_luggage
from interlingua.dialects.gemini.results import read_result_object
from interlingua.dialects.gemini.schema import LAST_CHOICE, SIGNATURE, luggage
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, plain_calls
from interlingua.types.opaque import Extra, Json, Opaque
from interlingua.types.parts import (
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    parse_arguments,
)
from interlingua.types.tools import FunctionTool
from interlingua.wire.fields import Plain, Whole, kind_of, read_plain

_Some: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

_object = msgspec.json.Decoder(dict[str, Json]).decode


class _Text(Plain):
    text: _Some


class _Call(Plain):
    name: str
    args: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | None = None

    def __post_init__(self) -> None:
        if kind_of(self.args) != "object":
            raise ValueError("arguments of another kind")


class _Response(Plain, dict=True, gc=True):
    name: str
    response: msgspec.Raw
    id: str | None = None

    def __post_init__(self) -> None:
        _ = self.said  # raises where the response is no object

    @cached_property
    def said(self) -> tuple[str | None, bool]:
        return read_result_object(_object(self.response), str(self.response, "utf-8").strip())

    def part(self) -> ToolCallResponsePart:
        text, is_error = self.said
        response = (TextPart(text=text),) if text is not None else ()
        return ToolCallResponsePart(id=self.id or "", name=self.name, is_error=is_error, response=response)


class _Asked(Plain):
    text: _Some | None = None
    functionResponse: _Response | None = None  # noqa: N815 - the name on the wire

    def __post_init__(self) -> None:
        if (self.text is None) == (self.functionResponse is None):
            raise ValueError("not one of both")

    def part(self) -> TextPart | ToolCallResponsePart:
        if self.text is not None:
            return TextPart(text=self.text)
        assert self.functionResponse is not None
        return self.functionResponse.part()


class _Said(Plain):
    text: _Some | None = None
    functionCall: _Call | None = None  # noqa: N815 - the name on the wire
    thought: bool | None = None
    thoughtSignature: str | None = None  # noqa: N815 - the name on the wire

    def __post_init__(self) -> None:
        if (self.text is None) == (self.functionCall is None) or (self.thought and self.text is None):
            raise ValueError("not one of both, or a call that is a thought")

    def part(self, context: TranslationContext) -> TextPart | ReasoningPart | ToolCallPart:
        signature = self.thoughtSignature
        opaque = (Opaque(SIGNATURE, signature, context.origin),) if signature else ()
        if self.text is not None:
            if self.thought:
                return ReasoningPart(text=self.text, summary=True, opaque=opaque)
            return TextPart(text=self.text, opaque=opaque)
        call = self.functionCall
        assert call is not None
        raw = str(call.args, "utf-8").strip()
        return ToolCallPart(
            id=call.id or context.new_id("call_"),
            name=call.name,
            raw=raw,
            arguments=parse_arguments(raw),
            opaque=opaque,
            extra=luggage(id_luggage(call.id)),
        )


class PlainAsked(Plain, tag_field="role", tag="user"):
    """What a person says, and what tools answered."""

    parts: list[_Asked]

    def read(self) -> list[TextPart | ToolCallResponsePart]:
        """Its parts; results have an empty id where they have none."""
        return [part.part() for part in self.parts]


class PlainSaid(Plain, tag_field="role", tag="model"):
    """What the model says, and calls."""

    parts: list[_Said]

    def read(self, context: TranslationContext) -> list[Part]:
        """Its parts."""
        return [part.part(context) for part in self.parts]


PlainContent: TypeAlias = PlainAsked | PlainSaid


class _System(Plain):
    parts: list[_Text]
    role: str | None = None

    def message(self) -> list[Message]:
        """The message; none where nothing is said."""
        parts = tuple([TextPart(text=part.text) for part in self.parts])
        return [Message(role="system", parts=parts)] if parts else []


class _Declaration(Plain):
    name: str
    description: str | None = None
    parameters: Json = None
    parametersJsonSchema: Json = None  # noqa: N815 - the name on the wire

    def tool(self) -> FunctionTool:
        """The tool."""
        schema = self.parametersJsonSchema
        return FunctionTool(
            name=self.name,
            description=self.description,
            parameters=schema if schema is not None else parse_schema(self.parameters),
        )


class _Tools(Plain):
    functionDeclarations: list[_Declaration]  # noqa: N815 - the name on the wire


class _Config(Plain, rename="camel"):
    temperature: float | None = None
    top_p: float | None = None
    top_k: Whole | None = None
    candidate_count: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    max_output_tokens: _Count | None = None
    stop_sequences: list[str] | None = None
    seed: Whole | None = None

    def settings(self) -> dict[str, Any]:
        """The settings by their names in the waist."""
        return {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "n": self.candidate_count,
            "max_output_tokens": self.max_output_tokens,
            "stop": tuple(self.stop_sequences) if self.stop_sequences else (),
            "seed": self.seed,
        }


class PlainRequest(Plain, rename="camel"):
    """A plain request."""

    contents: Annotated[list[PlainContent], msgspec.Meta(min_length=1)]
    model: str | None = None
    system_instruction: _System | None = None
    tools: list[_Tools] | None = None
    generation_config: _Config | None = None


class _SaidContent(Plain):
    parts: list[_Said]
    role: str | None = None


class PlainCandidate(Plain, rename="camel"):
    """A plain candidate of an answer."""

    content: _SaidContent
    finish_reason: _Some
    index: Annotated[int, msgspec.Meta(ge=0, le=LAST_CHOICE)] | None = None
    avg_logprobs: Json = None

    def extra(self) -> Extra:
        """Its luggage."""
        return {} if self.avg_logprobs is None else luggage({"avgLogprobs": self.avg_logprobs})

    def parts(self, context: TranslationContext) -> tuple[Part, ...]:
        """What is said, and called."""
        return tuple([part.part(context) for part in self.content.parts])


class PlainResponse(Plain, rename="camel"):
    """A plain answer."""

    candidates: Annotated[list[PlainCandidate], msgspec.Meta(min_length=1)]
    usage_metadata: dict[str, Json]
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None


_response = msgspec.json.Decoder(PlainResponse)
_request = msgspec.json.Decoder(PlainRequest)
_content: msgspec.json.Decoder[PlainContent] = msgspec.json.Decoder(PlainContent)


def read_request(body: bytes) -> PlainRequest | None:
    """A plain request; None for any other."""
    return read_plain(_request, body)


def read_response(body: bytes) -> PlainResponse | None:
    """A plain answer; None for any other."""
    return read_plain(_response, body)


def read_content(raw: msgspec.Raw) -> PlainContent | None:
    """A plain content; None for any other."""
    return read_plain(_content, raw)


def render_plain(message: Message) -> tuple[list[dict[str, Any]], tuple[ToolCallPart, ...]]:
    """The parts that a plain message of the model's is written as, and its calls; nothing for any other."""
    said = plain_calls(message)
    if said is None:
        return [], ()
    text, calls = said
    wires: list[dict[str, Any]] = [{"text": text}] if text else []
    for call in calls:
        if not isinstance(call.arguments, dict) or not call.raw.strip():
            return [], ()
        wires.append({"functionCall": {"name": call.name, "args": msgspec.Raw(call.raw.encode())}})
    return wires, calls

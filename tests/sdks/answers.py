"""Answers that the official clients must read as they were meant, and the essence that they are compared by."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.registry import dialect
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.parts import (
    Annotation,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, Choice, FinishKind, FinishReason
from interlingua.types.serde import canonical
from interlingua.types.usage import Usage
from tests.sdks.server import CREATED

AWKWARD = 'Grüße, "quoted"\\ \u2028 two \x85 three\u2029\r\n\tdata: x\n\n😀 end'
"""Text that breaks careless framing."""

FOREIGN = "as_another_format_says"
"""Why an answer ended, in a word that none of the formats knows."""
USED = Usage(input_tokens=50, output_tokens=20)


def answer(*parts: Part, kind: FinishKind = "stop", usage: Usage | None = USED, **more: Any) -> ChatResponse:
    """An answer of one choice."""
    finish = FinishReason(kind, FOREIGN, **more)
    message = Message(role="assistant", parts=parts)
    return ChatResponse(
        id="answer-1", model="m-1", created=CREATED, choices=(Choice(message=message, finish=finish),), usage=usage
    )


CALL = tool_call("call_a", "weather", '{"city":"Zürich","days":[1,2,{"deep":null}],"exact":1.50,"note":"a\\"b\\n"}')
OTHER_CALL = tool_call("call_b", "clock", '{"zone":"UTC"}')
BARE_CALL = tool_call("call_c", "now", "{}")

TEXT = answer(TextPart(text=AWKWARD))
SILENT = answer(TextPart(text="No figures."), usage=None)
THOUGHT = answer(ReasoningPart(text="First I think.\nThen I speak."), TextPart(text="Spoken."))
CALLED = answer(CALL, kind="tool_call")
CALLED_TWICE = answer(TextPart(text="Let me see."), CALL, OTHER_CALL, kind="tool_call")
CALLED_BARE = answer(BARE_CALL, kind="tool_call")
CUT = answer(TextPart(text="And then"), kind="length")
FILTERED = answer(TextPart(text="And"), kind="content_filter")
CACHED = answer(TextPart(text="Cheap."), usage=Usage(input_tokens=100, output_tokens=30, cache_read=60, reasoning=12))
JSON = answer(TextPart(text='{"city":"Zürich","days":3}'))

PLAIN = {
    "text": TEXT,
    "no usage": SILENT,
    "a call": CALLED,
    "text and two calls": CALLED_TWICE,
    "a call without arguments": CALLED_BARE,
    "cut short": CUT,
}
"""What every format can say."""

REFUSED = answer(RefusalPart(text="I will not do that."), kind="refusal")
CITED = answer(
    TextPart(
        text="Bern is the capital. Rome too.",
        annotations=(
            Annotation(kind="url", url="https://a.example/bern", title="Bern", start=0, end=20),
            Annotation(kind="url", url="https://a.example/rome", title="Rome", start=21, end=30),
        ),
    )
)
TWO_CHOICES = ChatResponse(
    id="answer-2",
    model="m-1",
    created=CREATED,
    usage=USED,
    choices=tuple(
        Choice(
            index=index,
            message=Message(role="assistant", parts=(TextPart(text=f"Answer number {index}."),)),
            finish=FinishReason("stop" if index else "length", FOREIGN),
        )
        for index in range(3)
    ),
)


def read_back(name: str, dumped: bytes | str) -> ChatResponse:
    """What a client's own object amounts to, written out again and read as an answer of its format."""
    body = dumped if isinstance(dumped, bytes) else dumped.encode()
    return dialect(name).parse_response(WireResponse(body=body), TranslationContext(dialect=name))


def _part(part: Part) -> Part:
    changes: dict[str, Any] = {"extra": {}, "opaque": ()}
    if isinstance(part, TextPart):
        changes["annotations"] = tuple(msgspec.structs.replace(one, dialect="", raw=None) for one in part.annotations)
    if isinstance(part, ToolCallPart) and not part.custom:
        changes["raw"] = ""  # its spacing is the client's; the arguments are compared as values
    if isinstance(part, ServerToolCallPart | ServerToolCallResponsePart | OpaquePart):
        changes["raw"] = canonical(msgspec.json.decode(part.raw)).decode()
    return msgspec.structs.replace(part, **changes)


def _figures(usage: Usage | None) -> dict[str, Any] | None:
    """Figures that say something: some formats demand details, where unknown and none at all look the same."""
    if usage is None:
        return None
    return {name: value for name, value in msgspec.structs.asdict(usage).items() if value and name != "raw"}


def essence(response: ChatResponse) -> Any:
    """All of an answer that is not one format's own wording: parts, endings, figures, names."""
    return {
        "model": response.model,
        "usage": _figures(response.usage),
        "choices": [
            (one.index, [_part(part) for part in one.message.parts], one.finish.kind, one.finish.stop_sequence)
            for one in response.choices
        ],
    }

"""Hypothesis strategies for the values of the waist, and the cutting of byte streams; shared by all property tests."""

from __future__ import annotations

import base64
import json
from string import ascii_lowercase, digits

from hypothesis import strategies as st

from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.messages import Message
from interlingua.types.money import Money
from interlingua.types.opaque import Extra, Json, Opaque, Origin
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    CacheHint,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, ToolChoice
from interlingua.types.usage import Usage

texts = st.text(st.characters(codec="utf-8"), max_size=20)
"""Any text that UTF-8 can hold."""
names = st.builds(str.__add__, st.sampled_from(ascii_lowercase), st.text(ascii_lowercase + digits + "_", max_size=8))
"""What `[a-z][a-z0-9_]{0,8}` matches, drawn in two choices: by the pattern it takes a dozen, and most of the time."""
counts = st.integers(0, 10**6)
numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: number + 0.0)

json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value, small."""
json_objects = st.dictionaries(names, json_values, max_size=3)
json_texts = json_values.map(json.dumps)

extras: st.SearchStrategy[Extra] = st.just({}) | st.dictionaries(
    st.sampled_from(["openai_chat", "anthropic_messages", "gemini"]),
    st.dictionaries(names, json_values, min_size=1, max_size=3),
    max_size=2,
)
origins = st.builds(Origin, provider=names, endpoint=names, model=names, credential=st.just("") | names)
opaques = st.builds(Opaque, kind=names, data=texts, origin=st.none() | origins)
opaque_tuples = st.lists(opaques, max_size=2).map(tuple)
cache_hints = st.none() | st.builds(CacheHint, ttl=st.sampled_from(["", "5m", "1h"]))
base64_texts = st.binary(max_size=12).map(lambda data: base64.b64encode(data).decode())
modalities = st.sampled_from(["image", "audio", "video", "document"])
citations = st.builds(
    Annotation,
    kind=st.sampled_from(["url", "document"]),
    url=st.none() | texts,
    title=st.none() | texts,
    cited_text=st.none() | texts,
    start=st.none() | counts,
    end=st.none() | counts,
    raw=st.none() | json_objects,
)

_common = {"opaque": opaque_tuples, "cache": cache_hints, "extra": extras}
text_parts = st.builds(TextPart, text=texts, annotations=st.lists(citations, max_size=2).map(tuple), **_common)
reasoning_parts = st.builds(ReasoningPart, text=texts, summary=st.booleans(), **_common)
refusal_parts = st.builds(RefusalPart, text=texts, **_common)
blob_parts = st.builds(
    BlobPart,
    modality=modalities,
    mime_type=st.just("image/png"),
    content=base64_texts,
    name=st.none() | names,
    **_common,
)
uri_parts = st.builds(
    UriPart, modality=modalities, uri=names.map(lambda name: f"https://example.com/{name}"), **_common
)
file_parts = st.builds(FilePart, modality=modalities, file_id=names, origin=st.none() | origins, **_common)
opaque_parts = st.builds(OpaquePart, dialect=names, kind=names, raw=json_texts, **_common)
tool_call_parts: st.SearchStrategy[ToolCallPart] = st.builds(
    tool_call,
    id=names,
    name=names,
    raw=texts | json_objects.map(json.dumps),
    custom=st.booleans(),
    **_common,
)
content_parts = text_parts | blob_parts | uri_parts | file_parts | opaque_parts
tool_call_response_parts = st.builds(
    ToolCallResponsePart,
    id=names,
    response=st.lists(content_parts, max_size=2).map(tuple),
    name=st.none() | names,
    is_error=st.booleans(),
    **_common,
)
server_tool_parts = st.builds(
    ServerToolCallPart, id=names, name=names, dialect=names, raw=json_texts, **_common
) | st.builds(ServerToolCallResponsePart, id=names, name=names, dialect=names, raw=json_texts, **_common)
assistant_parts: st.SearchStrategy[Part] = (
    text_parts | reasoning_parts | refusal_parts | tool_call_parts | blob_parts | server_tool_parts | opaque_parts
)
"""What a model may answer with."""
parts: st.SearchStrategy[Part] = assistant_parts | uri_parts | file_parts | tool_call_response_parts
"""Every part."""

messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    parts=st.lists(parts, max_size=3).map(tuple),
    name=st.none() | names,
    raw_role=st.none() | st.just("developer"),
    origin=st.none() | origins,
    extra=extras,
)
usages = st.builds(
    Usage,
    input_tokens=st.none() | counts,
    output_tokens=st.none() | counts,
    cache_read=st.none() | counts,
    cache_creation=st.none() | counts,
    cache_creation_by_ttl=st.dictionaries(st.sampled_from(["5m", "1h"]), counts, max_size=2),
    reasoning=st.none() | counts,
    server_tool_requests=st.dictionaries(names, counts, max_size=1),
    reported_cost=st.none() | st.builds(Money, st.integers(0, 10**15)),
    raw=st.none() | json_objects,
)
finishes = st.builds(
    FinishReason,
    kind=st.sampled_from(["stop", "length", "tool_call", "content_filter", "refusal", "pause", "error"]),
    raw=names,
)
logprobs = st.builds(
    TokenLogprob,
    token=texts,
    logprob=numbers,
    bytes=st.none() | st.lists(st.integers(0, 255), max_size=3).map(tuple),
    top=st.lists(st.builds(TokenLogprob, token=texts, logprob=numbers), max_size=2).map(tuple),
)
function_tools = st.builds(
    FunctionTool,
    name=names,
    description=st.none() | texts,
    parameters=st.none() | json_objects,
    strict=st.none() | st.booleans(),
    cache=cache_hints,
    extra=extras,
)
tools = (
    function_tools
    | st.builds(CustomTool, name=names, description=st.none() | texts)
    | st.builds(ServerTool, dialect=names, kind=names, raw=json_texts)
)
requests = st.builds(
    ChatRequest,
    model=names,
    messages=st.lists(messages, max_size=3).map(tuple),
    tools=st.lists(tools, max_size=2).map(tuple),
    tool_choice=st.none()
    | st.builds(
        ToolChoice, mode=st.sampled_from(["auto", "none", "required"]), names=st.lists(names, max_size=2).map(tuple)
    ),
    max_output_tokens=st.none() | counts,
    temperature=st.none() | st.floats(0, 2),
    stop=st.lists(texts, max_size=2).map(tuple),
    logit_bias=st.dictionaries(names, numbers, max_size=2),
    output=st.none() | st.builds(OutputFormat, kind=st.just("json_schema"), name=names, schema=json_objects),
    reasoning=st.none() | st.builds(Reasoning, effort=st.sampled_from(["none", "low", "max"])),
    stream=st.booleans(),
    metadata=st.dictionaries(names, texts, max_size=2),
    extra=extras,
)
events: st.SearchStrategy[Event] = (
    st.builds(MessageStart, id=names, model=names, created=st.none() | counts, origin=st.none() | origins, extra=extras)
    | st.builds(PartStart, index=counts, part=parts, choice=st.integers(0, 3))
    | st.builds(PartDelta, index=counts, text=texts, opaque=st.none() | opaques, annotation=st.none() | citations)
    | st.builds(PartEnd, index=counts, choice=st.integers(0, 3))
    | st.builds(UsageUpdate, usage=usages)
    | st.builds(MessageEnd, finish=finishes, extra=extras)
    | st.builds(Failed, code=names, message=texts, retryable=st.booleans(), retry_after=st.none() | st.floats(0, 1e6))
)


@st.composite
def choices(draw: st.DrawFn, index: int = 0, origin: Origin | None = None) -> Choice:
    """One finished answer; log probabilities only where there is text to speak them."""
    said = tuple(draw(st.lists(assistant_parts, max_size=4)))
    speaks = any(isinstance(part, TextPart | RefusalPart) for part in said)
    return Choice(
        index=index,
        message=Message(role="assistant", parts=said, origin=origin, extra=draw(extras)),
        finish=draw(finishes),
        logprobs=tuple(draw(st.lists(logprobs, max_size=2))) if speaks else (),
        extra=draw(extras),
    )


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    """A whole answer of one or two choices, all by the same model."""
    origin = draw(st.none() | origins)
    return ChatResponse(
        id=draw(names),
        model=draw(names),
        choices=tuple(draw(choices(index, origin)) for index in range(draw(st.integers(1, 2)))),
        usage=draw(st.none() | usages),
        created=draw(st.none() | counts),
        service_tier=draw(st.none() | names),
        extra=draw(extras),
    )


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """`data` in pieces, cut at arbitrary places; pieces may be empty."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]

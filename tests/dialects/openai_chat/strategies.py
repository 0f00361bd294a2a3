"""Values that openai_chat expresses without loss, for round trips."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Any

import msgspec
from hypothesis import strategies as st

from interlingua.dialects.openai_chat.schema import FILES
from interlingua.types.messages import Message
from interlingua.types.opaque import Extra
from interlingua.types.parts import (
    BlobPart,
    FilePart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.tools import CustomTool, FunctionTool, ToolChoice
from interlingua.types.usage import Usage

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
names = st.text(ascii_lowercase + "_", min_size=1, max_size=8)
counts = st.integers(0, 10**6)
base64s = st.binary(min_size=1, max_size=12).map(lambda data: msgspec.json.decode(msgspec.json.encode(data), type=str))
objects = st.dictionaries(names, st.one_of(st.integers(-9, 9), texts, st.booleans()), max_size=3)
extras: st.SearchStrategy[Extra] = objects.map(
    lambda one: {"openai_chat": {f"x_{key}": value for key, value in one.items()}} if one else {}
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


text_parts = st.builds(TextPart, text=texts)
calls = st.builds(
    lambda id, name, arguments: tool_call(id, name, msgspec.json.encode(arguments).decode()), names, names, objects
)
custom_calls = st.builds(lambda id, name, raw: tool_call(id, name, raw, custom=True), names, names, texts)
media: st.SearchStrategy[Part] = st.one_of(
    st.builds(
        BlobPart,
        modality=st.just("image"),
        mime_type=st.sampled_from(["image/png", "image/webp"]),
        content=base64s,
        detail=maybe(st.sampled_from(["low", "high"])),
    ),
    st.builds(UriPart, modality=st.just("image"), uri=st.just("https://example.org/a.png")),
    st.builds(BlobPart, modality=st.just("audio"), mime_type=st.just("audio/mpeg"), content=base64s),
    st.builds(
        BlobPart, modality=st.just("document"), mime_type=st.just("application/pdf"), content=base64s, name=names
    ),
    st.builds(FilePart, modality=st.just("document"), file_id=names, origin=st.just(FILES)),
    st.builds(UriPart, modality=st.just("video"), uri=st.just("https://example.org/a.mp4")),
)
answers: st.SearchStrategy[tuple[Part, ...]] = st.builds(
    lambda thought, said, refused, called: (*thought, *said, *refused, *called),
    st.lists(st.builds(ReasoningPart, text=texts), max_size=1),
    st.lists(text_parts, max_size=1),
    st.lists(st.builds(RefusalPart, text=texts), max_size=1),
    st.lists(st.one_of(calls, custom_calls), max_size=3),
)


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    """A user message, and what may follow it."""
    parts = draw(st.lists(st.one_of(text_parts, media), min_size=1, max_size=3))
    found = [Message(role="user", parts=tuple(parts), name=draw(maybe(names)), extra=draw(extras))]
    said = draw(st.lists(text_parts, max_size=1))
    asked = draw(st.lists(calls, max_size=2, unique_by=lambda part: part.id))
    thought = draw(st.lists(st.builds(ReasoningPart, text=texts), max_size=1))
    if said or asked or thought:
        found.append(Message(role="assistant", parts=(*thought, *said, *asked)))
    if asked:
        results = [
            ToolCallResponsePart(id=one.id, response=tuple(draw(st.lists(text_parts, max_size=2)))) for one in asked
        ]
        found.append(Message(role="tool", parts=tuple(results)))
    return found


systems = st.builds(
    Message,
    role=st.just("system"),
    parts=st.lists(text_parts, min_size=1, max_size=2).map(tuple),
    raw_role=maybe(st.just("developer")),
)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """A request that a host of all traits takes as it is."""
    messages = [one for turn in draw(st.lists(turns(), min_size=1, max_size=3)) for one in turn]
    function = st.builds(
        FunctionTool, name=names, description=maybe(texts), parameters=maybe(objects), strict=maybe(st.booleans())
    )
    tools = draw(st.lists(st.one_of(function, st.builds(CustomTool, name=names)), max_size=3, unique_by=_name))
    choices = [None, *(ToolChoice(mode) for mode in ("auto", "none", "required"))]
    choices += [ToolChoice("required", (tool.name,)) for tool in tools]
    choices += [ToolChoice("auto", tuple(tool.name for tool in tools))]
    return ChatRequest(
        model=draw(names),
        messages=(*draw(st.lists(systems, max_size=2)), *messages),
        tools=tuple(tools),
        tool_choice=draw(st.sampled_from(choices)) if tools else None,
        parallel_tool_calls=draw(maybe(st.booleans())) if tools else None,
        max_output_tokens=draw(maybe(counts)),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        seed=draw(maybe(counts)),
        stop=tuple(draw(st.lists(texts, max_size=2))),
        n=draw(maybe(st.integers(1, 3))),
        logit_bias=draw(st.dictionaries(names, st.floats(-100, 100), max_size=2)),
        logprobs=draw(maybe(st.booleans())),
        output=draw(st.sampled_from([None, OutputFormat(kind="text"), _schema()])),
        reasoning=draw(maybe(st.builds(Reasoning, effort=st.sampled_from(["low", "high", "none"])))),
        metadata=draw(st.dictionaries(names, texts, max_size=2)),
        end_user=draw(maybe(names)),
        cache_key=draw(maybe(names)),
        service_tier=draw(maybe(st.just("flex"))),
        verbosity=draw(maybe(st.just("low"))),
        store=draw(maybe(st.booleans())),
        extra=draw(extras),
    )


def _name(tool: FunctionTool | CustomTool) -> str:
    return tool.name


def _schema() -> OutputFormat:
    return OutputFormat(kind="json_schema", name="s", schema={"type": "object"}, strict=True)


usages = st.builds(
    Usage,
    input_tokens=counts,
    output_tokens=counts,
    cache_read=maybe(counts),
    cache_creation=maybe(counts),
    reasoning=st.just(0),
    input_audio=maybe(counts),
)
logprobs = st.lists(
    st.builds(TokenLogprob, token=texts, logprob=st.floats(-9, 0), bytes=maybe(st.just((1, 2)))), max_size=2
).map(tuple)


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    """An answer as a provider of this dialect gives it; every choice says something."""
    choices = []
    for index in range(draw(st.integers(1, 2))):
        parts = draw(answers.filter(bool))
        kinds = {type(part).__name__ for part in parts}
        finish = FinishReason("stop", "stop")
        if "RefusalPart" in kinds:
            finish = FinishReason("refusal", "stop")
        if "ToolCallPart" in kinds:
            finish = FinishReason("tool_call", "tool_calls")
        spoken = bool(kinds & {"TextPart", "RefusalPart"})
        choices.append(
            Choice(
                index=index,
                message=Message(role="assistant", parts=parts, extra=draw(extras)),
                finish=draw(st.sampled_from([finish, FinishReason("length", "length")])),
                logprobs=draw(logprobs) if spoken else (),
                extra=draw(extras),
            )
        )
    return ChatResponse(
        id=draw(names),
        model=draw(names),
        created=draw(st.integers(1, 2**31)),
        service_tier=draw(maybe(st.just("default"))),
        choices=tuple(choices),
        usage=draw(maybe(usages)),
        extra=draw(extras),
    )


_WORDS = " ".join(
    (
        "messages model role content type text image_url url tool_calls function name arguments id index",
        "tools choices message delta finish_reason usage reasoning reasoning_details audio images annotations",
        "logprobs tokens token_logprobs token error file thinking function_call custom stream_options",
        "response_format json_schema tool_choice metadata logit_bias created data",
    )
).split(" ")
_VALUES = ("user", "assistant", "tool", "text", "image_url", "thinking", "file", "function", "custom", "stop", "")
scraps: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 2**70), st.floats(allow_nan=False), st.sampled_from(_VALUES)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_WORDS), inner, max_size=5)),
    max_leaves=20,
)
"""JSON made of this format's words in any order: what a broken host or client may send."""

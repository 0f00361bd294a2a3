"""What generateContent can express: requests and answers that must survive being written and read again."""

from __future__ import annotations

import json
from string import ascii_letters, digits

import msgspec
from hypothesis import strategies as st

from interlingua.dialects.gemini.schema import FINISH_KINDS, ID, SIGNATURE
from interlingua.dialects.gemini.usage import parse_usage, render_usage
from interlingua.types.messages import Message
from interlingua.types.opaque import Extra, Opaque
from interlingua.types.parts import (
    BlobPart,
    ContentPart,
    FilePart,
    Part,
    ReasoningPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import FunctionTool, ServerTool, ToolChoice
from interlingua.types.usage import Usage
from tests.strategies import json_objects, json_values, names

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
signatures = st.just(()) | st.text(ascii_letters + digits + "+/", min_size=4, max_size=12).map(
    lambda data: (Opaque(SIGNATURE, data),)
)
extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"partMetadata": {"a": 1}}})
own_extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"laterField": [1, "x"]}})

text_parts = st.builds(TextPart, text=texts, opaque=signatures, extra=extras)
thoughts = st.builds(ReasoningPart, text=texts, summary=st.just(True), opaque=signatures)
blobs = st.builds(
    BlobPart,
    modality=st.just("image"),
    mime_type=st.sampled_from(["image/png", "image/webp"]),
    content=st.sampled_from(["AAAA", "+/+/", "iVBORw=="]),
    name=st.none() | names,
    detail=st.sampled_from([None, "low", "high", "original"]),
)
uris = st.builds(
    UriPart, modality=st.just("video"), uri=st.just("gs://bucket/film.mp4"), mime_type=st.just("video/mp4")
)
files = st.builds(
    FilePart,
    modality=st.just("document"),
    file_id=names.map(lambda name: f"https://host.example/v1beta/files/{name}"),
    mime_type=st.just("application/pdf"),
)
user_parts: st.SearchStrategy[Part] = text_parts | blobs | uris | files
server_parts: st.SearchStrategy[Part] = st.builds(
    ServerToolCallPart,
    id=st.just("s1"),
    name=st.just("code_execution"),
    dialect=st.just(ID),
    raw=st.just('{"executableCode":{"id":"s1","language":"PYTHON","code":"print(1)"}}'),
    opaque=signatures,
) | st.builds(
    ServerToolCallResponsePart,
    id=st.just("s1"),
    name=st.just("FILE_SEARCH"),
    dialect=st.just(ID),
    raw=st.just('{"toolResponse":{"toolType":"FILE_SEARCH","id":"s1","response":{"n":1}}}'),
)


@st.composite
def calls(draw: st.DrawFn, place: str) -> ToolCallPart:
    id = f"g{place}"
    raw = json.dumps(draw(json_objects))
    return tool_call(id, draw(names), raw, opaque=draw(signatures), extra={ID: {"id": id}})


@st.composite
def results(draw: st.DrawFn, call: ToolCallPart) -> ToolCallResponsePart:
    is_error = draw(st.booleans())
    content: tuple[ContentPart, ...] = (TextPart(text=draw(texts.filter(lambda text: text.lstrip()[:1] != "{"))),)
    if draw(st.booleans()):
        content += (draw(blobs.map(lambda blob: msgspec.structs.replace(blob, mime_type="image/png", detail=None))),)
    return ToolCallResponsePart(id=call.id, name=call.name, response=content, is_error=is_error)


@st.composite
def answers(draw: st.DrawFn, place: str) -> tuple[Part, ...]:
    """The parts of a model's turn; no two texts that a stream would join stand side by side."""
    found: list[Part] = []
    for part in draw(st.lists(text_parts | thoughts | blobs | server_parts, max_size=3)):
        if found and type(found[-1]) is type(part) and isinstance(part, TextPart | ReasoningPart):
            continue
        found.append(part)
    found += [draw(calls(f"{place}x{i}")) for i in range(draw(st.integers(0, 2)))]
    return tuple(found) or (TextPart(text="."),)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    found: list[Message] = []
    if draw(st.booleans()):
        system = st.lists(st.builds(TextPart, text=texts), min_size=1, max_size=2).map(tuple)
        found.append(Message(role="system", parts=draw(system)))
    for i in range(draw(st.integers(1, 3))):
        parts = tuple(draw(st.lists(user_parts, min_size=1, max_size=2)))
        found.append(Message(role="user", parts=parts, extra=draw(own_extras)))
        said = draw(answers(str(i)))
        found.append(Message(role="assistant", parts=said))
        asked = [part for part in said if isinstance(part, ToolCallPart)]
        if asked:
            found.append(Message(role="tool", parts=tuple(draw(results(call)) for call in asked)))
    return tuple(found)


tools = st.lists(
    st.builds(
        FunctionTool,
        name=names,
        description=st.none() | texts,
        parameters=st.none() | st.just({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}),
        extra=st.just({}) | st.just({ID: {"behavior": "BLOCKING"}}),
    ),
    min_size=1,
    max_size=2,
).map(lambda found: (*found, ServerTool(dialect=ID, kind="googleSearch", raw='{"googleSearch":{}}')))
choices = (
    st.none()
    | st.builds(ToolChoice, mode=st.just("required"), names=st.lists(names, max_size=2).map(tuple))
    | st.builds(ToolChoice, mode=st.sampled_from(["auto", "none"]))
)
numbers = st.none() | st.floats(0, 1)
counts = st.none() | st.integers(1, 10**6)

requests = st.builds(
    ChatRequest,
    model=st.sampled_from(["gemini-9-neon", "org/model", "tunedModels/mine"]),
    messages=conversations(),
    tools=tools,
    tool_choice=choices,
    max_output_tokens=counts,
    temperature=numbers,
    top_p=numbers,
    top_k=counts,
    frequency_penalty=numbers,
    presence_penalty=numbers,
    seed=counts,
    stop=st.lists(texts, max_size=5).map(tuple),
    n=counts,
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | st.integers(0, 20),
    output=st.sampled_from([None, OutputFormat(kind="text"), OutputFormat(kind="json")])
    | st.builds(OutputFormat, kind=st.just("json_schema"), schema=st.just({"type": "object"})),
    reasoning=st.none()
    | st.builds(Reasoning, effort=st.sampled_from(["minimal", "low", "xhigh"]), display=st.just("summarized"))
    | st.builds(Reasoning, budget_tokens=st.integers(-1, 5000), display=st.sampled_from([None, "omitted"])),
    stream=st.booleans(),
    metadata=st.dictionaries(names, texts, max_size=2),
    service_tier=st.sampled_from([None, "flex", "priority"]),
    store=st.none() | st.booleans(),
    modalities=st.sampled_from([(), ("text",), ("text", "image")]),
    extra=st.just({})
    | st.dictionaries(
        st.sampled_from(["safetySettings", "cachedContent", "continuationToken"]), json_values.filter(bool), min_size=1
    ).map(lambda found: {ID: found}),
)

tokens = st.integers(0, 10**6)


@st.composite
def usages(draw: st.DrawFn, tier: str | None) -> Usage:
    reasoning, tool_use = draw(st.none() | tokens), draw(st.none() | tokens)
    usage = Usage(
        input_tokens=draw(tokens) + (tool_use or 0),
        output_tokens=draw(tokens) + (reasoning or 0),
        cache_read=draw(st.none() | tokens),
        reasoning=reasoning,
        tool_use=tool_use,
        output_image=draw(st.none() | tokens),
    )
    found = parse_usage(render_usage(usage, tier))
    assert found is not None and msgspec.structs.replace(found, raw=None) == usage
    return found


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    found = []
    for index in range(draw(st.integers(1, 2))):
        parts = draw(answers(str(index)))
        word = draw(st.sampled_from(sorted(FINISH_KINDS)))
        kind = FINISH_KINDS[word]
        if kind == "stop" and any(isinstance(part, ToolCallPart) for part in parts):
            kind = "tool_call"
        found.append(
            Choice(
                index=index,
                message=Message(role="assistant", parts=parts, extra=draw(own_extras)),
                finish=FinishReason(kind, word),
                extra=draw(st.just({}) | st.just({ID: {"avgLogprobs": -0.5, "continuationToken": "t"}})),
            )
        )
    tier = draw(st.none() | st.just("standard"))
    return ChatResponse(
        id=draw(names),
        model=draw(names),
        created=draw(st.none() | st.integers(0, 2**31)),
        service_tier=tier,
        usage=draw(usages(tier)),
        choices=tuple(found),
        extra=draw(st.just({}) | st.just({ID: {"modelStatus": {"stage": "STABLE"}}})),
    )

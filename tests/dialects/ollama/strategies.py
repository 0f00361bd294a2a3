"""What /api/chat can express: requests and answers that must survive being written and read again."""

from __future__ import annotations

import base64
import json

from hypothesis import strategies as st

from interlingua.dialects.ollama.schema import ID
from interlingua.dialects.ollama.thinking import LEVELS
from interlingua.dialects.ollama.usage import COUNTS, DURATIONS
from interlingua.types.messages import Message
from interlingua.types.opaque import Extra
from interlingua.types.parts import (
    BlobPart,
    ContentPart,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.tools import FunctionTool
from interlingua.types.usage import Usage
from interlingua.wire.line_breaks import escape_line_breaks
from tests.strategies import counts, json_objects, names

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"later_field": [1, "x"]}})

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 16).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"\0" * 16).decode()
one_text: st.SearchStrategy[tuple[ContentPart, ...]] = texts.map(lambda text: (TextPart(text=text),))
images = st.sampled_from([("image/png", PNG), ("image/jpeg", JPEG), ("", "AAAA")]).map(
    lambda found: BlobPart(modality="image", mime_type=found[0], content=found[1])
)


@st.composite
def contents(draw: st.DrawFn) -> tuple[ContentPart, ...]:
    """A text, images, or both."""
    said: list[ContentPart] = [TextPart(text=draw(texts))] if draw(st.booleans()) else []
    said += draw(st.lists(images, max_size=2))
    return tuple(said) or (TextPart(text="."),)


@st.composite
def answers(draw: st.DrawFn, place: str = "") -> tuple[Part, ...]:
    """What an assistant says: thinking, a text, calls."""
    found: list[Part] = [ReasoningPart(text=draw(texts))] if draw(st.booleans()) else []
    found += [TextPart(text=draw(texts))] if draw(st.booleans()) else []
    for i in range(draw(st.integers(0, 2))):
        raw = escape_line_breaks(json.dumps(draw(json_objects), ensure_ascii=draw(st.booleans())))
        found.append(tool_call(f"call_{place}_{i}", draw(names), raw, extra=draw(extras)))
    return tuple(found) or (TextPart(text="."),)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    found: list[Message] = []
    if draw(st.booleans()):
        found.append(Message(role="system", parts=(TextPart(text=draw(texts)),)))
    for i in range(draw(st.integers(1, 3))):
        found.append(Message(role="user", parts=draw(contents()), extra=draw(extras)))
        said = draw(answers(str(i)))
        found.append(Message(role="assistant", parts=said, extra=draw(extras)))
        calls = [part for part in said if isinstance(part, ToolCallPart)]
        results = [
            ToolCallResponsePart(id=call.id, name=call.name, response=draw(st.just(()) | one_text)) for call in calls
        ]
        if results:
            found.append(Message(role="tool", parts=tuple(results)))
    return tuple(found)


tools = st.builds(
    FunctionTool,
    name=names,
    description=st.none() | texts,
    parameters=json_objects,
    extra=extras,
)
outputs = st.just(OutputFormat(kind="json")) | st.builds(OutputFormat, kind=st.just("json_schema"), schema=json_objects)
reasonings = st.booleans().map(lambda on: Reasoning(enabled=on)) | st.sampled_from(LEVELS).map(
    lambda level: Reasoning(effort=level)
)
numbers = st.none() | st.floats(0, 2)
requests = st.builds(
    ChatRequest,
    model=names,
    messages=conversations(),
    tools=st.lists(tools, max_size=2).map(tuple),
    max_output_tokens=st.none() | counts,
    temperature=numbers,
    top_p=numbers,
    top_k=st.none() | counts,
    frequency_penalty=numbers,
    presence_penalty=numbers,
    seed=st.none() | st.integers(-(2**31), 2**31),
    stop=st.lists(texts, max_size=2).map(tuple),
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | st.integers(0, 20),
    output=st.none() | outputs,
    reasoning=st.none() | reasonings,
    stream=st.booleans(),
    extra=st.just({}) | st.just({ID: {"keep_alive": "5m", "options": {"num_ctx": 8192, "num_predict": -1}}}),
).filter(lambda request: request.max_output_tokens is None or not request.extra)


@st.composite
def usages(draw: st.DrawFn) -> Usage | None:
    raw = draw(st.dictionaries(st.sampled_from([*COUNTS, *DURATIONS]), counts, max_size=6))
    raw = {key: raw[key] for key in (*COUNTS, *DURATIONS) if key in raw}
    return Usage(input_tokens=raw.get(COUNTS[0]), output_tokens=raw.get(COUNTS[1]), raw=raw) if raw else None


tokens = st.builds(TokenLogprob, token=texts, logprob=st.floats(-100, 0), bytes=st.none() | st.just((1, 2)))
logprobs = st.builds(TokenLogprob, token=texts, logprob=st.floats(-100, 0), top=st.lists(tokens, max_size=2).map(tuple))


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    parts = draw(answers())
    called = any(isinstance(part, ToolCallPart) for part in parts)
    speaks = any(isinstance(part, TextPart) for part in parts)
    word = draw(st.sampled_from(["", "stop", "length", "load"]))
    kind = "length" if word == "length" else "tool_call" if called else "stop"
    return ChatResponse(
        id="",
        model=draw(names),
        created=draw(counts),
        usage=draw(usages()),
        extra=draw(st.just({}) | st.just({ID: {"remote_model": "m", "remote_host": "https://host.example"}})),
        choices=(
            Choice(
                message=Message(role="assistant", parts=parts, extra=draw(extras)),
                finish=FinishReason(kind, word),  # type: ignore[arg-type]  # one of three literals
                logprobs=tuple(draw(st.lists(logprobs, max_size=2))) if speaks else (),
                extra=draw(st.just({}) | st.just({ID: {"context": [1, 2]}})),
            ),
        ),
    )

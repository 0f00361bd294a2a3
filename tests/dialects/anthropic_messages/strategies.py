"""Random values that the Messages format can say exactly, in the normal form that parsing gives."""

from __future__ import annotations

import base64
from string import ascii_lowercase
from typing import Any

import msgspec
from hypothesis import strategies as st

from interlingua.types.messages import Message
from interlingua.types.opaque import Extra, Opaque, Origin
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    CacheHint,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import FunctionTool, ServerTool, ToolChoice
from interlingua.types.usage import Usage
from interlingua.wire.line_breaks import escape_line_breaks

ID = "anthropic_messages"

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
words = st.text(ascii_lowercase + "_", min_size=1, max_size=8)
objects = st.dictionaries(words, st.none() | st.booleans() | st.integers(-9, 9) | texts | st.lists(texts), max_size=2)
raws = objects.map(lambda value: escape_line_breaks(msgspec.json.encode(value).decode()))
contents = st.binary(min_size=1, max_size=8).map(lambda data: base64.b64encode(data).decode())
hints = st.sampled_from([CacheHint(), CacheHint("5m"), CacheHint("1h")])
extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"novelty": [1, {"x": None}]}})
counts = st.integers(0, 9999)

text_parts = st.builds(TextPart, text=texts, extra=extras)
media = st.one_of(
    st.builds(BlobPart, modality=st.just("image"), mime_type=st.just("image/png"), content=contents),
    st.builds(
        BlobPart,
        modality=st.just("document"),
        mime_type=st.just("application/pdf"),
        content=contents,
        name=st.none() | texts,
        extra=st.just({ID: {"citations": {"enabled": True}, "context": "c"}}),
    ),
    texts.map(
        lambda text: BlobPart(
            modality="document", mime_type="text/plain", content=base64.b64encode(text.encode()).decode()
        )
    ),
    st.builds(UriPart, modality=st.just("image"), uri=st.just("https://example.test/a.png")),
    st.builds(
        UriPart,
        modality=st.just("document"),
        uri=st.just("https://example.test/a.pdf"),
        mime_type=st.just("application/pdf"),
    ),
    st.builds(
        FilePart,
        modality=st.sampled_from(["image", "document"]),
        file_id=words,
        origin=st.just(Origin(provider="", endpoint=ID, model="")),
    ),
)
search_results = texts.map(
    lambda text: OpaquePart(
        dialect=ID,
        kind="search_result",
        raw=msgspec.json.encode({"type": "search_result", "source": text, "number": 1.50}).decode(),
    )
)
user_parts = st.lists(text_parts | media | search_results, min_size=1, max_size=3).map(tuple)


def thinking(origin: Origin | None) -> st.SearchStrategy[Part]:
    return st.one_of(
        st.builds(
            lambda text, data: ReasoningPart(text=text, opaque=(Opaque(f"{ID}.signature", data, origin),)),
            st.just("") | texts,
            texts,
        ),
        st.builds(lambda data: ReasoningPart(opaque=(Opaque(f"{ID}.redacted_thinking", data, origin),)), texts),
    )


def _server_call(id: str, given: str) -> Part:
    raw = f'{{"type":"server_tool_use","id":"{id}","name":"web_search","input":{given}}}'
    return ServerToolCallPart(id=id, name="web_search", dialect=ID, raw=raw)


def _server_result(id: str, given: str) -> Part:
    raw = f'{{"type":"web_search_tool_result","tool_use_id":"{id}","content":[{given}]}}'
    return ServerToolCallResponsePart(id=id, name="web_search", dialect=ID, raw=raw)


citations = st.builds(
    lambda text, index: Annotation(
        kind="document",
        title=text,
        cited_text=text,
        dialect=ID,
        raw={"type": "char_location", "cited_text": text, "document_index": index, "document_title": text},
    ),
    texts,
    counts,
)
cited = st.builds(TextPart, text=texts, annotations=st.lists(citations, max_size=2).map(tuple))


def said(origin: Origin | None = None) -> st.SearchStrategy[tuple[Part, ...]]:
    return st.lists(
        st.one_of(
            cited,
            thinking(origin),
            st.builds(_server_call, words, raws),
            st.builds(_server_result, words, raws),
            st.builds(lambda n: OpaquePart(dialect=ID, kind="novel", raw=f'{{"type":"novel","n":{n}}}'), counts),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple)


calls = st.lists(
    st.builds(lambda id, name, raw: tool_call(f"toolu_{id}", name, raw), words, words, raws), min_size=1, max_size=2
).map(tuple)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    messages: list[Message] = []
    if draw(st.booleans()):
        parts = draw(st.lists(st.builds(TextPart, text=texts, cache=st.none() | hints), min_size=1, max_size=2))
        messages.append(Message(role="system", parts=tuple(parts)))
    messages.append(Message(role="user", parts=draw(user_parts)))
    for _ in range(draw(st.integers(0, 2))):
        called = draw(st.just(()) | calls)
        messages.append(Message(role="assistant", parts=(*draw(said()), *called)))
        if called:
            results = tuple(
                ToolCallResponsePart(
                    id=call.id,
                    response=tuple(draw(st.lists(text_parts | media, max_size=2))),
                    is_error=draw(st.booleans()),
                )
                for call in called
            )
            messages.append(Message(role="tool", parts=results))
        if not called or draw(st.booleans()):
            messages.append(Message(role="user", parts=draw(user_parts)))
    return tuple(messages)


schemas = st.just({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False})
functions = st.builds(
    FunctionTool,
    name=words,
    description=st.none() | texts,
    parameters=schemas,
    strict=st.none() | st.booleans(),
    cache=st.none() | hints,
    extra=st.just({}) | st.just({ID: {"defer_loading": True}}),
)
server_tools = st.builds(
    lambda uses: ServerTool(
        dialect=ID,
        kind="web_search_20260318",
        raw=f'{{"type":"web_search_20260318","name":"web_search","max_uses":{uses}}}',
    ),
    counts,
)
reasonings: st.SearchStrategy[tuple[Reasoning | None, dict[str, Any]]] = st.sampled_from(
    [
        (None, {}),
        (Reasoning(enabled=True, budget_tokens=2000, display="omitted"), {}),
        (Reasoning(enabled=True, effort="xhigh"), {}),
        (Reasoning(enabled=True, display="summarized"), {"thinking": {"block_binding": {"x": 1}}}),
        (Reasoning(enabled=False), {}),
        (Reasoning(enabled=False, effort="low"), {"thinking": {"type": "between_tools"}}),
        (Reasoning(effort="max"), {"output_config": {"effort": "max", "task_budget": 3}}),
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    tools = tuple(draw(st.lists(functions, max_size=1))) + tuple(draw(st.lists(server_tools, max_size=1)))
    choices = [None, ToolChoice("auto"), ToolChoice("none")]
    messages = draw(conversations())
    reasoning, own = draw(reasonings)
    if reasoning and reasoning.budget_tokens and any(message.role == "tool" for message in messages[-2:]):
        reasoning = None  # a budget in the middle of a round of tools needs thinking before the calls
    if reasoning is None or reasoning.budget_tokens is None:
        choices += [ToolChoice("required"), ToolChoice("required", ("f",))]
    choice = draw(st.sampled_from(choices)) if tools else None
    parallel = draw(st.none() | st.booleans()) if choice and choice.mode != "none" else None
    own = own | draw(st.just({}) | st.just({"anthropic-beta": ["a-1", "b-2"], "speed": "fast"}))
    return ChatRequest(
        model=draw(words),
        messages=messages,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        max_output_tokens=draw(st.integers(4000, 64000)),
        temperature=draw(st.none() | st.sampled_from([0.0, 0.5, 1.0])) if reasoning is None else None,
        top_k=draw(st.none() | counts) if reasoning is None else None,
        stop=tuple(draw(st.lists(words, max_size=2))),
        output=draw(st.none() | st.builds(OutputFormat, kind=st.just("json_schema"), schema=schemas)),
        reasoning=reasoning,
        stream=draw(st.booleans()),
        end_user=draw(st.none() | words),
        cache=draw(st.none() | hints),
        service_tier=draw(st.none() | st.sampled_from(["auto", "standard_only"])),
        extra={ID: own} if own else {},
    )


ORIGIN = Origin(provider="p", endpoint=ID, model="m")


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    short, long, read, fresh = draw(counts), draw(counts), draw(counts), draw(counts)
    raw: dict[str, Any] = {
        "input_tokens": fresh,
        "output_tokens": draw(counts),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens_details": {"thinking_tokens": draw(counts)},
        "server_tool_use": {"web_search_requests": draw(counts)},
        "inference_geo": "eu",
    }
    searches = raw["server_tool_use"]["web_search_requests"]
    by_ttl = {"5m": short, "1h": long}
    return Usage(
        input_tokens=fresh + read + short + long,
        output_tokens=raw["output_tokens"],
        cache_read=read,
        cache_creation=short + long,
        cache_creation_by_ttl={ttl: count for ttl, count in by_ttl.items() if count},
        reasoning=raw["output_tokens_details"]["thinking_tokens"],
        server_tool_requests={"web_search": searches} if searches else {},
        raw=raw,
    )


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    called = draw(st.just(()) | calls)
    finish = draw(
        st.sampled_from(
            [
                FinishReason("length", "max_tokens"),
                FinishReason("length", "model_context_window_exceeded"),
                FinishReason("stop_sequence", "stop_sequence", "END"),
                FinishReason("pause", "pause_turn"),
                FinishReason("refusal", "refusal"),
            ]
        )
    )
    if called:
        finish = FinishReason("tool_call", "tool_use")
    message = Message(role="assistant", parts=(*draw(said(ORIGIN)), *called), origin=ORIGIN)
    late = {ID: {"stop_details": {"type": "refusal", "category": None}}} if finish.kind == "refusal" else {}
    return ChatResponse(
        id=draw(words),
        model=draw(words),
        choices=(Choice(message=message, finish=finish, extra=late),),
        usage=draw(usages()),
        extra=draw(st.just({}) | st.just({ID: {"diagnostics": {"cache_miss_reason": None}}})),
    )

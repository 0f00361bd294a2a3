"""Values that openai_responses expresses without loss, for round trips."""

from __future__ import annotations

import base64
from string import ascii_lowercase
from typing import Any

import msgspec
from hypothesis import strategies as st

from interlingua.dialects.openai_responses import ID
from interlingua.dialects.openai_responses.schema import FILES
from interlingua.types.messages import Message
from interlingua.types.opaque import Extra, Opaque
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
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.serde import canonical
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, ToolChoice
from interlingua.types.usage import Usage

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
names = st.text(ascii_lowercase + "_", min_size=1, max_size=8)
counts = st.integers(0, 10**6)
base64s = st.binary(min_size=1, max_size=12).map(lambda data: base64.b64encode(data).decode())
objects = st.dictionaries(names, st.one_of(st.integers(-9, 9), texts, st.booleans()), max_size=3)
extras: st.SearchStrategy[Extra] = objects.map(
    lambda one: {ID: {f"x_{key}": value for key, value in one.items()}} if one else {}
)
caches = st.none() | st.builds(CacheHint, ttl=st.sampled_from(["", "30m", "12h"]))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


text_parts = st.builds(TextPart, text=texts, cache=caches, extra=extras)
media: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        BlobPart,
        modality=st.just("image"),
        mime_type=st.sampled_from(["image/png", "image/webp"]),
        content=base64s,
        detail=maybe(st.sampled_from(["low", "high"])),
        cache=caches,
    ),
    st.builds(UriPart, modality=st.just("image"), uri=st.just("https://example.org/a.png"), cache=caches),
    st.builds(FilePart, modality=st.just("image"), file_id=names, origin=st.just(FILES)),
    st.builds(
        BlobPart, modality=st.just("document"), mime_type=st.just("application/pdf"), content=base64s, name=names
    ),
    st.builds(UriPart, modality=st.just("document"), uri=st.just("https://example.org/a.pdf"), name=maybe(names)),
    st.builds(FilePart, modality=st.just("document"), file_id=names, origin=st.just(FILES)),
)
citations = st.builds(
    lambda url, title, start: Annotation(
        kind="url",
        url=url,
        title=title,
        start=start,
        end=start + 1,
        dialect=ID,
        raw={"type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": start + 1},
    ),
    names,
    names,
    counts,
)
home = st.builds(
    lambda id, phase: {ID: {"item": {"id": f"msg_{id}", **({"phase": phase} if phase else {})}}},
    st.uuids().map(str),
    maybe(st.sampled_from(["commentary", "final_answer"])),
)
said = st.builds(TextPart, text=texts, annotations=st.lists(citations, max_size=2).map(tuple), extra=home) | st.builds(
    RefusalPart, text=texts, extra=home
)
item_ids = st.uuids().map(str).map(lambda id: {ID: {"id": f"it_{id}"}})
calls = st.builds(
    lambda id, name, arguments, extra: tool_call(id, name, msgspec.json.encode(arguments).decode(), extra=extra),
    st.uuids().map(str),
    names,
    objects,
    item_ids,
)
custom_calls = st.builds(
    lambda id, name, raw, extra: tool_call(id, name, raw, custom=True, extra=extra),
    st.uuids().map(str),
    names,
    texts,
    item_ids,
)


@st.composite
def thoughts(draw: st.DrawFn) -> ReasoningPart:
    """Reasoning as this dialect's providers send it, with its state."""
    item_id, sealed = f"rs_{draw(st.uuids())}", draw(maybe(names))
    summaries, content = draw(st.lists(texts, max_size=2)), draw(st.lists(texts, max_size=1))
    item: dict[str, Any] = {"type": "reasoning", "id": item_id}
    item["summary"] = [{"type": "summary_text", "text": text} for text in summaries]
    if content:
        item["content"] = [{"type": "reasoning_text", "text": text} for text in content]
    kept = Opaque(f"{ID}.reasoning_item", canonical(item).decode())
    return ReasoningPart(
        text="\n\n".join(content or summaries),
        summary=bool(summaries and not content),
        opaque=(Opaque(f"{ID}.encrypted_content", sealed), kept) if sealed else (kept,),
        extra={ID: {"id": item_id}},
    )


@st.composite
def kept_items(draw: st.DrawFn) -> Part:
    """Items that pass through unread."""
    item_id = draw(st.uuids()).hex
    if draw(st.booleans()):
        raw = msgspec.json.encode({"type": "web_search_call", "id": item_id, "status": "completed"}).decode()
        return ServerToolCallPart(id=item_id, name="web_search", dialect=ID, raw=raw)
    raw = msgspec.json.encode({"type": "compaction", "id": item_id, "encrypted_content": "x"}).decode()
    return OpaquePart(dialect=ID, kind="item.compaction", raw=raw)


answers: st.SearchStrategy[tuple[Part, ...]] = st.lists(
    st.one_of(thoughts(), said, calls, custom_calls, kept_items()), max_size=5
).map(tuple)


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    """A user message, and what may follow it."""
    parts = draw(st.lists(st.one_of(text_parts, media), min_size=1, max_size=3))
    found = [Message(role="user", parts=tuple(parts), extra=draw(extras))]
    if reply := draw(answers):
        found.append(Message(role="assistant", parts=reply))
    results = [
        ToolCallResponsePart(
            id=part.id, response=tuple(draw(st.lists(st.one_of(text_parts, media), max_size=2))), extra=draw(extras)
        )
        for part in reply
        if isinstance(part, ToolCallPart)
    ]
    if results:
        found.append(Message(role="tool", parts=tuple(results)))
    return found


function_tools = st.builds(
    FunctionTool, name=names, description=maybe(texts), parameters=objects, strict=st.booleans(), extra=extras
)
tools = st.one_of(
    function_tools,
    st.builds(CustomTool, name=names, description=maybe(texts), format=maybe(st.just({"type": "text"}))),
    st.just(ServerTool(dialect=ID, kind="web_search", raw='{"type":"web_search","search_context_size":"low"}')),
)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """A request that says everything this dialect can say."""
    messages = []
    if draw(st.booleans()):
        messages.append(Message(role="system", raw_role="instructions", parts=(TextPart(text=draw(texts)),)))
    if draw(st.booleans()):
        role = draw(maybe(st.just("developer")))
        messages.append(Message(role="system", raw_role=role, parts=(draw(text_parts),)))
    for turn in draw(st.lists(turns(), min_size=1, max_size=2)):
        messages.extend(turn)
    offered = draw(st.lists(tools, max_size=3))
    choice = draw(maybe(st.sampled_from([ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")])))
    if named := [tool.name for tool in offered if not isinstance(tool, ServerTool)]:
        choice = draw(st.sampled_from([choice, ToolChoice("required", (named[0],)), ToolChoice("auto", (named[0],))]))
    return ChatRequest(
        model=draw(names),
        messages=tuple(messages),
        tools=tuple(offered),
        tool_choice=choice if offered else None,
        parallel_tool_calls=draw(maybe(st.booleans())) if offered else None,
        max_output_tokens=draw(maybe(st.integers(1, 10**6))),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        logprobs=draw(maybe(st.just(True))),
        top_logprobs=draw(maybe(st.integers(0, 20))),
        output=draw(
            maybe(
                st.one_of(
                    st.just(OutputFormat(kind="text")),
                    st.builds(
                        OutputFormat,
                        kind=st.just("json_schema"),
                        name=names,
                        schema=objects,
                        strict=maybe(st.booleans()),
                        description=maybe(texts),
                    ),
                )
            )
        ),
        reasoning=draw(
            maybe(st.builds(Reasoning, effort=st.sampled_from(["none", "low", "max"]), display=maybe(names)))
        ),
        stream=draw(st.booleans()),
        metadata=draw(st.dictionaries(names, texts, max_size=2)),
        end_user=draw(maybe(names)),
        cache_key=draw(maybe(names)),
        cache=draw(caches),
        service_tier=draw(maybe(st.sampled_from(["flex", "priority"]))),
        verbosity=draw(maybe(st.sampled_from(["low", "high"]))),
        store=True,
        previous_response_id=draw(maybe(names)),
        extra=draw(extras),
    )


usages = st.builds(
    Usage,
    input_tokens=counts,
    output_tokens=st.integers(10**6, 2 * 10**6),
    cache_read=counts,
    cache_creation=counts,
    reasoning=counts,
)


def finish_of(parts: tuple[Part, ...]) -> FinishReason:
    if any(isinstance(part, ToolCallPart) for part in parts):
        return FinishReason("tool_call", "completed")
    if any(isinstance(part, RefusalPart) for part in parts):
        return FinishReason("refusal", "completed")
    return FinishReason("stop", "completed")


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    """A whole answer of this dialect's own making."""
    parts = draw(answers)
    cut = [FinishReason("length", "max_output_tokens"), FinishReason("content_filter", "content_filter")]
    return ChatResponse(
        id=draw(names),
        model=draw(names),
        created=draw(counts),
        service_tier=draw(maybe(st.sampled_from(["default", "flex"]))),
        usage=draw(maybe(usages)),
        choices=(
            Choice(
                message=Message(role="assistant", parts=parts), finish=draw(st.sampled_from([finish_of(parts), *cut]))
            ),
        ),
    )

"""Blocks and parts, one kind at a time."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from interlingua.dialects.anthropic_messages import parse_request, parse_response, render_request
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque, Origin
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
from interlingua.types.request import ChatRequest
from interlingua.types.traits import HostTraits, Traits
from tests.dialects.anthropic_messages.wire import ID, Rendered, parse, parse_parts, render


def said(*parts: Part, lenient: bool = False) -> tuple[Any, Rendered]:
    rendered = render(user("q"), Message(role="assistant", parts=parts), user("next"), lenient=lenient)
    turns = rendered.body["messages"]
    return (turns[1]["content"] if turns[1:] else []), rendered


def asked(*parts: Part, lenient: bool = False) -> tuple[Any, Rendered]:
    rendered = render(user("q", *parts), lenient=lenient)
    content = rendered.body["messages"][0]["content"]
    return (content[1:] if isinstance(content, list) else []), rendered


def test_tool_input_keeps_its_exact_text() -> None:
    raw = '{"b": 1.50,  "a": 12345678901234567890}'
    body = '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":['
    body += f'{{"type":"tool_use","id":"t","name":"f","input":{raw}}}]}}]}}'
    request = parse_request(WireRequest(body=body.encode()), TranslationContext())
    part = request.messages[1].parts[0]
    assert isinstance(part, ToolCallPart) and part.raw == raw
    assert raw.encode() in render_request(request, TranslationContext()).body


@pytest.mark.parametrize(
    ("part", "sent", "emulated"),
    [
        (tool_call("t", "f", ""), {}, False),
        (tool_call("t", "f", "  "), {}, False),
        (tool_call("t", "f", '{"a": tru'), {"_raw": '{"a": tru'}, True),
        (tool_call("t", "f", "[1]"), {"_raw": "[1]"}, True),
        (tool_call("t", "f", "SELECT 1", custom=True), {"input": "SELECT 1"}, True),
    ],
)
def test_arguments_are_always_sent_as_an_object(part: ToolCallPart, sent: dict[str, Any], emulated: bool) -> None:
    content, rendered = said(part)
    assert content[0]["input"] == sent and bool(rendered.emulated) == emulated


def test_a_call_without_an_id_gets_one() -> None:
    content, _ = said(tool_call("", "f"))
    assert content[0]["id"].startswith("toolu_")


def test_thinking_goes_back_byte_for_byte_and_only_with_a_signature() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm ", "signature": "a+/="},
        {"type": "thinking", "thinking": "", "signature": "b"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
    ]
    parts = parse_parts("assistant", *blocks)
    content, rendered = said(*parts)
    assert content == blocks and rendered.lost == []
    unsigned = ReasoningPart(text="hm", opaque=(Opaque("gemini.thought_signature", "s"),))
    content, rendered = said(unsigned, TextPart(text="x"))
    assert content == "x"
    assert rendered.lost == ["messages[1].parts[0].opaque", "messages[1].parts[0]"]


def test_the_origin_of_reasoning_state_is_noted() -> None:
    origin = Origin("p", ID, "m")
    body = b'{"content":[{"type":"thinking","thinking":"","signature":"s"}],"stop_reason":"end_turn"}'
    response = parse_response(WireResponse(body=body), TranslationContext(origin=origin))
    assert response.message.origin == origin and response.message.parts[0].opaque[0].origin == origin


def test_an_uploaded_file_stays_with_the_provider_that_has_it() -> None:
    block = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    [part] = parse_parts("user", block)
    assert asked(part)[0] == [block]
    with pytest.raises(Unsupported):
        asked(FilePart(modality="image", file_id="file-1", origin=Origin("o", "openai_chat", "")))
    assert asked(FilePart(modality="document", file_id="file_2"))[0][0]["source"]["file_id"] == "file_2"


@pytest.mark.parametrize(
    ("part", "kind", "source"),
    [
        (
            BlobPart(modality="image", mime_type="image/jpg", content="AA=="),
            "image",
            {"type": "base64", "media_type": "image/jpeg", "data": "AA=="},
        ),
        (
            BlobPart(modality="image", mime_type="", content="iVBORw0KGgo="),
            "image",
            {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
        ),
        (
            BlobPart(modality="document", mime_type="image/webp", content="AA=="),
            "image",
            {"type": "base64", "media_type": "image/webp", "data": "AA=="},
        ),
        (
            BlobPart(modality="document", mime_type="text/csv", content=base64.b64encode(b"a,b").decode()),
            "document",
            {"type": "text", "media_type": "text/plain", "data": "a,b"},
        ),
        (
            UriPart(modality="image", uri="data:image/png;base64,AAAA"),
            "image",
            {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        ),
    ],
)
def test_media_are_sent_as_what_they_are(part: Part, kind: str, source: dict[str, str]) -> None:
    [block], rendered = asked(part)
    assert (block["type"], block["source"]) == (kind, source) and rendered.lost == []


@pytest.mark.parametrize(
    "part",
    [
        BlobPart(modality="audio", mime_type="audio/wav", content="AA=="),
        BlobPart(modality="video", mime_type="video/mp4", content="AA=="),
        BlobPart(modality="image", mime_type="image/svg+xml", content="AA=="),
        BlobPart(modality="document", mime_type="text/plain", content="/w=="),
        BlobPart(modality="document", mime_type="application/zip", content="AA=="),
        UriPart(modality="image", uri="gs://bucket/a.png"),
        UriPart(modality="video", uri="https://e.test/a.mp4"),
        UriPart(modality="document", uri="https://e.test/a.txt", mime_type="text/plain"),
        OpaquePart(dialect="gemini", kind="x", raw="{}"),
        RefusalPart(text="no"),
    ],
)
def test_content_that_cannot_be_sent_is_refused_by_its_place(part: Part) -> None:
    with pytest.raises(Unsupported) as refused:
        asked(part)
    assert refused.value.path == "messages[0].parts[1]"
    content, rendered = asked(part, lenient=True)
    assert content == [] and rendered.lost == ["messages[0].parts[1]"]


def test_a_host_without_documents_refuses_them() -> None:
    pdf = BlobPart(modality="document", mime_type="application/pdf", content="AA==")
    context = TranslationContext(dialect=ID, host=HostTraits(file_parts=False))
    with pytest.raises(Unsupported):
        Rendered(ChatRequest(model="m", messages=(user("x", pdf),)), context)


def test_a_document_keeps_title_context_and_citations() -> None:
    block = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "grüß"},
        "title": "t",
        "context": "c",
        "citations": {"enabled": True},
        "cache_control": {"type": "ephemeral", "ttl": "5m"},
    }
    [part] = parse_parts("user", block)
    assert isinstance(part, BlobPart) and part.name == "t" and part.cache == CacheHint("5m")
    assert asked(part)[0] == [block]


def test_blocks_that_we_do_not_know_are_carried_as_they_stand() -> None:
    block = {"type": "document", "source": {"type": "content", "content": "x"}, "cache_control": {"type": "ephemeral"}}
    known = parse_parts("user", block, {"type": "search_result", "content": [], "source": "s", "title": "t"})
    assert [part.kind for part in known if isinstance(part, OpaquePart)] == ["document", "search_result"]
    assert asked(*known)[0][0] == block


def test_pieces_of_other_dialects_in_the_history_are_lost_as_settings() -> None:
    foreign = ServerToolCallPart(id="s", name="n", dialect="gemini", raw="{}")
    content, rendered = said(foreign, TextPart(text="x"))
    assert content == "x" and rendered.lost == ["messages[1].parts[0]"]


def test_a_piece_of_ours_that_is_no_object_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidRequest) as refused:
        said(OpaquePart(dialect=ID, kind="x", raw="[1]"))
    assert refused.value.path == "messages[1].parts[0].raw"


def test_citations_of_this_format_go_back_and_others_are_lost() -> None:
    own = {"type": "web_search_result_location", "url": "u", "encrypted_index": "e", "cited_text": "c", "title": "t"}
    [part] = parse_parts("assistant", {"type": "text", "text": "x", "citations": [own]})
    assert said(part)[0] == [{"type": "text", "text": "x", "citations": [own]}]
    stand_in = Annotation(kind="url", url="u", dialect=ID, raw=own | {"encrypted_index": ""})
    other = Annotation(kind="url", url="u", dialect="openai_chat", raw={})
    content, rendered = said(TextPart(text="x", annotations=(stand_in, other)))
    assert content == "x" and len(rendered.lost) == 2
    assert asked(TextPart(text="x", annotations=(other,)))[1].lost == ["messages[0].parts[1].annotations"]


def test_results_hold_text_and_media_and_say_whether_they_failed() -> None:
    png = BlobPart(modality="image", mime_type="image/png", content="AAAA", detail="high")
    result = ToolCallResponsePart(id="t", response=(TextPart(text="a"), png), is_error=True)
    call = Message(role="assistant", parts=(tool_call("t", "f"),))
    rendered = render(user("q"), call, Message(role="tool", parts=(result,)))
    [block] = rendered.body["messages"][2]["content"]
    assert block["is_error"] is True and [inner["type"] for inner in block["content"]] == ["text", "image"]
    assert rendered.lost == ["messages[2].parts[0].response[1].detail"]
    beside = render(user("q"), call, Message(role="tool", parts=(result,)), traits=Traits(media_in_results=False))
    first, second = beside.body["messages"][2]["content"]
    assert first["content"] == "a" and second["type"] == "image"


def test_a_result_may_hold_what_we_do_not_know_but_no_calls() -> None:
    reference = {"type": "tool_reference", "tool_name": "f"}
    [result] = parse_parts("user", {"type": "tool_result", "tool_use_id": "t", "content": [reference]})
    assert isinstance(result, ToolCallResponsePart) and isinstance(result.response[0], OpaquePart)
    with pytest.raises(InvalidRequest):
        parse_parts("user", {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "thinking"}]})


def test_empty_text_is_never_sent() -> None:
    request = parse(
        messages=[{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "x"}]}]
    )
    assert render(*request.messages).body["messages"] == [{"role": "user", "content": "x"}]

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import (
    BlobPart,
    CacheHint,
    FilePart,
    OpaquePart,
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
from interlingua.types.tools import FunctionTool, ServerTool, ToolChoice
from tests.sdks import answers
from tests.sdks.server import Peer

ID = "anthropic_messages"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "f", "description": "d", "input_schema": SCHEMA}
HI: dict[str, Any] = {"max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
UPLOADED = Origin(provider="", endpoint=ID, model="")


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=running.url, api_key="k", max_retries=0) as client:
        yield client


def asked(client: anthropic.Anthropic, peer: Peer, **body: Any) -> ChatRequest:
    peer.answer = answers.TEXT
    client.messages.create(model="m-1", **{**HI, **body})
    assert not peer.losses
    return peer.request


def test_every_kind_of_block_is_read(client: anthropic.Anthropic, peer: Peer) -> None:
    messages: list[Any] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
                {
                    "type": "document",
                    "title": "a.pdf",
                    "citations": {"enabled": True},
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "CCCC"},
                },
                {"type": "document", "source": {"type": "url", "url": "https://a.example/c.pdf"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}},
                {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
                {
                    "type": "search_result",
                    "source": "s",
                    "title": "t",
                    "content": [{"type": "text", "text": "x"}],
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCg=="},
                {"type": "redacted_thinking", "data": "EmwKAhgB"},
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Bern"}},
                {"type": "tool_use", "id": "toolu_2", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "no"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                    ],
                },
                {"type": "text", "text": "Well?"},
            ],
        },
        {"role": "assistant", "content": "It"},
    ]
    found = asked(client, peer, system=[{"type": "text", "text": "Be kind."}], messages=messages).messages
    assert found[0] == system("Be kind.")
    assert found[1].parts[:-1] == (
        TextPart(text="Look:", cache=CacheHint("1h")),
        BlobPart(modality="image", mime_type="image/png", content="AAAA"),
        UriPart(modality="image", uri="https://a.example/b.png"),
        BlobPart(
            modality="document",
            mime_type="application/pdf",
            content="CCCC",
            name="a.pdf",
            extra={ID: {"citations": {"enabled": True}}},
        ),
        UriPart(modality="document", uri="https://a.example/c.pdf", mime_type="application/pdf"),
        BlobPart(modality="document", mime_type="text/plain", content="YWJj"),
        FilePart(modality="image", file_id="file_1", origin=UPLOADED),
    )
    searched = found[1].parts[-1]
    assert isinstance(searched, OpaquePart) and searched.kind == "search_result"
    assert found[2:] == (
        Message(
            role="assistant",
            parts=(
                ReasoningPart(text="Hm.", opaque=(Opaque(f"{ID}.signature", "EqQBCg=="),)),
                ReasoningPart(opaque=(Opaque(f"{ID}.redacted_thinking", "EmwKAhgB"),)),
                TextPart(text="Let me see."),
                tool_call("toolu_1", "f", '{"city":"Bern"}'),
                tool_call("toolu_2", "f", "{}"),
            ),
        ),
        Message(
            role="tool",
            parts=(
                ToolCallResponsePart(id="toolu_1", response=(TextPart(text="sunny"),)),
                ToolCallResponsePart(
                    id="toolu_2",
                    is_error=True,
                    response=(
                        TextPart(text="no"),
                        BlobPart(modality="image", mime_type="image/png", content="AAAA"),
                    ),
                ),
            ),
        ),
        user("Well?"),
        assistant("It"),
    )


def test_the_blocks_of_a_turn_go_back_as_the_client_holds_them(client: anthropic.Anthropic, peer: Peer) -> None:
    state = Opaque(f"{ID}.signature", "EqQBCg==")
    said = answers.answer(
        ReasoningPart(text="Hm.", opaque=(state,)),
        ServerToolCallPart(
            id="srvtoolu_1",
            name="web_search",
            dialect=ID,
            raw='{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}',
        ),
        ServerToolCallResponsePart(
            id="srvtoolu_1",
            name="web_search",
            dialect=ID,
            raw='{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}',
        ),
        *answers.CITED.message.parts,
        answers.CALL,
        kind="tool_call",
    )
    peer.answer = said
    with client.messages.stream(model="m-1", **HI) as stream:
        turn = stream.get_final_message().content
    messages = [*HI["messages"], {"role": "assistant", "content": turn}]
    found = asked(client, peer, messages=messages).messages[1].parts
    assert [type(part) for part in found] == [type(part) for part in said.message.parts]
    assert found[0] == said.message.parts[0]
    assert isinstance(found[3], TextPart) and [one.url for one in found[3].annotations] == [
        "https://a.example/bern",
        "https://a.example/rome",
    ]
    assert isinstance(found[4], ToolCallPart) and found[4].arguments == answers.CALL.arguments


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # The client has no arguments for sampling any more; those who need it name the older version.
    (
        {
            "extra_body": {"temperature": 0.5, "top_k": 5},
            "extra_headers": {"anthropic-version": "2023-06-01"},
        },
        {"temperature": 0.5, "top_k": 5},
    ),
    ({"stop_sequences": ["a", "b"], "max_tokens": 7}, {"stop": ("a", "b"), "max_output_tokens": 7}),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        {"reasoning": Reasoning(enabled=True, budget_tokens=2048)},
    ),
    (
        {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}},
        {"reasoning": Reasoning(enabled=True, effort="high", display="summarized")},
    ),
    ({"thinking": {"type": "disabled"}}, {"reasoning": Reasoning(enabled=False)}),
    ({"metadata": {"user_id": "u"}, "service_tier": "auto"}, {"end_user": "u", "service_tier": "auto"}),
    ({"cache_control": {"type": "ephemeral"}}, {"cache": CacheHint()}),
    (
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"output": OutputFormat(kind="json_schema", schema=SCHEMA)},
    ),
    (
        {
            "tools": [{**FUNCTION, "strict": True, "cache_control": {"type": "ephemeral"}}],
            "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        },
        {
            "tools": (FunctionTool(name="f", description="d", parameters=SCHEMA, strict=True, cache=CacheHint()),),
            "tool_choice": ToolChoice("required", ("f",)),
            "parallel_tool_calls": False,
        },
    ),
    ({"tools": [FUNCTION], "tool_choice": {"type": "any"}}, {"tool_choice": ToolChoice("required")}),
    ({"tools": [FUNCTION], "tool_choice": {"type": "none"}}, {"tool_choice": ToolChoice("none")}),
    (
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]},
        {
            "tools": (
                ServerTool(
                    dialect=ID,
                    kind="web_search_20250305",
                    raw='{"type":"web_search_20250305","name":"web_search","max_uses":2}',
                ),
            )
        },
    ),
    ({"extra_body": {"novelty": [1]}}, {"extra": {ID: {"novelty": [1]}}}),
    ({"extra_headers": {"anthropic-beta": "a-1,b-2"}}, {"extra": {ID: {"anthropic-beta": ["a-1", "b-2"]}}}),
]


@pytest.mark.parametrize(("given", "expected"), SETTINGS)
def test_every_setting_is_read(
    client: anthropic.Anthropic, peer: Peer, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = asked(client, peer, **given)
    assert {name: getattr(found, name) for name in expected} == expected
    plain = asked(client, peer)
    changed = {name for name in ChatRequest.__struct_fields__ if getattr(found, name) != getattr(plain, name)}
    assert changed <= {*expected, "tools"}, "a setting is read as itself and nothing else"


def test_streams_are_asked_for(client: anthropic.Anthropic, peer: Peer) -> None:
    peer.answer = answers.TEXT
    list(client.messages.create(model="m-1", **HI, stream=True))
    assert peer.request.stream


def test_the_beta_of_the_same_call_reaches_the_same_path(client: anthropic.Anthropic, peer: Peer) -> None:
    peer.answer = answers.TEXT
    client.beta.messages.create(model="m-1", **HI, betas=["x-1"])
    assert peer.wire[-1].path.partition("?")[0] == "/v1/messages"
    assert peer.request.extra == {ID: {"anthropic-beta": ["x-1"]}}

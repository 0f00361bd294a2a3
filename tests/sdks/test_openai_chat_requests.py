from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.opaque import Origin
from interlingua.types.parts import (
    BlobPart,
    FilePart,
    RefusalPart,
    TextPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import CustomTool, FunctionTool, ToolChoice
from tests.sdks import answers
from tests.sdks.server import Peer

UPLOADED = Origin(provider="", endpoint="openai_chat", model="")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HI: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
FUNCTION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}}


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="k", max_retries=0) as client:
        yield client


def asked(client: openai.OpenAI, peer: Peer, **body: Any) -> ChatRequest:
    peer.answer = answers.TEXT
    client.chat.completions.create(model="m-1", **{**HI, **body})
    assert not peer.losses
    return peer.request


def test_every_role_and_kind_of_content_is_read(client: openai.OpenAI, peer: Peer) -> None:
    messages: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
                {"type": "file", "file": {"file_id": "file-1"}},
            ],
        },
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"city": "Bern"}'}},
                {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "free text"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "done"}]},
        {"role": "assistant", "refusal": "No.", "content": None},
        {"role": "user", "content": "Well?"},
    ]
    assert asked(client, peer, messages=messages).messages == (
        Message(role="system", parts=(TextPart(text="Be brief."),), raw_role="developer"),
        system("Be kind."),
        Message(
            role="user",
            name="ann",
            parts=(
                TextPart(text="Look:"),
                BlobPart(modality="image", mime_type="image/png", content="AAAA", detail="low"),
                UriPart(modality="image", uri="https://a.example/b.png"),
                BlobPart(modality="audio", mime_type="audio/wav", content="BBBB"),
                BlobPart(modality="document", mime_type="application/pdf", content="CCCC", name="a.pdf"),
                FilePart(modality="document", file_id="file-1", origin=UPLOADED),
            ),
        ),
        assistant(
            "Let me see.", tool_call("c1", "f", '{"city": "Bern"}'), tool_call("c2", "g", "free text", custom=True)
        ),
        Message(
            role="tool",
            parts=(
                ToolCallResponsePart(id="c1", response=(TextPart(text="sunny"),)),
                ToolCallResponsePart(id="c2", response=(TextPart(text="done"),)),
            ),
        ),
        Message(role="assistant", parts=(RefusalPart(text="No."),)),
        user("Well?"),
    )


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"temperature": 0.5, "top_p": 0.9, "frequency_penalty": 0.1, "presence_penalty": 0.2, "seed": 7},
        {"temperature": 0.5, "top_p": 0.9, "frequency_penalty": 0.1, "presence_penalty": 0.2, "seed": 7},
    ),
    ({"stop": "END"}, {"stop": ("END",)}),
    ({"stop": ["a", "b"], "logit_bias": {"50256": -100}}, {"stop": ("a", "b"), "logit_bias": {"50256": -100.0}}),
    ({"max_completion_tokens": 9, "n": 2}, {"max_output_tokens": 9, "n": 2}),
    ({"max_tokens": 9}, {"max_output_tokens": 9}),
    ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
    ({"reasoning_effort": "high"}, {"reasoning": Reasoning(effort="high")}),
    (
        {"metadata": {"a": "b"}, "user": "u", "prompt_cache_key": "k", "service_tier": "flex", "store": True},
        {"metadata": {"a": "b"}, "end_user": "u", "cache_key": "k", "service_tier": "flex", "store": True},
    ),
    ({"safety_identifier": "u"}, {"end_user": "u"}),
    ({"verbosity": "low", "modalities": ["text"]}, {"verbosity": "low", "modalities": ("text",)}),
    ({"response_format": {"type": "json_object"}}, {"output": OutputFormat(kind="json")}),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA, "strict": True}}},
        {"output": OutputFormat(kind="json_schema", name="s", schema=SCHEMA, strict=True)},
    ),
    (
        {
            "tools": [FUNCTION, {"type": "custom", "custom": {"name": "g", "description": "e"}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": False,
        },
        {
            "tools": (
                FunctionTool(name="f", description="d", parameters=SCHEMA, strict=True),
                CustomTool(name="g", description="e"),
            ),
            "tool_choice": ToolChoice("required", ("f",)),
            "parallel_tool_calls": False,
        },
    ),
    ({"tools": [FUNCTION], "tool_choice": "required"}, {"tool_choice": ToolChoice("required")}),
    (
        {
            "tools": [FUNCTION],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
        },
        {"tool_choice": ToolChoice("auto", ("f",))},
    ),
    ({"extra_body": {"novelty": [1]}}, {"extra": {"openai_chat": {"novelty": [1]}}}),
    (
        {"prediction": {"type": "content", "content": "x"}, "web_search_options": {}},
        {"extra": {"openai_chat": {"prediction": {"type": "content", "content": "x"}, "web_search_options": {}}}},
    ),
]


@pytest.mark.parametrize(("given", "expected"), SETTINGS)
def test_every_setting_is_read(
    client: openai.OpenAI, peer: Peer, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = asked(client, peer, **given)
    assert {name: getattr(found, name) for name in expected} == expected
    plain = asked(client, peer)
    changed = {name for name in ChatRequest.__struct_fields__ if getattr(found, name) != getattr(plain, name)}
    assert changed <= {*expected, "tools"}, "a setting is read as itself and nothing else"


def test_streams_and_their_usage_are_asked_for(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer = answers.TEXT
    options = {"include_usage": True, "include_obfuscation": False}
    list(client.chat.completions.create(model="m-1", **HI, stream=True, stream_options=options))
    assert (peer.request.stream, peer.request.include_usage) == (True, True)
    assert peer.request.extra == {"openai_chat": {"stream_options": {"include_obfuscation": False}}}

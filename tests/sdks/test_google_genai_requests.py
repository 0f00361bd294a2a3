from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import types

from interlingua.types.messages import Message, system, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    BlobPart,
    ReasoningPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import FunctionTool, ServerTool, ToolChoice
from tests.sdks import answers
from tests.sdks.server import Peer

ID = "gemini"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = types.FunctionDeclaration(name="f", description="d", parameters_json_schema=SCHEMA)
PNG = b"\x89PNG\xfb\xff\xfe"


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[genai.Client]:
    with genai.Client(api_key="k", http_options=types.HttpOptions(base_url=running.url)) as client:
        yield client


def asked(client: genai.Client, peer: Peer, contents: Any = "Hi", **config: Any) -> ChatRequest:
    peer.answer = answers.TEXT
    given = types.GenerateContentConfig(**config) if config else None
    client.models.generate_content(model="m-1", contents=contents, config=given)
    assert not peer.losses
    return peer.request


def test_every_kind_of_part_is_read(client: genai.Client, peer: Peer) -> None:
    part = types.Part
    contents = [
        types.Content(
            role="user",
            parts=[
                part.from_text(text="Look:"),
                part.from_bytes(data=PNG, mime_type="image/png"),
                part.from_uri(file_uri="gs://bucket/a.mp4", mime_type="video/mp4"),
                part(inline_data=types.Blob(data=b"%PDF", mime_type="application/pdf", display_name="a.pdf")),
            ],
        ),
        types.Content(
            role="model",
            parts=[
                part(text="Hm.", thought=True),
                part(text="Let me see.", thought_signature=b"\xfb\xff"),
                part(
                    function_call=types.FunctionCall(id="c1", name="f", args={"city": "Bern"}),
                    thought_signature=b"sig",
                ),
                part(function_call=types.FunctionCall(name="f", args={})),
                part(executable_code=types.ExecutableCode(code="1", language="PYTHON")),
            ],
        ),
        types.Content(
            role="user",
            parts=[
                part(function_response=types.FunctionResponse(id="c1", name="f", response={"output": "sunny"})),
                part(function_response=types.FunctionResponse(name="f", response={"degrees": 9})),
                part.from_text(text="Well?"),
            ],
        ),
    ]
    found = asked(client, peer, contents, system_instruction="Be kind.").messages
    assert found[0] == system("Be kind.")
    assert found[1] == user(
        "Look:",
        BlobPart(modality="image", mime_type="image/png", content=base64.b64encode(PNG).decode()),
        UriPart(modality="video", uri="gs://bucket/a.mp4", mime_type="video/mp4"),
        BlobPart(modality="document", mime_type="application/pdf", content="JVBERg==", name="a.pdf"),
    )
    thought, said, first, second, ran = found[2].parts
    assert thought == ReasoningPart(text="Hm.", summary=True)
    assert said == TextPart(text="Let me see.", opaque=(Opaque(f"{ID}.thought_signature", "-_8="),))
    assert isinstance(first, ToolCallPart) and isinstance(second, ToolCallPart)
    assert (first.id, first.name, first.arguments) == ("c1", "f", {"city": "Bern"})
    assert first.opaque == (Opaque(f"{ID}.thought_signature", "c2ln"),)
    assert second.id not in ("", "c1") and second.arguments == {}
    assert isinstance(ran, ServerToolCallPart) and ran.name == "code_execution"
    assert found[3] == Message(
        role="tool",
        parts=(
            ToolCallResponsePart(id="c1", name="f", response=(TextPart(text="sunny"),)),
            ToolCallResponsePart(id=second.id, name="f", response=(TextPart(text='{"degrees": 9}'),)),
        ),
    )
    assert found[4] == user("Well?")


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"temperature": 0.5, "top_p": 0.75, "top_k": 5, "seed": 7},
        {"temperature": 0.5, "top_p": 0.75, "top_k": 5, "seed": 7},
    ),
    ({"presence_penalty": 0.5, "frequency_penalty": 0.25}, {"presence_penalty": 0.5, "frequency_penalty": 0.25}),
    (
        {"max_output_tokens": 9, "candidate_count": 2, "stop_sequences": ["a", "b"]},
        {"max_output_tokens": 9, "n": 2, "stop": ("a", "b")},
    ),
    ({"response_logprobs": True, "logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
    ({"response_modalities": ["TEXT", "IMAGE"]}, {"modalities": ("text", "image")}),
    (
        {"thinking_config": types.ThinkingConfig(thinking_budget=1024, include_thoughts=True)},
        {"reasoning": Reasoning(budget_tokens=1024, display="summarized")},
    ),
    (
        {"thinking_config": types.ThinkingConfig(thinking_level=types.ThinkingLevel.HIGH)},
        {"reasoning": Reasoning(effort="high")},
    ),
    ({"response_mime_type": "application/json"}, {"output": OutputFormat(kind="json")}),
    (
        {"response_mime_type": "application/json", "response_json_schema": SCHEMA},
        {"output": OutputFormat(kind="json_schema", schema=SCHEMA)},
    ),
    (
        {
            "tools": [types.Tool(function_declarations=[FUNCTION])],
            "tool_config": types.ToolConfig(
                function_calling_config=types.FunctionCallingConfig(
                    mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["f"]
                )
            ),
        },
        {
            "tools": (FunctionTool(name="f", description="d", parameters=SCHEMA),),
            "tool_choice": ToolChoice("required", ("f",)),
        },
    ),
    (
        {"tools": [types.Tool(google_search=types.GoogleSearch())]},
        {"tools": (ServerTool(dialect=ID, kind="googleSearch", raw='{"googleSearch":{}}'),)},
    ),
    (
        {
            "safety_settings": [
                types.SafetySetting(
                    category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                    threshold=types.HarmBlockThreshold.BLOCK_NONE,
                )
            ],
            "cached_content": "cachedContents/x",
        },
        {
            "extra": {
                ID: {
                    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
                    "cachedContent": "cachedContents/x",
                }
            }
        },
    ),
    (
        {"media_resolution": types.MediaResolution.MEDIA_RESOLUTION_LOW},
        {"extra": {ID: {"generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}}}},
    ),
]


@pytest.mark.parametrize(("given", "expected"), SETTINGS)
def test_every_setting_is_read(
    client: genai.Client, peer: Peer, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = asked(client, peer, **given)
    assert {name: getattr(found, name) for name in expected} == expected
    plain = asked(client, peer)
    changed = {name for name in ChatRequest.__struct_fields__ if getattr(found, name) != getattr(plain, name)}
    assert changed <= set(expected), "a setting is read as itself and nothing else"


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_both_versions_of_the_interface_are_served(peer: Peer, version: str) -> None:
    peer.answer = answers.TEXT
    options = types.HttpOptions(base_url=peer.url, api_version=version)
    with genai.Client(api_key="k", http_options=options) as client:
        list(client.models.generate_content_stream(model="org/m-1", contents="Hi"))
    assert peer.wire[-1].path == f"/{version}/models/org/m-1:streamGenerateContent?alt=sse"
    assert (peer.request.model, peer.request.stream) == ("org/m-1", True)

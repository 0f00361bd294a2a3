from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from interlingua.types.messages import Message, assistant, user
from interlingua.types.opaque import Origin
from interlingua.types.parts import (
    BlobPart,
    FilePart,
    OpaquePart,
    ReasoningPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, ToolChoice
from tests.sdks import answers
from tests.sdks.server import Peer

ID = "openai_responses"
UPLOADED = Origin(provider="", endpoint=ID, model="")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="k", max_retries=0) as client:
        yield client


def asked(client: openai.OpenAI, peer: Peer, **body: Any) -> ChatRequest:
    peer.answer = answers.TEXT
    client.responses.create(**{"model": "m-1", "input": "Hi", **body})
    assert not peer.losses
    return peer.request


def test_every_kind_of_item_is_read(client: openai.OpenAI, peer: Peer) -> None:
    items: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look:"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "auto"},
                {"type": "input_image", "file_id": "file-1", "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"},
                {"type": "input_file", "file_id": "file-2"},
                {"type": "input_file", "file_url": "https://a.example/c.pdf"},
            ],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"city": "Bern"}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free"},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {
            "type": "custom_tool_call_output",
            "call_id": "c2",
            "output": [{"type": "input_image", "image_url": "https://a.example/d.png", "detail": "auto"}],
        },
        {"role": "assistant", "content": "It is sunny."},
        {"role": "user", "content": "Well?"},
    ]
    found = asked(client, peer, instructions="Be kind.", input=items).messages
    assert [(one.role, one.raw_role) for one in found[:2]] == [("system", "instructions"), ("system", "developer")]
    assert found[2].parts == (
        TextPart(text="Look:"),
        BlobPart(modality="image", mime_type="image/png", content="AAAA", detail="low"),
        UriPart(modality="image", uri="https://a.example/b.png", detail="auto"),
        FilePart(modality="image", file_id="file-1", origin=UPLOADED, extra={ID: {"detail": "auto"}}),
        BlobPart(modality="document", mime_type="application/pdf", content="CCCC", name="a.pdf"),
        FilePart(modality="document", file_id="file-2", origin=UPLOADED),
        UriPart(modality="document", uri="https://a.example/c.pdf"),
    )
    assert found[3].parts == (
        tool_call("c1", "f", '{"city": "Bern"}'),
        tool_call("c2", "g", "free", custom=True),
    )
    assert found[4] == Message(
        role="tool",
        parts=(
            ToolCallResponsePart(id="c1", response=(TextPart(text="sunny"),)),
            ToolCallResponsePart(
                id="c2",
                response=(UriPart(modality="image", uri="https://a.example/d.png", detail="auto"),),
                extra=found[4].parts[1].extra,
            ),
        ),
    )
    assert found[5:] == (assistant("It is sunny."), user("Well?"))


def test_the_output_of_a_turn_goes_back_as_the_client_holds_it(client: openai.OpenAI, peer: Peer) -> None:
    said = answers.answer(ReasoningPart(text="Hm.", summary=True), *answers.CALLED_TWICE.message.parts)
    peer.answer = said
    turn = client.responses.create(model="m-1", input="Hi").output
    found = asked(client, peer, input=[{"role": "user", "content": "Hi"}, *turn]).messages[1].parts
    assert [type(part) for part in found] == [type(part) for part in said.message.parts]
    assert found[0] == ReasoningPart(text="Hm.", summary=True, opaque=found[0].opaque, extra=found[0].extra)
    assert [(part.id, part.raw) for part in found if isinstance(part, ToolCallPart)] == [
        (call.id, call.raw) for call in (answers.CALL, answers.OTHER_CALL)
    ]


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"temperature": 0.5, "top_p": 0.9, "max_output_tokens": 99}, {"temperature": 0.5, "top_p": 0.9}),
    ({"include": ["message.output_text.logprobs"], "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
    (
        {"reasoning": {"effort": "high", "summary": "detailed"}},
        {"reasoning": Reasoning(effort="high", display="detailed")},
    ),
    (
        {"metadata": {"a": "b"}, "prompt_cache_key": "k", "service_tier": "flex", "store": False},
        {"metadata": {"a": "b"}, "cache_key": "k", "service_tier": "flex", "store": False},
    ),
    ({"safety_identifier": "u"}, {"end_user": "u"}),
    ({"user": "u", "previous_response_id": "resp_1"}, {"end_user": "u", "previous_response_id": "resp_1"}),
    ({"text": {"verbosity": "low"}}, {"verbosity": "low"}),
    ({"text": {"format": {"type": "json_object"}}}, {"output": OutputFormat(kind="json")}),
    (
        {"text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA, "strict": True}}},
        {"output": OutputFormat(kind="json_schema", name="s", schema=SCHEMA, strict=True)},
    ),
    (
        {
            "tools": [FUNCTION, {"type": "custom", "name": "g", "description": "e"}],
            "tool_choice": {"type": "function", "name": "f"},
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
            "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        },
        {"tool_choice": ToolChoice("auto", ("f",))},
    ),
    (
        {"tools": [{"type": "web_search", "search_context_size": "low"}]},
        {
            "tools": (
                ServerTool(dialect=ID, kind="web_search", raw='{"type":"web_search","search_context_size":"low"}'),
            )
        },
    ),
    (
        {"truncation": "auto", "max_tool_calls": 3, "extra_body": {"novelty": [1]}},
        {"extra": {ID: {"truncation": "auto", "max_tool_calls": 3, "novelty": [1]}}},
    ),
    ({"include": ["reasoning.encrypted_content"]}, {"extra": {ID: {"include": ["reasoning.encrypted_content"]}}}),
]


@pytest.mark.parametrize(("given", "expected"), SETTINGS)
def test_every_setting_is_read(
    client: openai.OpenAI, peer: Peer, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = asked(client, peer, **given)
    assert {name: getattr(found, name) for name in expected} == expected
    plain = asked(client, peer)
    changed = {name for name in ChatRequest.__struct_fields__ if getattr(found, name) != getattr(plain, name)}
    assert changed <= {*expected, "tools", "max_output_tokens"}, "a setting is read as itself and nothing else"


def test_what_only_this_format_knows_is_kept_whole(client: openai.OpenAI, peer: Peer) -> None:
    items: list[Any] = [
        {"role": "user", "content": "Hi"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
        {"type": "item_reference", "id": "rs_1"},
    ]
    found = [part for message in asked(client, peer, input=items).messages[1:] for part in message.parts]
    assert [type(part) for part in found] == [ServerToolCallPart, OpaquePart]

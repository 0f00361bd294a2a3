"""Requests: path, settings, and what cannot be carried."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from interlingua.dialects import gemini
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import user
from interlingua.types.parts import CacheHint, TextPart
from interlingua.types.request import ChatRequest, OutputFormat
from interlingua.types.traits import HostTraits, Traits
from tests.dialects.gemini.strategies import requests

CHAT = "/v1beta/models/m:generateContent"


def context(**more: Any) -> TranslationContext:
    return TranslationContext(dialect="gemini", seed="test", **more)


def parse(body: dict[str, Any], path: str = CHAT) -> ChatRequest:
    return gemini.parse_request(WireRequest(path=path, body=msgspec.json.encode(body)), context())


def ask(text: str = "hi", **more: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=(user(text),), **more)


def render(request: ChatRequest, surroundings: TranslationContext | None = None) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(gemini.render_request(request, surroundings or context()).body)
    return body


@given(requests)
def test_what_the_format_can_express_survives_being_written_and_read(request: ChatRequest) -> None:
    surroundings = context(traits=Traits(media_in_results=True))
    wire = gemini.render_request(request, surroundings)
    again = gemini.parse_request(msgspec.structs.replace(wire, path="/v1beta" + wire.path), context())
    assert again == request
    assert surroundings.losses == []


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-9", "/models/gemini-9:generateContent"),
        ("models/gemini-9", "/models/gemini-9:generateContent"),
        ("tunedModels/mine", "/tunedModels/mine:generateContent"),
        ("org/model:free@2", "/models/org/model:free@2:generateContent"),
        ("a b?c#d%", "/models/a%20b%3Fc%23d%25:generateContent"),
    ],
)
def test_the_model_stands_in_the_path_and_is_read_from_it(model: str, path: str) -> None:
    wire = gemini.render_request(ChatRequest(model=model, messages=(user("hi"),)), context())
    assert wire.path == path
    read = gemini.parse_request(WireRequest(path="/v1beta" + path, body=wire.body), context())
    assert read.model == model.removeprefix("models/")


def test_the_context_names_the_model_as_the_provider_knows_it() -> None:
    assert gemini.render_request(ask(stream=True), context(model="real")).path == (
        "/models/real:streamGenerateContent?alt=sse"
    )


def test_an_empty_path_is_a_request_without_model_and_without_stream() -> None:
    request = parse({"contents": [{"parts": [{"text": "hi"}]}]}, path="")
    assert (request.model, request.stream) == ("", False)
    assert parse({"contents": [{"parts": [{"text": "hi"}]}]}, path=CHAT.replace(":g", ":streamG")).stream


def test_snake_case_strings_for_numbers_nulls_and_single_objects_are_understood() -> None:
    request = parse(
        {
            "contents": {"parts": {"text": "hi"}},
            "system_instruction": {"role": "user", "parts": {"text": "be brief"}},
            "tool_config": None,
            "generation_config": {
                "max_output_tokens": "100",
                "top_k": 40.0,
                "temperature": "0.5",
                "stop_sequences": ["x"],
                "response_mime_type": "application/json",
                "response_schema": {"type": "ARRAY", "items": {"type": "STRING", "nullable": True}, "min_items": "2"},
                "thinking_config": {"thinking_budget": "0", "include_thoughts": False},
            },
        }
    )
    assert [message.role for message in request.messages] == ["system", "user"]
    assert (request.max_output_tokens, request.top_k, request.temperature, request.stop) == (100, 40, 0.5, ("x",))
    assert request.output == OutputFormat(
        kind="json_schema", schema={"type": "array", "items": {"type": ["string", "null"]}, "minItems": 2}
    )
    assert request.reasoning is not None
    assert (request.reasoning.budget_tokens, request.reasoning.display) == (0, "omitted")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "contents"),
        ({"contents": [{"role": "robot", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "a/b"}}]}]}, "contents[0].parts[0].inlineData.data"),
        (
            {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"topK": "many"}},
            "generationConfig.topK",
        ),
        (
            {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]},
            "contents[0].parts[0].functionResponse",
        ),
    ],
)
def test_a_malformed_request_is_refused_by_the_name_of_its_field(body: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(body)
    assert refused.value.path == path


def test_fields_that_we_do_not_know_come_back_to_this_dialect_only() -> None:
    body = {
        "contents": [{"parts": [{"text": "hi"}], "role": "user"}],
        "safetySettings": [{"category": "C", "threshold": "OFF"}],
        "generationConfig": {"speechConfig": {"a": 1}, "thinkingConfig": {"later": True}},
        "toolConfig": {"includeServerSideToolInvocations": True},
    }
    assert render(parse(body)) == body
    surroundings = context()
    render(ask(extra={"openai_chat": {"prediction": {}}}), surroundings)
    assert [loss.field for loss in surroundings.losses] == ["extra.openai_chat"]


def test_settings_without_a_place_are_losses_and_not_errors() -> None:
    surroundings = context()
    request = ask(
        logit_bias={"1": 1.0},
        end_user="me",
        cache_key="k",
        verbosity="low",
        parallel_tool_calls=False,
        service_tier="scale",
        stop=tuple("abcdef"),
    )
    body = render(request, surroundings)
    assert {loss.field for loss in surroundings.losses} == {
        "logit_bias",
        "end_user",
        "cache_key",
        "verbosity",
        "parallel_tool_calls",
        "service_tier",
        "stop",
    }
    assert body["generationConfig"]["stopSequences"] == list("abcde")
    assert "serviceTier" not in body


def test_a_cache_hint_is_one_loss_however_often_it_stands() -> None:
    surroundings = context()
    part = TextPart(text="a", cache=CacheHint())
    render(ChatRequest(model="m", messages=(user("x", part), user("y", part))), surroundings)
    assert [loss.field for loss in surroundings.losses] == ["cache"]


def test_what_the_host_refuses_is_left_out() -> None:
    surroundings = context(host=HostTraits(refuses=("seed", "metadata")))
    body = render(ask(seed=1, metadata={"a": "b"}, top_k=3), surroundings)
    assert body["generationConfig"] == {"topK": 3}
    assert "labels" not in body
    assert [loss.field for loss in surroundings.losses] == ["seed", "metadata"]


def test_a_model_without_sampling_gets_none() -> None:
    surroundings = context(traits=Traits(sampling=False))
    assert "generationConfig" not in render(ask(temperature=0.3), surroundings)
    assert [loss.field for loss in surroundings.losses] == ["temperature"]


def test_a_conversation_kept_elsewhere_is_content_that_cannot_be_carried() -> None:
    with pytest.raises(Unsupported) as refused:
        render(ask(previous_response_id="resp_1"))
    assert refused.value.feature == "previous_response_id"


def test_an_enum_answer_stays_as_the_client_wrote_it() -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}}
    request = parse({"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": config})
    assert request.output is None
    assert render(request)["generationConfig"] == config


def test_a_schema_loses_only_what_the_provider_does_not_know() -> None:
    surroundings = context()
    schema = {"$schema": "x", "type": "object", "properties": {"k": {"const": 1}, "u": {"oneOf": [{"type": "null"}]}}}
    body = render(ask(output=OutputFormat(kind="json_schema", schema=schema)), surroundings)
    assert body["generationConfig"]["responseJsonSchema"] == {
        "type": "object",
        "properties": {"k": {"enum": [1]}, "u": {"anyOf": [{"type": "null"}]}},
    }
    assert [(loss.field, loss.action) for loss in surroundings.losses] == [("output.schema", "emulate")]


def test_a_quirk_has_the_last_word_on_the_body() -> None:
    surroundings = context(quirk=Quirk(request=lambda body: {**body, "store": len(body["contents"])}))
    assert render(ask(), surroundings)["store"] == 1

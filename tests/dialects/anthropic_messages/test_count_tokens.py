"""Token counts in Anthropic's format: a request without what its answer alone depends on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.anthropic_messages import count_tokens
from interlingua.errors import InterlinguaError, InvalidRequest, ModelNotFound, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.messages import system, user
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.token_count import TokenCount
from interlingua.types.tools import FunctionTool, ToolChoice
from tests.dialects.anthropic_messages.strategies import requests
from tests.strategies import counts, json_objects, json_values

ID = "anthropic_messages"
UNCOUNTED = ("max_output_tokens", "temperature", "top_p", "top_k", "stop", "end_user", "service_tier", "stream")


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, on_loss={"setting": "warn", "content": "warn"}, **given)


def read(body: Json, where: TranslationContext | None = None) -> TokenCount:
    return count_tokens.parse_count_response(WireResponse(body=msgspec.json.encode(body)), where or context())


def test_only_what_makes_up_the_prompt_is_sent() -> None:
    asked = ChatRequest(
        model="alias",
        messages=(system("be brief"), user("hi")),
        tools=(FunctionTool(name="f", parameters={"type": "object"}),),
        tool_choice=ToolChoice(mode="required"),
        reasoning=Reasoning(budget_tokens=2048, enabled=True),
        output=OutputFormat(kind="json_schema", schema={"type": "object"}),
        max_output_tokens=9000,
        temperature=0.5,
        seed=5,
        stop=("x",),
        stream=True,
        end_user="u",
        service_tier="auto",
        extra={ID: {"metadata": {"a": "b"}, "inference_geo": "eu", "anthropic-beta": ["b1"], "speed": "fast"}},
    )
    where = context(model="real")
    wire = count_tokens.render_count_request(asked, where)
    body = msgspec.json.decode(wire.body)
    assert wire.path == "/messages/count_tokens"
    assert dict(wire.headers)["anthropic-beta"] == "b1"
    assert body["model"] == "real"
    assert body["thinking"]["budget_tokens"] == 2048
    assert body.keys() == {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "speed"}
    assert not [loss.field for loss in where.losses if loss.field in ("seed", "temperature", "stop")]


def test_skills_are_not_counted_and_that_is_a_loss() -> None:
    where = context()
    asked = ChatRequest(model="m", messages=(user("hi"),), extra={ID: {"container": {"skills": []}}})
    assert "container" not in msgspec.json.decode(count_tokens.render_count_request(asked, where).body)
    assert [loss.field for loss in where.losses] == ["extra.container"]


def test_a_clients_request_needs_no_limit_for_the_answer() -> None:
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    asked = count_tokens.parse_count_request(WireRequest(body=body), context())
    assert asked == ChatRequest(model="m", messages=(user("hi"),))


def test_a_malformed_request_names_the_field() -> None:
    with pytest.raises(InvalidRequest) as caught:
        count_tokens.parse_count_request(WireRequest(body=b'{"messages":[]}'), context())
    assert caught.value.path == "model"


@given(requests())
def test_a_request_is_the_same_after_being_written(request: ChatRequest) -> None:
    plain: Any = {name: getattr(ChatRequest(model=""), name) for name in UNCOUNTED}
    wire = count_tokens.render_count_request(request, context())
    assert count_tokens.parse_count_request(wire, context()) == msgspec.structs.replace(request, **plain)


def test_a_count_is_exact_because_the_provider_made_it() -> None:
    assert read({"input_tokens": 12}) == TokenCount(input_tokens=12, exact=True)


@given(counts, st.just({}) | st.just({ID: {"context_management": {"original_input_tokens": 9}}}))
def test_a_count_is_the_same_after_being_written(number: int, extra: dict[str, dict[str, Json]]) -> None:
    count = TokenCount(input_tokens=number, exact=True, extra=extra)
    assert count_tokens.parse_count_response(count_tokens.render_count_response(count, context()), context()) == count


def test_what_a_count_cannot_say_is_a_loss() -> None:
    where = context()
    count = TokenCount(input_tokens=5, exact=False, cache_read=3, extra={"gemini": {"a": 1}})
    assert count_tokens.render_count_response(count, where).body == b'{"input_tokens":5}'
    assert [loss.field for loss in where.losses] == ["extra.gemini", "exact", "cache_read"]


@pytest.mark.parametrize("body", [{}, [], {"input_tokens": "5"}, {"input_tokens": -1}, {"totalTokens": 5}])
def test_what_is_no_count_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        read(body)


def test_an_error_inside_an_answer_is_raised_as_what_it_says() -> None:
    with pytest.raises(ModelNotFound):
        read({"type": "error", "error": {"type": "not_found_error", "message": "model: x"}})


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"input_tokens": body["tokens"]})
    assert read({"tokens": 3}, context(quirk=quirk)).input_tokens == 3


@given(st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        count_tokens.parse_count_response(WireResponse(body=body), context())
    with pytest.raises(InterlinguaError):
        count_tokens.parse_count_request(WireRequest(body=body), context())

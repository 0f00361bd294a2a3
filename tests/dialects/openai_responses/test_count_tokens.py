"""Token counts in the Responses format: a request without what its answer alone depends on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.openai_responses import count_tokens
from interlingua.errors import InterlinguaError, InvalidRequest, ModelNotFound, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.messages import assistant, system, user
from interlingua.types.opaque import Extra, Json
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.token_count import TokenCount
from interlingua.types.tools import FunctionTool, ToolChoice
from tests.strategies import counts, json_objects, json_values, names, texts

ID = "openai_responses"

words = texts.filter(bool)
requests = st.builds(
    ChatRequest,
    model=names,
    messages=st.tuples(words.map(user)) | st.tuples(words.map(system), words.map(user), words.map(assistant)),
    tools=st.lists(
        st.builds(FunctionTool, name=names, parameters=st.just({"type": "object"}), strict=st.booleans()), max_size=2
    ).map(tuple),
    output=st.none() | st.builds(OutputFormat, kind=st.just("json_schema"), name=names, schema=st.just({})),
    reasoning=st.none() | st.builds(Reasoning, effort=st.sampled_from(["low", "high"])),
    verbosity=st.none() | st.just("low"),
    previous_response_id=st.none() | names,
    extra=st.just({}) | st.just({ID: {"truncation": "auto"}}),
)


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def read(body: Json, where: TranslationContext | None = None) -> TokenCount:
    return count_tokens.parse_count_response(WireResponse(body=msgspec.json.encode(body)), where or context())


def test_only_what_makes_up_the_prompt_is_sent() -> None:
    asked = ChatRequest(
        model="alias",
        messages=(user("hi"),),
        tools=(FunctionTool(name="f", parameters={"type": "object"}),),
        tool_choice=ToolChoice(mode="required"),
        reasoning=Reasoning(effort="low"),
        verbosity="low",
        max_output_tokens=90,
        temperature=0.5,
        seed=5,
        stream=True,
        store=True,
        metadata={"a": "b"},
        end_user="u",
        extra={ID: {"include": ["file_search_call.results"], "background": True, "truncation": "auto"}},
    )
    where = context(model="real")
    wire = count_tokens.render_count_request(asked, where)
    body = msgspec.json.decode(wire.body)
    assert wire.path == "/responses/input_tokens"
    assert body["model"] == "real"
    assert body.keys() == {"model", "input", "tools", "tool_choice", "reasoning", "text", "truncation"}
    assert where.losses == []


def test_a_stored_prompt_is_not_counted_and_that_is_a_loss() -> None:
    where = context()
    asked = ChatRequest(model="m", messages=(user("hi"),), extra={ID: {"prompt": {"id": "p"}}})
    assert "prompt" not in msgspec.json.decode(count_tokens.render_count_request(asked, where).body)
    assert [loss.field for loss in where.losses] == ["extra.prompt"]


def test_a_malformed_request_names_the_field() -> None:
    with pytest.raises(InvalidRequest) as caught:
        count_tokens.parse_count_request(WireRequest(body=b'{"model":"m","input":5}'), context())
    assert caught.value.path == "input"


@given(requests)
def test_a_request_is_the_same_after_being_written(request: ChatRequest) -> None:
    wire = count_tokens.render_count_request(request, context())
    assert count_tokens.parse_count_request(wire, context()) == request


def test_a_count_is_exact_because_the_provider_made_it() -> None:
    assert read({"object": "response.input_tokens", "input_tokens": 12}) == TokenCount(input_tokens=12, exact=True)


extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"later": 1}})


@given(counts, extras)
def test_a_count_is_the_same_after_being_written(number: int, extra: Extra) -> None:
    count = TokenCount(input_tokens=number, exact=True, extra=extra)
    assert count_tokens.parse_count_response(count_tokens.render_count_response(count, context()), context()) == count


def test_what_a_count_cannot_say_is_a_loss() -> None:
    where = context()
    count = TokenCount(input_tokens=5, exact=False, cache_read=3, extra={"gemini": {"a": 1}})
    wire = count_tokens.render_count_response(count, where)
    assert msgspec.json.decode(wire.body) == {"object": "response.input_tokens", "input_tokens": 5}
    assert [loss.field for loss in where.losses] == ["extra.gemini", "exact", "cache_read"]


@pytest.mark.parametrize("body", [{}, [], "x", {"input_tokens": "5"}, {"input_tokens": -1}, {"totalTokens": 5}])
def test_what_is_no_count_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        read(body)


def test_an_error_inside_an_answer_is_raised_as_what_it_says() -> None:
    with pytest.raises(ModelNotFound):
        read({"error": {"message": "no", "code": "model_not_found"}})


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"input_tokens": body["tokens"]})
    assert read({"tokens": 3}, context(quirk=quirk)).input_tokens == 3


@given(st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        count_tokens.parse_count_response(WireResponse(body=body), context())
    with pytest.raises(InterlinguaError):
        count_tokens.parse_count_request(WireRequest(body=body), context())

"""Token counts in Gemini's format: bare contents, or a whole request."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.gemini import count_tokens
from interlingua.errors import InterlinguaError, InvalidRequest, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.messages import system, user
from interlingua.types.opaque import Extra, Json
from interlingua.types.request import ChatRequest
from interlingua.types.token_count import TokenCount
from interlingua.types.traits import Traits
from tests.dialects.gemini.strategies import requests
from tests.strategies import counts, json_objects, json_values

ID = "gemini"
PATH = "/v1beta/models/m:countTokens"
HI: dict[str, Json] = {"role": "user", "parts": [{"text": "hi"}]}
COUNTED = ("model", "messages", "tools", "tool_choice", "output", "reasoning", "modalities", "extra")


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def asked(body: Json) -> ChatRequest:
    return count_tokens.parse_count_request(WireRequest(path=PATH, body=msgspec.json.encode(body)), context())


def read(body: Json, where: TranslationContext | None = None) -> TokenCount:
    return count_tokens.parse_count_response(WireResponse(body=msgspec.json.encode(body)), where or context())


def test_bare_contents_are_a_request() -> None:
    assert asked({"contents": [HI]}) == ChatRequest(model="m", messages=(user("hi"),))


@pytest.mark.parametrize("key", ["generateContentRequest", "generate_content_request"])
def test_a_whole_request_may_stand_inside(key: str) -> None:
    inner = {"model": "models/m", "contents": [HI], "systemInstruction": {"parts": {"text": "be brief"}}}
    assert asked({key: inner}) == ChatRequest(model="m", messages=(system("be brief"), user("hi")))


@pytest.mark.parametrize(
    "body", [{}, {"contents": []}, {"generateContentRequest": {}}, {"generateContentRequest": {}, "contents": [HI]}]
)
def test_a_request_without_contents_or_with_two_of_them_is_refused(body: Json) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(body)
    assert caught.value.path == "contents"


def test_contents_alone_go_bare_and_anything_more_inside_a_request() -> None:
    plain = count_tokens.render_count_request(ChatRequest(model="m", messages=(user("hi"),), seed=5), context())
    assert plain.path == "/models/m:countTokens"
    assert msgspec.json.decode(plain.body) == {"contents": [HI]}
    more = ChatRequest(model="alias", messages=(system("be brief"), user("hi")), stream=True)
    wire = count_tokens.render_count_request(more, context(model="real"))
    assert wire.path == "/models/real:countTokens"
    inner = msgspec.json.decode(wire.body)["generateContentRequest"]
    assert inner.keys() == {"model", "contents", "systemInstruction"}
    assert inner["model"] == "models/real"


@given(requests)
def test_a_request_is_the_same_after_being_written(request: ChatRequest) -> None:
    lenient = context(traits=Traits(media_in_results=True))
    wire = count_tokens.render_count_request(request, lenient)
    assert count_tokens.parse_count_request(wire, lenient) == ChatRequest(
        **{name: getattr(request, name) for name in COUNTED}
    )


def test_a_count_is_exact_because_the_provider_made_it() -> None:
    found = read({"totalTokens": "12", "cachedContentTokenCount": 4, "totalBillableCharacters": 30})
    assert found == TokenCount(input_tokens=12, exact=True, cache_read=4, extra={ID: {"totalBillableCharacters": 30}})


extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"promptTokensDetails": [{"modality": "TEXT"}]}})


@given(counts, st.none() | counts, extras)
def test_a_count_is_the_same_after_being_written(number: int, cached: int | None, extra: Extra) -> None:
    count = TokenCount(input_tokens=number, exact=True, cache_read=cached, extra=extra)
    assert count_tokens.parse_count_response(count_tokens.render_count_response(count, context()), context()) == count


def test_what_a_count_cannot_say_is_a_loss() -> None:
    where = context()
    count = TokenCount(input_tokens=5, exact=False, extra={"ollama": {"a": 1}})
    assert count_tokens.render_count_response(count, where).body == b'{"totalTokens":5}'
    assert [loss.field for loss in where.losses] == ["extra.ollama", "exact"]


@pytest.mark.parametrize("body", [{}, [], "x", {"totalTokens": "many"}, {"totalTokens": -1}, {"input_tokens": 5}])
def test_what_is_no_count_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        read(body)


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"totalTokens": body["tokens"]})
    assert read({"tokens": 3}, context(quirk=quirk)).input_tokens == 3


@given(st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        count_tokens.parse_count_response(WireResponse(body=body), context())
    with pytest.raises(InterlinguaError):
        count_tokens.parse_count_request(WireRequest(path=PATH, body=body), context())

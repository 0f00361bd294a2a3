"""Embeddings in Ollama's format, on the path of today and the older one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.ollama import embeddings
from interlingua.errors import InterlinguaError, InvalidRequest, ModelNotFound, Unsupported, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.opaque import Extra, Json
from interlingua.types.usage import Usage
from tests.strategies import counts, json_objects, json_values, names, numbers, texts

ID = "ollama"
NEW, OLD = embeddings.PATHS

extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"truncate": False, "options": {"num_ctx": 8}}})
requests = st.builds(
    EmbedRequest,
    model=names,
    inputs=st.lists(texts, min_size=1, max_size=3).map(tuple),
    dimensions=st.none() | st.integers(1, 4096),
    extra=extras,
)
usages = counts.map(
    lambda count: Usage(
        input_tokens=count, output_tokens=0, raw={"prompt_eval_count": count, "total_duration": 5, "load_duration": 3}
    )
)
responses = st.builds(
    EmbedResponse,
    model=names,
    embeddings=st.lists(st.lists(numbers, min_size=1, max_size=4).map(tuple), max_size=3).map(tuple),
    usage=st.none() | usages,
    extra=st.just({}) | st.just({ID: {"remote_host": "x"}}),
)


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def parse(path: str = NEW, **body: Any) -> EmbedRequest:
    wire = WireRequest(path=path, body=msgspec.json.encode({"model": "m"} | body))
    return embeddings.parse_embed_request(wire, context())


def answer(body: Json, where: TranslationContext | None = None) -> EmbedResponse:
    return embeddings.parse_embed_response(WireResponse(body=msgspec.json.encode(body)), where or context(model="m"))


def test_an_input_is_a_text_or_many() -> None:
    assert parse(input="a").inputs == ("a",)
    assert parse(input=["a", "b"], dimensions=8) == EmbedRequest(model="m", inputs=("a", "b"), dimensions=8)


def test_the_older_path_takes_a_prompt_and_wants_its_own_answer() -> None:
    found = parse(OLD + "?x=1", prompt="a", keep_alive="5m")
    assert found == EmbedRequest(model="m", inputs=("a",), form="embeddings", extra={ID: {"keep_alive": "5m"}})
    assert parse(OLD, input="a").inputs == ("a",)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (NEW, {}, "input"),
        (NEW, {"input": []}, "input"),
        (NEW, {"input": [1, 2]}, "input[0]"),
        (NEW, {"prompt": "a"}, "input"),
        (NEW, {"input": "a", "dimensions": -1}, "dimensions"),
        (OLD, {}, "prompt"),
        (OLD, {"prompt": 5}, "prompt"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(path: str, body: dict[str, Json], named: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(path, **body)
    assert caught.value.path == named


@given(requests)
def test_a_request_is_the_same_after_being_written(request: EmbedRequest) -> None:
    wire = embeddings.render_embed_request(request, context())
    assert wire.path == NEW
    assert embeddings.parse_embed_request(wire, context()) == request


def test_the_older_path_is_never_asked() -> None:
    quirk = Quirk(request=lambda body: {**body, "truncate": True})
    wire = embeddings.render_embed_request(parse(OLD, prompt="a"), context(model="real", quirk=quirk))
    assert wire.path == NEW
    assert msgspec.json.decode(wire.body) == {"model": "real", "input": ["a"], "truncate": True}


def test_what_the_format_cannot_say_is_a_loss() -> None:
    where = context()
    asked = EmbedRequest(model="m", inputs=("a",), end_user="u", task="X", form="base64", extra={"gemini": {"x": 1}})
    embeddings.render_embed_request(asked, where)
    assert [loss.field for loss in where.losses] == ["task", "end_user", "extra.gemini"]


def test_tokens_cannot_be_sent_whatever_the_configuration_says() -> None:
    where = context(on_loss={"setting": "drop", "content": "drop"})
    with pytest.raises(Unsupported) as caught:
        embeddings.render_embed_request(EmbedRequest(model="m", inputs=("a", (1, 2))), where)
    assert caught.value.path == "inputs[1]"


def test_the_answers_of_both_paths_are_understood() -> None:
    usage = Usage(input_tokens=4, output_tokens=0, raw={"prompt_eval_count": 4})
    assert answer({"embedding": [1, 2]}) == EmbedResponse(model="m", embeddings=((1.0, 2.0),))
    assert answer({"model": "x", "embeddings": [[1], [2]], "prompt_eval_count": 4}) == EmbedResponse(
        model="x", embeddings=((1.0,), (2.0,)), usage=usage
    )


@given(responses)
def test_an_answer_is_the_same_after_being_written(response: EmbedResponse) -> None:
    wire = embeddings.render_embed_response(response, context())
    assert "eval_count" not in msgspec.json.decode(wire.body)
    assert embeddings.parse_embed_response(wire, context()) == response


def test_a_client_of_the_older_path_gets_a_single_vector() -> None:
    asked = parse(OLD, prompt="a")
    wire = embeddings.render_embed_response(EmbedResponse(model="m", embeddings=((1.0,),)), context(), asked)
    assert msgspec.json.decode(wire.body) == {"embedding": [1.0]}


@pytest.mark.parametrize("body", [{}, [], "x", {"embeddings": [["a"]]}, {"embedding": [[1]]}, {"data": []}])
def test_an_answer_without_vectors_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        answer(body)


def test_an_error_inside_an_answer_is_raised_as_what_it_says() -> None:
    with pytest.raises(ModelNotFound):
        answer({"error": 'model "x" not found, try pulling it first'})


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"embeddings": body["vectors"]})
    assert answer({"vectors": [[1]]}, context(quirk=quirk)).embeddings == ((1.0,),)


@given(st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        embeddings.parse_embed_request(WireRequest(path=NEW, body=body), context())
    with pytest.raises(InterlinguaError):
        embeddings.parse_embed_response(WireResponse(body=body), context())

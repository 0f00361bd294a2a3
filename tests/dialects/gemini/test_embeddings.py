"""Embeddings in Gemini's format: one content at a time, or many."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.gemini import embeddings
from interlingua.errors import InterlinguaError, InvalidRequest, RateLimited, Unsupported, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.opaque import Extra, Json
from interlingua.types.usage import Usage
from tests.strategies import counts, json_objects, json_values, names, numbers, texts

ID = "gemini"
MANY = "/v1beta/models/m:batchEmbedContents"
ONE = "/v1beta/models/m:embedContent"

extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"requests": [{"title": "t"}]}})
requests = st.builds(
    EmbedRequest,
    model=st.sampled_from(["m", "org/m", "tunedModels/mine"]),
    inputs=st.lists(texts, min_size=1, max_size=1).map(tuple),
    dimensions=st.none() | st.integers(1, 4096),
    task=st.sampled_from([None, "RETRIEVAL_QUERY", "NEVER_HEARD"]),
    form=st.sampled_from(["", "embedContent"]),
    extra=extras,
)
batches = st.builds(EmbedRequest, model=st.just("m"), inputs=st.lists(texts, min_size=2, max_size=4).map(tuple))
responses = st.builds(
    EmbedResponse,
    model=names,
    embeddings=st.lists(st.lists(numbers, min_size=1, max_size=4).map(tuple), min_size=1, max_size=3).map(tuple),
    usage=st.none() | counts.map(lambda count: Usage(input_tokens=count, output_tokens=0)),
    extra=st.just({}) | st.just({ID: {"truncated": True}}),
)


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def parse(body: Json, path: str = MANY, where: TranslationContext | None = None) -> EmbedRequest:
    return embeddings.parse_embed_request(WireRequest(path=path, body=msgspec.json.encode(body)), where or context())


def content(*said: str) -> dict[str, Json]:
    return {"content": {"parts": [{"text": text} for text in said]}}


def answer(body: Json, where: TranslationContext | None = None) -> EmbedResponse:
    return embeddings.parse_embed_response(WireResponse(body=msgspec.json.encode(body)), where or context(model="m"))


def test_one_content_and_a_batch_of_one_differ_in_the_form_of_the_answer_alone() -> None:
    one = parse({**content("hi"), "taskType": "CLUSTERING", "outputDimensionality": 8}, ONE)
    many = parse({"requests": [{**content("hi"), "task_type": "CLUSTERING", "output_dimensionality": "8"}]})
    assert one == EmbedRequest(model="m", inputs=("hi",), dimensions=8, task="CLUSTERING", form="embedContent")
    assert many == msgspec.structs.replace(one, form="")


def test_the_model_of_the_path_wins_over_that_of_the_body() -> None:
    assert parse({**content("a"), "model": "models/other"}, ONE).model == "m"
    assert parse({**content("a"), "model": "models/other"}, "").model == "other"


def test_settings_in_vertex_place_are_understood() -> None:
    body = {**content("a"), "embedContentConfig": {"taskType": "CLUSTERING", "autoTruncate": False}}
    found = parse(body, ONE)
    assert found.task == "CLUSTERING"
    assert found.extra == {ID: {"requests": [{"embedContentConfig": {"autoTruncate": False}}]}}


def test_what_differs_between_contents_stays_with_its_place() -> None:
    body = {
        "requests": [
            {"model": "models/m", **content("a"), "taskType": "RETRIEVAL_DOCUMENT", "title": "A"},
            {"model": "models/m", **content("b"), "taskType": "RETRIEVAL_QUERY"},
        ]
    }
    found = parse(body)
    assert (found.inputs, found.task) == (("a", "b"), None)
    assert msgspec.json.decode(embeddings.render_embed_request(found, context()).body) == body


def test_several_texts_of_one_content_make_one_vector_and_so_one_input() -> None:
    where = context()
    assert parse({"requests": [content("a", "b")]}, where=where).inputs == ("a\nb",)
    assert [(loss.field, loss.action) for loss in where.losses] == [("requests[0].content.parts", "emulate")]


def test_a_content_may_stand_there_as_a_text_and_parts_without_brackets() -> None:
    assert parse({"requests": [{"content": "a"}, {"content": {"parts": {"text": "b"}}}]}).inputs == ("a", "b")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "content"),
        ({"requests": []}, "requests"),
        ({"requests": [{}]}, "requests[0].content"),
        ({"requests": [content("a"), {"content": {"parts": []}}]}, "requests[1].content.parts"),
        ({"content": {"parts": [{"inlineData": {"data": "AAAA"}}]}}, "content.parts[0].text"),
        ({**content("a"), "outputDimensionality": 0}, "outputDimensionality"),
        ({**content("a"), "taskType": 5}, "taskType"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(body: dict[str, Json], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(body)
    assert caught.value.path == path


@given(requests | batches)
def test_a_request_is_the_same_after_being_written(request: EmbedRequest) -> None:
    wire = embeddings.render_embed_request(request, context())
    assert wire.path.endswith(":embedContent" if request.form else ":batchEmbedContents")
    assert embeddings.parse_embed_request(wire, context()) == request


def test_each_content_of_a_batch_names_the_model() -> None:
    asked = EmbedRequest(model="alias", inputs=("a", "b"), dimensions=8, form="embedContent")
    wire = embeddings.render_embed_request(asked, context(model="real"))
    assert wire.path == "/models/real:batchEmbedContents"
    assert msgspec.json.decode(wire.body) == {
        "requests": [{"model": "models/real", **content(text), "outputDimensionality": 8} for text in "ab"]
    }


@pytest.mark.parametrize(
    ("task", "sent", "action"),
    [
        ("query", "RETRIEVAL_QUERY", "emulate"),
        ("search_document", "RETRIEVAL_DOCUMENT", "emulate"),
        ("dreaming", None, "warn"),
    ],
)
def test_tasks_of_other_formats_are_translated_or_a_loss(task: str, sent: str | None, action: str) -> None:
    where = context()
    wire = embeddings.render_embed_request(EmbedRequest(model="m", inputs=("a",), task=task), where)
    assert msgspec.json.decode(wire.body)["requests"][0].get("taskType") == sent
    assert [(loss.field, loss.action) for loss in where.losses] == [("task", action)]


def test_tokens_cannot_be_sent_whatever_the_configuration_says() -> None:
    where = context(on_loss={"setting": "drop", "content": "drop"})
    with pytest.raises(Unsupported) as caught:
        embeddings.render_embed_request(EmbedRequest(model="m", inputs=("a", (1, 2))), where)
    assert caught.value.path == "inputs[1]"


def test_what_the_format_cannot_say_is_a_loss() -> None:
    where = context()
    asked = EmbedRequest(model="m", inputs=("a",), end_user="u", form="base64", extra={"openai_chat": {"x": 1}})
    embeddings.render_embed_request(asked, where)
    assert [loss.field for loss in where.losses] == ["end_user", "extra.openai_chat"]


def test_a_request_passes_the_hosts_quirk_last() -> None:
    quirk = Quirk(request=lambda body: {"wrapped": body})
    wire = embeddings.render_embed_request(EmbedRequest(model="m", inputs=("a",)), context(quirk=quirk))
    assert msgspec.json.decode(wire.body).keys() == {"wrapped"}


def test_the_answers_to_both_methods_are_understood() -> None:
    one, many = answer({"embedding": {"values": [1, 2]}}), answer({"embeddings": [{"values": [1, 2]}]})
    assert one == many == EmbedResponse(model="m", embeddings=((1.0, 2.0),))


@given(responses)
def test_an_answer_is_the_same_after_being_written(response: EmbedResponse) -> None:
    for form in ("", "embedContent"):
        asked = EmbedRequest(model="m", inputs=("a",), form=form)
        wire = embeddings.render_embed_response(response, context(), asked)
        single = bool(form) and len(response.embeddings) == 1
        assert ("embedding" in msgspec.json.decode(wire.body)) is single
        found = embeddings.parse_embed_response(wire, context(model=response.model))
        if found.usage is not None:
            found = msgspec.structs.replace(found, usage=msgspec.structs.replace(found.usage, raw=None))
        assert found == response


def test_the_providers_own_counts_come_back_as_they_were() -> None:
    raw = {"promptTokenCount": 4, "promptTokenDetails": [{"modality": "TEXT", "tokenCount": 4}]}
    found = answer({"embeddings": [{"values": [1]}], "usageMetadata": raw})
    assert found.usage == Usage(input_tokens=4, output_tokens=0, raw=raw)
    assert msgspec.json.decode(embeddings.render_embed_response(found, context()).body)["usageMetadata"] == raw


def test_what_is_said_of_each_vector_stays_with_it() -> None:
    body = {"embeddings": [{"values": [1.0], "statistics": {"tokenCount": 3}}, {"values": [2.0]}]}
    assert msgspec.json.decode(embeddings.render_embed_response(answer(body), context()).body) == body


@pytest.mark.parametrize(
    "body", [{}, [], "x", {"embeddings": []}, {"embeddings": [{}]}, {"embedding": {"values": ["a"]}}, {"data": []}]
)
def test_an_answer_without_vectors_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        answer(body)


def test_an_error_inside_an_answer_is_raised_as_what_it_says() -> None:
    with pytest.raises(RateLimited):
        answer({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}})


@given(st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        embeddings.parse_embed_request(WireRequest(path=ONE, body=body), context())
    with pytest.raises(InterlinguaError):
        embeddings.parse_embed_response(WireResponse(body=body), context())

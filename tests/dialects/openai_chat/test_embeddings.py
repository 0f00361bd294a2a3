"""Embeddings in OpenAI's format: inputs, the two forms of vectors, and what hosts vary."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.openai_chat import embeddings
from interlingua.errors import InterlinguaError, InvalidRequest, ModelNotFound, Unsupported, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.opaque import Extra, Json
from interlingua.types.traits import HostTraits
from interlingua.types.usage import Usage
from tests.strategies import counts, json_objects, json_values, names, texts

ID = "openai_chat"

singles = st.floats(-100, 100, width=32).filter(lambda value: not value or abs(value) > 1e-3)
tokens = st.lists(st.integers(0, 200_000), min_size=1, max_size=3).map(tuple)
extras: st.SearchStrategy[Extra] = st.just({}) | st.just({ID: {"input_type": "query", "truncation": True}})
requests = st.builds(
    EmbedRequest,
    model=names,
    inputs=st.lists(texts | tokens, min_size=1, max_size=3).map(tuple),
    dimensions=st.none() | st.integers(1, 4096),
    end_user=st.none() | names,
    form=st.sampled_from(["", *embeddings.FORMS]),
    extra=extras,
)
responses = st.builds(
    EmbedResponse,
    model=names,
    embeddings=st.lists(st.lists(singles, min_size=1, max_size=4).map(tuple), max_size=3).map(tuple),
    usage=counts.map(lambda count: Usage(input_tokens=count, output_tokens=0)),
    extra=st.just({}) | st.just({ID: {"provider": "x"}}),
)


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def parse(**body: Any) -> EmbedRequest:
    wire = WireRequest(body=msgspec.json.encode({"model": "m", "input": "hi"} | body))
    return embeddings.parse_embed_request(wire, context())


def render(request: EmbedRequest, where: TranslationContext | None = None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(embeddings.render_embed_request(request, where or context()).body)
    return found


def answer(body: Json, where: TranslationContext | None = None) -> EmbedResponse:
    return embeddings.parse_embed_response(WireResponse(body=msgspec.json.encode(body)), where or context())


def listed(*items: dict[str, Any], **more: Any) -> EmbedResponse:
    return answer({"object": "list", "data": list(items), "model": "m", **more})


def packed(*values: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("one text", ("one text",)),
        (["one", "two"], ("one", "two")),
        ([1, 2, 3], ((1, 2, 3),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
        (["text", [4]], ("text", (4,))),
    ],
)
def test_an_input_may_be_a_text_or_tokens_or_many_of_either(written: Json, read: tuple[Any, ...]) -> None:
    assert parse(input=written).inputs == read


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": [1, "a"]}, "input"),
        ({"input": ["a", {"image": "x"}]}, "input[1]"),
        ({"input": [[1], ["a"]]}, "input[1][0]"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": "8"}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"user": 5}, "user"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(body: dict[str, Json], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(**body)
    assert caught.value.path == path


def test_the_field_names_of_other_hosts_are_understood() -> None:
    found = parse(input=None, inputs=["a"], output_dimension=256)
    assert found == EmbedRequest(model="m", inputs=("a",), dimensions=256)


def test_fields_that_we_do_not_know_come_back() -> None:
    assert render(parse(input_type="query"))["input_type"] == "query"


@given(requests)
def test_a_request_is_the_same_after_being_written(request: EmbedRequest) -> None:
    wire = embeddings.render_embed_request(request, context())
    assert wire.path == "/embeddings"
    assert embeddings.parse_embed_request(wire, context()) == request


def test_the_target_model_is_asked_for_and_the_hosts_quirk_has_the_last_word() -> None:
    quirk = Quirk(
        request=lambda body: {"model": body["model"], "input": body["input"], "output_dimension": body["dimensions"]}
    )
    body = render(EmbedRequest(model="alias", inputs=("a",), dimensions=8), context(model="real", quirk=quirk))
    assert body == {"model": "real", "input": ["a"], "output_dimension": 8}


def test_what_the_format_cannot_say_is_a_loss() -> None:
    where = context(host=HostTraits(refuses=("dimensions",)))
    body = render(EmbedRequest(model="m", inputs=("a",), dimensions=8, task="X", extra={"gemini": {"a": 1}}), where)
    assert body == {"model": "m", "input": ["a"]}
    assert [loss.field for loss in where.losses] == ["dimensions", "task", "extra.gemini"]


def test_the_form_of_another_dialects_answer_is_neither_sent_nor_a_loss() -> None:
    where = context()
    assert render(EmbedRequest(model="m", inputs=("a",), form="embedContent"), where) == {"model": "m", "input": ["a"]}
    assert where.losses == []


@given(st.lists(singles, min_size=1, max_size=8))
def test_both_forms_of_a_vector_mean_the_same(values: list[float]) -> None:
    plain, base = listed({"index": 0, "embedding": values}), listed({"index": 0, "embedding": packed(*values)})
    assert plain.embeddings == base.embeddings == (tuple(values),)


def test_vectors_come_in_the_order_of_the_inputs() -> None:
    assert listed({"index": 1, "embedding": [1]}, {"index": 0, "embedding": [0]}).embeddings == ((0.0,), (1.0,))


@pytest.mark.parametrize("second", [{"index": 0}, {"index": 5}, {}])
def test_indices_that_make_no_order_are_not_believed(second: dict[str, int]) -> None:
    assert listed({"index": 0, "embedding": [1]}, {**second, "embedding": [0]}).embeddings == ((1.0,), (0.0,))


def test_base64_that_is_no_float32_is_read_as_int8() -> None:
    values = [-41, -1, 0, -13, 78, -44, -47, 0, 60, 12, -9, 33]
    data = base64.b64encode(struct.pack("12b", *values)).decode()
    assert listed({"index": 0, "embedding": data}).embeddings == (tuple(map(float, values)),)


@pytest.mark.parametrize(
    "vector", ["%%%", "AAAAA", packed(*[0.5] * 64, float("nan")), ["a"], [[1.0]], [None], None, {"float": [1]}]
)
def test_a_vector_that_is_none_is_the_providers_error(vector: Json) -> None:
    with pytest.raises(UpstreamError, match=r"data\[0\]\.embedding"):
        listed({"index": 0, "embedding": vector})


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": "x"}, [], "x", {"data": [3]}])
def test_an_answer_without_vectors_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        answer(body)


def test_an_error_inside_an_answer_is_raised_as_what_it_says() -> None:
    with pytest.raises(ModelNotFound):
        answer({"error": {"message": "no", "code": "model_not_found"}})


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"data": body["vectors"]})
    assert answer({"vectors": [{"embedding": [1]}]}, context(quirk=quirk)).embeddings == ((1.0,),)


@pytest.mark.parametrize(
    "usage",
    [{"prompt_tokens": 7, "total_tokens": 7}, {"total_tokens": 7}, {"prompt_tokens": 7, "completion_tokens": 0}],
)
def test_all_tokens_are_the_prompts(usage: dict[str, int]) -> None:
    found = listed({"embedding": [1]}, usage=usage).usage
    assert found is not None
    assert (found.input_tokens, found.output_tokens) == (7, 0)


def test_unknown_counts_stay_unknown_for_us_and_are_zero_for_clients() -> None:
    found = listed({"embedding": [1]})
    assert found.usage is None
    body = msgspec.json.decode(embeddings.render_embed_response(found, context()).body)
    assert body["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


@given(responses, st.sampled_from(embeddings.FORMS))
def test_an_answer_is_the_same_after_being_written_in_either_form(response: EmbedResponse, form: str) -> None:
    asked = EmbedRequest(model="m", inputs=("a",), form=form)
    wire = embeddings.render_embed_response(response, context(), asked)
    assert all(
        (type(item["embedding"]) is str) is (form == "base64") for item in msgspec.json.decode(wire.body)["data"]
    )
    found = embeddings.parse_embed_response(wire, context())
    assert found.usage is not None
    assert msgspec.structs.replace(found, usage=msgspec.structs.replace(found.usage, raw=None)) == response


def test_what_a_host_says_beside_a_vector_comes_back() -> None:
    found = listed({"index": 0, "embedding": [1], "truncated": True}, {"index": 1, "embedding": [2]}, provider="x")
    body = msgspec.json.decode(embeddings.render_embed_response(found, context()).body)
    assert body["data"][0] == {"object": "embedding", "index": 0, "embedding": [1.0], "truncated": True}
    assert body["data"][1] == {"object": "embedding", "index": 1, "embedding": [2.0]}
    assert body["provider"] == "x"


def test_a_value_beyond_float32_cannot_be_packed() -> None:
    asked = EmbedRequest(model="m", inputs=("a",), form="base64")
    with pytest.raises(UpstreamError, match="float32"):
        embeddings.render_embed_response(EmbedResponse(model="m", embeddings=((1e300,),)), context(), asked)


def test_a_loss_is_refused_where_the_configuration_says_so() -> None:
    strict = context(on_loss={"setting": "reject", "content": "reject"})
    with pytest.raises(Unsupported, match="task"):
        render(EmbedRequest(model="m", inputs=("a",), task="X"), strict)


@given(st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    for parse_it in (
        lambda: embeddings.parse_embed_request(WireRequest(body=body), context()),
        lambda: embeddings.parse_embed_response(WireResponse(body=body), context()),
    ):
        with pytest.raises(InterlinguaError):
            parse_it()

"""Model lists in Gemini's format, and their pages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.gemini import models
from interlingua.errors import AuthenticationFailed, InterlinguaError, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.opaque import Json
from tests.strategies import json_values, names, texts

ID = "gemini"

limits = st.none() | st.integers(1, 2**40)
listed = st.builds(
    ListedModel,
    id=names | st.sampled_from(["tunedModels/mine", "org/m"]),
    title=st.none() | texts,
    context=limits,
    max_output=limits,
    extra=st.just({}) | st.just({ID: {"version": "001", "supportedGenerationMethods": ["predict"], "topK": 64}}),
)
pages = st.builds(ModelPage, models=st.lists(listed, max_size=3).map(tuple), next=texts)


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def read(body: Json, where: TranslationContext | None = None) -> ModelPage:
    return models.parse_models_response(WireResponse(body=msgspec.json.encode(body)), where or context())


def written(page: ModelPage, where: TranslationContext | None = None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(models.render_models_response(page, where or context()).body)
    return found


def test_the_largest_page_is_asked_for_and_the_next_by_its_token() -> None:
    wire = models.render_models_request(context())
    assert (wire.method, wire.path) == ("GET", "/models?pageSize=1000")
    assert models.render_models_request(context(), "a+b/c=").path == "/models?pageSize=1000&pageToken=a%2Bb%2Fc%3D"


def test_a_model_goes_by_the_name_to_ask_for_it() -> None:
    body = {
        "models": [
            {"name": "models/m", "displayName": "M", "inputTokenLimit": 200, "outputTokenLimit": "64"},
            {"name": "tunedModels/mine", "input_token_limit": 0, "description": "d"},
        ]
    }
    first, second = read(body).models
    assert first == ListedModel(id="m", title="M", context=200, extra={ID: {"outputTokenLimit": "64"}})
    assert second == ListedModel(id="tunedModels/mine", extra={ID: {"inputTokenLimit": 0, "description": "d"}})
    assert [entry["name"] for entry in written(read(body))["models"]] == ["models/m", "tunedModels/mine"]


@given(pages)
def test_a_list_is_the_same_after_being_written(page: ModelPage) -> None:
    assert read(written(page)) == page


def test_clients_that_look_for_chat_models_find_those_of_other_hosts() -> None:
    page = ModelPage(models=(ListedModel(id="m"),))
    assert written(page) == {"models": [{"name": "models/m", "supportedGenerationMethods": ["generateContent"]}]}


def test_what_lists_cannot_say_is_one_loss_for_all_models() -> None:
    where = context()
    strange = tuple(ListedModel(id=id, owner="x", created=5, extra={"ollama": {"size": 1}}) for id in ("a", "b"))
    assert "size" not in str(written(ModelPage(models=strange), where))
    assert [loss.field for loss in where.losses] == ["extra.ollama", "owner", "created"]


def test_a_list_without_models_is_empty_and_not_an_error() -> None:
    assert read({}) == ModelPage(models=())
    assert read({"nextPageToken": "t"}) == ModelPage(models=(), next="t")


@pytest.mark.parametrize("body", [[], "x", {"object": "list", "data": []}, {"models": [{}]}, {"models": "x"}])
def test_what_is_no_list_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        read(body)


def test_an_error_inside_an_answer_is_raised_as_what_it_says() -> None:
    with pytest.raises(AuthenticationFailed):
        read({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}})


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"models": [{"name": name} for name in body["names"]]})
    assert read({"names": ["models/a"]}, context(quirk=quirk)).models == (ListedModel(id="a"),)


@given(
    (st.binary(max_size=20) | json_values.map(msgspec.json.encode)).filter(lambda body: b"".join(body.split()) != b"{}")
)
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        models.parse_models_response(WireResponse(body=body), context())

"""Model lists in OpenAI's format, with what hosts add to it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.openai_chat import models
from interlingua.errors import AuthenticationFailed, InterlinguaError, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.opaque import Json
from tests.strategies import json_objects, json_values, names, texts

ID = "openai_chat"

some_texts = st.none() | texts.filter(bool)
limits = st.none() | st.integers(1, 2**40)
listed = st.builds(
    ListedModel,
    id=names,
    title=some_texts,
    owner=some_texts,
    created=st.none() | st.integers(1, 253_402_300_799),
    context=limits,
    max_output=limits,
    extra=st.just({}) | st.just({ID: {"pricing": {"prompt": "0.1"}, "top_provider": {"is_moderated": True}}}),
).filter(lambda model: model.title != model.id)
pages = st.builds(ModelPage, models=st.lists(listed, max_size=3).map(tuple))


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def read(body: Json, where: TranslationContext | None = None) -> ModelPage:
    return models.parse_models_response(WireResponse(body=msgspec.json.encode(body)), where or context())


def one(**fields: Any) -> ListedModel:
    (found,) = read({"object": "list", "data": [{"id": "m", "object": "model", **fields}]}).models
    return found


def written(page: ModelPage, where: TranslationContext | None = None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(models.render_models_response(page, where or context()).body)
    return found


def test_a_list_is_got_and_not_posted() -> None:
    wire = models.render_models_request(context())
    assert (wire.method, wire.path, wire.body) == ("GET", "/models", b"")


def test_what_the_format_itself_says_is_understood() -> None:
    assert one(created=5, owned_by="x") == ListedModel(id="m", created=5, owner="x")


def test_placeholders_of_hosts_that_do_not_know_are_nothing() -> None:
    assert one(created=0, owned_by="", name="m", context_length=None) == ListedModel(id="m")


@pytest.mark.parametrize(
    ("fields", "context_limit", "most"),
    [
        ({"context_length": 8, "top_provider": {"context_length": 7, "max_completion_tokens": 4}}, 8, 4),
        ({"top_provider": {"context_length": 7}}, 7, None),
        ({"context_window": 9, "max_completion_tokens": 5}, 9, 5),
        ({"max_context_length": 10}, 10, None),
        ({"max_model_len": 11}, 11, None),
        ({"meta": {"n_ctx": 12, "n_ctx_train": 99}}, 12, None),
        ({"model_spec": {"availableContextTokens": 13, "maxCompletionTokens": 6}}, 13, 6),
        ({"context_length": 0}, None, None),
        ({"context_length": "many", "max_model_len": 11}, 11, None),
        ({"top_provider": [], "meta": 3, "context_window": True}, None, None),
    ],
)
def test_limits_are_found_under_every_hosts_name_which_stays(
    fields: dict[str, Json], context_limit: int | None, most: int | None
) -> None:
    found = one(**fields)
    assert (found.context, found.max_output) == (context_limit, most)
    back = written(ModelPage(models=(found,)))["data"][0]
    assert all(back[key] == value for key, value in fields.items() if key != "context_length" or not found.context)


def test_a_host_that_answers_with_a_bare_array_is_understood() -> None:
    entry = {"id": "m", "organization": "Maker", "display_name": "M", "context_length": 8}
    found = read([entry])
    assert found.models[0] == ListedModel(
        id="m", owner="Maker", title="M", context=8, extra={ID: {"organization": "Maker", "display_name": "M"}}
    )
    assert read(written(found)) == found


def test_a_single_model_is_a_list_of_one() -> None:
    assert read({"id": "m", "object": "model", "owned_by": "x"}).models == (ListedModel(id="m", owner="x"),)


def test_the_next_page_is_asked_for_at_our_own_address() -> None:
    page = read({"data": [], "links": {"next": "https://elsewhere.example/api/v1/models?offset=10&limit=5#x"}})
    assert page.next == "offset=10&limit=5"
    assert models.render_models_request(context(), page.next).path == "/models?offset=10&limit=5"
    assert models.render_models_request(context(), "a b\r\n#").path == "/models?a%20b%0D%0A%23"


@pytest.mark.parametrize("links", [{"next": None}, {"next": 5}, {"next": "https://[broken"}, [], None])
def test_links_that_lead_nowhere_end_the_list(links: Json) -> None:
    assert read({"data": [{"id": "m"}], "links": links}).next == ""


@pytest.mark.parametrize("body", [{}, {"data": None}, {"models": []}, [3], [{}], "x", {"data": [{"id": 5}]}])
def test_what_is_no_list_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        read(body)


def test_the_entry_without_an_id_is_named() -> None:
    with pytest.raises(UpstreamError, match=r"data\[1\]\.id"):
        read({"data": [{"id": "m"}, {"object": "model"}]})


def test_an_error_inside_an_answer_is_raised_as_what_it_says() -> None:
    with pytest.raises(AuthenticationFailed):
        read({"error": {"message": "no", "code": "invalid_api_key"}})


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"data": [{"id": name} for name in body["names"]]})
    assert read({"names": ["a"]}, context(quirk=quirk)).models == (ListedModel(id="a"),)


@given(pages)
def test_a_list_is_the_same_after_being_written(page: ModelPage) -> None:
    assert read(written(page)) == page


def test_a_client_finds_every_field_that_its_types_demand() -> None:
    assert written(ModelPage(models=(ListedModel(id="m"),))) == {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 0, "owned_by": ""}],
    }


def test_luggage_of_other_dialects_is_one_loss_for_all_models() -> None:
    where = context()
    strange = tuple(ListedModel(id=id, extra={"gemini": {"version": "1"}}) for id in ("a", "b"))
    assert "version" not in str(written(ModelPage(models=strange, next="more"), where))
    assert [loss.field for loss in where.losses] == ["extra.gemini", "next"]


def is_no_list(body: bytes) -> bool:
    """An empty list is a list of models."""
    return b"".join(body.split()) != b"[]"


@given((st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode)).filter(is_no_list))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        models.parse_models_response(WireResponse(body=body), context())


def test_what_stands_beside_a_list_comes_back() -> None:
    body = {"object": "list", "data": [], "total_count": 338, "links": {"next": None}}
    page = models.parse_models_response(WireResponse(body=msgspec.json.encode(body)), context())
    assert page == ModelPage(models=(), extra={ID: {"total_count": 338}})
    assert msgspec.json.decode(models.render_models_response(page, context()).body)["total_count"] == 338

"""Model lists in Anthropic's format, and their pages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.anthropic_messages import models
from interlingua.errors import AuthenticationFailed, InterlinguaError, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.opaque import Json
from interlingua.types.traits import HostTraits
from tests.strategies import json_objects, json_values, names, texts

ID = "anthropic_messages"

limits = st.none() | st.integers(1, 2**40)
listed = st.builds(
    ListedModel,
    id=names,
    title=st.none() | texts.filter(bool),
    created=st.none() | st.integers(1, 253_402_300_799),
    context=limits,
    max_output=limits,
    extra=st.just({}) | st.just({ID: {"lifecycle": "deprecated", "capabilities": {"batch": {"supported": True}}}}),
).filter(lambda model: model.title != model.id)
pages = st.builds(
    ModelPage, models=st.lists(listed, max_size=3).map(tuple), next=st.just("") | st.sampled_from(["m", "a/b&c"])
)


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def read(body: Json, where: TranslationContext | None = None) -> ModelPage:
    return models.parse_models_response(WireResponse(body=msgspec.json.encode(body)), where or context())


def one(**fields: Any) -> ListedModel:
    (found,) = read({"data": [{"type": "model", "id": "m", **fields}], "has_more": False}).models
    return found


def written(page: ModelPage, where: TranslationContext | None = None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(models.render_models_response(page, where or context()).body)
    return found


def test_the_largest_page_is_asked_for_and_the_next_begins_after_an_id() -> None:
    wire = models.render_models_request(context())
    assert (wire.method, wire.path) == ("GET", "/models?limit=1000")
    assert dict(wire.headers)["anthropic-version"]
    assert models.render_models_request(context(), "a/b&c").path == "/models?limit=1000&after_id=a%2Fb%26c"


def test_the_version_is_the_hosts_where_it_has_one() -> None:
    wire = models.render_models_request(context(host=HostTraits(api_version="vertex-1")))
    assert wire.headers == (("anthropic-version", "vertex-1"),)


def test_what_the_format_says_is_understood() -> None:
    found = one(display_name="M", created_at="2025-11-24T00:00:00Z", max_input_tokens=200, max_tokens=64)
    assert found == ListedModel(id="m", title="M", created=1_763_942_400, context=200, max_output=64)


@pytest.mark.parametrize("created", ["1970-01-01T00:00:00Z", None])
def test_the_epoch_is_no_time(created: str | None) -> None:
    assert one(created_at=created).created is None


@pytest.mark.parametrize("created", ["2025-11-24T01:00:00+01:00", "2025-11-24T00:00:00.500Z"])
def test_a_time_in_other_words_is_understood_and_comes_back_as_it_was(created: str) -> None:
    found = one(created_at=created)
    assert found.created == 1_763_942_400
    assert written(ModelPage(models=(found,)))["data"][0]["created_at"] == created


@pytest.mark.parametrize("created", ["soon", "0001-01-01T00:00:00+10:00", 5])
def test_a_time_that_is_none_stays_as_it_is(created: Json) -> None:
    found = one(created_at=created)
    assert found.created is None
    assert written(ModelPage(models=(found,)))["data"][0]["created_at"] == created


def test_limits_that_are_none_are_not_taken() -> None:
    found = one(max_input_tokens=0, max_tokens=None)
    assert (found.context, found.max_output, found.extra) == (None, None, {ID: {"max_input_tokens": 0}})


def test_pages_go_on_after_the_last_id_while_there_are_more() -> None:
    assert read({"data": [{"id": "m"}], "has_more": True, "last_id": "m"}).next == "m"
    assert read({"data": [{"id": "m"}], "has_more": False, "last_id": "m"}).next == ""


@given(pages)
def test_a_list_is_the_same_after_being_written(page: ModelPage) -> None:
    assert read(written(page)) == page


def test_a_client_finds_every_field_that_its_types_demand() -> None:
    assert written(ModelPage(models=(ListedModel(id="m", created=10**15),))) == {
        "data": [
            {
                "type": "model",
                "id": "m",
                "display_name": "m",
                "created_at": "1970-01-01T00:00:00Z",
                "lifecycle": "active",
            }
        ],
        "has_more": False,
        "first_id": "m",
        "last_id": "m",
    }
    assert written(ModelPage(models=()))["last_id"] is None


def test_what_lists_cannot_say_is_one_loss_for_all_models() -> None:
    where = context()
    strange = tuple(ListedModel(id=id, owner="x", extra={"gemini": {"version": "1"}}) for id in ("a", "b"))
    assert "version" not in str(written(ModelPage(models=strange), where))
    assert [loss.field for loss in where.losses] == ["extra.gemini", "owner"]


@pytest.mark.parametrize("body", [{}, [], {"data": None}, {"data": [{}]}, {"models": []}, "x"])
def test_what_is_no_list_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        read(body)


def test_an_error_inside_an_answer_is_raised_as_what_it_says() -> None:
    with pytest.raises(AuthenticationFailed):
        read({"type": "error", "error": {"type": "authentication_error", "message": "no"}})


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"data": [{"id": name} for name in body["names"]]})
    assert read({"names": ["a"]}, context(quirk=quirk)).models == (ListedModel(id="a"),)


@given(st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        models.parse_models_response(WireResponse(body=body), context())

"""Model lists in Ollama's format."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.ollama import models
from interlingua.errors import InterlinguaError, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.opaque import Json
from tests.strategies import json_objects, json_values, names

ID = "ollama"
LUGGAGE = {"size": 5, "digest": "abc", "details": {"family": "f"}, "remote_host": "x"}

listed = st.builds(
    ListedModel,
    id=names,
    created=st.none() | st.integers(1, 253_402_300_799),
    extra=st.just({}) | st.just({ID: LUGGAGE}),
)
pages = st.builds(ModelPage, models=st.lists(listed, max_size=3).map(tuple))


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect=ID, **given)


def read(body: Json, where: TranslationContext | None = None) -> ModelPage:
    return models.parse_models_response(WireResponse(body=msgspec.json.encode(body)), where or context())


def written(page: ModelPage, where: TranslationContext | None = None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(models.render_models_response(page, where or context()).body)
    return found


def test_a_list_is_got_and_comes_whole() -> None:
    wire = models.render_models_request(context(), "page")
    assert (wire.method, wire.path, wire.body) == ("GET", "/api/tags", b"")


def test_a_file_is_a_model_and_its_particulars_are_luggage() -> None:
    entry = {"name": "q:4b", "model": "q:4b", "modified_at": "2026-06-19T17:15:40Z", **LUGGAGE}
    assert read({"models": [entry]}).models == (ListedModel(id="q:4b", created=1_781_889_340, extra={ID: LUGGAGE}),)


def test_old_servers_that_say_only_the_name_are_understood() -> None:
    assert read({"models": [{"name": "a"}]}).models == (ListedModel(id="a"),)


def test_a_local_time_is_understood_and_comes_back_as_it_was() -> None:
    entry = {"name": "a", "model": "a", "modified_at": "2026-06-19T17:15:40.188240254-07:00", **LUGGAGE}
    page = read({"models": [entry]})
    assert page.models[0].created == 1_781_914_540
    assert written(page)["models"] == [entry]


@given(pages)
def test_a_list_is_the_same_after_being_written(page: ModelPage) -> None:
    assert read(written(page)) == page


def test_a_client_finds_every_field_that_servers_send() -> None:
    assert written(ModelPage(models=(ListedModel(id="m", created=10**15),))) == {
        "models": [
            {
                "name": "m",
                "model": "m",
                "modified_at": "1970-01-01T00:00:00Z",
                "size": 0,
                "digest": "",
                "details": {},
            }
        ]
    }


def test_what_lists_cannot_say_is_one_loss_for_all_models() -> None:
    where = context()
    strange = tuple(
        ListedModel(id=id, title="T", owner="x", context=5, max_output=3, extra={"gemini": {"version": "1"}})
        for id in ("a", "b")
    )
    assert "version" not in str(written(ModelPage(models=strange, next="more"), where))
    assert [loss.field for loss in where.losses] == ["extra.gemini", "title", "owner", "context", "max_output", "next"]


@pytest.mark.parametrize("body", [{}, [], "x", {"data": []}, {"models": [{}]}, {"models": {}}])
def test_what_is_no_list_is_the_providers_error(body: Json) -> None:
    with pytest.raises(UpstreamError):
        read(body)


def test_a_server_without_models_has_an_empty_list() -> None:
    assert read({"models": None}) == read({"models": []}) == ModelPage(models=())


def test_an_error_inside_an_answer_is_raised() -> None:
    with pytest.raises(InterlinguaError, match="broken disk"):
        read({"error": "broken disk"})


def test_an_answer_passes_the_hosts_quirk_first() -> None:
    quirk = Quirk(response=lambda body: {"models": [{"name": name} for name in body["names"]]})
    assert read({"names": ["a"]}, context(quirk=quirk)).models == (ListedModel(id="a"),)


@given(st.binary(max_size=20) | (json_objects | json_values).map(msgspec.json.encode))
def test_whatever_comes_only_our_errors_are_raised(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        models.parse_models_response(WireResponse(body=body), context())

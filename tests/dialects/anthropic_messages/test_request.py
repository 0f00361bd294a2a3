"""Requests both ways: what the format can say survives, what it cannot is told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from interlingua.dialects.anthropic_messages import parse_request, render_request
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import user
from interlingua.types.parts import CacheHint, TextPart
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.traits import HostTraits, Traits
from tests.dialects.anthropic_messages.strategies import requests
from tests.dialects.anthropic_messages.wire import ID, Rendered, parse, render


@settings(max_examples=150, deadline=None)
@given(requests())
def test_what_the_format_can_say_survives_the_way_out_and_back(request: ChatRequest) -> None:
    context = TranslationContext(dialect=ID)
    assert parse_request(render_request(request, context), TranslationContext(dialect=ID)) == request
    assert context.losses == []


def test_the_body_says_the_providers_name_of_the_model() -> None:
    context = TranslationContext(dialect=ID, model="claude-x")
    rendered = Rendered(ChatRequest(model="alias", messages=(user("hi"),)), context)
    assert (rendered.path, rendered.body["model"]) == ("/messages", "claude-x")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"model": None}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"temperature": 1.5}, "temperature"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
        ({"tools": [{"description": "nameless"}]}, "tools[0].name"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
    ],
)
def test_a_malformed_request_is_refused_by_the_name_of_the_field(body: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(**body)
    assert refused.value.path == path and path in refused.value.message


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": "\xff"}', b'"x"'])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_request(WireRequest(body=body), TranslationContext())


def test_beta_names_travel_in_their_header() -> None:
    headers = (("anthropic-beta", "one-1, two-2"), ("anthropic-beta", "three-3"))
    body = msgspec.json.encode({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]})
    request = parse_request(WireRequest(body=body, headers=headers), TranslationContext())
    assert request.extra == {ID: {"anthropic-beta": ["one-1", "two-2", "three-3"]}}
    rendered = Rendered(request, TranslationContext())
    assert rendered.headers["anthropic-beta"] == "one-1,two-2,three-3"
    assert "anthropic-beta" not in rendered.body


@pytest.mark.parametrize(
    ("asked", "traits", "version"),
    [
        ({}, Traits(), "2026-10-21"),
        ({"temperature": 0.5}, Traits(), "2023-06-01"),
        ({"temperature": 0.5}, Traits(sampling=True), "2023-06-01"),
        ({"temperature": 0.5}, Traits(sampling=False), "2026-10-21"),
    ],
)
def test_the_version_follows_what_the_request_needs(asked: dict[str, Any], traits: Traits, version: str) -> None:
    rendered = render(traits=traits, **asked)
    assert rendered.headers["anthropic-version"] == version
    assert ("temperature" in rendered.body) == (version == "2023-06-01")


def test_a_version_that_the_host_prescribes_wins() -> None:
    context = TranslationContext(dialect=ID, host=HostTraits(api_version="2026-10-21"))
    rendered = Rendered(ChatRequest(model="m", messages=(user("x"),), top_k=3), context)
    assert rendered.headers["anthropic-version"] == "2026-10-21"
    assert rendered.lost == ["top_k"] and "top_k" not in rendered.body


@pytest.mark.parametrize(
    ("wanted", "most", "sent"), [(None, None, 4096), (None, 64000, 64000), (99, 64000, 99), (99, 50, 50), (0, 9, 0)]
)
def test_max_tokens_is_always_sent_and_never_above_the_models(wanted: int | None, most: int | None, sent: int) -> None:
    rendered = render(max_output_tokens=wanted, traits=Traits(max_output=most))
    assert rendered.body["max_tokens"] == sent
    assert rendered.emulated == (["max_output_tokens"] if wanted == 99 and most == 50 else [])


def test_temperature_is_clamped_and_never_sent_together_with_top_p() -> None:
    rendered = render(temperature=1.7, top_p=0.5)
    assert rendered.body["temperature"] == 1 and "top_p" not in rendered.body
    assert (rendered.lost, rendered.emulated) == (["top_p"], ["temperature"])


def test_sampling_that_thinking_forbids_is_left_out() -> None:
    rendered = render(temperature=0.2, top_k=5, top_p=0.99, reasoning=Reasoning(enabled=True))
    assert rendered.lost == ["temperature", "top_k"]
    assert rendered.body["top_p"] == 0.99 and "temperature" not in rendered.body


def test_what_the_format_cannot_say_is_lost_by_name() -> None:
    asked: dict[str, Any] = {
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
        "seed": 1,
        "logit_bias": {"1": 2.0},
        "logprobs": True,
        "top_logprobs": 3,
        "verbosity": "low",
        "metadata": {"a": "b"},
        "cache_key": "k",
        "store": True,
    }
    rendered = render(n=2, service_tier="flex", extra={"openai_chat": {"x": 1}}, **asked)
    assert set(rendered.lost) == {*asked, "n", "service_tier", "extra.openai_chat"}
    assert rendered.body.keys() == {"model", "max_tokens", "messages"}


def test_asking_for_nothing_special_loses_nothing() -> None:
    assert render(n=1, store=False, logprobs=False, modalities=("text",), service_tier="auto").lost == []


@pytest.mark.parametrize("asked", [{"previous_response_id": "r"}, {"modalities": ("audio",)}])
def test_what_changes_the_meaning_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        render(**asked)


def test_fields_that_the_host_refuses_are_left_out() -> None:
    context = TranslationContext(dialect=ID, host=HostTraits(refuses=("end_user", "top_k", "stop")))
    request = ChatRequest(model="m", messages=(user("x"),), end_user="u", top_k=3, stop=("END",))
    rendered = Rendered(request, context)
    assert rendered.lost == ["end_user", "top_k", "stop"]
    assert rendered.body.keys() == {"model", "max_tokens", "messages"}


def test_stop_strings_of_white_space_are_lost() -> None:
    rendered = render(stop=("\n\n", "END"))
    assert rendered.body["stop_sequences"] == ["END"] and rendered.lost == ["stop[0]"]


def test_a_schema_is_sent_closed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}}
    rendered = render(output=OutputFormat(kind="json_schema", name="n", schema=schema))
    sent = rendered.body["output_config"]["format"]["schema"]
    assert sent["additionalProperties"] is False
    assert sent["properties"]["a"]["items"]["additionalProperties"] is False
    assert "additionalProperties" not in schema


@pytest.mark.parametrize(
    ("output", "traits"),
    [
        (OutputFormat(kind="json"), Traits()),
        (OutputFormat(kind="json_schema", schema={"type": "object"}), Traits(structured_output=False)),
    ],
)
def test_json_without_a_setting_for_it_is_asked_for_in_words(output: OutputFormat, traits: Traits) -> None:
    rendered = render(output=output, traits=traits)
    assert "JSON" in rendered.body["system"] and rendered.emulated == ["output"]
    assert "output_config" not in rendered.body


def test_the_betas_name_of_the_output_format_is_understood() -> None:
    schema = {"type": "object", "additionalProperties": False}
    assert parse(output_format={"type": "json_schema", "schema": schema}).output == OutputFormat(
        kind="json_schema", schema=schema
    )


def test_of_too_many_cache_marks_the_last_are_kept() -> None:
    parts = [TextPart(text=str(i), cache=CacheHint()) for i in range(6)]
    rendered = render(user("x", *parts), cache=CacheHint("1h"))
    marked = [block["text"] for block in rendered.body["messages"][0]["content"] if "cache_control" in block]
    assert marked == ["3", "4", "5"] and rendered.lost == ["cache"]
    assert rendered.body["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_cache_lifetimes_of_others_become_an_hour() -> None:
    rendered = render(user("x", TextPart(text="y", cache=CacheHint("24h"))))
    assert rendered.body["messages"][0]["content"][1]["cache_control"]["ttl"] == "1h"
    assert rendered.emulated == ["messages[0].parts[1].cache"]


def test_what_a_cache_mark_says_beyond_its_lifetime_is_kept() -> None:
    control = {"type": "ephemeral", "ttl": "1h", "scope": "global"}
    request = parse(system=[{"type": "text", "text": "s", "cache_control": control}], cache_control=control)
    body = Rendered(request, TranslationContext()).body
    assert body["system"][0]["cache_control"] == control == body["cache_control"]


def test_a_quirk_changes_the_body_last() -> None:
    context = TranslationContext(quirk=Quirk(request=lambda body: body | {"quirky": True}))
    assert Rendered(ChatRequest(model="m", messages=(user("x"),)), context).body["quirky"] is True


def test_who_writes_temperature_and_top_p_in_this_very_format_is_taken_at_his_word() -> None:
    rendered = Rendered(parse(temperature=0.7, top_p=0.95), TranslationContext(dialect=ID))
    assert (rendered.body["temperature"], rendered.body["top_p"], rendered.lost) == (0.7, 0.95, [])

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import openai_chat
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, system, user
from interlingua.types.parts import (
    TextPart,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import ToolChoice
from interlingua.types.traits import HostTraits, Traits
from tests.dialects.openai_chat.strategies import requests, scraps
from tests.dialects.openai_chat.wire import TOOL, actions, ask, context, parse, render


@given(requests())
def test_what_is_rendered_is_read_back_the_same(request: ChatRequest) -> None:
    host = HostTraits(reasoning_field="reasoning_content", video_parts=True)
    where = context(host, on_loss={"setting": "reject", "content": "reject"})
    wire = openai_chat.render_request(request, where)
    assert wire.path == "/chat/completions"
    assert openai_chat.parse_request(wire, TranslationContext()) == request


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(**body)
    assert caught.value.path == path


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":"\xff"}', b"[" * 5000])
def test_a_body_that_is_no_object_is_an_invalid_request(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        openai_chat.parse_request(WireRequest(body=body), TranslationContext())


def test_vendors_spellings_of_one_setting_are_one_field() -> None:
    assert parse(random_seed=3).seed == 3
    assert parse(max_tokens=7).max_output_tokens == 7
    assert parse(max_tokens=-1).max_output_tokens is None
    assert parse(user="u").end_user == parse(safety_identifier="u").end_user == "u"
    assert parse(stop="x").stop == ("x",)
    assert parse(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="any").tool_choice == ToolChoice(
        "required"
    )
    assert parse(reasoning={"effort": "low", "exclude": True}).reasoning == Reasoning(effort="low", display="omitted")
    assert parse(thinking={"type": "disabled"}).reasoning == Reasoning(enabled=False)
    assert parse(chat_template_kwargs={"enable_thinking": True}).reasoning == Reasoning(enabled=True)


def test_what_no_field_holds_is_kept_and_put_back_beside_what_policy_adds() -> None:
    request = parse(stream=True, stream_options={"include_obfuscation": False}, prediction={"type": "content"})
    assert request.extra == {
        "openai_chat": {"stream_options": {"include_obfuscation": False}, "prediction": {"type": "content"}}
    }
    body = render(request)
    assert body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert body["prediction"] == {"type": "content"}


@pytest.mark.parametrize("usage", ["always", "never"])
def test_usage_is_asked_for_only_where_the_host_must_be_asked(usage: Any) -> None:
    assert "stream_options" not in render(ask(stream=True), context(HostTraits(usage=usage)))


def test_luggage_of_another_dialect_is_one_loss_and_never_sent() -> None:
    where = context()
    body = render(ask(Message(role="user", parts=(TextPart(text="x"),), extra={"gemini": {"a": 1}})), where)
    assert actions(where) == {"extra.gemini": "warn"}
    assert body["messages"] == [{"role": "user", "content": "x"}]


def test_fields_that_the_host_refuses_are_left_out_as_losses() -> None:
    where = context(HostTraits(refuses=("top_k", "seed", "service_tier")))
    body = render(ask(top_k=3, seed=1, temperature=1.0), where)
    assert body.keys() == {"model", "messages", "temperature"}
    assert actions(where) == {"top_k": "warn", "seed": "warn"}


def test_tools_that_the_host_refuses_are_an_unsupported_request() -> None:
    with pytest.raises(Unsupported, match="tools"):
        render(ask(tools=(TOOL,)), context(HostTraits(refuses=("tools",))))


def test_sampling_is_dropped_where_the_model_takes_none() -> None:
    where = context(traits=Traits(sampling=False))
    body = render(ask(temperature=0.5, top_p=0.5, frequency_penalty=1.0, logprobs=True, seed=1), where)
    assert body.keys() == {"model", "messages", "seed"}
    assert set(actions(where)) == {"temperature", "top_p", "frequency_penalty", "logprobs"}


def test_a_schema_that_the_host_does_not_know_goes_into_the_prompt() -> None:
    where = context(HostTraits(json_schema=False))
    output = OutputFormat(kind="json_schema", name="x", schema={"type": "object", "title": "T"})
    body = render(ask(system("s"), user("x"), output=output), where)
    assert body["response_format"] == {"type": "json_object"}
    assert '"title":"T"' in body["messages"][0]["content"][1]["text"]
    assert actions(where) == {"output.schema": "emulate"}


def test_json_mode_says_json_in_the_prompt_where_nobody_did() -> None:
    where = context()
    assert "JSON" in render(ask(output=OutputFormat(kind="json")), where)["messages"][0]["content"]
    assert len(render(ask(user("as json"), output=OutputFormat(kind="json")))["messages"]) == 1


def test_system_messages_go_to_the_front_where_the_template_takes_one() -> None:
    where = context(HostTraits(system_anywhere=False))
    body = render(ask(system("a"), system("b"), user("x"), system("c")), where)
    assert [one["role"] for one in body["messages"]] == ["system", "user", "user"]
    assert body["messages"][0]["content"] == "a\n\nb"
    assert body["messages"][2]["content"] == "<system>\nc\n</system>"


def test_a_quirk_has_the_last_word_on_the_body() -> None:
    where = context(quirk=Quirk(request=lambda body: {**body, "extra_body": 1}))
    assert render(ask(), where)["extra_body"] == 1


@given(scraps, scraps)
def test_no_body_escapes_as_anything_but_a_typed_error(message: Any, setting: Any) -> None:
    body = {"messages": [message], **(setting if isinstance(setting, dict) else {})}
    try:
        request = openai_chat.parse_request(WireRequest(body=msgspec.json.encode(body)), TranslationContext())
    except InvalidRequest as error:
        assert error.message
    else:
        assert request.messages


@given(st.binary(max_size=8), st.integers(0, 60))
def test_broken_bytes_are_an_invalid_request(junk: bytes, place: int) -> None:
    whole = b'{"messages":[{"role":"user","content":[{"type":"text","text":"abc"},{"type":"x","y":"z"}]}]}'
    try:
        parsed = openai_chat.parse_request(WireRequest(body=whole[:place] + junk + whole[place:]), TranslationContext())
    except InvalidRequest as error:
        assert error.message
    else:
        assert parsed.messages


def test_a_model_that_only_the_address_names_is_not_said_again() -> None:
    assert "model" not in render(parse(model=None))
    assert render(parse(model=None), context(model="real"))["model"] == "real"

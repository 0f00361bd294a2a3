from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from interlingua.dialects import openai_responses as dialect
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, system, user
from interlingua.types.parts import BlobPart, CacheHint, TextPart
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import FunctionTool
from interlingua.types.traits import HostTraits, Traits
from tests.dialects.openai_responses.strategies import requests
from tests.dialects.openai_responses.wire import context, parse, render


def ask(**fields: Any) -> ChatRequest:
    return ChatRequest(**{"model": "m", "messages": (user("hi"),), **fields})


def losses(request: ChatRequest, **more: Any) -> set[str]:
    here = context(**more)
    render(request, here)
    return {loss.field for loss in here.losses}


@given(requests())
def test_a_request_of_this_dialect_survives_the_way_out_and_back(request: ChatRequest) -> None:
    here = context(host=HostTraits(cache_field="prompt_cache_breakpoint"))
    assert dialect.parse_request(dialect.render_request(request, here), here) == request
    assert here.losses == []


def test_the_path_is_that_of_responses() -> None:
    assert dialect.render_request(ask(), context()).path == "/responses"


def test_instructions_come_back_as_instructions_and_other_system_messages_stay_in_place() -> None:
    request = parse(
        instructions="Be kind.", input=[{"role": "developer", "content": "d"}, {"role": "user", "content": "u"}]
    )
    assert [message.role for message in request.messages] == ["system", "system", "user"]
    body = render(request)
    assert body["instructions"] == "Be kind."
    assert body["input"] == [{"role": "developer", "content": "d"}, {"role": "user", "content": "u"}]


def test_a_system_message_of_another_dialect_goes_among_the_items() -> None:
    body = render(ask(messages=(system("s"), user("u"))))
    assert "instructions" not in body and body["input"][0] == {"role": "system", "content": "s"}


def test_a_host_without_the_developer_role_gets_a_system_message() -> None:
    message = Message(role="system", raw_role="developer", parts=(TextPart(text="d"),))
    body = render(ask(messages=(message,)), context(host=HostTraits(developer_role=False)))
    assert body["input"] == [{"role": "system", "content": "d"}]


def test_nothing_is_stored_and_encrypted_reasoning_is_asked_for_unless_the_request_says_otherwise() -> None:
    assert render(ask()) == {
        "model": "m",
        "input": [{"role": "user", "content": "hi"}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    assert "include" not in render(ask(), context(traits=Traits(reasoning=False)))
    assert render(ask(store=True)).keys() == {"model", "input", "store"}
    assert "store" not in render(ask(previous_response_id="resp_0"))
    assert "store" not in render(parse(background=True))
    assert "store" not in render(ask(), context(host=HostTraits(refuses=("store",))))


def test_asking_for_probabilities_is_a_member_of_include() -> None:
    request = parse(include=["message.output_text.logprobs", "file_search_call.results"], top_logprobs=3, store=True)
    assert request.logprobs is True and request.top_logprobs == 3
    assert render(request)["include"] == ["file_search_call.results", "message.output_text.logprobs"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stop", ("x",)),
        ("seed", 1),
        ("frequency_penalty", 1.0),
        ("presence_penalty", 1.0),
        ("logit_bias", {"1": 1.0}),
        ("top_k", 3),
        ("n", 2),
        ("modalities", ("text", "audio")),
    ],
)
def test_what_the_format_cannot_say_is_a_loss(field: str, value: Any) -> None:
    assert losses(ask(**{field: value})) == {field}
    assert losses(ask(n=1, modalities=("text",))) == set()


def test_audio_is_refused_by_default() -> None:
    audio = BlobPart(modality="audio", mime_type="audio/wav", content="AAAA")
    with pytest.raises(Unsupported, match="audio"):
        dialect.render_request(ask(messages=(user("u", audio),)), TranslationContext(dialect=dialect.ID))


def test_effort_is_clamped_to_what_the_model_knows() -> None:
    here = context(traits=Traits(efforts=("low", "medium", "high")))
    assert render(ask(reasoning=Reasoning(effort="max", display="summarized")), here)["reasoning"] == {
        "effort": "high",
        "summary": "auto",
    }
    assert [loss.action for loss in here.losses] == ["emulate"]


@pytest.mark.parametrize(
    ("wanted", "traits", "sent"),
    [
        (Reasoning(budget_tokens=5000), Traits(), {"effort": "medium"}),
        (Reasoning(enabled=False), Traits(), {"effort": "none"}),
        (Reasoning(enabled=False), Traits(reasoning_off=False), {"effort": "low"}),
        (Reasoning(enabled=True), Traits(reasoning_default=False), {"effort": "medium"}),
        (Reasoning(enabled=True), Traits(), None),
        (Reasoning(effort="high"), Traits(reasoning=False), None),
        (Reasoning(effort="low", display="omitted"), Traits(), {"effort": "low"}),
    ],
)
def test_how_much_to_think_is_said_in_efforts(wanted: Reasoning, traits: Traits, sent: dict[str, str] | None) -> None:
    assert render(ask(reasoning=wanted), context(traits=traits)).get("reasoning") == sent


def test_what_else_stands_in_reasoning_and_text_comes_back() -> None:
    body: dict[str, Any] = {
        "reasoning": {"effort": "low", "context": "all_turns"},
        "text": {"format": {"type": "grammar", "syntax": "lark"}, "verbosity": "low"},
        "truncation": "auto",
        "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
        "store": True,
    }
    rendered = render(parse(**body))
    assert {key: rendered[key] for key in body} == body


def test_a_schema_is_flat() -> None:
    request = ask(output=OutputFormat(kind="json_schema", schema={"type": "object"}, strict=True))
    assert render(request)["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": True}
    }


def test_json_mode_brings_the_word_json_into_the_prompt() -> None:
    body = render(ask(output=OutputFormat(kind="json")))
    assert body["text"] == {"format": {"type": "json_object"}} and "JSON" in body["input"][0]["content"]
    assert len(render(ask(messages=(user("as json"),), output=OutputFormat(kind="json")))["input"]) == 1


def test_a_host_without_schemas_gets_the_schema_in_the_prompt() -> None:
    here = context(host=HostTraits(json_schema=False))
    body = render(ask(output=OutputFormat(kind="json_schema", schema={"title": "T"})), here)
    assert "text" not in body and '{"title":"T"}' in body["input"][0]["content"]


def test_a_model_without_sampling_gets_none() -> None:
    body = render(ask(temperature=1.0, top_p=0.5), context(traits=Traits(sampling=False)))
    assert "temperature" not in body and "top_p" not in body


def test_a_cache_hint_goes_out_where_the_host_takes_it() -> None:
    here = context(host=HostTraits(cache_field="prompt_cache_breakpoint"))
    text = TextPart(text="long", cache=CacheHint(ttl="1h"))
    body = render(ask(messages=(Message(role="user", parts=(text,)),), cache=CacheHint()), here)
    assert body["prompt_cache_options"] == {"mode": "implicit"}
    assert body["input"][0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit", "ttl": "30m"}
    assert losses(ask(messages=(Message(role="user", parts=(text,)),))) == {"cache"}


def test_luggage_of_another_dialect_is_one_loss() -> None:
    assert losses(ask(extra={"gemini": {"a": 1}})) == {"extra.gemini"}


def test_a_quirk_has_the_last_word_on_the_body() -> None:
    here = context(quirk=Quirk(request=lambda body: {"only": body["model"]}))
    assert render(ask(), here) == {"only": "m"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "input[0].name"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name"),
    ],
)
def test_a_malformed_request_is_refused_by_field(body: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(**body)
    assert caught.value.path == path


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        dialect.parse_request(WireRequest(body=b"{"), context())


def test_a_conversation_may_stand_elsewhere_than_in_the_input() -> None:
    request = parse(input=None, prompt={"id": "pmpt_1"}, store=True)
    body = render(request)
    assert request.messages == () and body == {"model": "m", "prompt": {"id": "pmpt_1"}, "store": True}


def test_tools_are_left_out_where_the_model_calls_none() -> None:
    here = context(traits=Traits(tools=False))
    body = render(ask(tools=(FunctionTool(name="f"),)), here)
    assert "tools" not in body and {loss.field for loss in here.losses} == {"tools"}


def test_a_model_that_a_template_or_the_address_names_is_not_said_again() -> None:
    assert "model" not in render(ask(model=""), context())

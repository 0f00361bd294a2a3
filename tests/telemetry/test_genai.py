"""A call in OpenTelemetry's words."""

from __future__ import annotations

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.attributes import error_attributes, http_attributes

from interlingua.providers.genai_names import GENAI_NAMES
from interlingua.telemetry import genai
from interlingua.types.usage import Usage
from tests.telemetry.rows import attempt, call


def test_every_name_is_one_of_the_convention() -> None:
    known = {
        value
        for module in (gen_ai_attributes, error_attributes, http_attributes)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    ours = {value for name, value in vars(genai).items() if name.isupper() and isinstance(value, str)}
    assert ours
    assert ours <= known


def test_every_name_of_a_provider_is_one_of_the_convention() -> None:
    known = {one.value for one in gen_ai_attributes.GenAiProviderNameValues}
    assert set(GENAI_NAMES.values()) <= known


def test_an_attempt_tells_provider_model_usage_and_why_it_ended() -> None:
    found = genai.attempt_attributes(call(), attempt(target="google/gemini-x"), GENAI_NAMES, str)
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-x",
        "gen_ai.request.stream": True,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 1.0,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 21,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "http.response.status_code": 200,
        "interlingua.dialect": "openai_chat",
        "interlingua.lane": "translated",
        "interlingua.cost_usd": 0.003,
    }


def test_what_is_unknown_is_left_out() -> None:
    bare = attempt(usage=Usage(), cost=None, first=None, finish=None, status=None)
    found = genai.attempt_attributes(call(), bare, {}, str)
    assert not [name for name in found if name.startswith(("gen_ai.usage", "gen_ai.response", "http"))]
    assert "interlingua.cost_usd" not in found


def test_a_call_tells_no_usage_so_that_nobody_adds_it_up_twice() -> None:
    found = genai.call_attributes(call(error="overloaded", status=503), str)
    assert not [name for name in found if "usage" in name or "cost" in name]
    assert found["error.type"] == "overloaded"
    assert found["interlingua.tenant"] == "lab"


def test_what_clients_wrote_is_cleaned() -> None:
    found = genai.call_attributes(call(model="secret", tenant="secret", key="secret"), lambda text: "***")
    assert "secret" not in found.values()

"""Which dialect a request is sent in."""

from __future__ import annotations

import pytest

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.engine.endpoints import speaking
from interlingua.types.messages import user
from interlingua.types.request import ChatRequest, Reasoning
from interlingua.types.tools import FunctionTool

ENGINE = build_engine(Config(), environment={})
TOOLS = (FunctionTool(name="f"),)


def spoken(model: str, client: str = "", **more: object) -> str:
    request = ChatRequest(model=model, messages=(user("hi"),), **more)  # type: ignore[arg-type]  # each test gives settings of the right type
    (target,) = ENGINE.route(model)
    return speaking(target, request, client).dialect


def test_the_hosts_preferred_dialect_is_the_rule() -> None:
    """The first of its row."""
    assert spoken("openai/gpt-6-sol") == "openai_chat"
    assert spoken("ollama/llama3.2") == "ollama"


def test_function_tools_with_reasoning_go_over_responses() -> None:
    """openai_chat refuses the pair from gpt-5.4 on, also when the client speaks it."""
    assert spoken("openai/gpt-6-sol", tools=TOOLS) == "openai_responses"
    assert spoken("openai/gpt-6-sol", "openai_chat", tools=TOOLS) == "openai_responses"
    assert spoken("openai/gpt-6-sol", tools=TOOLS, reasoning=Reasoning(effort="none")) == "openai_chat"
    assert spoken("openai/gpt-4.1", tools=TOOLS) == "openai_chat"


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "anthropic_messages"])
def test_a_host_is_spoken_to_in_the_clients_dialect_where_it_speaks_it(client: str) -> None:
    """So that a request can pass through as it is."""
    assert spoken("openrouter/openai/gpt-6-luna", client) == client


def test_a_dialect_that_the_host_does_not_speak_is_not_chosen() -> None:
    """Translation does the rest."""
    assert spoken("openai/gpt-6-sol", "gemini") == "openai_chat"
    assert spoken("anthropic/claude-opus-5-5", "openai_responses") == "anthropic_messages"


def test_what_the_preferred_dialect_cannot_say_goes_over_one_that_can() -> None:
    """A stored answer's id means something to responses alone."""
    assert spoken("openai/gpt-6-sol", previous_response_id="resp_1") == "openai_responses"

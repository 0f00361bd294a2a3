"""What a row says to send where the caller says nothing."""

from __future__ import annotations

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.engine.defaults import with_defaults
from interlingua.types.messages import system, user
from interlingua.types.request import ChatRequest

(LOCAL,) = build_engine(Config(), environment={}).route("local/smollm2")
(PLAIN,) = build_engine(Config(), environment={}).route("openai/gpt-6-luna")


def test_the_local_model_gets_the_instructions_that_it_answers_best_with() -> None:
    """And an end, which it would not always find by itself."""
    request = with_defaults(ChatRequest(model="m", messages=(user("hi"),)), LOCAL)
    assert request.messages[0].role == "system"
    assert request.temperature == 0
    assert request.max_output_tokens == 1024


def test_what_the_caller_says_stands() -> None:
    """Also where it is zero."""
    asked = ChatRequest(model="m", messages=(system("s"), user("hi")), temperature=0.9, max_output_tokens=5)
    assert with_defaults(asked, LOCAL) == asked


def test_models_without_defaults_get_none() -> None:
    """Nothing is invented."""
    asked = ChatRequest(model="m", messages=(user("hi"),))
    assert with_defaults(asked, PLAIN) == asked

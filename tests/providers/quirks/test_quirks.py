from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import interlingua.providers.quirks as quirks
from interlingua.ports.context import Quirk
from interlingua.providers.provider import load_registry

MODULES = sorted(path for path in Path(quirks.__path__[0]).glob("*.py") if path.name != "__init__.py")


def quirk(name: str) -> Quirk:
    return load_registry()[name].quirk_value()


def adapted(name: str, body: dict[str, Any]) -> dict[str, Any]:
    adapt = quirk(name).request
    assert adapt is not None
    before = deepcopy(body)
    after = adapt(body)
    assert body == before, "a quirk must not change what it is given"
    return after


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_quirk_is_at_most_ninety_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 90


def test_openai_chat_is_not_asked_for_an_effort_that_it_refuses() -> None:
    assert adapted("openai", {"reasoning_effort": "max"}) == {"reasoning_effort": "xhigh"}
    assert adapted("azure", {"reasoning_effort": "low", "n": 1}) == {"reasoning_effort": "low", "n": 1}


def test_groq_is_asked_to_keep_thinking_apart_for_models_that_mix_it_in() -> None:
    assert adapted("groq", {"model": "qwen/qwen3.8-27b"})["reasoning_format"] == "parsed"
    assert "reasoning_format" not in adapted("groq", {"model": "openai/gpt-oss-120b"})
    assert "reasoning_format" not in adapted("groq", {"model": "qwen/qwen3.8-27b", "include_reasoning": False})
    assert adapted("groq", {"model": "qwen/qwen3.8-27b", "reasoning_format": "hidden"})["reasoning_format"] == "hidden"


@pytest.mark.parametrize(("asked", "sent"), [("medium", "default"), ("none", "none")])
def test_groq_models_that_know_thinking_only_on_or_off_get_one_of_these(asked: str, sent: str) -> None:
    assert adapted("groq", {"model": "qwen/qwen3.6-27b", "reasoning_effort": asked})["reasoning_effort"] == sent
    assert adapted("groq", {"model": "qwen/qwen3.8-27b", "reasoning_effort": asked})["reasoning_effort"] == asked


def test_mistral_gets_audio_without_its_envelope() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    text = {"type": "text", "text": "hm"}
    body = {"messages": [{"role": "user", "content": [text, part]}, {"role": "user", "content": "x"}]}
    assert adapted("mistral", body)["messages"] == [
        {"role": "user", "content": [text, {"type": "input_audio", "input_audio": "UklGRg=="}]},
        {"role": "user", "content": "x"},
    ]
    assert adapted("mistral", {"messages": None}) == {"messages": None}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": 3}),
        ({"logprobs": True}, {"logprobs": 1}),
        ({"logprobs": False}, {}),
        ({"n": 1}, {"n": 1}),
    ],
)
def test_together_takes_a_number_for_token_probabilities(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    assert adapted("together", asked) == sent


def test_mistral_has_its_own_word_for_the_size_of_vectors() -> None:
    """Unknown fields are refused there."""
    body = {"model": "mistral-embed", "input": ["a"], "dimensions": 256}
    assert adapted("mistral", body) == {"model": "mistral-embed", "input": ["a"], "output_dimension": 256}

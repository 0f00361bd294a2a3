"""A guess at a prompt's tokens."""

from __future__ import annotations

import pytest
from hypothesis import given

from interlingua.engine.estimate import estimate_tokens
from interlingua.types.messages import user
from interlingua.types.parts import BlobPart
from interlingua.types.request import ChatRequest
from interlingua.types.tools import FunctionTool
from tests.strategies import requests


@given(requests)
def test_every_request_has_an_estimate_that_says_it_is_one(request: ChatRequest) -> None:
    """Never negative, never called exact."""
    count = estimate_tokens(request)
    assert count.input_tokens > 0
    assert not count.exact


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The quick brown fox jumps over the lazy dog. " * 20, 200),
        ("def add(a: int, b: int) -> int:\n    return a + b\n" * 20, 320),
        ("敏捷的棕色狐狸跳过了懒狗。" * 20, 300),
    ],
)
def test_the_estimate_is_of_the_right_size(text: str, tokens: int) -> None:
    """Within a third of what common tokenizers give (o200k: 200, 320, 300)."""
    assert 0.67 * tokens < estimate_tokens(ChatRequest(model="m", messages=(user(text),))).input_tokens < 1.5 * tokens


def test_tools_and_media_count() -> None:
    """They are sent too."""
    plain = ChatRequest(model="m", messages=(user("hi"),))
    tool = FunctionTool(name="f", description="does something useful " * 10)
    image = BlobPart(modality="image", mime_type="image/png", content="AAAA")
    assert (
        estimate_tokens(ChatRequest(model="m", messages=plain.messages, tools=(tool,))).input_tokens
        > estimate_tokens(plain).input_tokens + 30
    )
    assert estimate_tokens(ChatRequest(model="m", messages=(user("hi", image),))).input_tokens > 1000

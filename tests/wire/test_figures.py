from __future__ import annotations

import re

import msgspec
import pytest

from interlingua.dialects.registry import dialect
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.wire.figures import digits, figure

ENDLESS = "9" * 5000


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("", None), ("-1", None), ("²", None), (ENDLESS, None)])
def test_digits_are_a_number_of_bounded_length(text: str, number: int | None) -> None:
    assert digits(text) == number


def test_a_figure_may_have_commas() -> None:
    assert figure(re.compile(r"limit ([\d,]+)"), "the limit 8,192 is reached") == 8192
    assert figure(re.compile(r"limit ([\d,]+)"), "no such word") is None


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama"])
def test_an_error_with_endless_digits_is_still_read(name: str) -> None:
    said = f"prompt is too long: {ENDLESS} tokens > {ENDLESS}; maximum context length is {ENDLESS}"
    body = msgspec.json.encode({"error": said if name == "ollama" else {"message": said, "code": 400}})
    found = dialect(name).parse_error(WireResponse(status=400, body=body), TranslationContext())
    assert found.provider is None and getattr(found, "limit", None) is None


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses"])
def test_a_code_of_digits_that_are_no_number_is_still_read(name: str) -> None:
    body = msgspec.json.encode({"error": {"message": "m", "code": "²²²"}})
    found = dialect(name).parse_error(WireResponse(status=200, body=body), TranslationContext())
    assert found.raw_code == "²²²"

"""What fuzzing found, so that it stays found."""

from __future__ import annotations

import pytest

from interlingua.dialects import openai_responses
from interlingua.errors import InvalidRequest, UpstreamError
from interlingua.ports.dialect import WireRequest, WireResponse
from tests.fuzz.samples import lenient


def test_a_request_that_is_not_utf_8_is_refused_by_that_name() -> None:
    body = b'{"model": "m", "input": "a", "tools": [{"type": "function", "name": "looku\xf4\xc7"}]}'
    with pytest.raises(InvalidRequest, match="UTF-8"):
        openai_responses.parse_request(WireRequest(path="/v1/responses", body=body), lenient("openai_responses"))


def test_an_answer_that_is_not_utf_8_is_an_upstream_error() -> None:
    body = b'{"status": "completed", "output": [{"type": "novelty", "a": "\xf4\xc7"}]}'
    with pytest.raises(UpstreamError):
        openai_responses.parse_response(WireResponse(body=body), lenient("openai_responses"))


def test_reasoning_that_holds_a_number_that_no_float_can_is_an_upstream_error() -> None:
    body = b'{"status": "completed", "output": [{"type": "reasoning", "summary": [], "a": 1e999}]}'
    with pytest.raises(UpstreamError):
        openai_responses.parse_response(WireResponse(body=body), lenient("openai_responses"))

"""What fuzzing found, so that it stays found."""

from __future__ import annotations

import pytest

from interlingua.dialects import ollama
from interlingua.errors import InterlinguaError
from interlingua.ports.dialect import WireResponse
from interlingua.types.events import Failed
from tests.fuzz.samples import lenient

BROKEN = [b'{"error": "no", "code": "rate\xcalimited"}', b'{"error": "no", "code": {"a": 1e999}}']


@pytest.mark.parametrize("body", BROKEN)
def test_an_error_in_an_answer_may_be_no_text_and_no_number(body: bytes) -> None:
    with pytest.raises(InterlinguaError):
        ollama.parse_response(WireResponse(body=body), lenient("ollama"))


@pytest.mark.parametrize("body", BROKEN)
def test_an_error_in_a_stream_may_be_no_text_and_no_number(body: bytes) -> None:
    parser = ollama.StreamParser(lenient("ollama"))
    events = parser.feed(body + b"\n") + parser.close()
    assert [type(event) for event in events] == [Failed]

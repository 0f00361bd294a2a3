"""What fuzzing found, so that it stays found."""

from __future__ import annotations

import pytest

from interlingua.dialects import anthropic_messages
from interlingua.errors import UpstreamError
from interlingua.ports.context import Quirk
from interlingua.ports.dialect import WireRequest, WireResponse
from tests.fuzz.samples import lenient


@pytest.mark.parametrize("body", [b"5", b"[]", b'{"a\xa3":'])
def test_a_quirk_never_sees_what_is_no_object(body: bytes) -> None:
    context = lenient("anthropic_messages")
    context.quirk = Quirk(response=lambda value: {**value})
    with pytest.raises(UpstreamError):
        anthropic_messages.parse_response(WireResponse(body=body), context)


def test_a_field_of_the_body_never_becomes_a_header() -> None:
    body = b'{"model": "m", "max_tokens": 9, "messages": [], "anthropic-beta": [{"a": 1}, "x\\r\\nevil: 1"]}'
    wire = WireRequest(path="/v1/messages", body=body.replace(b"[]", b'[{"role": "user", "content": "Hi"}]', 1))
    request = anthropic_messages.parse_request(wire, lenient("anthropic_messages"))
    rendered = anthropic_messages.render_request(request, lenient("anthropic_messages"))
    assert "anthropic-beta" not in dict(rendered.headers)

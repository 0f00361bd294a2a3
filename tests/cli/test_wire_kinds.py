"""What was piped in, told by what it holds."""

from __future__ import annotations

import pytest

from interlingua.cli.wire_kinds import guess_kind
from interlingua.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b'{"messages": []}', "request"),
        (b'{"contents": [], "generationConfig": {}}', "request"),
        (b'{"interlingua":1,"value":{"model":"m"}}', None),
        (b'{"interlingua":1,"value":{"model":"m","messages":[]}}', "request"),
        (b'\xef\xbb\xbf  {"choices": []}', "response"),
        (b'{"type": "message", "role": "assistant", "stop_reason": "end_turn"}', "response"),
        (b'{"candidates": []}', "response"),
        (b'{"promptFeedback": {"blockReason": "SAFETY"}}', "response"),
        (b'{"error": {"message": "no"}}', "error"),
        (b'{"type": "error", "error": {}}', "error"),
        (b'[{"error": {"code": 400}}]', "error"),
        (b'{"error": null, "choices": []}', "response"),
        (b'{"type":"failed","code":"x","message":"y"}', "error"),
        (b'data: {"choices": []}\n\n', "stream"),
        (b": comment\n\ndata: 1\n\n", "stream"),
        (b"event: message_start\ndata: {}\n\n", "stream"),
        (b'{"type":"message_start"}\n{"type":"failed"}\n', "stream"),
        (b"words", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_the_kind_is_told_from_the_text(text: bytes, kind: str | None) -> None:
    """None: it cannot be told."""
    if kind is None:
        with pytest.raises(InvalidRequest, match="cannot be told"):
            guess_kind(text)
    else:
        assert guess_kind(text) == kind

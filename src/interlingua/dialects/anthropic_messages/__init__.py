"""Anthropic's Messages format, both ways."""

from __future__ import annotations

from interlingua.dialects.anthropic_messages.errors import parse_error, render_error
from interlingua.dialects.anthropic_messages.request import parse_request, render_request
from interlingua.dialects.anthropic_messages.response import parse_response, render_response
from interlingua.dialects.anthropic_messages.schema import ID
from interlingua.dialects.anthropic_messages.stream import StreamParser
from interlingua.dialects.anthropic_messages.stream_renderer import StreamRenderer
from interlingua.types.traits import ToolCallIds

CHAT_PATHS = ("/v1/messages",)
STREAM_CONTENT_TYPE = "text/event-stream"
TOOL_CALL_IDS: ToolCallIds = "word"
OPERATIONS: tuple[str, ...] = ("count_tokens", "models")

__all__ = [
    "CHAT_PATHS",
    "ID",
    "OPERATIONS",
    "STREAM_CONTENT_TYPE",
    "TOOL_CALL_IDS",
    "StreamParser",
    "StreamRenderer",
    "parse_error",
    "parse_request",
    "parse_response",
    "render_error",
    "render_request",
    "render_response",
]

"""OpenAI's Responses format, and the hosts that speak it too."""

from __future__ import annotations

from interlingua.dialects.openai_responses.errors import parse_error, render_error
from interlingua.dialects.openai_responses.request import parse_request, render_request
from interlingua.dialects.openai_responses.response import parse_response, render_response
from interlingua.dialects.openai_responses.schema import ID
from interlingua.dialects.openai_responses.stream import StreamParser
from interlingua.dialects.openai_responses.stream_renderer import StreamRenderer
from interlingua.types.traits import ToolCallIds

CHAT_PATHS = ("/v1/responses",)
STREAM_CONTENT_TYPE = "text/event-stream"
TOOL_CALL_IDS: ToolCallIds = "ascii40"
OPERATIONS: tuple[str, ...] = ("count_tokens",)

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

"""OpenAI's Chat Completions format, and the many hosts that speak a variant of it."""

from __future__ import annotations

from interlingua.dialects.openai_chat.errors import parse_error, render_error
from interlingua.dialects.openai_chat.request import parse_request, render_request
from interlingua.dialects.openai_chat.response import parse_response, render_response
from interlingua.dialects.openai_chat.schema import ID
from interlingua.dialects.openai_chat.stream import StreamParser
from interlingua.dialects.openai_chat.stream_renderer import StreamRenderer
from interlingua.types.traits import ToolCallIds

CHAT_PATHS = ("/v1/chat/completions",)
STREAM_CONTENT_TYPE = "text/event-stream"
TOOL_CALL_IDS: ToolCallIds = "ascii40"
OPERATIONS: tuple[str, ...] = ("embeddings", "models")

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

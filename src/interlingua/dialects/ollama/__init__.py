"""Ollama's own format: /api/chat, and /api/generate as a chat of one turn."""

from __future__ import annotations

from interlingua.dialects.ollama.errors import parse_error, render_error
from interlingua.dialects.ollama.request import parse_request, render_request
from interlingua.dialects.ollama.response import parse_response, render_response
from interlingua.dialects.ollama.schema import ID
from interlingua.dialects.ollama.stream import StreamParser
from interlingua.dialects.ollama.stream_renderer import StreamRenderer
from interlingua.types.traits import ToolCallIds

CHAT_PATHS = ("/api/chat", "/api/generate")
STREAM_CONTENT_TYPE = "application/x-ndjson"
TOOL_CALL_IDS: ToolCallIds = "any"
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

"""Google's generateContent format, both ways, without I/O."""

from interlingua.dialects.gemini.errors import parse_error, render_error
from interlingua.dialects.gemini.request import parse_request, render_request
from interlingua.dialects.gemini.response import parse_response, render_response
from interlingua.dialects.gemini.schema import ID, VERSIONS
from interlingua.dialects.gemini.stream import StreamParser
from interlingua.dialects.gemini.stream_out import StreamRenderer
from interlingua.types.traits import ToolCallIds

CHAT_PATHS = tuple(
    f"/{version}/models/{{model}}:{method}"
    for version in VERSIONS
    for method in ("generateContent", "streamGenerateContent")
)
STREAM_CONTENT_TYPE = "text/event-stream"
TOOL_CALL_IDS: ToolCallIds = "any"
OPERATIONS: tuple[str, ...] = ("count_tokens", "embeddings", "models")

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

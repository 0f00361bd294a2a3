"""The words of the Anthropic Messages format that more than one file needs: constants and tables, no logic."""

from __future__ import annotations

from typing import Final

from interlingua.types.response import FinishKind

ID: Final = "anthropic_messages"

SIGNATURE: Final = "anthropic_messages.signature"
REDACTED: Final = "anthropic_messages.redacted_thinking"

BETA_HEADER: Final = "anthropic-beta"
VERSION_HEADER: Final = "anthropic-version"
VERSION: Final = "2026-10-21"
"""Refuses temperature, top_p and top_k for every model."""
SAMPLING_VERSION: Final = "2023-06-01"
"""The last version under which sampling settings may be sent."""

THREAD: Final = "thread"
"""The field that asks the server to keep the conversation; only the maker's own does."""
THREAD_REFUSALS: Final = (
    "thread_unsupported_request",
    "thread_not_found",
    "thread_already_continued",
    "thread_continue_in_flight",
)
"""Error codes after which clients send the conversation whole, the first for good (anthropic 2.10, lib/threads)."""

DEFAULT_MAX_TOKENS: Final = 4096
MAX_CACHE_MARKS: Final = 4
LEAST_BUDGET: Final = 1024

FINISH: Final[dict[str, FinishKind]] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
}
"""What a stop_reason means."""

STOP_REASON: Final[dict[FinishKind, str]] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_call": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
}
"""The stop_reason for each kind; there is none for `error`."""

LATE: Final[tuple[str, ...]] = ("stop_details", "container", "context_management")
"""Fields of an answer that a stream tells at its end, and that therefore belong to the choice; others to the whole."""

EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
"""Reasoning efforts, lowest first."""

EFFORT_BUDGETS: Final = {"low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 32768}
"""Thinking budgets in tokens, for models that know no effort."""

IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")

MAGIC: Final = {
    "iVBORw": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}
"""How base64 of the media types begins, for media that came without a type."""

SERVER_TOOL_CALLS: Final = ("server_tool_use", "mcp_tool_use")
SERVER_TOOL_RESULT: Final = "_tool_result"
"""How the types of server tools' results end."""

TTLS: Final = {"": "", "5m": "5m", "1h": "1h"}
"""Cache lifetimes of the format; any other becomes an hour."""

DISPLAYS: Final = {"auto": "summarized", "concise": "summarized", "detailed": "summarized"}
"""Displays of other dialects in this one's words."""

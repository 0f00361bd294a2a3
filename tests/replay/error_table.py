"""What a provider's error means, stated without looking at how our dialects read it.

Precedence: the error's own words (code, type, status, reason), then what its message says beyond doubt, then the
status. Sources: wire/openai-chat.md §5, openai-responses.md §6, anthropic-messages.md §9, gemini.md §7, ollama.md.
"""

from __future__ import annotations

import re

from interlingua.errors import (
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLong,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    NotFound,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    TimedOut,
    UpstreamError,
)
from interlingua.types.opaque import Json
from tests.replay.reading.format import member, objects

Kind = type[InterlinguaError]

WORDS: dict[str, Kind] = {
    **dict.fromkeys(("invalid_api_key", "authentication_error", "api_key_invalid"), AuthenticationFailed),
    **dict.fromkeys(("permission_error", "permission_denied", "forbidden"), PermissionDenied),
    **dict.fromkeys(("model_not_found", "model_decommissioned", "invalid_model", "deploymentnotfound"), ModelNotFound),
    **dict.fromkeys(("context_length_exceeded", "exceed_context_size_error"), ContextTooLong),
    **dict.fromkeys(("content_filter", "content_policy_violation"), ContentFiltered),
    **dict.fromkeys(("insufficient_quota", "billing_not_active", "insufficient_balance"), QuotaExceeded),
    **dict.fromkeys(("rate_limit_exceeded", "rate_limit_error", "resource_exhausted"), RateLimited),
    **dict.fromkeys(("overloaded_error", "slow_down", "unavailable"), Overloaded),
    **dict.fromkeys(("tool_use_failed", "json_validate_failed"), UpstreamError),
    "previous_response_not_found": NotFound,
}
"""Words of code, type, status and reason that leave no doubt."""

MESSAGES: tuple[tuple[str, Kind], ...] = (
    (r"prompt is too long|maximum context length|context window|context size|context length", ContextTooLong),
    (r"exceeds the maximum number of tokens allowed|token count .{0,40}exceeds", ContextTooLong),
    (
        r"(incorrect|invalid|wrong) (x-)?api[ -]key|api key (is|not) (in)?valid|invalid subscription key",
        AuthenticationFailed,
    ),
    (r"unregistered callers", AuthenticationFailed),
    (r"violates usage guidelines|content management policy", ContentFiltered),
    (r"user location is not supported|matching your data policy", PermissionDenied),
    (r"\blimit: 0\b", QuotaExceeded),
    (r"model not found|no endpoints found for |is not found for api version|^model: |not a chat model", ModelNotFound),
    (r"\bmodel\b.{0,80}\b(does not exist|not found|was deprecated|decommissioned)", ModelNotFound),
)
"""What a message says beyond doubt, first match first."""

STATUSES: dict[int, Kind] = {
    401: AuthenticationFailed,
    402: QuotaExceeded,
    403: PermissionDenied,
    408: TimedOut,
    429: RateLimited,
    503: Overloaded,
    504: TimedOut,
    529: Overloaded,
}


def expected(status: int, body: Json) -> Kind:
    """The class of the tree that an error is.

    Args:
        status: of HTTP; 200 where the error stands inside an answer, whose own status then counts.
        body: decoded, or text.
    """
    told = _told(body)
    words = [str(told[key]).lower() for key in ("code", "type", "status") if told.get(key) is not None]
    details = objects(told.get("details"))
    words += [str(one.get("reason")).lower() for one in details if one.get("reason")]
    if status < 400:
        status = next((int(word) for word in words if word.isdigit() and 400 <= int(word) < 600), 500)
    message = message_of(body)
    by_message = next((kind for words_, kind in MESSAGES if re.search(words_, message, re.IGNORECASE)), None)
    by_word = next((WORDS[word] for word in words if word in WORDS), None)
    if by_word is PermissionDenied and by_message is not None:
        by_word = None  # the status word of Google's 403 says less than its message
    if by_word is RateLimited and by_message is QuotaExceeded:
        by_word = None
    if by_word is not None:
        return by_word
    if status == 429:
        return by_message if by_message is QuotaExceeded or by_message is ContentFiltered else RateLimited
    if by_message is not None and status not in (401, 402, 503, 504, 529):
        return by_message
    return STATUSES.get(status) or (InvalidRequest if 400 <= status < 500 else UpstreamError)


def _told(body: Json) -> dict[str, Json]:
    """The members of an error object, whatever it is wrapped in."""
    if isinstance(body, list):
        body = body[0] if body else {}
    inner = member(body, "error")
    if isinstance(inner, dict):
        return inner
    return body if isinstance(body, dict) else {}


def words_of(body: Json) -> list[str]:
    """What an error says in words, those of the host behind a router included."""
    if isinstance(body, str):
        return [body]
    told = _told(body)
    found = [told.get("message"), told.get("detail"), member(told, "metadata", "raw"), member(body, "error")]
    return [one for one in found if isinstance(one, str)]


def message_of(body: Json) -> str:
    """The same in one text."""
    return " ".join(words_of(body))


def stated_wait(headers: dict[str, str], body: Json) -> float | None:
    """Seconds to wait where an error states them: in a header, or in Google's RetryInfo."""
    for key, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        text = headers.get(key, "")
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text) / unit
    delays = [str(one.get("retryDelay", "")) for one in objects(_told(body).get("details"))]
    return next((float(one[:-1]) for one in delays if re.fullmatch(r"\d+(\.\d+)?s", one)), None)

"""Errors, both ways, whole and inside a stream.

A provider's error is read from its envelope `{"type": "error", "error": {"type", "message", "details"}}`, from what
compatible servers send instead, and at last from the status alone; no body can make the reading fail.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.schema import THREAD_REFUSALS
from interlingua.errors import (
    BY_PEER_CODE,
    AuthenticationFailed,
    Common,
    Conflict,
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
    for_status,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.opaque import Json
from interlingua.wire.figures import digits
from interlingua.wire.retry_after import parse_retry_after, render_retry_after

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status that each error type has outside a stream."""

_CLASSES: dict[str, type[InterlinguaError]] = {
    "invalid_request_error": InvalidRequest,
    "authentication_error": AuthenticationFailed,
    "billing_error": QuotaExceeded,
    "permission_error": PermissionDenied,
    "not_found_error": NotFound,
    "conflict_error": Conflict,
    "request_too_large": InvalidRequest,
    "rate_limit_error": RateLimited,
    "api_error": UpstreamError,
    "timeout_error": TimedOut,
    "overloaded_error": Overloaded,
}

_TYPES = {
    "credential_missing": "authentication_error",
    "authentication_failed": "authentication_error",
    "permission_denied": "permission_error",
    "model_not_found": "not_found_error",
    "not_found": "not_found_error",
    "conflict": "conflict_error",
    "unsupported": "invalid_request_error",
    "invalid_request": "invalid_request_error",
    "context_too_long": "invalid_request_error",
    "content_filtered": "invalid_request_error",
    "cancelled": "invalid_request_error",
    "rate_limited": "rate_limit_error",
    "quota_exceeded": "billing_error",
    "budget_exceeded": "billing_error",
    "overloaded": "overloaded_error",
    "timed_out": "timeout_error",
}
"""The error type for each code of ours; `api_error` for the rest."""

_TOO_LONG = re.compile(
    r"prompt is too long|context limit|context length|context window|context size|maximum context|too many tokens", re.I
)
_FIGURES = re.compile(r"(\d+)(?: tokens?| \+ \d+) > (\d+)")
_QUOTA = re.compile(r"credit balance|spend(?:ing)? limit|usage limits?\b|insufficient (?:balance|quota|credit)", re.I)
_FILTERED = re.compile(r"content filter", re.I)
_MODEL = re.compile(r"\bmodel\b", re.I)
_QUOTA_CODES = ("contract_spend_limit_reached",)
_EXCERPT = 200


def parse_error(response: WireResponse, context: TranslationContext) -> InterlinguaError:
    """What a provider's non-2xx answer means; see `Dialect.parse_error`."""
    body = _decoded(response.body)
    if context.quirk.error is not None and isinstance(body, dict):
        body = context.quirk.error(body)
    kind, message, code = _envelope(body)
    if not message:
        text = response.body.decode("utf-8", "replace").strip()
        message = text[:_EXCERPT] or f"the provider answered with status {response.status}"
    request_id = response.header("request-id") or response.header("x-request-id")
    if request_id is None and isinstance(body, dict) and isinstance(body.get("request_id"), str):
        request_id = body["request_id"]
    return _error(kind, message, code, response.status, response.headers, request_id, context)


def parse_in_band(
    envelope: Json, context: TranslationContext, response: WireResponse | None = None
) -> InterlinguaError:
    """What an error inside a stream, or inside a 2xx answer, means.

    Args:
        envelope: the event's `error` member, or the whole event.
        context: the translation.
        response: the answer that it came in, if it was whole.
    """
    kind, message, code = _envelope(envelope)
    headers = response.headers if response is not None else ()
    request_id = envelope.get("request_id") if isinstance(envelope, dict) else None
    if not isinstance(request_id, str):
        request_id = response.header("request-id") if response is not None else None
    status = _STATUS.get(kind, 500)
    return _error(kind, message or "the provider reported an error", code, status, headers, request_id, context)


def render_error(error: InterlinguaError, context: TranslationContext) -> WireResponse:
    """An error in the format's own envelope; see `Dialect.render_error`."""
    headers = (("content-type", "application/json"), *render_retry_after(error))
    return WireResponse(status=error.status, body=msgspec.json.encode(render_envelope(error)), headers=headers)


def render_envelope(error: InterlinguaError) -> dict[str, Any]:
    """The envelope of an error, as a body and as the data of an `error` event."""
    kind = "request_too_large" if error.status == 413 else _TYPES.get(error.code, "api_error")
    # The maker's own clients ask for a thread by themselves, and go on without one when they read these words.
    code = error.raw_code if error.raw_code in THREAD_REFUSALS else error.code
    details = {"error_code": code, "fault": error.fault, "remedy": error.remedy}
    envelope: dict[str, Any] = {
        "type": "error",
        "error": {"type": kind, "message": error.message, "details": details},
    }
    if error.request_id is not None:
        envelope["request_id"] = error.request_id
    return envelope


def _decoded(body: bytes) -> Json:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _envelope(body: Json) -> tuple[str, str, str]:
    """(error type, message, stable code), each empty where it is not said."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, dict):
        return "", body if isinstance(body, str) else "", ""
    error = body.get("error", body)
    if not isinstance(error, dict):
        return _word(body, "type"), str(error) if error else _word(body, "message"), ""
    details = error.get("details")
    code = _word(details, "error_code") or _word(error, "code")
    return _word(error, "type"), _word(error, "message") or _word(error, "detail"), code


def _word(value: Json, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _error(
    kind: str,
    message: str,
    code: str,
    status: int,
    headers: tuple[tuple[str, str], ...],
    request_id: str | None,
    context: TranslationContext,
) -> InterlinguaError:
    common: Common = {
        "provider": context.provider or None,
        "model": context.model or None,
        "request_id": request_id,
        "raw_code": code or kind or None,
    }
    should_retry = dict(headers).get("x-should-retry")
    if should_retry in ("true", "false"):
        common["retryable"] = should_retry == "true"
    chosen, wait = _class(kind, message, code, status), parse_retry_after(headers, float(context.created))
    if chosen is ContextTooLong:
        estimate, limit = _figures(message)
        return ContextTooLong(message, limit=limit, estimate=estimate, **common)
    if chosen is RateLimited:
        return RateLimited(message, retry_after=wait, scope=_scope(headers), **common)
    if chosen is Overloaded:
        return Overloaded(message, retry_after=wait, **common)
    if chosen is UpstreamError:
        return UpstreamError(message, upstream_status=status, **common)
    if chosen is InvalidRequest:
        return InvalidRequest(message, status=status if status in (404, 413, 422) else None, **common)
    if chosen is TimedOut:
        return TimedOut(message, phase="first_byte", **common)
    return chosen(message, **common)


def _class(kind: str, message: str, code: str, status: int) -> type[InterlinguaError]:
    if code in BY_PEER_CODE:  # another Interlingua stands behind this address
        return BY_PEER_CODE[code]
    found = _CLASSES.get(kind) or for_status(status)
    if code in _QUOTA_CODES or (found in (InvalidRequest, RateLimited, PermissionDenied) and _QUOTA.search(message)):
        return QuotaExceeded
    if found is InvalidRequest and _TOO_LONG.search(message):
        return ContextTooLong
    if found is InvalidRequest and _FILTERED.search(message):
        return ContentFiltered
    if found in (NotFound, ModelNotFound):
        return ModelNotFound if _MODEL.search(message) else NotFound
    return found


def _figures(message: str) -> tuple[int | None, int | None]:
    """(tokens of the prompt, tokens that the model takes), where the message states them."""
    found = _FIGURES.search(message)
    return (digits(found[1]), digits(found[2])) if found else (None, None)


def _scope(headers: tuple[tuple[str, str], ...]) -> str:
    """What there is too much of: the limits of which nothing remains."""
    prefix, suffix = "anthropic-ratelimit-", "-remaining"
    return ", ".join(
        name[len(prefix) : -len(suffix)]
        for name, value in headers
        if name.startswith(prefix) and name.endswith(suffix) and value.strip() == "0"
    )

"""Errors in all the envelopes that hosts of this format use, and ours towards clients.

What an error means is read from its words first (code, type), then from its message, then from the status: hosts
send a wrong key as 400, a missing model as 400 or 404, a spent account as 429, and failures under 200.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from interlingua.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    Conflict,
    ConnectionFailed,
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
    StreamInterrupted,
    TimedOut,
    UpstreamError,
    for_status,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.opaque import Json
from interlingua.wire.figures import digits, figure
from interlingua.wire.retry_after import parse_retry_after, render_retry_after, span

Kind = type[InterlinguaError]

_WORDS: dict[str, Kind] = {
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "model_max_prompt_tokens_exceeded": ContextTooLong,
    "insufficient_quota": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "billing_not_active": QuotaExceeded,
    "insufficient_balance": QuotaExceeded,
    "insufficient_credits": QuotaExceeded,
    "payment_required": QuotaExceeded,
    "rate_limit_exceeded": RateLimited,
    "rate_limit_error": RateLimited,
    "rate_limited": RateLimited,
    "too_many_requests": RateLimited,
    "content_policy_violation": ContentFiltered,
    "content_filter": ContentFiltered,
    "misalignment": ContentFiltered,
    "model_not_found": ModelNotFound,
    "model_not_available": ModelNotFound,
    "model_decommissioned": ModelNotFound,
    "invalid_model": ModelNotFound,
    "deploymentnotfound": ModelNotFound,
    "invalid_api_key": AuthenticationFailed,
    "authentication_error": AuthenticationFailed,
    "wrong_api_key": AuthenticationFailed,
    "permission_denied": PermissionDenied,
    "permission_error": PermissionDenied,
    "forbidden": PermissionDenied,
    "overloaded": Overloaded,
    "overloaded_error": Overloaded,
    "unavailable_error": Overloaded,
    "service_unavailable": Overloaded,
    "slow_down": Overloaded,
    "engine_overloaded": Overloaded,
    "capacity_exceeded": Overloaded,
    # Our own words: another Interlingua stands behind the address.
    "budget_exceeded": BudgetExceeded,
    "connection_failed": ConnectionFailed,
    "timed_out": TimedOut,
    "stream_interrupted": StreamInterrupted,
    "conflict": Conflict,
    "not_found": NotFound,
    "tool_use_failed": UpstreamError,  # the model wrote an invalid call: another try may do better
    "json_validate_failed": UpstreamError,
}

_MESSAGES: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"context (length|window|size)|maximum context|prompt (is )?too long|reduce the length of", ContextTooLong),
        (r"(incorrect|invalid|missing|no) (api[ _-]?key|authentication)|api key not valid", AuthenticationFailed),
        (r"content management policy|violates usage guidelines|flagged (for|as)|safety_check", ContentFiltered),
        (r"matching your data policy", PermissionDenied),
        (r"exceeded your current quota|insufficient (balance|credit|fund|quota)|add credits", QuotaExceeded),
        (
            r"no endpoints found for |(invalid|unknown|unsupported) model\b|not a valid model|model not found"
            r"|\bmodel\b.{0,120}\b(not (exist|found)|does not exist|was deprecated|decommissioned)"
            r"|not a chat model",
            ModelNotFound,
        ),
        (r"overloaded|at capacity|no capacity|high demand, try", Overloaded),
    )
)
_CLOSER = {(RateLimited, QuotaExceeded), (NotFound, ModelNotFound)}
"""Where the message says more than the word."""
_ALWAYS = (QuotaExceeded, ContentFiltered, AuthenticationFailed)
"""What a message may say against a status that means something else."""
_CAPACITY = {498: Overloaded}
"""Groq's own status for a full flex tier."""

_LIMIT = re.compile(
    r"(?:maximum context length is|context (?:size|window|length)(?: of| \(| is)?)\D{0,12}([\d,]+)", re.I
)
_ESTIMATE = re.compile(r"(?:resulted in|requested(?: about)?|your prompt (?:has|contains)|request \()\s*([\d,]+)", re.I)
_WAIT = re.compile(r"try again in ((?:[\d.]+(?:ms|h|m|s)\s?)+)", re.I)
_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "cf-ray")

WORDS: dict[str, tuple[str, str | None]] = {
    "authentication_failed": ("invalid_request_error", "invalid_api_key"),
    "credential_missing": ("invalid_request_error", "invalid_api_key"),
    "permission_denied": ("invalid_request_error", "permission_denied"),
    "model_not_found": ("invalid_request_error", "model_not_found"),
    "unsupported": ("invalid_request_error", "unsupported_parameter"),
    "invalid_request": ("invalid_request_error", None),
    "context_too_long": ("invalid_request_error", "context_length_exceeded"),
    "content_filtered": ("invalid_request_error", "content_policy_violation"),
    "rate_limited": ("requests", "rate_limit_exceeded"),
    "quota_exceeded": ("insufficient_quota", "insufficient_quota"),
    "budget_exceeded": ("insufficient_quota", "budget_exceeded"),
    "overloaded": ("server_error", "overloaded"),
    "not_found": ("invalid_request_error", "not_found"),
    "conflict": ("invalid_request_error", "conflict"),
}
"""`type` and `code` of this format by our code; anything else is a server_error with our code."""


def parse_error(response: WireResponse, context: TranslationContext) -> InterlinguaError:
    """What a non-2xx answer means; never raises."""
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = response.body.decode("utf-8", "replace").strip()
    if context.quirk.error is not None and isinstance(body, dict):
        body = context.quirk.error(body)
    return error_of(body, response.status, response, context)


def error_of(body: Json, status: int, response: WireResponse | None, context: TranslationContext) -> InterlinguaError:
    """The error that a decoded body tells of.

    Args:
        body: an error envelope of any shape, or text.
        status: of HTTP; 200 where the error stands inside an answer, whose own code then counts.
        response: for headers; None inside a stream.
    """
    told = _flat(body)
    message = _message(told, body, status)
    if status < 400:
        status = _own_status(told) or 500
    words = [str(told[key]).lower() for key in ("code", "type") if isinstance(told.get(key), str | int)]
    kind = _kind(words, message, status)
    headers = response.headers if response is not None else ()
    error = _make(kind, message, status, told, headers, context)
    error.provider = context.provider or None
    error.model = context.model or None
    error.request_id = next((value for name in _REQUEST_IDS for key, value in headers if key == name), None)
    error.raw_code = next((str(told[key]) for key in ("code", "type") if told.get(key) not in (None, "")), None)
    retry = dict(headers).get("x-should-retry")
    if retry in ("true", "false"):
        error.retryable = retry == "true"
    return error


def _flat(body: Json) -> dict[str, Json]:
    """The members of the error object, whatever it is wrapped in."""
    if isinstance(body, list):
        return _flat(body[0]) if body else {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("error") or body.get("errors")
    if isinstance(inner, list) and inner:
        inner = inner[0]
    if isinstance(inner, dict):
        outer = {key: body[key] for key in ("code", "type", "message") if key in body}
        return {**outer, **inner}
    if isinstance(inner, str):
        return {**body, "message": inner}
    return body


def _own_status(told: dict[str, Json]) -> int | None:
    for key in ("status_code", "raw_status_code", "code", "status"):
        value = told.get(key)
        value = digits(value) if isinstance(value, str) else value
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _message(told: dict[str, Json], body: Json, status: int) -> str:
    said = told.get("message") or told.get("detail")
    if isinstance(said, dict):
        said = said.get("detail") or said.get("message") or said
    if isinstance(said, list):
        said = "; ".join(_complaint(one) for one in said)
    if said is not None and not isinstance(said, str):
        said = msgspec.json.encode(said).decode()
    metadata = told.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw:
        said = f"{said or 'error'}: {raw}"
    if not said:
        text = body if isinstance(body, str) else msgspec.json.encode(body).decode() if body else ""
        said = text[:200]
    return said or f"the provider answered with status {status} and no explanation"


def _complaint(one: Json) -> str:
    if not isinstance(one, dict):
        return str(one)
    place = one.get("loc")
    where = ".".join(str(step) for step in place) if isinstance(place, list) else ""
    return f"{where}: {one.get('msg', '')}" if where else str(one.get("msg") or one.get("message") or one)


def _kind(words: list[str], message: str, status: int) -> Kind:
    by_word = next((_WORDS[word] for word in words if word in _WORDS), None)
    by_message = next((kind for pattern, kind in _MESSAGES if pattern.search(message)), None)
    if by_word is not None and (by_word, by_message) not in _CLOSER:
        return by_word
    if by_message in _ALWAYS or (by_message is not None and status in (400, 404, 413, 422, 500, 503)):
        return by_message
    if status >= 500 and "invalid_request_error" in words:
        return InvalidRequest  # inside a stream there is no status: the type tells whose fault it is
    if status == 404 and by_message is None:
        return ModelNotFound if "model" in message.lower() else InvalidRequest
    return _CAPACITY.get(status) or for_status(status)


def _make(
    kind: Kind,
    message: str,
    status: int,
    told: dict[str, Json],
    headers: tuple[tuple[str, str], ...],
    context: TranslationContext,
) -> InterlinguaError:
    if kind is ContextTooLong:
        limit, estimate = _count(told.get("n_ctx")), _count(told.get("n_prompt_tokens"))
        return ContextTooLong(
            message,
            limit=limit or figure(_LIMIT, message),
            estimate=estimate or figure(_ESTIMATE, message),
        )
    if kind is RateLimited:
        scope = str(told.get("type") or "")
        wait = _wait(message, told, headers, context)
        return RateLimited(message, retry_after=wait, scope=scope if scope in ("tokens", "requests") else "")
    if kind is Overloaded:
        return Overloaded(message, retry_after=_wait(message, told, headers, context))
    if kind is InvalidRequest:
        param = told.get("param")
        return InvalidRequest(message, path=param if isinstance(param, str) else "", status=status)
    if kind is UpstreamError:
        return UpstreamError(message, upstream_status=status)
    return kind(message)


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _wait(
    message: str, told: dict[str, Json], headers: tuple[tuple[str, str], ...], context: TranslationContext
) -> float | None:
    """Seconds to wait: the header, else the message's own words, else when the spent limit is filled again."""
    wait = parse_retry_after(headers, float(context.created))
    if wait is not None:
        return wait
    said = _WAIT.search(message)
    if said:
        return span(said[1])
    found = dict(headers)
    spent = [
        span(found.get(f"x-ratelimit-reset-{what}", ""))
        for what in ("requests", "tokens")
        if found.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    metadata = told.get("metadata")
    inner = metadata.get("headers") if isinstance(metadata, dict) else None
    if isinstance(inner, dict):
        found |= {str(key).lower(): str(value) for key, value in inner.items()}
    reset = digits(found.get("x-ratelimit-reset", ""))
    if context.created and reset is not None and reset > 10**12:
        spent.append(max(0.0, reset / 1000 - context.created))
    return max((seconds for seconds in spent if seconds is not None), default=None)


def envelope(error: InterlinguaError) -> dict[str, Any]:
    """An error as this format writes it."""
    kind, code = WORDS.get(error.code, ("server_error", error.code))
    path = getattr(error, "path", "") or None
    return {"error": {"message": error.message, "type": kind, "param": path, "code": code}}


def render_error(error: InterlinguaError, context: TranslationContext) -> WireResponse:
    """An error with its status, and retry-after in whole seconds where known."""
    headers = (("content-type", "application/json"), *render_retry_after(error))
    return WireResponse(status=error.status, body=msgspec.json.encode(envelope(error)), headers=headers)

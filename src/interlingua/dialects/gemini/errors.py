"""Errors: an envelope with HTTP code, message, a status word and typed details; now and then an array of one.

What a 400 or a 429 means stands in the details (a bad key is a 400 here) or only in the message. Our own errors
carry their code as ErrorInfo, so that a gateway behind a gateway is understood exactly.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from interlingua.errors import (
    BY_PEER_CODE,
    AuthenticationFailed,
    Cancelled,
    Common,
    ContentFiltered,
    ContextTooLong,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    TimedOut,
    UpstreamError,
    for_status,
    wait_of,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.opaque import Json
from interlingua.wire.figures import figure
from interlingua.wire.retry_after import parse_retry_after, render_retry_after

_Class = type[InterlinguaError]

OUR_DOMAIN = "interlingua"
"""The domain of ErrorInfo in errors that we made."""
_TYPE = "type.googleapis.com/google.rpc."
_SHOWN = 200

_REASONS: dict[str, _Class] = {
    "API_KEY_INVALID": AuthenticationFailed,
    "API_KEY_EXPIRED": AuthenticationFailed,
    "ACCESS_TOKEN_EXPIRED": AuthenticationFailed,
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": AuthenticationFailed,
    "CREDENTIALS_MISSING": AuthenticationFailed,
    "API_KEY_SERVICE_BLOCKED": PermissionDenied,
    "SERVICE_DISABLED": PermissionDenied,
    "CONSUMER_SUSPENDED": PermissionDenied,
    "CONSUMER_INVALID": PermissionDenied,
    "BILLING_DISABLED": QuotaExceeded,
    "RATE_LIMIT_EXCEEDED": RateLimited,
    "MODEL_CAPACITY_EXHAUSTED": Overloaded,
}
_MESSAGES: tuple[tuple[re.Pattern[str], _Class], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), found)
    for pattern, found in (
        (r"api key (not valid|expired|not found)|unregistered callers|missing .*authentication", AuthenticationFailed),
        (
            r"token count.*(exceeds the maximum number of tokens|supports? (only )?up to)|exceeds the context window"
            r"|input (is )?too long|maximum context length",
            ContextTooLong,
        ),
        (r"credits? (are|is) depleted|billing (account )?(is )?(not|disabled)|spend(ing)? (cap|limit)", QuotaExceeded),
        (r"model.* is not found|unexpected model name|model .*(not found|does not exist)", ModelNotFound),
        (r"responsible ai|usage guidelines|violat\w+ .*polic|blocked by safety", ContentFiltered),
        (r"location is not supported|not available in your (country|region)", PermissionDenied),
        (r"model is overloaded|experiencing high demand", Overloaded),
    )
)
_STATUSES: dict[str, _Class] = {
    "UNAUTHENTICATED": AuthenticationFailed,
    "PERMISSION_DENIED": PermissionDenied,
    "RESOURCE_EXHAUSTED": RateLimited,
    "CANCELLED": Cancelled,
    "UNAVAILABLE": Overloaded,
    "DEADLINE_EXCEEDED": TimedOut,
    "INTERNAL": UpstreamError,
    "UNKNOWN": UpstreamError,
    "INVALID_ARGUMENT": InvalidRequest,
    "FAILED_PRECONDITION": InvalidRequest,
    "OUT_OF_RANGE": InvalidRequest,
}
_WORDS: dict[str, str] = {
    "authentication_failed": "UNAUTHENTICATED",
    "credential_missing": "UNAUTHENTICATED",
    "permission_denied": "PERMISSION_DENIED",
    "model_not_found": "NOT_FOUND",
    "not_found": "NOT_FOUND",
    "rate_limited": "RESOURCE_EXHAUSTED",
    "quota_exceeded": "RESOURCE_EXHAUSTED",
    "budget_exceeded": "RESOURCE_EXHAUSTED",
    "overloaded": "UNAVAILABLE",
    "connection_failed": "UNAVAILABLE",
    "stream_interrupted": "UNAVAILABLE",
    "timed_out": "DEADLINE_EXCEEDED",
    "conflict": "ABORTED",
    "cancelled": "CANCELLED",
}
_BY_STATUS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}

_RETRY_IN = re.compile(r"retry in ([0-9.]+) ?(ms|s)\b", re.IGNORECASE)
_LIMIT = re.compile(r"(?:tokens allowed|supports? (?:only )?up to)\D{0,12}([0-9][0-9,]*)", re.IGNORECASE)
_ESTIMATE = re.compile(r"token count(?: is| of)?\D{0,4}([0-9][0-9,]*)", re.IGNORECASE)
_QUOTA = re.compile(r"(InputTokens|OutputTokens|Tokens|Requests).*?Per(Day|Hour|Minute|Second)")
_UNITS = {"InputTokens": "input tokens", "OutputTokens": "output tokens", "Tokens": "tokens", "Requests": "requests"}
_IDS = ("x-goog-request-id", "x-request-id", "x-cloud-trace-context")


def parse_error(response: WireResponse, context: TranslationContext) -> InterlinguaError:
    """What a provider's answer other than 2xx means; never raises."""
    try:
        value = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return parse_error_value(value, response, context)


def parse_error_value(value: Json, response: WireResponse, context: TranslationContext) -> InterlinguaError:
    """The error that a decoded body tells of, whatever it is; in a stream, `response` holds only status 200."""
    if isinstance(value, list):
        value = value[0] if value else None
    if context.quirk.error is not None and isinstance(value, dict):
        value = context.quirk.error(value)
    body = value.get("error") if isinstance(value, dict) else None
    if isinstance(body, str):
        body = {"message": body}
    return _Report(body if isinstance(body, dict) else {}, response, context).error()


class _Report:
    """One error body, taken apart."""

    def __init__(self, body: dict[str, Json], response: WireResponse, context: TranslationContext) -> None:
        code = body.get("code")
        self.status = response.status
        if self.status < 400:
            self.status = code if isinstance(code, int) and 400 <= code < 600 else 500
        self.word = _text(body, "status")
        shown = response.body.decode("utf-8", "replace").strip()[:_SHOWN] if response.status >= 400 else ""
        self.known = bool(_text(body, "message"))
        self.message = _text(body, "message") or shown or f"the provider answered {self.status}"
        details = body.get("details")
        self.details = [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []
        self.reason, self.domain = self._detail("ErrorInfo", "reason"), self._detail("ErrorInfo", "domain")
        self.violations = self._violations()
        self.headers = response.headers
        self.moment = float(context.created)
        self.common: Common = {
            "provider": context.provider or None,
            "model": context.model or None,
            "request_id": next((found for name in _IDS if (found := response.header(name))), None)
            or self._detail("RequestInfo", "requestId")
            or None,
            "raw_code": self.reason or self.word or None,
        }

    def _detail(self, kind: str, key: str) -> str:
        found = (_text(item, key) for item in self.details if _text(item, "@type").endswith(f".{kind}"))
        return next((text for text in found if text), "")

    def _violations(self) -> list[dict[str, Json]]:
        lists = (item.get("violations") for item in self.details if _text(item, "@type").endswith(".QuotaFailure"))
        return [item for found in lists if isinstance(found, list) for item in found if isinstance(item, dict)]

    def error(self) -> InterlinguaError:
        found = self._class()
        if found is RateLimited:
            return RateLimited(self.message, retry_after=self._wait(), scope=self._scope(), **self.common)
        if found is Overloaded:
            return Overloaded(self.message, retry_after=self._wait(), **self.common)
        if found is ContextTooLong:
            limit, estimate = figure(_LIMIT, self.message), figure(_ESTIMATE, self.message)
            return ContextTooLong(self.message, limit=limit, estimate=estimate, **self.common)
        if found is UpstreamError:
            return UpstreamError(self.message, upstream_status=self.status, **self.common)
        if found is InvalidRequest:
            return InvalidRequest(self.message, path=self._field(), status=self.status, **self.common)
        return found(self.message, **self.common)

    def _class(self) -> _Class:
        if self.domain == OUR_DOMAIN and self.reason.lower() in BY_PEER_CODE:
            return BY_PEER_CODE[self.reason.lower()]
        if self.reason in _REASONS:
            return _REASONS[self.reason]
        if self.reason.startswith("API_KEY_") and self.reason.endswith("_BLOCKED"):
            return PermissionDenied
        spent = any(str(item.get("quotaValue")) == "0" for item in self.violations)
        if self.status == 429 and (spent or re.search(r"limit: 0\b", self.message)):
            return QuotaExceeded
        if self.status < 500 or self.status == 503:
            for pattern, found in _MESSAGES:
                if pattern.search(self.message) and not (self.status == 429 and found is not QuotaExceeded):
                    return found
        if self.status == 404 and self.known:
            return InvalidRequest
        by_status = for_status(self.status)
        if by_status in (InvalidRequest, UpstreamError) and self.status in (400, 499, 500):
            return Cancelled if self.status == 499 else _STATUSES.get(self.word, by_status)
        return by_status

    def _wait(self) -> float | None:
        stated = self._detail("RetryInfo", "retryDelay")
        try:
            if stated.endswith("s"):
                return float(stated[:-1])
        except ValueError:
            pass
        found = _RETRY_IN.search(self.message)
        if found and found[1].count(".") <= 1 and found[1] != ".":
            return float(found[1]) / (1000 if found[2].lower() == "ms" else 1)
        return parse_retry_after(self.headers, self.moment)

    def _scope(self) -> str:
        ids = [text for item in self.violations if (text := _text(item, "quotaId") or _text(item, "quotaMetric"))]
        worst = next((id for id in ids if "PerDay" in id), ids[0] if ids else "")
        found = _QUOTA.search(worst)
        return f"{_UNITS[found[1]]} per {found[2].lower()}" if found else worst

    def _field(self) -> str:
        lists = (item.get("fieldViolations") for item in self.details)
        found = (item for each in lists if isinstance(each, list) for item in each if isinstance(item, dict))
        return next((_text(item, "field") for item in found), "")


def _text(value: dict[str, Json], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def error_body(error: InterlinguaError) -> dict[str, Any]:
    """The envelope of an error, for a response or within a stream."""
    status = error.status
    word = _WORDS.get(error.code) or _BY_STATUS.get(status) or ("INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    details: list[dict[str, Any]] = [{"@type": f"{_TYPE}ErrorInfo", "reason": error.code.upper(), "domain": OUR_DOMAIN}]
    retry_after = wait_of(error)
    if retry_after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{retry_after:g}s"})
    return {"error": {"code": status, "message": error.message, "status": word, "details": details}}


def render_error(error: InterlinguaError, context: TranslationContext) -> WireResponse:
    """An error in this dialect's envelope; a known waiting time stands in the body and in `retry-after`."""
    headers = (("content-type", "application/json"), *render_retry_after(error))
    return WireResponse(status=error.status, body=msgspec.json.encode(error_body(error)), headers=headers)

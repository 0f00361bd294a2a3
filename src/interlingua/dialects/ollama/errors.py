"""Errors: one English sentence under `error`, and the HTTP status. What it is about stands in the words alone.

Our own errors have their code beside it, which no client minds, so that a gateway behind a gateway is understood
exactly and a failure inside a stream keeps its kind.
"""

from __future__ import annotations

import re

import msgspec

from interlingua.dialects.ollama.schema import Body
from interlingua.errors import (
    BY_PEER_CODE,
    AuthenticationFailed,
    Common,
    ContextTooLong,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    Unsupported,
    UpstreamError,
    for_status,
    wait_of,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.opaque import Json
from interlingua.wire.figures import figure
from interlingua.wire.retry_after import parse_retry_after, render_retry_after

Class = type[InterlinguaError]

_SHOWN = 200
_MEMORY = re.compile(r"more system memory|out of memory|unable to allocate|insufficient memory", re.IGNORECASE)
_WORDS: tuple[tuple[re.Pattern[str], Class], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), found)
    for pattern, found in (
        (r"does not support \w+|is not supported for this model|data required for image input", Unsupported),
        (r"invalid think value|invalid format", InvalidRequest),
        (r"server busy|maximum pending requests|overloaded", Overloaded),
        (
            r"(exceed|longer than|too long|too large|larger than).{0,40}context"
            r"|context (length|window|size).{0,20}exceed|(prompt|input)( length)?( is)? too (long|large)",
            ContextTooLong,
        ),
        (r"usage limit|out of credits?|insufficient (credits?|balance)", QuotaExceeded),
        (r"(requires?|need) a? ?(paid )?(subscription|plan|upgrade)|upgrade (for|to) access", PermissionDenied),
        (r"model\b.{0,200}\bnot found|no such model|try pulling it", ModelNotFound),
        (r"^unauthorized|invalid (api )?(key|credentials?)", AuthenticationFailed),
        (r"rate limit|too many (concurrent )?requests", RateLimited),
    )
)
_FEATURE = re.compile(r"does not support (\w+)", re.IGNORECASE)
_LIMIT = re.compile(r"(?:context (?:length|size|window)|limit)\D{0,20}?([0-9][0-9,]*)", re.IGNORECASE)
_ESTIMATE = re.compile(r"(?:prompt|input|request)\D{0,20}?([0-9][0-9,]*)(?: tokens)?", re.IGNORECASE)
_REMEDIES: dict[Class, str] = {
    ModelNotFound: "Pull it on the server (`ollama pull NAME`), or list what there is with `il models`.",
    AuthenticationFailed: "Sign the server in (`ollama signin`), or set its API key.",
    Unsupported: "Leave it out, or use a model that can: `ollama show NAME` lists what it can do.",
    QuotaExceeded: "Wait for the next period, upgrade the account, or use another model.",
}


def parse_error(response: WireResponse, context: TranslationContext) -> InterlinguaError:
    """What a provider's answer other than 2xx means; never raises."""
    try:
        value = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return parse_error_value(value, response, context)


def parse_error_value(value: Json, response: WireResponse, context: TranslationContext) -> InterlinguaError:
    """The error that a decoded body tells of, whatever it is; in a stream, `response` holds only status 200."""
    if context.quirk.error is not None and isinstance(value, dict):
        value = context.quirk.error(value)
    body = value if isinstance(value, dict) else {}
    if isinstance(body.get("error"), dict):  # a proxy in between that speaks another format
        body = {**body["error"], "error": body["error"].get("message")}
    return _Report(body, response, context).error()


class _Report:
    """One error body, taken apart."""

    def __init__(self, body: dict[str, Json], response: WireResponse, context: TranslationContext) -> None:
        self.status = response.status if response.status >= 400 else 500
        stated, code, wait = body.get("error"), body.get("code"), body.get("retry_after")
        shown = response.body.decode("utf-8", "replace").strip()[:_SHOWN] if response.status >= 400 else ""
        self.stated = stated if isinstance(stated, str) else ""
        self.message = self.stated or shown or f"the provider answered {self.status}"
        self.code = code if isinstance(code, str) else ""
        stated_wait = float(wait) if isinstance(wait, int | float) and wait >= 0 else None
        told_wait = parse_retry_after(response.headers, float(context.created))
        self.wait = told_wait if stated_wait is None else stated_wait
        self.common: Common = {
            "provider": context.provider or None,
            "model": context.model or None,
            "request_id": response.header("x-request-id"),
            "raw_code": self.code or None,
        }

    def error(self) -> InterlinguaError:
        found = self._class()
        common = self.common
        if found in _REMEDIES and self.code not in BY_PEER_CODE:
            common["remedy"] = _REMEDIES[found]
        if found is RateLimited:
            return RateLimited(self.message, retry_after=self.wait, **common)
        if found is Overloaded:
            return Overloaded(self.message, retry_after=self.wait, **common)
        if found is ContextTooLong:
            limit, estimate = figure(_LIMIT, self.message), figure(_ESTIMATE, self.message)
            return ContextTooLong(self.message, limit=limit, estimate=estimate, **common)
        if found is Unsupported:
            feature = _FEATURE.search(self.message)
            return Unsupported(self.message, feature=feature[1].lower() if feature else "", **common)
        if found is InvalidRequest:
            status = self.status if 400 <= self.status < 500 else None
            return InvalidRequest(self.message, status=status, **common)
        if found is UpstreamError:
            if _MEMORY.search(self.message):
                common["retryable"] = False
                common["remedy"] = "Use a smaller model, or free memory on the server."
            return UpstreamError(self.message, upstream_status=self.status, **common)
        return found(self.message, **common)

    def _class(self) -> Class:
        if self.code in BY_PEER_CODE:
            return BY_PEER_CODE[self.code]
        for pattern, found in _WORDS:
            if self.stated and pattern.search(self.stated):
                return found
        if self.status == 404:  # a path that the server does not have
            return InvalidRequest
        return for_status(self.status)


def error_body(error: InterlinguaError) -> Body:
    """An error as an object, for a response or a line of a stream."""
    retry_after = wait_of(error)
    more = {} if retry_after is None else {"retry_after": retry_after}
    return {"error": error.message, "code": error.code, **more}


def render_error(error: InterlinguaError, context: TranslationContext) -> WireResponse:
    """An error in this dialect's envelope; a known waiting time stands in `retry-after` too."""
    headers = (("content-type", "application/json"), *render_retry_after(error))
    return WireResponse(status=error.status, body=msgspec.json.encode(error_body(error)), headers=headers)

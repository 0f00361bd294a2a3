"""Errors both ways; the 429, 529 and spend-limit bodies are hand-made after public reports."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.anthropic_messages import parse_error, parse_request, render_error
from interlingua.errors import (
    BY_CODE,
    BY_PEER_CODE,
    AuthenticationFailed,
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
    Unsupported,
    UpstreamError,
)
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse


def wire(kind: str, message: str, status: int, code: str | None = None, **headers: str) -> WireResponse:
    error = {"type": kind, "message": message} | ({"details": {"error_code": code}} if code else {})
    return WireResponse(
        status=status,
        body=msgspec.json.encode({"type": "error", "error": error, "request_id": "req_body"}),
        headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
    )


def parse(response: WireResponse) -> InterlinguaError:
    return parse_error(response, TranslationContext(provider="p", model="m"))


@pytest.mark.parametrize(
    ("kind", "message", "status", "expected"),
    [
        ("invalid_request_error", "max_tokens: required", 400, InvalidRequest),
        ("invalid_request_error", "prompt is too long: 210 tokens > 200 maximum", 400, ContextTooLong),
        ("invalid_request_error", "Your credit balance is too low to access the API", 400, QuotaExceeded),
        ("invalid_request_error", "Output blocked by content filtering policy", 400, ContentFiltered),
        ("authentication_error", "invalid x-api-key", 401, AuthenticationFailed),
        ("billing_error", "no", 402, QuotaExceeded),
        ("permission_error", "no", 403, PermissionDenied),
        ("not_found_error", "model: claude-nope", 404, ModelNotFound),
        ("not_found_error", "Not found", 404, NotFound),
        ("conflict_error", "busy", 409, Conflict),
        ("request_too_large", "too big", 413, InvalidRequest),
        ("rate_limit_error", "This request would exceed your account's rate limit.", 429, RateLimited),
        ("api_error", "Internal server error", 500, UpstreamError),
        ("timeout_error", "slow", 504, TimedOut),
        ("overloaded_error", "Overloaded", 529, Overloaded),
        ("novel_error", "?", 529, Overloaded),
        ("novel_error", "?", 418, InvalidRequest),
    ],
)
def test_each_error_has_its_class(kind: str, message: str, status: int, expected: type[InterlinguaError]) -> None:
    error = parse(wire(kind, message, status))
    assert type(error) is expected and error.message == message
    assert (error.provider, error.model, error.request_id, error.raw_code) == ("p", "m", "req_body", kind)


@pytest.mark.parametrize(
    ("message", "estimate", "limit"),
    [
        ("prompt is too long: 3333404 tokens > 200000 maximum", 3333404, 200000),
        ("input length and `max_tokens` exceed context limit: 199211 + 8192 > 200000, decrease", 199211, 200000),
        ("the request exceeds the available context size", None, None),
    ],
)
def test_a_prompt_that_is_too_long_says_by_how_much(message: str, estimate: int | None, limit: int | None) -> None:
    error = parse(wire("invalid_request_error", message, 400))
    assert isinstance(error, ContextTooLong) and (error.estimate, error.limit) == (estimate, limit)


def test_a_rate_limit_says_of_what_and_for_how_long() -> None:
    error = parse(
        wire(
            "rate_limit_error",
            "slow down",
            429,
            retry_after="12",
            request_id="req_head",
            x_should_retry="true",
            anthropic_ratelimit_requests_remaining="0",
            anthropic_ratelimit_tokens_remaining="81",
        )
    )
    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.scope, error.request_id, error.retryable) == (12.0, "requests", "req_head", True)


def test_the_provider_decides_whether_to_try_again() -> None:
    assert parse(wire("overloaded_error", "x", 529, x_should_retry="false")).retryable is False


def test_a_spend_limit_is_known_by_its_code() -> None:
    error = parse(wire("invalid_request_error", "limit", 400, code="contract_spend_limit_reached"))
    assert type(error) is QuotaExceeded and error.raw_code == "contract_spend_limit_reached"


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (502, b"<html>bad gateway</html>", "<html>bad gateway</html>"),
        (500, b"", "the provider answered with status 500"),
        (500, b'{"type": "err', '{"type": "err'),
        (500, b'[{"error": {"message": "in an array"}}]', "in an array"),
        (400, b'{"error": "as a string"}', "as a string"),
        (400, b'{"message": "at the root"}', "at the root"),
        (400, b'{"detail": "fastapi"}', "fastapi"),
        (500, b"[]", "[]"),
        (500, b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_any_body_makes_an_error_with_a_message(status: int, body: bytes, message: str) -> None:
    error = parse(WireResponse(status=status, body=body))
    assert error.message == message
    assert type(error) is (InvalidRequest if status == 400 else UpstreamError)


@given(st.binary(max_size=60) | st.from_regex(rb'\{"error": ?\{?"?[a-z"{:\[\]}]{0,20}'), st.integers(300, 599))
def test_reading_an_error_never_fails(body: bytes, status: int) -> None:
    assert isinstance(parse(WireResponse(status=status, body=body)), InterlinguaError)


def test_a_quirk_mends_the_error_first() -> None:
    context = TranslationContext(quirk=Quirk(error=lambda body: {"error": {"type": "billing_error", "message": "m"}}))
    assert isinstance(parse_error(WireResponse(status=400, body=b"{}"), context), QuotaExceeded)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_of_ours_has_an_envelope_that_is_understood_again(code: str) -> None:
    error = BY_CODE[code]("what happened", request_id="req_1")
    response = render_error(error, TranslationContext())
    body = msgspec.json.decode(response.body)
    assert response.status == error.status and body["type"] == "error" and body["request_id"] == "req_1"
    assert body["error"]["message"] == "what happened" and body["error"]["type"]
    assert type(parse(response)) is BY_PEER_CODE[code]


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (InvalidRequest("x", status=413), "request_too_large", 413),
        (ModelNotFound("x"), "not_found_error", 404),
        (UpstreamError("x"), "api_error", 502),
        (RateLimited("x", retry_after=1.2), "rate_limit_error", 429),
        (Overloaded("x", retry_after=3), "overloaded_error", 503),
    ],
)
def test_errors_speak_the_words_of_the_format(error: InterlinguaError, kind: str, status: int) -> None:
    response = render_error(error, TranslationContext())
    assert msgspec.json.decode(response.body)["error"]["type"] == kind and response.status == status
    assert response.header("retry-after") == {"rate_limit_error": "2", "overloaded_error": "3"}.get(kind)


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}])
def test_a_thread_is_refused_in_the_word_on_which_the_makers_clients_go_on_without(thread: dict[str, str]) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "thread": thread}
    with pytest.raises(Unsupported) as caught:
        parse_request(WireRequest(body=msgspec.json.encode(body)), TranslationContext())
    response = render_error(caught.value, TranslationContext())
    details = msgspec.json.decode(response.body)["error"]["details"]
    assert response.status == 400
    assert details["error_code"] == "thread_unsupported_request"


def test_what_a_provider_says_of_its_threads_is_passed_on() -> None:
    error = parse(wire("invalid_request_error", "gone", 404, "thread_not_found"))
    assert msgspec.json.decode(render_error(error, TranslationContext()).body)["error"]["details"]["error_code"] == (
        "thread_not_found"
    )

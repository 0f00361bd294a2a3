from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import openai_responses as dialect
from interlingua.errors import (
    BY_CODE,
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
    UpstreamError,
)
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from tests.dialects.openai_responses.wire import context


def error_of(status: int, body: Any, here: TranslationContext | None = None, **headers: str) -> InterlinguaError:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return dialect.parse_error(
        WireResponse(status=status, body=data, headers=named), here or context(provider="p", model="m")
    )


def envelope(message: str = "x", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, envelope(code="context_length_exceeded"), ContextTooLong),
        (400, envelope("Your input exceeds the context window of this model."), ContextTooLong),
        (400, envelope(code="invalid_prompt"), ContentFiltered),
        (400, envelope(code="content_policy_violation"), ContentFiltered),
        (400, envelope(code="model_not_found"), ModelNotFound),
        (404, envelope("The model `x` does not exist or you do not have access to it."), ModelNotFound),
        (404, envelope("Item with id 'rs_1' not found."), NotFound),
        (400, envelope(code="previous_response_not_found"), NotFound),
        (400, envelope("Unsupported parameter: 'temperature'", param="temperature"), InvalidRequest),
        (401, envelope(code="invalid_api_key"), AuthenticationFailed),
        (400, {"code": "invalid-argument", "error": "Incorrect API key provided."}, AuthenticationFailed),
        (403, envelope(), PermissionDenied),
        (429, envelope(code="rate_limit_exceeded", type="tokens"), RateLimited),
        (429, envelope(code="insufficient_quota", type="insufficient_quota"), QuotaExceeded),
        (429, envelope("You exceeded your current quota", code="rate_limit_exceeded"), QuotaExceeded),
        (503, envelope(type="server_error"), Overloaded),
        (500, envelope(type="server_error"), UpstreamError),
        (200, {"code": "image_too_large", "message": "x"}, InvalidRequest),
        (200, {"code": "vector_store_timeout", "message": "x"}, UpstreamError),
        (502, b"<html>Bad Gateway</html>", UpstreamError),
        (500, b"", UpstreamError),
        (500, [], UpstreamError),
        (400, b'{"error": {"mess', InvalidRequest),
    ],
)
def test_every_error_has_its_class(status: int, body: Any, kind: type[InterlinguaError]) -> None:
    error = error_of(status, body)
    assert type(error) is kind
    assert error.message and (error.provider, error.model) == ("p", "m")


def test_the_field_the_code_and_the_request_id_are_kept() -> None:
    error = error_of(400, envelope(param="input[0]", code="bad_thing"), x_request_id="req_1")
    assert isinstance(error, InvalidRequest) and error.path == "input[0]"
    assert (error.raw_code, error.request_id, error.status) == ("bad_thing", "req_1", 400)


def test_how_long_to_wait_is_read_from_headers_and_words() -> None:
    told = envelope("Rate limit reached. Please try again in 1.5s.", code="rate_limit_exceeded", type="tokens")
    first, second = error_of(429, told, retry_after_ms="250"), error_of(429, told)
    assert isinstance(first, RateLimited) and first.retry_after == 0.25
    assert isinstance(second, RateLimited) and second.retry_after == 1.5 and second.scope == "tokens"


def test_limits_are_read_from_words() -> None:
    error = error_of(
        400,
        envelope(
            "This model's maximum context length is 8,192 tokens. However, your messages resulted in 9000 tokens."
        ),
    )
    assert isinstance(error, ContextTooLong) and (error.limit, error.estimate) == (8192, 9000)


def test_the_provider_may_say_whether_to_try_again() -> None:
    assert error_of(400, envelope(), x_should_retry="true").retryable
    assert not error_of(500, envelope(type="server_error"), x_should_retry="false").retryable


def test_a_quirk_reads_the_body_first() -> None:
    here = context(quirk=Quirk(error=lambda body: {"error": {"code": "model_not_found", "message": "x"}}))
    assert type(error_of(400, {"strange": 1}, here)) is ModelNotFound


@given(st.binary(max_size=40), st.integers(200, 599))
def test_nothing_makes_reading_an_error_fail(body: bytes, status: int) -> None:
    assert isinstance(error_of(status, body), InterlinguaError)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_has_an_envelope(code: str) -> None:
    error = BY_CODE[code]("what happened")
    response = dialect.render_error(error, context())
    told = msgspec.json.decode(response.body)["error"]
    assert response.status == error.status and told["message"] == "what happened"
    assert told.keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("x", retry_after=1.2),
        QuotaExceeded("x"),
        ContextTooLong("x"),
        ModelNotFound("x"),
        AuthenticationFailed("x"),
        InvalidRequest("x", path="input[1]"),
        ContentFiltered("x"),
        NotFound("x"),
    ],
)
def test_our_own_errors_are_understood_again(error: InterlinguaError) -> None:
    response = dialect.render_error(error, context())
    again = dialect.parse_error(response, context())
    if not isinstance(error, NotFound):  # the word belongs to ids of every kind; the status tells it
        assert type(again) is type(error)
    assert again.status == error.status
    if isinstance(error, RateLimited):
        assert response.header("retry-after") == "2"

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import openai_chat
from interlingua.errors import (
    BY_CODE,
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLong,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    UpstreamError,
)
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse

CONTEXT = TranslationContext(dialect="openai_chat", provider="p", model="m")

KEYS = st.sampled_from(["error", "message", "detail", "code", "type", "metadata", "headers", "raw"])
BODIES = st.recursive(
    st.one_of(st.none(), st.text(), st.integers()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(KEYS, inner)),
).map(msgspec.json.encode)


def parse(status: int, body: Any, **headers: str) -> InterlinguaError:
    source = body if isinstance(body, bytes) else msgspec.json.encode(body)
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return openai_chat.parse_error(WireResponse(status=status, body=source, headers=told), CONTEXT)


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, {"error": {"message": "m", "type": "invalid_request_error", "param": "n"}}, InvalidRequest, "m"),
        (400, {"object": "error", "message": "Invalid model: x", "type": "invalid_model"}, ModelNotFound, None),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}, InvalidRequest, "body.seed: extra"),
        (422, {"message": {"detail": [{"loc": ["body", "n"], "msg": "bad"}]}}, InvalidRequest, "body.n: bad"),
        (400, {"error": "Incorrect API key provided: x", "code": "y"}, AuthenticationFailed, None),
        (400, [{"error": {"code": 400, "message": "API key not valid."}}], AuthenticationFailed, "API key not valid."),
        (401, {"error": {"message": "m", "code": 401}}, AuthenticationFailed, "m"),
        (402, {"error": {"message": "Insufficient Balance"}}, QuotaExceeded, None),
        (403, {"error": {"message": "m"}}, PermissionDenied, "m"),
        (404, {"error": {"message": "m", "code": "model_not_found"}}, ModelNotFound, "m"),
        (404, {"error": {"message": "Nothing matching your data policy (Free model)"}}, PermissionDenied, None),
        (404, {"error": {"code": "DeploymentNotFound", "message": "m"}}, ModelNotFound, "m"),
        (404, {"error": {"code": "404", "message": "Resource not found"}}, InvalidRequest, "Resource not found"),
        (404, b"<html>nothing here</html>", InvalidRequest, "<html>nothing here</html>"),
        (429, {"error": {"message": "m", "type": "insufficient_quota"}}, QuotaExceeded, "m"),
        (429, {"error": {"message": "m", "code": "rate_limit_exceeded", "type": "tokens"}}, RateLimited, "m"),
        (498, {"error": {"message": "flex"}}, Overloaded, "flex"),
        (503, {"error": {"message": "loading", "type": "unavailable_error"}}, Overloaded, "loading"),
        (500, b"", UpstreamError, None),
        (502, {"errors": [{"message": "m", "code": 3043}]}, UpstreamError, "m"),
        (400, {"error": {"code": "content_filter", "message": "m", "innererror": {}}}, ContentFiltered, "m"),
        (400, {"error": {"message": "tool", "code": "tool_use_failed"}}, UpstreamError, "tool"),
    ],
)
def test_every_shape_of_error_is_understood(
    status: int, body: Any, kind: type[InterlinguaError], message: str | None
) -> None:
    error = parse(status, body)
    assert type(error) is kind
    assert error.message == message if message else error.message
    assert (error.provider, error.model) == ("p", "m")


def test_a_prompt_that_is_too_long_tells_by_how_much() -> None:
    said = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."
    error = parse(400, {"error": {"message": said, "code": "context_length_exceeded"}})
    assert isinstance(error, ContextTooLong) and (error.limit, error.estimate) == (8192, 9001)
    error = parse(400, {"error": {"type": "exceed_context_size_error", "n_ctx": 512, "n_prompt_tokens": 600}})
    assert isinstance(error, ContextTooLong) and (error.limit, error.estimate) == (512, 600)


@pytest.mark.parametrize(
    ("message", "headers", "wait"),
    [
        ("m", {"retry_after": "3"}, 3.0),
        ("m", {"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ("Please try again in 6m0s.", {}, 360.0),
        ("Please try again in 20ms.", {}, 0.02),
        ("m", {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "1m1.5s"}, 61.5),
        ("m", {"x_ratelimit_remaining_tokens": "5", "x_ratelimit_reset_tokens": "1m"}, None),
    ],
)
def test_the_time_to_wait_is_found(message: str, headers: dict[str, str], wait: float | None) -> None:
    error = parse(429, {"error": {"message": message}}, **headers)
    assert isinstance(error, RateLimited) and error.retry_after == wait


def test_a_reset_in_epoch_milliseconds_counts_from_now() -> None:
    body = {"error": {"code": 429, "message": "m", "metadata": {"headers": {"X-RateLimit-Reset": "1759845420000"}}}}
    context = TranslationContext(created=1759845400)
    error = openai_chat.parse_error(WireResponse(status=429, body=msgspec.json.encode(body)), context)
    assert isinstance(error, RateLimited) and error.retry_after == 20.0


def test_ids_words_and_the_advice_to_retry_are_kept() -> None:
    error = parse(500, {"error": {"message": "m", "code": "odd"}}, x_request_id="r", x_should_retry="false")
    assert (error.request_id, error.raw_code, error.retryable) == ("r", "odd", False)


def test_what_a_router_was_told_upstream_is_in_the_message() -> None:
    body = {"error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": "min 16"}}}
    assert parse(400, body).message == "Provider returned error: min 16"


@given(st.integers(400, 599), st.one_of(st.binary(), BODIES))
def test_no_body_makes_the_parser_raise(status: int, body: bytes) -> None:
    error = parse(status, body)
    assert error.message and error.status >= 400


def test_a_quirk_sees_the_body_first() -> None:
    context = TranslationContext(quirk=Quirk(error=lambda body: {"error": {"message": "quirky"}}))
    assert openai_chat.parse_error(WireResponse(status=400, body=b"{}"), context).message == "quirky"


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_has_an_envelope_with_its_status(code: str) -> None:
    error = BY_CODE[code]("m")
    response = openai_chat.render_error(error, CONTEXT)
    told = msgspec.json.decode(response.body)["error"]
    assert response.status == error.status and told["message"] == "m"
    assert set(told) == {"message", "type", "param", "code"} and isinstance(told["type"], str)


def test_the_envelope_says_where_and_how_long() -> None:
    response = openai_chat.render_error(RateLimited("m", retry_after=1.2), CONTEXT)
    assert response.header("retry-after") == "2"
    body = openai_chat.render_error(InvalidRequest("m", path="messages[0]"), CONTEXT).body
    assert msgspec.json.decode(body)["error"]["param"] == "messages[0]"


@pytest.mark.parametrize(
    "kind", [AuthenticationFailed, ContextTooLong, ModelNotFound, Overloaded, QuotaExceeded, RateLimited]
)
def test_an_error_that_we_sent_is_read_back_as_what_it_was(kind: type[InterlinguaError]) -> None:
    assert type(openai_chat.parse_error(openai_chat.render_error(kind("m"), CONTEXT), CONTEXT)) is kind

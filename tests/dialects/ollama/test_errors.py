"""Errors, both ways."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import ollama
from interlingua.errors import (
    BY_CODE,
    BY_PEER_CODE,
    AuthenticationFailed,
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
)
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from tests.dialects.ollama.wire import context


def told(status: int, body: bytes, using: TranslationContext | None = None, **headers: str) -> InterlinguaError:
    named = tuple((key.replace("_", "-"), value) for key, value in headers.items())
    return ollama.parse_error(WireResponse(status=status, body=body, headers=named), using or context())


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "model 'x:latest' not found", ModelNotFound),
        (404, 'model "x" not found, try pulling it first', ModelNotFound),
        (400, "registry.ollama.ai/library/x:latest does not support tools", Unsupported),
        (400, '"x" does not support thinking', Unsupported),
        (400, 'think value "low" is not supported for this model', Unsupported),
        (500, "Failed to create new sequence: missing data required for image input", Unsupported),
        (400, 'invalid think value: "odd" (must be "high", "medium", "low", true, or false)', InvalidRequest),
        (400, "model is required", InvalidRequest),
        (401, "unauthorized", AuthenticationFailed),
        (403, "this model requires a subscription, upgrade for access: https://host.example", PermissionDenied),
        (429, "you (al) have reached your weekly usage limit, upgrade for higher limits", QuotaExceeded),
        (429, "too many concurrent requests", RateLimited),
        (503, "server busy, please try again.  maximum pending requests exceeded", Overloaded),
        (500, "the input length exceeds the context length", ContextTooLong),
        (400, "prompt is too long: exceeds the available context size", ContextTooLong),
        (500, "model requires more system memory (5.6 GiB) than is available (3.2 GiB)", UpstreamError),
        (502, "upstream cloud unreachable", UpstreamError),
        (418, "odd", InvalidRequest),
    ],
)
def test_words_and_status_tell_the_class(status: int, message: str, kind: type[InterlinguaError]) -> None:
    error = told(status, msgspec.json.encode({"error": message}), context(provider="p", model="m"))
    assert type(error) is kind and error.message == message
    assert (error.provider, error.model) == ("p", "m")


def test_a_capability_is_named_and_memory_does_not_come_by_waiting() -> None:
    error = told(400, b'{"error":"\\"x\\" does not support Thinking"}')
    assert isinstance(error, Unsupported) and error.feature == "thinking"
    assert told(500, b'{"error":"model requires more system memory"}').retryable is False
    assert told(500, b'{"error":"something else"}').retryable is True


def test_numbers_of_a_context_error_are_read() -> None:
    error = told(400, b'{"error":"prompt of 5065 tokens exceeds the context length of 2,048"}')
    assert isinstance(error, ContextTooLong) and (error.limit, error.estimate) == (2048, 5065)


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b"404 page not found", InvalidRequest, "404 page not found"),
        (502, b"<html>bad gateway</html>", UpstreamError, "<html>bad gateway</html>"),
        (503, b"", Overloaded, "the provider answered 503"),
        (500, b'["odd"]', UpstreamError, '["odd"]'),
        (500, b'{"error":{"message":"no","type":"t"}}', UpstreamError, "no"),
        (500, b'{"error":["x"]}', UpstreamError, '{"error":["x"]}'),
        (401, b'{"error":"unaut', AuthenticationFailed, '{"error":"unaut'),
        (500, b"\xff", UpstreamError, "\ufffd"),
    ],
)
def test_bodies_that_are_no_error_of_this_format_are_errors_all_the_same(
    status: int, body: bytes, kind: type[InterlinguaError], message: str
) -> None:
    error = told(status, body)
    assert type(error) is kind and error.message == message


@given(st.integers(400, 599), st.binary(max_size=40))
def test_no_body_makes_reading_fail(status: int, body: bytes) -> None:
    assert isinstance(told(status, body), InterlinguaError)


def test_headers_say_how_long_to_wait_and_which_request_it_was() -> None:
    error = told(429, b'{"error":"rate limit"}', retry_after="7", x_request_id="r1")
    assert isinstance(error, RateLimited) and error.retry_after == 7.0 and error.request_id == "r1"


def test_a_quirk_sees_the_error_first() -> None:
    quirk = Quirk(error=lambda body: {"error": "server busy"})
    assert isinstance(told(500, b'{"e":1}', context(quirk=quirk)), Overloaded)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_our_own_errors_come_back_as_they_went(code: str) -> None:
    error = BY_CODE[code]("what happened")
    wire = ollama.render_error(error, context())
    assert wire.status == error.status and msgspec.json.decode(wire.body) == {"error": "what happened", "code": code}
    again = ollama.parse_error(wire, context())
    assert type(again) is BY_PEER_CODE[code] and again.message == "what happened"
    assert again.remedy == BY_PEER_CODE[code].remedy


def test_a_waiting_time_stands_in_header_and_body() -> None:
    wire = ollama.render_error(RateLimited("slow", retry_after=1.2), context())
    assert wire.header("retry-after") == "2"
    again = ollama.parse_error(wire, context())
    assert isinstance(again, RateLimited) and again.retry_after == 1.2

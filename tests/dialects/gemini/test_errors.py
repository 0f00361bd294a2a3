"""Errors, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import gemini
from interlingua.errors import (
    BY_CODE,
    BY_PEER_CODE,
    AuthenticationFailed,
    Cancelled,
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
)
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse

RPC = "type.googleapis.com/google.rpc."


def context(**more: Any) -> TranslationContext:
    return TranslationContext(dialect="gemini", provider="p", model="m", **more)


def parse(status: int, body: Any, headers: tuple[tuple[str, str], ...] = ()) -> InterlinguaError:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return gemini.parse_error(WireResponse(status=status, body=data, headers=headers), context())


def error(message: str, status: str = "", *details: dict[str, Any], code: int = 400) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def reason(word: str) -> dict[str, Any]:
    return {"@type": f"{RPC}ErrorInfo", "reason": word, "domain": "googleapis.com"}


def quota(*ids: str, value: str = "10") -> dict[str, Any]:
    return {
        "@type": f"{RPC}QuotaFailure",
        "violations": [{"quotaId": id, "quotaMetric": "metric", "quotaValue": value} for id in ids],
    }


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, error("API key not valid.", "INVALID_ARGUMENT", reason("API_KEY_INVALID")), AuthenticationFailed),
        (400, error("API key expired. Please renew the API key.", "INVALID_ARGUMENT"), AuthenticationFailed),
        (401, error("no", "UNAUTHENTICATED"), AuthenticationFailed),
        (403, error("no", "PERMISSION_DENIED"), PermissionDenied),
        (403, error("no", "PERMISSION_DENIED", reason("API_KEY_HTTP_REFERRER_BLOCKED")), PermissionDenied),
        (403, error("Method doesn't allow unregistered callers.", "PERMISSION_DENIED"), AuthenticationFailed),
        (404, error("models/x is not found for API version v1beta", "NOT_FOUND"), ModelNotFound),
        (404, error("Requested entity was not found.", "NOT_FOUND"), InvalidRequest),
        (400, error('Unknown name "x": Cannot find field.', "INVALID_ARGUMENT"), InvalidRequest),
        (400, error("User location is not supported for the API use.", "FAILED_PRECONDITION"), PermissionDenied),
        (400, error("Blocked by Responsible AI practices", "INVALID_ARGUMENT"), ContentFiltered),
        (403, error("Billing is off", "PERMISSION_DENIED", reason("BILLING_DISABLED")), QuotaExceeded),
        (429, error("Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED"), QuotaExceeded),
        (429, error("You exceeded your current quota", "RESOURCE_EXHAUSTED", quota("X", value="0")), QuotaExceeded),
        (429, error("You exceeded your current quota, please check your plan and billing details."), RateLimited),
        (499, error("The operation was cancelled.", "CANCELLED"), Cancelled),
        (500, error("An internal error has occurred.", "INTERNAL"), UpstreamError),
        (503, error("The model is overloaded.", "UNAVAILABLE"), Overloaded),
        (504, error("Deadline expired", "DEADLINE_EXCEEDED"), TimedOut),
        (502, b"<html>bad gateway</html>", UpstreamError),
        (404, b"", ModelNotFound),
        (429, [error("slow", "RESOURCE_EXHAUSTED")], RateLimited),
        (400, b'{"error": "text"}', InvalidRequest),
        (400, b'{"error": {"mess', InvalidRequest),
    ],
)
def test_errors_are_of_the_class_that_they_mean(status: int, body: Any, expected: type[InterlinguaError]) -> None:
    found = parse(status, body)
    assert type(found) is expected
    assert (found.provider, found.model) == ("p", "m")
    assert found.message


@pytest.mark.parametrize(
    ("message", "limit", "estimate"),
    [
        ("The input token count (1084310) exceeds the maximum number of tokens allowed (1048575).", 1048575, 1084310),
        ("The input token count exceeds the maximum number of tokens allowed 1,048,576.", 1048576, None),
        ("the input token count is 2097272 but model only supports up to 1048576.", 1048576, 2097272),
    ],
)
def test_a_prompt_too_long_says_by_how_much(message: str, limit: int, estimate: int | None) -> None:
    found = parse(400, error(message, "INVALID_ARGUMENT"))
    assert isinstance(found, ContextTooLong)
    assert (found.limit, found.estimate) == (limit, estimate)


def test_the_hint_when_to_retry_stands_in_the_details_the_message_or_a_header() -> None:
    info = {"@type": f"{RPC}RetryInfo", "retryDelay": "17.5s"}
    for found, seconds in (
        (parse(429, error("x", "RESOURCE_EXHAUSTED", info)), 17.5),
        (parse(429, error("Please retry in 48.9s.", "RESOURCE_EXHAUSTED")), 48.9),
        (parse(429, error("Please retry in 500ms.", "RESOURCE_EXHAUSTED")), 0.5),
        (parse(503, error("x", "UNAVAILABLE"), (("retry-after", "3"),)), 3.0),
        (parse(429, error("x", "", {"@type": f"{RPC}RetryInfo", "retryDelay": "soon"})), None),
    ):
        assert isinstance(found, RateLimited | Overloaded)
        assert found.retry_after == seconds


@pytest.mark.parametrize(
    ("ids", "scope"),
    [
        (("GenerateRequestsPerDayPerProjectPerModel-FreeTier",), "requests per day"),
        (("GenerateContentPaidTierInputTokensPerModelPerMinute",), "input tokens per minute"),
        (("TokensPerMinuteX", "GenerateRequestsPerDayPerProject"), "requests per day"),
        (("Other",), "Other"),
        ((), ""),
    ],
)
def test_a_rate_limit_says_of_what(ids: tuple[str, ...], scope: str) -> None:
    found = parse(429, error("You exceeded your current quota", "RESOURCE_EXHAUSTED", quota(*ids)))
    assert isinstance(found, RateLimited) and found.scope == scope


def test_the_providers_own_words_and_ids_are_kept() -> None:
    found = parse(400, error("x", "INVALID_ARGUMENT", reason("SOME_REASON")), (("x-goog-request-id", "q"),))
    assert (found.raw_code, found.request_id) == ("SOME_REASON", "q")
    assert parse(400, error("x", "INVALID_ARGUMENT")).raw_code == "INVALID_ARGUMENT"


def test_a_refused_field_is_named() -> None:
    details = {"@type": f"{RPC}BadRequest", "fieldViolations": [{"field": "contents[0].parts"}]}
    found = parse(400, error("x", "INVALID_ARGUMENT", details))
    assert isinstance(found, InvalidRequest) and found.path == "contents[0].parts"


def test_a_quirk_sees_the_error_first() -> None:
    surroundings = context(quirk=Quirk(error=lambda body: error(body["m"], "UNAVAILABLE")))
    found = gemini.parse_error(WireResponse(status=503, body=b'{"m": "later"}'), surroundings)
    assert (type(found), found.message) == (Overloaded, "later")


@given(
    st.integers(400, 599),
    st.binary() | st.recursive(st.none() | st.text(), lambda x: st.lists(x)).map(repr).map(str.encode),
)
def test_no_body_makes_reading_an_error_fail(status: int, body: bytes) -> None:
    assert isinstance(parse(status, body), InterlinguaError)


@given(
    st.dictionaries(
        st.sampled_from(["code", "message", "status", "details"]),
        st.none() | st.integers() | st.text() | st.lists(st.none() | st.dictionaries(st.just("@type"), st.text())),
    )
)
def test_no_envelope_makes_reading_an_error_fail(body: dict[str, Any]) -> None:
    assert isinstance(parse(400, {"error": body}), InterlinguaError)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_our_errors_are_understood_by_ourselves(code: str) -> None:
    given_error = BY_CODE[code]("it broke")
    wire = gemini.render_error(given_error, context())
    body = msgspec.json.decode(wire.body)["error"]
    assert (wire.status, body["code"], body["message"]) == (given_error.status, given_error.status, "it broke")
    assert body["status"]
    assert type(gemini.parse_error(wire, context())) is BY_PEER_CODE[code]


def test_a_known_waiting_time_stands_in_body_and_header() -> None:
    wire = gemini.render_error(RateLimited("slow", retry_after=1.5), context())
    assert wire.header("retry-after") == "2"
    found = gemini.parse_error(wire, context())
    assert isinstance(found, RateLimited) and found.retry_after == 1.5

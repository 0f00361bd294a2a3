from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua import errors
from interlingua.errors import BY_CODE, InterlinguaError, for_status
from interlingua.types.events import Failed
from tests.strategies import names, texts

EXIT_CODES = {
    "InterlinguaError": 1,
    "ConfigError": 78,
    "CredentialMissing": 77,
    "AuthenticationFailed": 77,
    "PermissionDenied": 77,
    "ModelNotFound": 64,
    "Unsupported": 64,
    "InvalidRequest": 64,
    "ContextTooLong": 64,
    "ContentFiltered": 64,
    "RateLimited": 75,
    "QuotaExceeded": 75,
    "BudgetExceeded": 75,
    "Overloaded": 75,
    "UpstreamError": 69,
    "ConnectionFailed": 69,
    "TimedOut": 69,
    "StreamInterrupted": 76,
    "NotFound": 64,
    "Conflict": 64,
    "LocalFileError": 74,
    "Cancelled": 130,
}
FIELDS = {
    "ModelNotFound": ["suggestions"],
    "Unsupported": ["feature", "alternatives"],
    "InvalidRequest": ["path"],
    "ContextTooLong": ["limit", "estimate"],
    "RateLimited": ["retry_after", "scope"],
    "Overloaded": ["retry_after"],
    "UpstreamError": ["upstream_status"],
    "TimedOut": ["phase"],
    "StreamInterrupted": ["partial", "usage"],
    "NotFound": ["what"],
    "LocalFileError": ["path"],
    "CredentialMissing": ["looked_in", "alternative"],
}
every_class = pytest.mark.parametrize("kind", BY_CODE.values(), ids=lambda kind: kind.__name__)


def test_the_tree_holds_exactly_the_promised_classes_with_their_exit_codes() -> None:
    assert {kind.__name__: kind.exit_code for kind in BY_CODE.values()} == EXIT_CODES
    assert all(getattr(errors, name) in BY_CODE.values() for name in EXIT_CODES)


@every_class
def test_each_class_stands_in_the_drawing(kind: type[InterlinguaError]) -> None:
    assert f" {kind.__name__}" in str(errors.__doc__).replace("\n", " ")


@every_class
def test_each_class_has_a_remedy_of_one_line_and_a_fault(kind: type[InterlinguaError]) -> None:
    error = kind("it broke")
    assert error.remedy.strip()
    assert "\n" not in error.remedy
    assert error.fault in ("caller", "gateway", "provider")
    assert str(error) == error.message == "it broke"
    assert 400 <= error.status < 600


@pytest.mark.parametrize(("name", "fields"), FIELDS.items())
def test_what_a_class_knows_is_there_without_being_given(name: str, fields: list[str]) -> None:
    error = getattr(errors, name)("it broke")
    assert [field for field in fields if not hasattr(error, field)] == []


@given(
    st.sampled_from(sorted(BY_CODE.values(), key=lambda kind: kind.code)),
    texts,
    st.fixed_dictionaries(
        {},
        optional={
            "remedy": texts.filter(bool),
            "provider": names,
            "model": names,
            "request_id": names,
            "retryable": st.booleans(),
            "raw_code": names,
        },
    ),
)
def test_an_error_survives_the_way_through_an_event(
    kind: type[InterlinguaError], message: str, common: dict[str, object]
) -> None:
    error = kind(message, **common)  # type: ignore[arg-type]  # hypothesis cannot type optional keys
    back = Failed.of(error).error()
    assert type(back) is kind
    for field in ("message", "remedy", "provider", "model", "request_id", "retryable", "raw_code", "fault"):
        assert getattr(back, field) == getattr(error, field)


@pytest.mark.parametrize("kind", [errors.RateLimited, errors.Overloaded])
def test_the_wait_survives_the_way_through_an_event(
    kind: type[errors.RateLimited] | type[errors.Overloaded],
) -> None:
    back = Failed.of(kind("busy", retry_after=2.5)).error()
    assert isinstance(back, kind)
    assert back.retry_after == 2.5


def test_an_event_with_a_code_that_we_do_not_know_is_still_an_error() -> None:
    error = Failed(code="from_the_future", message="new", remedy="upgrade").error()
    assert type(error) is InterlinguaError
    assert (error.message, error.remedy) == ("new", "upgrade")


def test_near_names_and_alternatives_make_the_remedy() -> None:
    assert errors.ModelNotFound("no", suggestions=["a", "b"]).remedy == "Did you mean a or b?"
    assert errors.Unsupported("no", alternatives=["a", "b"]).remedy == "Use a model that can: a, b"
    assert errors.ModelNotFound("no", suggestions=["a"], remedy="mine").remedy == "mine"


def test_an_override_of_one_instance_leaves_its_class_alone() -> None:
    assert errors.UpstreamError("no", retryable=False).retryable is False
    assert errors.UpstreamError("no").retryable is True
    assert errors.InvalidRequest("too large", status=413).status == 413
    assert errors.InvalidRequest("no").status == 400


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequest),
        (401, errors.AuthenticationFailed),
        (402, errors.QuotaExceeded),
        (403, errors.PermissionDenied),
        (404, errors.ModelNotFound),
        (418, errors.InvalidRequest),
        (429, errors.RateLimited),
        (500, errors.UpstreamError),
        (503, errors.Overloaded),
        (529, errors.Overloaded),
        (302, errors.UpstreamError),
    ],
)
def test_a_status_stands_for_a_class_where_the_body_says_nothing(status: int, kind: type[InterlinguaError]) -> None:
    assert for_status(status) is kind


def test_every_argument_of_the_base_can_be_given_to_every_class() -> None:
    common = set(inspect.signature(InterlinguaError).parameters) - {"message"}
    assert common == set(errors.Common.__annotations__)

"""Every error of ours reaches the client of every dialect as the class that is declared, whole or inside a stream."""

from __future__ import annotations

import pytest

from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.errors import BY_CODE, InterlinguaError, Overloaded, RateLimited
from interlingua.ports.context import TranslationContext
from interlingua.types.events import Event, Failed, MessageStart, PartDelta, PartStart
from interlingua.types.parts import TextPart
from tests.contract.declared import TABLE, becomes
from tests.contract.errors import ERRORS
from tests.contract.measure import parsed_stream, rendered_stream

each_dialect = pytest.mark.parametrize("name", DIALECTS)
NEVER_TOLD = {"config_error", "local_file_error", "cancelled"}
"""Errors that never reach a client of the gateway."""


def told(error: InterlinguaError, name: str) -> InterlinguaError:
    """An error as a dialect's client reads it."""
    context = TranslationContext(dialect=name)
    return dialect(name).parse_error(dialect(name).render_error(error, context), context)


def told_in_stream(error: InterlinguaError, name: str) -> Failed:
    """The same in the middle of a text."""
    begun: list[Event] = [
        MessageStart(id="id-1", model="m"),
        PartStart(index=0, part=TextPart(text="")),
        PartDelta(index=0, text="Hi"),
    ]
    wire, _ = rendered_stream([*begun, Failed.of(error)], name)
    last = parsed_stream(wire, name)[-1]
    assert isinstance(last, Failed)
    return last


@each_dialect
@pytest.mark.parametrize("code", ERRORS)
def test_an_error_keeps_its_class_message_and_status(code: str, name: str) -> None:
    """Or becomes the nearest that the dialect knows, as the table says."""
    error = ERRORS[code]
    found = told(error, name)
    assert found.code == becomes(code, name, stream=False)
    assert found.message == error.message
    assert found.status // 100 == error.status // 100


@each_dialect
@pytest.mark.parametrize("code", ERRORS)
def test_an_error_inside_a_stream_keeps_class_and_message(code: str, name: str) -> None:
    """There is no status any more to tell it by."""
    found = told_in_stream(ERRORS[code], name)
    assert found.code == becomes(code, name, stream=True)
    assert found.message == ERRORS[code].message


@each_dialect
@pytest.mark.parametrize("code", ["rate_limited", "overloaded"])
def test_how_long_to_wait_is_told(code: str, name: str) -> None:
    """In whole seconds."""
    before, after = ERRORS[code], told(ERRORS[code], name)
    assert isinstance(before, RateLimited | Overloaded)
    assert isinstance(after, RateLimited | Overloaded)
    assert after.retry_after == before.retry_after


def test_the_table_speaks_of_every_error_that_a_client_may_be_told_of() -> None:
    """A new class must be thought about."""
    assert list(TABLE["error"]) == list(ERRORS)
    assert set(BY_CODE) - set(ERRORS) == NEVER_TOLD

"""Code of others around calls."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from interlingua.errors import ConfigError, InterlinguaError, PermissionDenied
from interlingua.gateway.hooks import CallView, Hooks, load_hooks
from interlingua.ports.store import LedgerRow
from tests.telemetry.rows import call

VIEW = CallView(
    request_id="req_1",
    tenant="lab",
    key="bench",
    dialect="gemini",
    operation="chat",
    model="m",
    stream=True,
    body=b"{}",
)


class Adding:
    """Adds a letter to the body."""

    def __init__(self, letter: bytes = b"a") -> None:
        self.letter = letter

    def before_request(self, call: CallView) -> bytes:
        return call.body + self.letter


class Slow:
    """Thinks about it, and changes nothing."""

    async def before_request(self, call: CallView) -> None:
        self.seen = call.body


class Refusing:
    """Lets nobody in."""

    def before_request(self, call: CallView) -> None:
        raise PermissionDenied("not today")


class Broken:
    """Always fails."""

    def before_request(self, call: CallView) -> None:
        raise ZeroDivisionError("a bug")

    def on_event(self, call: CallView, data: bytes) -> None:
        raise ZeroDivisionError("a bug")

    def after_response(self, row: LedgerRow) -> None:
        raise ZeroDivisionError("a bug")


class Watching:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_event(self, call: CallView, data: bytes) -> None:
        self.told.append(data)

    def after_response(self, row: LedgerRow) -> None:
        self.told.append(row.request_id)


def entry(name: str) -> EntryPoint:
    return EntryPoint("one", f"tests.gateway.test_hooks:{name}", "interlingua.hooks")


async def test_each_hook_sees_the_body_as_the_one_before_left_it() -> None:
    slow = Slow()
    hooks = Hooks([("a", Adding(b"1")), ("b", slow), ("c", Adding(b"2"))])
    assert await hooks.before(VIEW) == b"{}12"
    assert slow.seen == b"{}1"


async def test_a_hook_refuses_a_call_with_an_error_of_ours() -> None:
    with pytest.raises(PermissionDenied, match="not today"):
        await Hooks([("guard", Refusing())]).before(VIEW)


async def test_a_check_that_fails_to_run_has_not_passed(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InterlinguaError, match="the hook 'guard' of this gateway failed"):
        await Hooks([("guard", Broken())]).before(VIEW)
    assert "ZeroDivisionError: a bug" in caplog.text


def test_a_watcher_that_fails_is_logged_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    watching = Watching()
    hooks = Hooks([("broken", Broken()), ("watching", watching)])
    with caplog.at_level(logging.ERROR):
        hooks.event(VIEW, b"data")
        hooks.after(call())
    assert watching.told == [b"data", "req_1"]
    assert caplog.text.count("ZeroDivisionError") == 2


async def test_pieces_of_a_stream_are_told_of_before_they_go_out() -> None:
    watching, sent = Watching(), []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append((message["type"], len(watching.told)))

    told = Hooks([("a", watching)]).watching(VIEW, send)
    await told({"type": "http.response.start", "status": 200})
    await told({"type": "http.response.body", "body": b"one", "more_body": True})
    await told({"type": "http.response.body", "body": b""})
    assert watching.told == [b"one"]
    assert sent == [("http.response.start", 0), ("http.response.body", 1), ("http.response.body", 1)]


async def test_where_nobody_wants_events_nothing_stands_in_their_way() -> None:
    async def send(message: MutableMapping[str, Any]) -> None:
        raise AssertionError

    assert Hooks([("a", Adding())]).watching(VIEW, send) is send


async def test_hooks_are_found_by_entry_point_and_classes_are_made() -> None:
    hooks = load_hooks([entry("Adding")])
    assert hooks is not None
    assert await hooks.before(VIEW) == b"{}a"


def test_without_hooks_there_is_nothing_to_ask() -> None:
    assert load_hooks([]) is None
    assert load_hooks() is None


@pytest.mark.parametrize("name", ["Missing", "VIEW"])
def test_an_entry_point_that_is_no_hook_stops_the_start_and_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="'one'"):
        load_hooks([entry(name)])

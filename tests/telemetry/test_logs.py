"""Log lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from interlingua.telemetry.logs import Handler, Logs, call_level, open_logs, style_of
from interlingua.types.loss import Loss
from interlingua.types.secret import Secret
from tests.telemetry.rows import attempt, call

CANARY = "canary-7f3a-not-shaped-like-a-key"


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """The process's loggers as they were before."""
    names = ("", "interlingua", "uvicorn.error")
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, Handler)]:
        root.removeHandler(handler)


def json_line(**changes: Any) -> dict[str, Any]:
    """The line of one call."""
    stream = io.StringIO()
    Logs(stream, "json").observe(call(**changes))
    found: dict[str, Any] = json.loads(stream.getvalue())
    return found


def test_a_call_is_one_line_of_json_with_all_that_an_operator_asks() -> None:
    assert json_line() == {
        "time": "2026-09-21T14:13:22.100Z",
        "level": "info",
        "logger": "interlingua.calls",
        "request_id": "req_1",
        "tenant": "lab",
        "key": "bench",
        "dialect": "anthropic_messages",
        "operation": "chat",
        "model": "fast",
        "stream": True,
        "status": 200,
        "seconds": 2.1,
        "target": "openai/gpt-6-sol",
        "lane": "translated",
        "attempts": 1,
        "first_seconds": 1.0,
        "finish": "stop",
        "input_tokens": 100,
        "output_tokens": 21,
        "cost_usd": 0.003,
    }


def test_failed_attempts_errors_and_losses_are_told() -> None:
    stream = io.StringIO()
    failed = attempt(target="lab/small", status=503, error="overloaded", usage=None, cost=None)
    lost = Loss(field="seed", dialect="gemini", reason="no field", action="warn")
    Logs(stream, "json").observe(call(failed, attempt(cost=None), error="stream_interrupted", losses=(lost,)))
    line = json.loads(stream.getvalue())
    assert line["failed"] == [{"target": "lab/small", "status": 503, "error": "overloaded"}]
    assert (line["error"], line["losses"], line["cost_usd"]) == ("stream_interrupted", ["seed"], None)


def test_a_refused_call_has_neither_target_nor_cost() -> None:
    line = json_line(attempts=(), status=403, error="permission_denied")
    assert line["error"] == "permission_denied"
    assert not {"target", "cost_usd", "input_tokens", "lane"} & line.keys()


@pytest.mark.parametrize(
    ("error", "status", "level"),
    [
        (None, 200, "info"),
        ("invalid_request", 400, "info"),
        ("cancelled", 499, "info"),
        ("upstream_error", 502, "warning"),
        ("rate_limited", 429, "warning"),
        ("budget_exceeded", 429, "warning"),
        ("internal_error", 500, "error"),
    ],
)
def test_the_level_says_whether_the_operator_should_care(error: str | None, status: int, level: str) -> None:
    assert logging.getLevelName(call_level(call(error=error, status=status))).lower() == level


def test_calls_below_the_level_are_not_told() -> None:
    stream = io.StringIO()
    logs = Logs(stream, "json", "warning")
    logs.observe(call())
    logs.observe(call(error="upstream_error", status=502))
    assert [json.loads(line)["status"] for line in stream.getvalue().splitlines()] == [502]


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_credential_reaches_a_line_whatever_field_it_stands_in(style: Any) -> None:
    stream = io.StringIO()
    logs = Logs(stream, style, "info", [Secret(CANARY)])
    shaped = "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz012345"
    for field in ("model", "tenant", "key"):
        logs.observe(call(**{field: CANARY}))
        logs.observe(call(**{field: f"x {shaped}"}))
    logs.observe(call(attempt(target=f"openai/{CANARY}")))
    logs.message(logging.INFO, "x", f"Authorization: Bearer {shaped} and {CANARY}", f"trace\n{CANARY}")
    assert stream.getvalue()
    assert CANARY not in stream.getvalue()
    assert shaped not in stream.getvalue()


def test_a_secret_that_is_learnt_later_is_masked_from_then_on() -> None:
    stream = io.StringIO()
    logs = Logs(stream, "text")
    logs.observe(call(model=CANARY))
    assert CANARY in stream.getvalue()
    stream.truncate(0)
    logs.know([Secret(CANARY)])
    logs.observe(call(model=CANARY))
    assert CANARY not in stream.getvalue()


def test_what_clients_write_neither_breaks_a_line_nor_drives_the_terminal() -> None:
    stream = Terminal()
    logs = Logs(stream, "text")
    logs.observe(call(model="a\nb\x1b[2J\x9bc\u2028d"))
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()


def test_people_get_text_and_machines_get_json() -> None:
    assert style_of("auto", Terminal()) == "text"
    assert style_of("auto", io.StringIO()) == "json"
    assert style_of("json", Terminal()) == "json"


def test_text_names_who_answered_how_long_it_took_and_what_it_cost() -> None:
    stream = io.StringIO()
    Logs(stream, "text").observe(call())
    assert "200 anthropic_messages fast → openai/gpt-6-sol 2.10 s 100 in 21 out $0.003000 bench req_1" in (
        stream.getvalue()
    )


def test_what_is_said_through_logging_becomes_the_same_lines() -> None:
    stream = io.StringIO()
    open_logs("json", "info", [Secret(CANARY)], stream)
    logging.getLogger("interlingua.ledger").error("the disk %s is full", CANARY)
    logging.getLogger("interlingua.ledger").debug("unheard")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("error", "interlingua.ledger", "the disk *** is full")


def test_an_exception_is_one_line_and_its_trace_only_told_at_debug() -> None:
    for level, traced in (("info", False), ("debug", True)):
        stream = io.StringIO()
        open_logs("json", level, (), stream)  # type: ignore[arg-type]  # a loop over literals
        try:
            raise ValueError("a bad thing")
        except ValueError:
            logging.getLogger("interlingua.gateway").exception("it failed")
        line = json.loads(stream.getvalue())
        assert line["message"].startswith("it failed: ValueError: a bad thing (")
        assert ("trace" in line) is traced


def test_opening_again_replaces_what_was_open() -> None:
    first, second = io.StringIO(), io.StringIO()
    open_logs("json", "info", (), first)
    open_logs("json", "info", (), second)
    logging.getLogger("interlingua").info("hello")
    assert first.getvalue() == ""
    assert "hello" in second.getvalue()


def test_a_log_that_nobody_reads_any_more_ends_no_call() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    logs = Logs(Broken(), "json")
    logs.observe(call())
    assert logs.style == "json"

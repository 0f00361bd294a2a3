"""What is told of calls, and what it follows from."""

from __future__ import annotations

import io
import json

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.engine.engine import Engine
from interlingua.engine.router import ModelAlias
from interlingua.gateway.hooks import Hooks
from interlingua.gateway.seeing import Seeing, known_targets, open_seeing
from interlingua.ports.store import LedgerRow
from interlingua.telemetry.logs import Logs
from interlingua.telemetry.metrics import Metrics
from interlingua.telemetry.settings import TelemetrySettings
from interlingua.types.secret import Secret
from tests.telemetry.rows import attempt, call

CANARY = "canary-7f3a-not-shaped-like-a-key"


def engine() -> Engine:
    lab = {"base_url": "http://127.0.0.1:9101/v1", "dialect": "openai_chat", "api_keys": ["env:LAB_KEY"]}
    config = Config(
        providers={"lab": lab},
        models={"fast": ModelAlias(targets=("lab/small", "lab/*", "gpt-6-sol"))},
    )
    return build_engine(config, environment={"LAB_KEY": CANARY})


def text(metrics: Metrics | None) -> str:
    assert metrics is not None
    return metrics.text(running=0, waiting=0, lost=0)[0].decode()


class Watching:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.rows: list[LedgerRow] = []

    def after_response(self, row: LedgerRow) -> None:
        self.rows.append(row)


def test_the_catalogs_models_and_the_configurations_are_told_apart() -> None:
    known = known_targets(engine())
    assert known["openai/gpt-6-sol"] == ("openai", "gpt-6-sol")
    assert known["lab/small"] == ("lab", "small")
    assert "lab/*" not in known
    assert len(set(known.values())) <= len(known) < 5000


def test_a_call_is_told_to_everybody() -> None:
    stream, watching = io.StringIO(), Watching()
    seeing = Seeing(Metrics(), Logs(stream, "json"), None, Hooks([("one", watching)]))
    seeing.observe(call())
    assert json.loads(stream.getvalue())["request_id"] == "req_1"
    assert "interlingua_requests_total{" in text(seeing.metrics)
    assert watching.rows == [call()]


def test_a_request_that_never_became_a_call_is_counted_and_logged() -> None:
    stream = io.StringIO()
    seeing = Seeing(Metrics(), Logs(stream, "json"))
    seeing.refused("req_9", "", "", 1.0, 404, "not_found")
    line = json.loads(stream.getvalue())
    assert (line["status"], line["error"], line["dialect"]) == (404, "not_found", "none")
    assert 'error="not_found"' in text(seeing.metrics)


def test_a_call_that_failed_is_not_told_of_a_second_time_as_refused() -> None:
    stream = io.StringIO()
    seeing = Seeing(Metrics(), Logs(stream, "json"))
    seeing.observe(call(request_id="req_9", status=400, error="invalid_request"))
    seeing.refused("req_9", "gemini", "embeddings", 1.0, 400, "invalid_request")
    assert len(stream.getvalue().splitlines()) == 1


def test_the_providers_credentials_and_our_own_are_masked() -> None:
    stream = io.StringIO()
    logs = Logs(stream, "json")
    seeing = open_seeing(TelemetrySettings(), engine(), logs, None, [Secret("admin-token-of-ours")])
    seeing.observe(call(model=CANARY, tenant="admin-token-of-ours"))
    assert (json.loads(stream.getvalue())["model"], json.loads(stream.getvalue())["tenant"]) == ("***", "***")


def test_other_names_are_told_apart_with_another_engine() -> None:
    seeing = open_seeing(TelemetrySettings(), engine(), None, None, ())
    seeing.observe(call(attempt(target="lab/small")))
    seeing.know(build_engine(Config(), environment={}))
    seeing.observe(call(attempt(target="lab/small")))
    counted = [line for line in text(seeing.metrics).splitlines() if line.startswith("interlingua_requests_total{")]
    assert {'provider="lab"' in line for line in counted} == {True, False}


def test_what_is_switched_off_is_not_there() -> None:
    seeing = open_seeing(TelemetrySettings(metrics=False, traces=False), engine(), None, None, ())
    assert (seeing.metrics, seeing.tracing) == (None, None)
    seeing.observe(call())
    seeing.arrived((("traceparent", "x"),))

"""Counts for Prometheus."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from interlingua.telemetry.metrics import Metrics
from interlingua.types.usage import Usage
from tests.telemetry.rows import attempt, call

SOL = {"provider": "openai", "model": "gpt-6-sol"}


def metrics() -> Metrics:
    return Metrics({"openai/gpt-6-sol": ("openai", "gpt-6-sol")}, ["openai", "lab"])


def figures(counted: Metrics, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The samples of a name by their labels."""
    text = counted.text(running=0, waiting=0, lost=0)[0].decode()
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def figure(counted: Metrics, name: str, **labels: str) -> float:
    """The one sample of a name that has all of these labels."""
    (found,) = [value for had, value in figures(counted, name).items() if set(labels.items()) <= set(had)]
    return found


def test_a_call_counts_once_with_who_asked_how_and_how_it_ended() -> None:
    counted = metrics()
    counted.observe(call())
    labels = {"dialect": "anthropic_messages", "operation": "chat", "status": "2xx", "error": "none", **SOL}
    assert figure(counted, "interlingua_requests_total", **labels) == 1
    assert figure(counted, "interlingua_request_seconds_sum", **SOL) == 2.1


def test_every_attempt_counts_with_the_lane_and_the_error_of_its_own() -> None:
    counted = metrics()
    counted.observe(call(attempt(status=429, error="rate_limited", usage=None, cost=None), attempt(lane="verbatim")))
    assert figure(counted, "interlingua_attempts_total", error="rate_limited", status="4xx", lane="translated") == 1
    assert figure(counted, "interlingua_attempts_total", error="none", status="2xx", lane="verbatim") == 1
    assert figure(counted, "interlingua_requests_total") == 1


def test_tokens_count_by_kind_and_unknown_ones_not_at_all() -> None:
    counted = metrics()
    counted.observe(call())
    counted.observe(call(attempt(usage=Usage())))
    kinds = {dict(labels)["kind"]: value for labels, value in figures(counted, "interlingua_tokens_total").items()}
    assert kinds == {"input": 100, "output": 21, "cache_read": 40, "cache_creation": 0, "reasoning": 5}


def test_known_cost_adds_up_and_unknown_cost_counts_apart() -> None:
    counted = metrics()
    counted.observe(call())
    counted.observe(call(attempt(cost=None)))
    counted.observe(call(attempt(cost=None, error="overloaded", usage=None)))
    assert figure(counted, "interlingua_cost_usd_total", **SOL) == 0.003
    assert figure(counted, "interlingua_cost_unknown_total", **SOL) == 1


def test_a_stream_tells_its_first_token_and_the_mean_time_between_tokens() -> None:
    counted = metrics()
    counted.observe(call())
    assert figure(counted, "interlingua_time_to_first_token_seconds_sum", **SOL) == 1.0
    assert figure(counted, "interlingua_inter_token_seconds_sum", **SOL) == 0.05
    counted.observe(call(stream=False))
    assert figure(counted, "interlingua_time_to_first_token_seconds_count", **SOL) == 1


def test_a_stream_that_broke_off_counts_as_interrupted() -> None:
    counted = metrics()
    counted.observe(call())
    assert figures(counted, "interlingua_stream_interruptions_total") == {}
    counted.observe(call(attempt(error="stream_interrupted"), error="stream_interrupted", status=502))
    assert figure(counted, "interlingua_stream_interruptions_total", **SOL) == 1


def test_models_and_providers_that_nobody_configured_are_other() -> None:
    counted = metrics()
    for number in range(500):
        counted.observe(call(attempt(target=f"lab/invented-{number}"), model=f"invented-{number}"))
        counted.observe(call(attempt(target=f"invented-{number}/x")))
    assert len(figures(counted, "interlingua_requests_total")) == 2
    assert figure(counted, "interlingua_requests_total", provider="lab", model="other") == 500
    assert figure(counted, "interlingua_requests_total", provider="other", model="other") == 500


def test_tenants_keys_and_request_ids_are_no_labels() -> None:
    counted = metrics()
    counted.observe(call(tenant="acme-tenant", key="acme-key", request_id="req_acme"))
    assert b"acme" not in counted.text(running=0, waiting=0, lost=0)[0]


def test_a_call_that_was_refused_before_any_attempt_has_no_provider() -> None:
    counted = metrics()
    counted.observe(call(attempts=(), status=429, error="rate_limited"))
    labels = {"provider": "none", "model": "none", "status": "4xx", "error": "rate_limited"}
    assert figure(counted, "interlingua_requests_total", **labels) == 1


def test_gauges_say_how_things_are_and_lost_rows_never_go_back() -> None:
    counted = metrics()
    for lost in (2, 5, 5):
        text = counted.text(running=3, waiting=7, lost=lost, config_valid=False)[0].decode()
    assert "interlingua_running_calls 3.0" in text
    assert "interlingua_ledger_waiting_rows 7.0" in text
    assert "interlingua_ledger_lost_rows_total 5.0" in text
    assert "interlingua_configuration_valid 0.0" in text


def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    plain = metrics().text(running=0, waiting=0, lost=0)
    asked = metrics().text(running=0, waiting=0, lost=0, accept="application/openmetrics-text; version=1.0.0")
    assert plain[1].startswith("text/plain")
    assert asked[1].startswith("application/openmetrics-text")
    assert asked[0].endswith(b"# EOF\n")


WORKER = """
from interlingua.telemetry.metrics import Metrics
from tests.telemetry.rows import call
metrics = Metrics({"openai/gpt-6-sol": ("openai", "gpt-6-sol")}, ["openai"])
metrics.observe(call())
print(metrics.text(running=1, waiting=0, lost=0)[0].decode())
"""


def test_several_processes_count_together_in_a_shared_folder(tmp_path: Path) -> None:
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for counted in (1.0, 2.0):
        ran = subprocess.run([sys.executable, "-c", WORKER], env=env, capture_output=True, text=True, check=True)
        (line,) = [one for one in ran.stdout.splitlines() if one.startswith("interlingua_requests_total{")]
        assert line.endswith(f" {counted}")


def test_what_was_told_once_is_not_told_again_and_what_comes_later_is_added() -> None:
    counted = metrics()
    for expected in (1, 2, 3):
        counted.observe(call())
        assert figure(counted, "interlingua_requests_total", **SOL) == expected
        assert figure(counted, "interlingua_request_seconds_count", **SOL) == expected
        assert figure(counted, "interlingua_request_seconds_bucket", le="2.5", **SOL) == expected
        assert figure(counted, "interlingua_request_seconds_bucket", le="1.0", **SOL) == 0


def test_calls_keep_their_labels_when_the_known_models_change() -> None:
    counted = metrics()
    counted.observe(call())
    counted.know({"openai/gpt-6-sol": ("openai", "renamed")}, ["openai"])
    counted.observe(call())
    assert figure(counted, "interlingua_requests_total", **SOL) == 1
    assert figure(counted, "interlingua_requests_total", provider="openai", model="renamed") == 1


def test_tasks_of_the_event_loop_are_told() -> None:
    text = metrics().text(running=0, waiting=0, lost=0, tasks=5)[0].decode()
    assert "interlingua_tasks 5.0" in text

"""Spans."""

from __future__ import annotations

import subprocess
import sys

from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from interlingua.telemetry.tracing import Tracing, open_tracing
from tests.telemetry.rows import START, attempt, call

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def tracing() -> tuple[Tracing, InMemorySpanExporter]:
    """What makes spans, and where they end up."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider.get_tracer("test")), exporter


def test_a_call_is_a_span_around_one_span_for_each_attempt() -> None:
    tracer, exporter = tracing()
    tracer.observe(call(attempt(error="overloaded", status=503, target="lab/small"), attempt()))
    first, second, whole = exporter.get_finished_spans()
    assert [one.name for one in (first, second, whole)] == ["chat small", "chat gpt-6-sol", "chat fast"]
    assert whole.context is not None
    for one in (first, second):
        assert one.parent is not None
        assert one.parent.span_id == whole.context.span_id
        assert one.kind is trace.SpanKind.CLIENT
    assert whole.kind is trace.SpanKind.SERVER
    assert first.status.status_code is trace.StatusCode.ERROR
    assert second.status.is_ok
    assert whole.status.is_ok


def test_spans_have_the_times_of_the_call() -> None:
    tracer, exporter = tracing()
    tracer.observe(call())
    _, whole = exporter.get_finished_spans()
    assert (whole.start_time, whole.end_time) == (START * 1000, (START + 2_100_000) * 1000)


def test_a_failure_of_ours_is_an_error_and_a_clients_mistake_is_none() -> None:
    tracer, exporter = tracing()
    tracer.observe(call(attempts=(), error="internal_error", status=500))
    tracer.observe(call(attempts=(), error="invalid_request", status=400))
    ours, theirs = exporter.get_finished_spans()
    assert ours.status.status_code is trace.StatusCode.ERROR
    assert theirs.status.status_code is trace.StatusCode.UNSET
    assert theirs.attributes is not None
    assert theirs.attributes["error.type"] == "invalid_request"


def test_a_call_is_part_of_what_its_client_says() -> None:
    tracer, exporter = tracing()
    before = context.get_current()
    token = context.attach(before)
    try:
        tracer.enter((("traceparent", PARENT), ("authorization", "x")))
        tracer.observe(call())
    finally:
        context.detach(token)
    whole = exporter.get_finished_spans()[-1]
    assert whole.context is not None
    assert whole.parent is not None
    assert f"{whole.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{whole.parent.span_id:016x}" == PARENT.split("-")[2]
    assert whole.kind is trace.SpanKind.SERVER


def test_a_span_that_is_there_already_is_the_parent_and_the_header_is_its_own_business() -> None:
    tracer, exporter = tracing()
    outer = TracerProvider().get_tracer("server").start_span("POST /v1/chat/completions")
    with trace.use_span(outer):
        tracer.enter((("traceparent", PARENT),))
        tracer.observe(call())
    whole = exporter.get_finished_spans()[-1]
    assert whole.parent is not None
    assert whole.parent.span_id == outer.get_span_context().span_id
    assert whole.kind is trace.SpanKind.INTERNAL


def test_where_nobody_takes_spans_none_are_made() -> None:
    assert open_tracing() is None


def test_without_an_sdk_opentelemetry_is_not_even_imported() -> None:
    program = (
        "import sys; from interlingua.telemetry.tracing import open_tracing; assert open_tracing() is None;"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr

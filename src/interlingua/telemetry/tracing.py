"""Spans of calls and their attempts, made from the row of a call when it is over.

So a call that runs pays nothing, and one that was cancelled has its spans like any other. Needs `opentelemetry-api`
(the extra `telemetry`) and somebody who sets an SDK up, such as the program `opentelemetry-instrument`; without either
nothing is imported and `open_tracing` gives None.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from interlingua._version import __version__
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.telemetry.genai import attempt_attributes, call_attributes

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

PROVIDER_VARIABLE = "OTEL_PYTHON_TRACER_PROVIDER"
PARENT_HEADERS = ("traceparent", "tracestate")


class Tracing:
    """Makes spans.

    Args:
        tracer: of OpenTelemetry.
        names: the convention's names of providers, by id, where they differ.
        clean: takes credentials out of what clients wrote.
    """

    def __init__(
        self, tracer: Tracer, names: Mapping[str, str] | None = None, clean: Callable[[str], str] = str
    ) -> None:
        self._tracer = tracer
        self._names = names or {}
        self._clean = clean

    def observe(self, row: LedgerRow, parent: Context | None = None) -> None:
        """Makes the spans of a call that is over.

        Args:
            row: the call.
            parent: what it is part of; what is current, by default.
        """
        from opentelemetry import trace

        above = trace.get_current_span(parent).get_span_context()
        ours = above.is_valid and not above.is_remote
        span = self._tracer.start_span(
            f"{row.operation} {self._clean(row.model)}".strip(),
            parent,
            trace.SpanKind.INTERNAL if ours else trace.SpanKind.SERVER,
            call_attributes(row, self._clean),
            start_time=row.started * 1000,
        )
        within = trace.set_span_in_context(span, parent)
        for attempt in row.attempts:
            self._attempt(row, attempt, within)
        if row.error is not None and row.status >= 500:
            span.set_status(trace.StatusCode.ERROR, row.error)
        span.end((row.started + row.duration) * 1000)

    def enter(self, headers: tuple[tuple[str, str], ...]) -> None:
        """Makes what the present task does part of what a client's headers say that its request is part of.

        Args:
            headers: names in lower case.
        """
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        told = {name: value for name, value in headers if name in PARENT_HEADERS}
        # Where something around us has made a span for the request already, ours are part of that one.
        if told and not trace.get_current_span().get_span_context().is_valid:
            context.attach(TraceContextTextMapPropagator().extract(told))

    def _attempt(self, row: LedgerRow, attempt: AttemptRow, within: Context) -> None:
        from opentelemetry.trace import SpanKind, StatusCode

        span = self._tracer.start_span(
            f"{row.operation} {self._clean(attempt.target.partition('/')[2])}".strip(),
            within,
            SpanKind.CLIENT,
            attempt_attributes(row, attempt, self._names, self._clean),
            start_time=attempt.started * 1000,
        )
        if attempt.error is not None:
            span.set_status(StatusCode.ERROR, attempt.error)
        span.end((attempt.started + attempt.duration) * 1000)


def open_tracing(names: Mapping[str, str] | None = None, clean: Callable[[str], str] = str) -> Tracing | None:
    """What makes spans, or None where nobody has set up who takes them.

    Args:
        names: the convention's names of providers, by id, where they differ.
        clean: takes credentials out of what clients wrote.
    """
    if "opentelemetry.trace" not in sys.modules and not os.environ.get(PROVIDER_VARIABLE):
        return None
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    return Tracing(provider.get_tracer("interlingua", __version__), names, clean)

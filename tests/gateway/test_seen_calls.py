"""Calls through the whole gateway, as log, metrics, spans and hooks tell of them."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from interlingua.errors import PermissionDenied
from interlingua.gateway.app import Gateway
from interlingua.gateway.build import token_path
from interlingua.gateway.hooks import CallView, Hooks
from interlingua.gateway.seeing import Seeing, open_seeing
from interlingua.ports.store import LedgerRow
from interlingua.telemetry.logs import Logs
from interlingua.telemetry.tracing import Tracing
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.secret import Secret
from tests.cli.runs import openai_stream
from tests.gateway.asgi import call, gateway

CANARY = "sk-canary-7F3aBcDeFgHiJkLmNoPqRsTuVwXyZ0"
PLAIN = "canary-of-ours-without-a-shape"
MODEL = "openai/gpt-6-sol"
ASKED = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

INFERENCE = (
    *("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1beta/models/gpt-6-sol:generateContent"),
    *("/api/chat", "/api/generate", "/api/chat/stream", "/api/chat/complete", "/v1/embeddings", "/v1/moderations"),
    *("/v1/messages/count_tokens", "/v1/responses/input_tokens"),
)
"""Paths on which something goes to a provider, one for each kind."""


class Seen:
    """Everything that was told."""

    def __init__(self, app: Gateway, stream: io.StringIO, spans: InMemorySpanExporter) -> None:
        self.app = app
        self._stream = stream
        self._spans = spans

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    @property
    def metrics(self) -> str:
        metrics = self.app.state.seeing.metrics
        assert metrics is not None
        return metrics.text(running=0, waiting=0, lost=0)[0].decode()

    def requests(self) -> list[str]:
        return [line for line in self.metrics.splitlines() if line.startswith("interlingua_requests_total{")]

    @property
    def spans(self) -> list[Any]:
        return list(self._spans.get_finished_spans())

    def everything(self) -> str:
        told = [span.to_json() for span in self.spans]
        return "\n".join([self._stream.getvalue(), self.metrics, *told])


@asynccontextmanager
async def seen(folder: Path, *scripts: Script, hooks: Hooks | None = None) -> AsyncIterator[Seen]:
    """A gateway in front of a scripted provider, and all that it tells."""
    environment = {"OPENAI_API_KEY": PLAIN}
    async with gateway(folder, ScriptedTransport(scripts), environment) as app:
        stream, exporter, provider = io.StringIO(), InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        logs = Logs(stream, "json")
        seeing = open_seeing(app.state.config.telemetry, app.state.engine, logs, hooks, [Secret("x" * 40)])
        seeing.tracing = Tracing(provider.get_tracer("test"), {}, logs.clean)
        app.state.seeing, app.state.hooks = seeing, hooks
        before = context.attach(context.get_current())
        try:
            yield Seen(app, stream, exporter)
        finally:
            context.detach(before)


async def test_a_stream_is_told_of_once_with_its_attempt(tmp_path: Path) -> None:
    async with seen(tmp_path, openai_stream("Hi", " there")) as told:
        answer = await call(told.app, "POST", "/v1/chat/completions", ASKED)
        assert answer.status == 200
        (line,) = told.lines
        assert (line["status"], line["target"], line["lane"]) == (200, MODEL, "verbatim")
        assert (line["input_tokens"], line["output_tokens"]) == (10, 5)
        assert line["request_id"] == answer.headers["x-request-id"]
        (counted,) = told.requests()
        assert 'error="none"' in counted
        assert 'model="gpt-6-sol"' in counted
        attempt, whole = told.spans
        assert attempt.parent.span_id == whole.context.span_id


async def test_the_clients_trace_goes_on(tmp_path: Path) -> None:
    async with seen(tmp_path, openai_stream("Hi")) as told:
        await call(told.app, "POST", "/v1/chat/completions", ASKED, headers={"traceparent": PARENT})
        assert {f"{span.context.trace_id:032x}" for span in told.spans} == {PARENT.split("-")[1]}


async def test_a_client_that_leaves_is_told_of_once(tmp_path: Path) -> None:
    async with seen(tmp_path, openai_stream("Hi", " there").stalled(after=1)) as told:
        await call(told.app, "POST", "/v1/chat/completions", ASKED, leave_after=1)
        assert [line["error"] for line in told.lines] == ["cancelled"]
        assert len(told.requests()) == 1


@pytest.mark.parametrize(
    ("method", "path", "headers", "error", "operation"),
    [
        ("GET", "/nowhere", {}, "not_found", "none"),
        ("GET", "/metrics", {}, "authentication_failed", "health"),
        ("POST", "/v1/chat/completions", {"host": "evil.example"}, "permission_denied", "chat"),
        ("POST", "/v1/embeddings", {}, "invalid_request", "embeddings"),
        ("POST", "/v1/messages", {}, "invalid_request", "chat"),
    ],
)
async def test_a_refused_request_is_told_of_once(
    tmp_path: Path, method: str, path: str, headers: dict[str, str], error: str, operation: str
) -> None:
    async with seen(tmp_path) as told:
        answer = await call(told.app, method, path, b"nonsense", headers=headers)
        (line,) = told.lines
        assert (line["error"], line["operation"]) == (error, operation)
        assert line["status"] == answer.status
        assert len(told.requests()) == 1


async def test_paths_of_clients_are_in_no_label(tmp_path: Path) -> None:
    async with seen(tmp_path) as told:
        for number in range(20):
            await call(told.app, "GET", f"/nowhere/{number}")
        assert len(told.requests()) == 1
        assert "nowhere" not in told.metrics


async def test_a_canary_is_found_in_no_line_no_figure_and_no_span(tmp_path: Path) -> None:
    refused = Script.json({"error": {"message": f"bad key {CANARY} {PLAIN}", "type": CANARY}}, status=401)
    async with seen(tmp_path, refused, refused, openai_stream("Hi")) as told:
        for model in (MODEL, f"openai/{CANARY}", f"openai/{PLAIN}"):
            body = {**ASKED, "model": model, "user": CANARY, CANARY: PLAIN}
            headers = {"authorization": f"Bearer {CANARY}", "x-api-key": PLAIN, "traceparent": CANARY}
            await call(told.app, "POST", f"/v1/chat/completions?key={CANARY}", body, headers=headers)
        await call(told.app, "GET", f"/{CANARY}/{PLAIN}?key={CANARY}")
        assert len(told.lines) == 4
        assert CANARY not in told.everything()
        assert PLAIN not in told.everything()


class Recording:
    """Sees everything, and changes a word."""

    def __init__(self) -> None:
        self.views: list[CallView] = []
        self.pieces: list[bytes] = []
        self.rows: list[LedgerRow] = []

    def before_request(self, call: CallView) -> bytes:
        self.views.append(call)
        return call.body.replace(b"Hello", b"Goodbye")

    def on_event(self, call: CallView, data: bytes) -> None:
        self.pieces.append(data)

    def after_response(self, row: LedgerRow) -> None:
        self.rows.append(row)


async def test_hooks_see_and_change_a_call(tmp_path: Path) -> None:
    recording = Recording()
    async with seen(tmp_path, openai_stream("Hi", " there"), hooks=Hooks([("one", recording)])) as told:
        answer = await call(told.app, "POST", "/v1/chat/completions", ASKED)
        (view,) = recording.views
        assert (view.dialect, view.operation, view.model, view.stream) == ("openai_chat", "chat", MODEL, True)
        assert b"".join(recording.pieces) == answer.body
        assert [row.request_id for row in recording.rows] == [answer.headers["x-request-id"]]
        transport = told.app.state.engine.network
        assert isinstance(transport, ScriptedTransport)
        assert b"Goodbye" in transport.requests[0].body


@pytest.mark.parametrize("path", ["/api/chat/stream", "/v1/completions"])
async def test_events_of_paths_beside_the_dialects_are_seen_as_they_go_out(tmp_path: Path, path: str) -> None:
    recording = Recording()
    async with seen(tmp_path, openai_stream("Hi", " there"), hooks=Hooks([("one", recording)])) as told:
        answer = await call(told.app, "POST", path, {**ASKED, "prompt": "Hello"})
        assert answer.status == 200
        assert b"".join(recording.pieces) == answer.body


async def test_openmetrics_is_asked_for_by_a_header(tmp_path: Path) -> None:
    async with seen(tmp_path) as told:
        token = token_path(told.app.state.config).read_text().strip()
        headers = {"x-api-key": token, "accept": "application/openmetrics-text; version=1.0.0"}
        answer = await call(told.app, "GET", "/metrics", headers=headers)
        assert answer.headers["content-type"].startswith("application/openmetrics-text")


class Refusing:
    """Lets nobody in."""

    def before_request(self, call: CallView) -> None:
        raise PermissionDenied("not today")


@pytest.mark.parametrize("path", INFERENCE)
async def test_no_way_leads_around_a_hook_that_refuses(tmp_path: Path, path: str) -> None:
    async with seen(tmp_path, hooks=Hooks([("guard", Refusing())])) as told:
        body = {**ASKED, "max_tokens": 5, "input": "Hello", "contents": []}
        answer = await call(told.app, "POST", path, body)
        assert answer.status == 403
        assert b"not today" in answer.body
        assert [line["error"] for line in told.lines] == ["permission_denied"]


def test_without_anybody_to_tell_nothing_is_told() -> None:
    seeing = Seeing()
    assert (seeing.metrics, seeing.logs, seeing.tracing, seeing.hooks) == (None, None, None, None)

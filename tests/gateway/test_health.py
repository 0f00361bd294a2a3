"""Whether it lives, whether it is ready, and what it counted."""

from __future__ import annotations

from pathlib import Path

from interlingua.errors import ConfigError, LocalFileError
from interlingua.gateway.build import token_path
from interlingua.telemetry.settings import TelemetrySettings
from interlingua.transport.scripted import ScriptedTransport
from tests.gateway.asgi import call, gateway


async def test_it_lives_and_is_ready_without_asking_who_asks(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedTransport([])) as app:
        assert (await call(app, "GET", "/healthz")).json["status"] == "ok"
        assert (await call(app, "GET", "/readyz")).json == {
            "status": "ready",
            "running": 0,
            "problem": None,
            "configuration": "in force",
            "restart_needed_for": [],
        }


async def test_it_is_not_ready_while_it_drains_or_cannot_write(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedTransport([])) as app:
        app.state.draining = True
        assert (await call(app, "GET", "/readyz")).status == 503
        app.state.draining = False
        app.state.ledger.failure = LocalFileError("the disk is full")
        answer = await call(app, "GET", "/readyz")
        assert (answer.status, answer.json["problem"]) == (503, "the disk is full")
        app.state.ledger.failure = None


async def test_what_is_wrong_with_the_file_is_not_told_to_everybody(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedTransport([])) as app:
        app.state.config_problem = ConfigError("/home/somebody/interlingua.toml: unknown key 'prot'")
        answer = await call(app, "GET", "/readyz")
        assert answer.status == 200
        assert b"somebody" not in answer.body


async def test_metrics_are_for_the_administrator(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedTransport([])) as app:
        assert (await call(app, "GET", "/metrics")).status == 401
        token = token_path(app.state.config).read_text().strip()
        answer = await call(app, "GET", "/metrics", headers={"authorization": f"Bearer {token}"})
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert b"\ninterlingua_running_calls 0.0\n" in answer.body


async def test_metrics_that_are_switched_off_are_not_there(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedTransport([]), telemetry=TelemetrySettings(metrics=False)) as app:
        token = token_path(app.state.config).read_text().strip()
        answer = await call(app, "GET", "/metrics", headers={"x-api-key": token})
        assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")

"""Chat on our own paths, as the ledger has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.engine.settings import RetrySettings
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import ENVIRONMENT, begun, config, model_of, script, whole

PATHS = ("/api/chat/complete", "/api/chat/stream")
ASK = {"model": model_of("openai_chat"), "messages": [{"role": "user", "content": "hi"}]}
TWICE = {"retry": RetrySettings(attempts=2, base=0.0)}
DOWN = Script(status=503, chunks=(b'{"error":{"message":"down"}}',))


@pytest.mark.parametrize("path", PATHS)
async def test_the_tries_of_a_failed_call_are_in_its_row(path: str, tmp_path: Path) -> None:
    """All of them, each with how it failed."""
    async with gateway(tmp_path, ScriptedTransport(DOWN), ENVIRONMENT, **config(**TWICE)) as app:
        answer = await call(app, "POST", path, ASK)
        row = await call(app, "GET", f"/api/requests/{answer.headers['x-request-id']}")
    assert answer.status == 503
    assert [(one["status"], one["error"]) for one in row.json["attempts"]] == [(503, "overloaded")] * 2


@pytest.mark.parametrize("path", PATHS)
async def test_a_call_that_succeeds_in_the_end_has_each_try_once(path: str, tmp_path: Path) -> None:
    """The failed one and the good one."""
    good = script("openai_chat") if path.endswith("stream") else whole("openai_chat")
    async with gateway(tmp_path, ScriptedTransport([DOWN, good]), ENVIRONMENT, **config(**TWICE)) as app:
        answer = await call(app, "POST", path, ASK)
        row = await call(app, "GET", f"/api/requests/{answer.headers['x-request-id']}")
    assert answer.status == 200
    assert [one.get("error") for one in row.json["attempts"]] == ["overloaded", None]
    assert row.json["attempts"][1]["finish"] == "stop"


async def test_a_client_that_leaves_in_mid_stream_leaves_a_row_with_its_try(tmp_path: Path) -> None:
    """What it was, and that it was cancelled."""
    words = tuple(begun("openai_chat"))
    slow = Script(headers=script("openai_chat").headers, chunks=words, stall_after=len(words))
    async with gateway(tmp_path, ScriptedTransport(slow), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", "/api/chat/stream", ASK, leave_after=1)
        row = await call(app, "GET", f"/api/requests/{answer.headers['x-request-id']}")
    assert [one["error"] for one in row.json["attempts"]] == ["cancelled"]

"""Hooks around calls of every kind, and what is told of requests that never became one."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.errors import PermissionDenied
from interlingua.gateway.hooks import CallView, Hooks
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import DIALECTS, ENVIRONMENT, asks, config, script


class Hook:
    """Turns one word into another, refuses a third, and remembers what it saw."""

    def __init__(self) -> None:
        self.calls: list[CallView] = []
        self.pieces: list[bytes] = []

    async def before_request(self, view: CallView) -> bytes:
        self.calls.append(view)
        if b"forbidden" in view.body:
            raise PermissionDenied("not that word")
        return view.body.replace(b"three", b"four")

    def on_event(self, view: CallView, data: bytes) -> None:
        self.pieces.append(data)


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_hook_sees_changes_and_refuses_requests(client: str, tmp_path: Path) -> None:
    """Before anything is sent; each piece of the answer afterwards."""
    transport, hook = ScriptedTransport(script("gemini")), Hook()
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        app.state.hooks = Hooks([("mine", hook)])
        path, body = asks(client, "gemini")
        answer = await call(app, "POST", path, body)
        assert answer.status == 200
        assert b"Count to four." in transport.requests[0].body
        assert hook.pieces == answer.pieces
        assert (hook.calls[0].dialect, hook.calls[0].model, hook.calls[0].stream) == (client, "the-gemini/m-1", True)
        refused = await call(app, "POST", path, {**body, "user": "forbidden"})
        assert refused.status == 403
        assert b"not that word" in refused.body
        assert len(transport.requests) == 1


async def test_our_own_chat_has_hooks_too(tmp_path: Path) -> None:
    """And whatever else is asked of a model."""
    hook = Hook()
    async with gateway(tmp_path, ScriptedTransport([]), ENVIRONMENT, **config()) as app:
        app.state.hooks = Hooks([("mine", hook)])
        for path in ("/api/chat/complete", "/v1/embeddings", "/v1/moderations", "/v1/messages/count_tokens"):
            answer = await call(app, "POST", path, {"model": "the-gemini/m", "input": "forbidden"})
            assert answer.status == 403, path
    assert [view.operation for view in hook.calls] == ["chat", "embeddings", "moderations", "count_tokens"]


async def test_every_call_is_told_of_once_however_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answered, refused by the host, left, or no call at all."""
    told: list[str | None] = []
    refused: list[str] = []
    scripts = [script("gemini"), Script.text("no", 503), script("gemini").stalled(after=1)]
    async with gateway(tmp_path, ScriptedTransport(scripts), ENVIRONMENT, **config()) as app:
        monkeypatch.setattr(app.state.seeing, "observe", lambda row: told.append(row.error))
        monkeypatch.setattr(app.state.seeing, "refused", lambda id, *rest: refused.append(id))
        path, body = asks("openai_chat", "gemini")
        for leave_after in (None, None, 1):
            await call(app, "POST", path, body, leave_after=leave_after)
        assert (await call(app, "POST", "/v1/unknown", body)).status == 404
    assert told == [None, "overloaded", "cancelled"]
    assert len(refused) == 1

"""A remembered answer is for whoever asked the very same, and for nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from interlingua.engine.router import ModelAlias
from interlingua.errors import PermissionDenied
from interlingua.gateway.hooks import CallView, Hooks
from interlingua.ports.store import LedgerRow
from tests.gateway.asgi import call
from tests.gateway.caching import (
    BEARER,
    COUNT,
    Gate,
    ask,
    both,
    cached,
    keys,
)
from tests.gateway.upstreams import (
    ENVIRONMENT,
    config,
    model_of,
)


async def test_seed_14_two_tenants_with_the_same_prompt_get_answers_of_their_own(tmp_path: Path) -> None:
    """Its keys share them."""
    transport = both("gemini")
    async with cached(tmp_path, transport, virtual_keys=keys()) as app:
        found = [
            (await ask(app, "openai_chat", "gemini", key=key)).headers["x-interlingua-cache"]
            for key in ("ONE", "TWO", "ALSO", "TWO", "ONE")
        ]
    assert found == ["miss", "miss", "hit", "hit", "hit"]
    assert len(transport.requests) == 2


async def test_seed_14_a_key_that_may_not_ask_whom_another_asked_does_not_get_that_ones_answer(tmp_path: Path) -> None:
    """Both say `fast`, and it stands for less where less may be used."""
    transport = both("gemini")
    models = {"fast": ModelAlias(targets=(model_of("gemini"), "the-gemini/m-2"))}
    may = {"models": ("the-gemini/m-2",)}
    async with cached(tmp_path, transport, virtual_keys=keys(**may), models=models) as app:
        for key in ("ONE", "ALSO"):
            body = {"model": "fast", "messages": [{"role": "user", "content": COUNT}]}
            answer = await call(app, "POST", "/v1/chat/completions", body, headers=BEARER[key])
            assert answer.headers["x-interlingua-cache"] == "miss"
    assert [request.url.partition("models/")[2][:3] for request in transport.requests] == ["m-1", "m-2"]


async def test_seed_14_another_credential_does_not_get_what_the_former_got(tmp_path: Path) -> None:
    """State in an answer may be bound to the account that asked for it."""
    transport = both("gemini")
    async with cached(tmp_path, transport) as app:
        await ask(app, "openai_chat", "gemini")
        settings = config()
        settings["providers"]["the-gemini"]["api_keys"] = ["env:OPENAI_CHAT_KEY"]
        from interlingua.config.build import build_engine
        from interlingua.config.schema import Config

        app.state.engine = build_engine(Config(**settings), transport=transport, environment=ENVIRONMENT)
        assert (await ask(app, "openai_chat", "gemini")).headers["x-interlingua-cache"] == "miss"


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


OTHER_TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "title": "x"}}}


async def test_seed_14_what_differs_at_all_is_another_request(tmp_path: Path) -> None:
    """Nearly the same words, another tool list, a sampling setting, a field that nobody knows, a label."""
    transport = both("openai_chat")
    variants: list[dict[str, Any]] = [
        {},
        {"messages": [{"role": "user", "content": COUNT + " "}]},
        {"tools": [TOOL]},
        {"tools": [OTHER_TOOL]},
        {"temperature": 0},
        {"temperature": 0.1},
        {"of_tomorrow": 1},
        {"user": "someone"},
    ]
    async with cached(tmp_path, transport) as app:
        for found in ("miss", "hit"):
            for more in variants:
                assert (await ask(app, "openai_chat", "openai_chat", **more)).headers["x-interlingua-cache"] == found
    assert len(transport.requests) == len(variants)


class Guardrail:
    """A hook that changes its mind, and sees what goes out."""

    def __init__(self) -> None:
        self.refuses = False
        self.seen: list[bytes] = []
        self.lanes: list[str] = []

    def before_request(self, view: CallView) -> None:
        if self.refuses:
            raise PermissionDenied("not any more")

    def on_event(self, view: CallView, data: bytes) -> None:
        self.seen.append(data)

    def after_response(self, row: LedgerRow) -> None:
        self.lanes += [attempt.lane for attempt in row.attempts]


async def test_seed_14_a_guardrail_holds_for_hits_as_for_every_call(tmp_path: Path) -> None:
    """It is asked before, sees the pieces and hears of the end."""
    guardrail = Guardrail()
    async with cached(tmp_path, both("gemini")) as app:
        app.state.hooks = app.state.seeing.hooks = Hooks([("guard", guardrail)])
        first = await ask(app, "openai_chat", "gemini", stream=True)
        pieces, guardrail.seen = guardrail.seen, []
        again = await ask(app, "openai_chat", "gemini", stream=True)
        assert (guardrail.seen, again.body) == (pieces, first.body)
        assert guardrail.lanes == ["translated", "cache"]
        guardrail.refuses = True
        assert (await ask(app, "openai_chat", "gemini", stream=True)).status == 403


async def test_two_tenants_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Even at once."""
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate, virtual_keys=keys()) as app:
        tasks = [asyncio.create_task(ask(app, "openai_chat", "gemini", key=key)) for key in ("ONE", "TWO")]
        for _ in range(1000):
            if len(gate.requests) == 2:
                break
            await asyncio.sleep(0)
        gate.open.set()
        assert [(await task).headers["x-interlingua-cache"] for task in tasks] == ["miss", "miss"]
    assert len(gate.requests) == 2

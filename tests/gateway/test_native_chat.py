"""Chat on our own paths, as the ledger has it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlingua.engine.settings import RetrySettings
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.caching import BEARER, KEYS, ON, Gate, both, cached, keys, row_of, waiting
from tests.gateway.upstreams import ENVIRONMENT, begun, config, model_of, parsed, script, whole

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


def told(path: str, answer: Answer) -> dict[str, Any]:
    """What the answer amounts to: its only object, or the last event."""
    assert answer.status == 200, answer.body
    return dict(answer.json if path == PATHS[0] else msgspec.json.decode(answer.body.split(b"data: ")[-1]))


@pytest.mark.parametrize("first", PATHS)
async def test_an_answer_is_given_again_on_all_paths_and_is_free(first: str, tmp_path: Path) -> None:
    """On our own and on the dialects', whoever asked first; with what is known of it."""
    transport = both("openai_chat")
    async with cached(tmp_path, transport) as app:
        miss = await call(app, "POST", first, ASK)
        assert miss.headers["x-interlingua-cache"] == "miss"
        for path in PATHS * 2:
            hit = await call(app, "POST", path, ASK)
            assert (hit.headers["x-interlingua-cache"], hit.headers["x-interlingua-cost"]) == ("hit", "0")
            was, now = told(first, miss), told(path, hit)
            assert (now["cost"], now["text"].split()) == ("0", was["text"].split())
            assert {**now, "cost": "", "message": "", "text": ""} == {**was, "cost": "", "message": "", "text": ""}
        row = await row_of(app, hit)
        assert [(one["lane"], one["cost"]) for one in row["attempts"]] == [("cache", 0)]
        for dialect in ("openai_chat", "ollama"):
            path = {"openai_chat": "/v1/chat/completions", "ollama": "/api/chat"}[dialect]
            answer = await call(app, "POST", path, {**ASK, "stream": False})
            assert answer.headers["x-interlingua-cache"] == "hit"
            assert parsed(dialect, answer.body).text.split() == told(first, miss)["text"].split()
    assert len(transport.requests) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_our_own_paths_get_what_a_dialect_was_answered(path: str, tmp_path: Path) -> None:
    """A request is the same once it is understood."""
    transport = both("openai_chat")
    async with cached(tmp_path, transport) as app:
        first = await call(app, "POST", "/v1/chat/completions", {**ASK, "stream": True})
        assert first.headers["x-interlingua-cache"] == "miss"
        again = await call(app, "POST", path, ASK)
        assert (again.headers["x-interlingua-cache"], told(path, again)["text"]) == ("hit", "Onetwothree.")
    assert len(transport.requests) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_seed_14_tenants_have_answers_of_their_own_on_our_paths(path: str, tmp_path: Path) -> None:
    """Their keys share them; the header says what is wanted; a key sees none of a model that it may not ask."""
    transport = both("openai_chat")
    async with cached(tmp_path, transport, virtual_keys=keys(models=("the-openai-chat/*",))) as app:
        found = []
        for key, wish in (("ONE", ""), ("TWO", ""), ("ALSO", ""), ("TWO", "no"), ("TWO", "refresh"), ("TWO", "yes")):
            headers = {**BEARER[key], **({"x-interlingua-cache": wish} if wish else {})}
            answer = await call(app, "POST", path, ASK, headers=headers)
            found.append(answer.headers.get("x-interlingua-cache"))
        body = {**ASK, "model": model_of("gemini")}
        assert (await call(app, "POST", path, body, headers=BEARER["ALSO"])).status == 403
    assert found == ["miss", "miss", "hit", None, "miss", "hit"]


async def test_of_the_same_requests_at_once_one_goes_on_its_way_on_all_paths(tmp_path: Path) -> None:
    """Ours and the dialects'; the one that goes may leave."""
    gate = Gate(both("gemini"))
    body = {**ASK, "model": model_of("gemini")}
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(call(app, "POST", PATHS[1], body))
        await gate.asked.wait()
        others = [asyncio.create_task(call(app, "POST", path, body)) for path in (*PATHS, "/v1/chat/completions") * 3]
        await waiting(app, 9)
        gate.open.set()
        found = [await one for one in (first, *others)]
        assert [one.headers["x-interlingua-cache"] for one in found] == ["miss"] + ["hit"] * 9
        assert not app.state.cache._flights
        assert not app.state.running
    assert len(gate.requests) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_a_failure_goes_to_all_that_wait_and_is_not_given_again(path: str, tmp_path: Path) -> None:
    """Each is told, none tries again; the next call does."""
    gate = Gate(ScriptedTransport([DOWN, script("openai_chat") if path == PATHS[1] else whole("openai_chat")]))
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(call(app, "POST", path, ASK))
        await gate.asked.wait()
        other = asyncio.create_task(call(app, "POST", path, ASK))
        await waiting(app, 1)
        gate.open.set()
        assert [(await one).status for one in (first, other)] == [503, 503]
        assert len(gate.requests) == 1
        assert (await call(app, "POST", path, ASK)).headers["x-interlingua-cache"] == "miss"


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_without_budget_gets_what_is_remembered_on_our_paths(path: str, tmp_path: Path) -> None:
    """What is not there is refused."""
    environment = {**ENVIRONMENT, **KEYS, "OPENAI_API_KEY": "sk-x"}
    settings = config(cache=ON, virtual_keys=keys(budget="0.0000001 USD / day"))
    async with gateway(tmp_path, both("openai_chat"), environment, **settings) as app:
        found = []
        for key, text in (("ONE", "a"), ("ALSO", "a"), ("ALSO", "b")):
            body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
            answer = await call(app, "POST", path, body, headers=BEARER[key])
            found.append((answer.status, answer.headers["x-interlingua-cache"]))
    assert found == [(200, "miss"), (200, "hit"), (429, "miss")]

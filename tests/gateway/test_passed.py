"""What is asked beside chat fails over and is tried again as chat is, until something of an answer went out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import BreakerSettings, RetrySettings
from interlingua.gateway.app import Gateway
from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.late import late_after

ENVIRONMENT = {"A1": "sk-a1", "A2": "sk-a2", "B1": "sk-b1"}
FULL = Script.json({"error": {"message": "full"}}, 503)
BAD_KEY = Script.json({"error": {"message": "bad key", "code": "invalid_api_key"}}, 401)
LIMITED = Script.json({"error": {"message": "slowly"}}, 429, headers=(("retry-after", "30"),))
TOO_LONG = Script.json({"error": {"message": "long", "code": "context_length_exceeded"}}, 400)
USAGE = {"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5}
VECTOR = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
GOOD = Script.json({**VECTOR, "usage": USAGE})
"""An answer that suits all: those who pass it on do not read it."""
PATHS = ("embeddings", "completions", "images/generations", "audio/speech", "moderations", "rerank")
Rule = Callable[[HttpRequest], Script] | Script


def by_host(**rules: Rule) -> ScriptedTransport:
    """Answers by the host's name."""

    def choose(request: HttpRequest) -> Script:
        rule = next(rule for name, rule in rules.items() if f"//{name}.example" in request.url)
        return rule if isinstance(rule, Script) else rule(request)

    return ScriptedTransport(choose)


def settings(fallbacks: dict[str, tuple[str, ...]] | None = None, **more: Any) -> dict[str, Any]:
    """Host `a` with two keys, then host `b`, behind the alias `both`; host `c` speaks another format."""
    host = {"dialect": "openai_chat", "base_url": "https://a.example/v1", "api_keys": ["env:A1", "env:A2"]}
    other = {**host, "base_url": "https://b.example/v1", "api_keys": ["env:B1"]}
    foreign = {**other, "dialect": "anthropic_messages", "base_url": "https://c.example/v1"}
    alias = ModelAlias(targets=("a/m", "b/n"), fallbacks=fallbacks or {})
    return {
        "providers": {"a": host, "b": other, "c": foreign},
        "models": {"both": alias},
        "retry": RetrySettings(attempts=1, base=0.0),
        **more,
    }


async def ask(app: Gateway, path: str, model: str = "both", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await call(app, "POST", f"/v1/{path}", {"model": model, "input": "x"}, headers=named)


async def row_of(app: Gateway, answer: Answer) -> dict[str, Any]:
    found = await call(app, "GET", f"/api/requests/{answer.headers['x-request-id']}")
    return dict(found.json)


def keys(transport: ScriptedTransport) -> list[str]:
    return [dict(request.headers)["authorization"].removeprefix("Bearer ") for request in transport.requests]


@pytest.mark.parametrize("path", PATHS)
async def test_the_next_target_answers_and_the_row_tells_why(path: str, tmp_path: Path) -> None:
    """Each host is asked for its own model."""
    transport = by_host(a=FULL, b=GOOD)
    async with gateway(tmp_path, transport, ENVIRONMENT, **settings()) as app:
        answer = await ask(app, path)
        assert (answer.status, answer.headers["x-interlingua-provider"]) == (200, "b"), answer.body
        assert answer.headers["x-interlingua-attempts"] == "2"
        row = await row_of(app, answer)
    assert [body["model"] for body in transport.bodies] == ["m", "n"]
    tries = [(one["target"], one.get("status"), one.get("error")) for one in row["attempts"]]
    assert tries == [("a/m", 503, "overloaded"), ("b/n", 200, None)]
    assert row["attempts"][1]["usage"]["input_tokens"] == 5
    assert row["decisions"][-1]["why"] == "after overloaded"


@pytest.mark.parametrize("path", PATHS)
async def test_a_target_is_tried_again_before_the_next_one(path: str, tmp_path: Path) -> None:
    """As often as the configuration says; a client may ask for less."""
    transport = by_host(a=FULL, b=GOOD)
    twice = RetrySettings(attempts=2, base=0.0)
    async with gateway(tmp_path, transport, ENVIRONMENT, **settings(retry=twice)) as app:
        assert (await ask(app, path)).status == 200
        assert [request.url[8] for request in transport.requests] == ["a", "a", "b"]
        assert (await ask(app, path, x_interlingua_attempts="1")).status == 503
        assert (await ask(app, path, x_interlingua_no_fallback="true")).status == 503
        assert (await ask(app, path, x_interlingua_targets="b/n")).status == 200


@pytest.mark.parametrize("path", PATHS)
async def test_another_key_is_asked_where_one_is_refused_or_at_its_limit(path: str, tmp_path: Path) -> None:
    """A bad key is asked once, whatever is asked for afterwards."""
    for bad in (BAD_KEY, LIMITED):
        transport = by_host(a=lambda one, bad=bad: bad if "sk-a1" in repr(one.headers) else GOOD)  # type: ignore[misc]  # bound early on purpose
        async with gateway(tmp_path, transport, ENVIRONMENT, **settings()) as app:
            for _ in range(6):
                assert (await ask(app, path, "a/m")).status == 200
        assert keys(transport).count("sk-a2") == 6
        assert keys(transport).count("sk-a1") <= 1


@pytest.mark.parametrize("path", PATHS)
async def test_an_open_breaker_is_passed_over(path: str, tmp_path: Path) -> None:
    """A target that cannot be reached is soon not asked any more, and the ledger says so."""
    transport = by_host(a=Script.refused(), b=GOOD)
    more = settings(breaker=BreakerSettings(failures=2, rest=600))
    async with gateway(tmp_path, transport, ENVIRONMENT, **more) as app:
        answers = [await ask(app, path) for _ in range(4)]
        assert {one.status for one in answers} == {200}
        row = await row_of(app, answers[-1])
    assert [request.url[8] for request in transport.requests] == ["a", "b", "a", "b", "b", "b"]
    assert row["decisions"][0]["what"] == "skipped"


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_wrong_with_the_request_goes_nowhere_else_but_to_a_fallback_for_it(
    path: str, tmp_path: Path
) -> None:
    """One that does not speak the path's format is passed over."""
    transport = by_host(a=TOO_LONG, b=GOOD, c=GOOD)
    async with gateway(tmp_path, transport, ENVIRONMENT, **settings()) as app:
        assert (await ask(app, path)).status == 400
    assert len(transport.requests) == 1
    fallbacks: dict[str, tuple[str, ...]] = {"context_too_long": ("c/o", "b/larger")}
    async with gateway(tmp_path, transport, ENVIRONMENT, **settings(fallbacks)) as app:
        answer = await ask(app, path)
        assert (answer.status, answer.headers["x-interlingua-model"]) == (200, "larger")
    assert [request.url[8] for request in transport.requests] == ["a", "a", "b"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_fallback_that_is_not_the_keys_is_not_asked(path: str, tmp_path: Path) -> None:
    """Nor any target that it may not use."""
    key = "il-a-key-of-twenty-four-letters-or-more"
    mine = (VirtualKeySettings(name="k", key="env:K", models=("a/*",)),)
    transport = by_host(a=FULL, b=GOOD)
    more = settings({"overloaded": ("b/n",)}, virtual_keys=mine)
    async with gateway(tmp_path, transport, {**ENVIRONMENT, "K": key}, **more) as app:
        assert (await ask(app, path, authorization=f"Bearer {key}")).status == 503
    assert [request.url[8] for request in transport.requests] == ["a"]


async def test_after_the_first_piece_nothing_is_tried_again(tmp_path: Path) -> None:
    """The connection breaks off, which is all that such an answer can say; the row has the error."""
    broken = Script(headers=(("content-type", "audio/mpeg"),), chunks=(b"sou", b"nd"), cut_after=1)
    transport = by_host(a=broken, b=GOOD)
    async with gateway(tmp_path, transport, ENVIRONMENT, **settings()) as app:
        answer = await ask(app, "audio/speech")
        row = await row_of(app, answer)
    assert (answer.status, answer.body, answer.ended) == (200, b"sou", False)
    assert len(transport.requests) == 1
    assert [one["error"] for one in row["attempts"]] == [row["error"]]


async def test_a_time_limit_holds_for_all_tries_and_not_for_what_follows_the_first_piece(tmp_path: Path) -> None:
    """Sound may take longer to come than to begin."""
    slow = Script(headers=(("content-type", "audio/mpeg"),), chunks=(b"a", b"b", b"c", b"d"), pause=0.01)
    async with gateway(tmp_path, by_host(a=slow), ENVIRONMENT, **settings()) as app:
        late_after(app, b"a")
        answer = await ask(app, "audio/speech", "a/m", x_interlingua_timeout="100")
        assert (answer.status, answer.body, answer.ended) == (200, b"abcd", True)
    silent = by_host(a=Script(stall_after=0), b=Script(stall_after=0))
    async with gateway(tmp_path, silent, ENVIRONMENT, **settings()) as app:
        for path in PATHS:
            assert (await ask(app, path, x_interlingua_timeout="0.02")).status == 504


@pytest.mark.parametrize("path", ["audio/speech", "embeddings"])
async def test_a_client_that_leaves_leaves_a_row_with_its_try(path: str, tmp_path: Path) -> None:
    """Nobody is asked in its place."""
    transport = by_host(a=Script(stall_after=0), b=GOOD)
    async with gateway(tmp_path, transport, ENVIRONMENT, **settings()) as app:
        await call(app, "POST", f"/v1/{path}", {"model": "both", "input": "x"}, leave_after=0)
        (row,) = (await app.state.ledger.page(None)).rows
        assert not app.state.running
    assert (row.status, [attempt.error for attempt in row.attempts]) == (499, ["cancelled"])
    assert len(transport.requests) == 1

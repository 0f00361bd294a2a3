"""Pools, failover and overrides through the gateway, in both of its lanes, and how they are told of afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import BreakerSettings
from interlingua.gateway.app import Gateway
from interlingua.ports.transport import HttpRequest, Timeouts
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.messages import user
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.late import late_after
from tests.gateway.test_continuity import KEYS, STATE, said, second, thoughtful, turn
from tests.gateway.upstreams import (
    DIALECTS,
    ENVIRONMENT,
    USED,
    asks,
    begun,
    config,
    failure,
    host_of,
    in_band,
    model_of,
    parsed,
    read,
    script,
    text_of,
    whole,
)

FULL = Script.json({"error": {"message": "full"}}, 503)
BAD_KEY = Script.json({"error": {"message": "bad key", "code": "invalid_api_key"}}, 401)
LIMITED = Script.json({"error": {"message": "slowly"}}, 429, headers=(("retry-after", "30"),))
SAID = "One two three."
STREAMED = "Onetwothree."
"""The same as the hosts here stream it, word for word."""
BEARER = {name: {"authorization": f"Bearer {key}"} for name, key in KEYS.items()}


def by_host(**rules: Script | Callable[[HttpRequest], Script]) -> ScriptedTransport:
    """Answers by the dialect of the host."""

    def choose(request: HttpRequest) -> Script:
        rule = next(rule for name, rule in rules.items() if f"//{host_of(name)}.example" in request.url)
        return rule if isinstance(rule, Script) else rule(request)

    return ScriptedTransport(choose)


def script_or_whole(request: HttpRequest) -> Script:
    """A host that answers as it is asked."""
    return script("anthropic_messages") if request.stream else whole("anthropic_messages")


def fast(*hosts: str, **more: Any) -> dict[str, Any]:
    """Settings with an alias over hosts, at the models that they are asked for."""
    alias = ModelAlias(targets=tuple(model_of(host) for host in hosts), **more)
    return config(models={"fast": alias}, breaker=BreakerSettings(failures=2))


async def ask(app: Gateway, client: str, model: str = "fast", *, stream: bool = True, **headers: str) -> Answer:
    path, body = asks(client, client, stream=stream)
    path = path.replace(model_of(client), model)
    if "model" in body:
        body["model"] = model
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await call(app, "POST", path, body, headers=named)


async def row_of(app: Gateway, answer: Answer) -> dict[str, Any]:
    found = await call(app, "GET", f"/api/requests/{answer.headers['x-request-id']}")
    assert found.status == 200, found.body
    return dict(found.json)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", DIALECTS)
async def test_the_next_target_answers_and_the_lane_may_change(client: str, stream: bool, tmp_path: Path) -> None:
    """From the client's own dialect to another one and back, before its first content; the row tells why."""
    other = "anthropic_messages" if client != "anthropic_messages" else "openai_chat"
    for first, then in ((client, other), (other, client)):
        folder = tmp_path / first
        folder.mkdir()
        good = script(then) if stream else whole(then)
        async with gateway(folder, by_host(**{first: FULL, then: good}), ENVIRONMENT, **fast(first, then)) as app:
            answer = await ask(app, client, stream=stream)
            assert answer.status == 200, answer.body
            text = text_of(read(client, answer.body)) if stream else parsed(client, answer.body).text
            assert text == (STREAMED if stream else SAID)
            row = await row_of(app, answer)
        assert [(one["target"], one["lane"], one.get("error")) for one in row["attempts"]] == [
            (model_of(first), "verbatim" if first == client else "translated", "overloaded"),
            (model_of(then), "verbatim" if then == client else "translated", None),
        ]
        assert [(one["target"], one["what"]) for one in row["decisions"]] == [(model_of(then), "asked")]
        assert row["decisions"][0]["why"] == "after overloaded"


@pytest.mark.parametrize("client", DIALECTS)
async def test_content_begins_once_whatever_fails_before_and_after_it(client: str, tmp_path: Path) -> None:
    """An error inside a stream before content is nobody's business; after it, the stream ends with one."""
    kind, other = script(client).headers, "gemini" if client != "gemini" else "ollama"
    cases = {
        "before": Script(headers=kind, chunks=(in_band(client),)),
        "after": Script(headers=kind, chunks=(*begun(client), in_band(client))),
    }
    found = {}
    for name, lie in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        transport = by_host(**{client: lie, other: script(other)})
        async with gateway(folder, transport, ENVIRONMENT, **fast(client, other)) as app:
            found[name] = await ask(app, client)
    assert text_of(read(client, found["before"].body)) == STREAMED
    assert failure(client, found["after"].body).code == "overloaded"
    assert STREAMED not in text_of(read(client, found["after"].body))


async def test_an_open_breaker_is_passed_over_and_said_to_be(tmp_path: Path) -> None:
    """In the row afterwards, in `explain` beforehand."""
    transport = by_host(openai_chat=FULL, anthropic_messages=whole("anthropic_messages"))
    async with gateway(tmp_path, transport, ENVIRONMENT, **fast("openai_chat", "anthropic_messages")) as app:
        for _ in range(2):
            await ask(app, "openai_chat", stream=False)
        answer = await ask(app, "openai_chat", stream=False)
        row = await row_of(app, answer)
        assert len(row["attempts"]) == 1
        skipped, chosen = row["decisions"]
        assert (skipped["target"], skipped["what"]) == (model_of("openai_chat"), "skipped")
        assert "breaker is open" in skipped["why"]
        assert chosen["target"] == model_of("anthropic_messages")
        body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
        told = (await call(app, "POST", "/api/explain", body)).json
        assert "breaker is open" in told["targets"][0]["rests"]
        assert told["targets"][1]["rests"] is None


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_client_is_not_told_that_our_bad_key_is_its_fault(client: str, tmp_path: Path) -> None:
    async with gateway(tmp_path, by_host(**{client: BAD_KEY}), ENVIRONMENT, **fast(client)) as app:
        answer = await ask(app, client, stream=False)
    assert (answer.status, answer.headers["x-interlingua-fault"]) == (401, "gateway")
    assert b"API key" in answer.body


@pytest.mark.parametrize("client", ["openai_chat", "anthropic_messages"])
async def test_a_bad_key_among_good_ones_is_asked_once(client: str, tmp_path: Path) -> None:
    """In both lanes; what the key is called is for the administrator only, its secret for nobody."""
    keys = {f"{client.upper()}_KEY": "bad-key-of-some-length", "SECOND": "good-key-of-some-length"}
    refused: list[str] = []

    def choose(request: HttpRequest) -> Script:
        if (
            "bad-key-of-some-length" in dict(request.headers).values()
            or "Bearer bad-key-of-some-length" in dict(request.headers).values()
        ):
            refused.append(request.url)
            return BAD_KEY
        return whole(client)

    settings = config()
    settings["providers"][host_of(client)]["api_keys"] = [f"env:{client.upper()}_KEY", "env:SECOND"]
    async with gateway(tmp_path, ScriptedTransport(choose), keys, **settings) as app:
        found = []
        for i in range(12):
            path, body = asks(client, client, stream=False)
            found.append(await call(app, "POST", path, {**body, "metadata": {"user_id": f"{i}"}}))
        assert [one.status for one in found] == [200] * 12
        assert len(refused) == 1
        rows = [await row_of(app, one) for one in found]
    assert sorted(len(row["attempts"]) for row in rows) == [1] * 11 + [2]
    assert "KEY" not in repr([row["decisions"] for row in rows])
    assert "some-length" not in repr(rows)


@pytest.mark.parametrize("host", sorted(STATE))
@pytest.mark.parametrize("client", ["openai_chat", "anthropic_messages"])
async def test_reasoning_state_goes_back_to_the_account_that_made_it(client: str, host: str, tmp_path: Path) -> None:
    """Through a pool, whatever the conversation is called in the second turn (contracts §2.6)."""
    settings = config(virtual_keys=tuple(VirtualKeySettings(name=name.lower(), key=f"env:{name}") for name in KEYS))
    names = [f"POOL_{i}" for i in range(4)]
    settings["providers"][host_of(host)]["api_keys"] = [f"env:{name}" for name in names]
    environment = {**ENVIRONMENT, **KEYS, **{name: f"secret-number-{name}" for name in names}}
    transport = ScriptedTransport(lambda request: whole(host, thoughtful(host)))
    async with gateway(tmp_path, transport, environment, **settings) as app:
        for i in range(6):
            answer = await turn(app, client, host, (user(f"Weather in Bern? {i}"),), stream=False)
            first = said(client, answer, stream=False)
            await turn(app, client, host, second(first), stream=False)
            one, two = transport.requests[-2:]
            assert set(map(secret_of, (one, two))) == {secret_of(one)}
            assert STATE[host].data.encode() in two.body


def secret_of(request: HttpRequest) -> str:
    return next(value.rpartition("-")[2] for _, value in request.headers if "secret-number" in value)


async def test_a_key_may_name_only_targets_that_are_its_own(tmp_path: Path) -> None:
    """That a key may use an alias opens nothing else; a fallback of that alias is the administrator's to give."""
    keys = (VirtualKeySettings(name="one", key="env:ONE", models=("fast",)),)
    transport = by_host(openai_chat=whole("openai_chat"), gemini=whole("gemini"), ollama=whole("ollama"))
    settings = fast("openai_chat") | {"virtual_keys": keys}
    async with gateway(tmp_path, transport, {**ENVIRONMENT, **KEYS}, **settings) as app:
        mine = {"authorization": BEARER["ONE"]["authorization"]}
        refused = await ask(app, "openai_chat", stream=False, x_interlingua_targets=model_of("gemini"), **mine)
        assert (refused.status, refused.json["error"]["code"]) == (403, "permission_denied")
        some = f"fast, {model_of('gemini')}"
        refused = await ask(app, "openai_chat", stream=False, x_interlingua_targets=some, **mine)
        assert refused.status == 403
        allowed = await ask(app, "openai_chat", "other", stream=False, x_interlingua_targets="fast", **mine)
        assert allowed.status == 200, allowed.body
        assert allowed.headers["x-interlingua-model"] == "m-1"
        wrong = await ask(app, "openai_chat", stream=False, x_interlingua_attempts="many", **mine)
        assert (wrong.status, "x-interlingua-attempts" in wrong.json["error"]["message"]) == (400, True)
    assert all("the-openai-chat" in request.url for request in transport.requests)


@pytest.mark.parametrize("path", ["/api/chat/complete", "/api/chat/stream"])
async def test_our_own_paths_ask_only_targets_that_the_key_may_use(path: str, tmp_path: Path) -> None:
    """An alias may lead to a target that a key may not use; it is left out."""
    keys = (VirtualKeySettings(name="one", key="env:ONE", models=(model_of("gemini"),)),)
    transport = by_host(openai_chat=whole("openai_chat"), gemini=whole("gemini"))
    settings = fast("openai_chat", "gemini") | {"virtual_keys": keys}
    async with gateway(tmp_path, transport, {**ENVIRONMENT, **KEYS}, **settings) as app:
        body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
        answer = await call(app, "POST", path, body, headers=BEARER["ONE"])
        assert answer.status == 200, answer.body
    assert ["gemini" in request.url for request in transport.requests] == [True]


async def test_no_fallback_and_a_time_limit_hold(tmp_path: Path) -> None:
    """The first target's failure is the answer; a stall ends as a 504 that says which limit it was."""
    transport = by_host(openai_chat=FULL, gemini=whole("gemini"), ollama=Script.silent())
    async with gateway(tmp_path, transport, ENVIRONMENT, **fast("openai_chat", "gemini")) as app:
        answer = await ask(app, "openai_chat", stream=False, x_interlingua_no_fallback="true")
        assert (answer.status, len(transport.requests)) == (503, 1)
        for stream in (True, False):
            late = await ask(app, "openai_chat", model_of("ollama"), stream=stream, x_interlingua_timeout="0.05")
            assert late.status == 504
            assert b"the limit of the whole call" in late.body


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_time_limit_ends_no_stream_whose_first_content_came_in_time(client: str, tmp_path: Path) -> None:
    """In either lane; the head says how many tries there were."""
    drips = script("openai_chat").dripping(0.01)
    transport = by_host(anthropic_messages=FULL, openai_chat=drips)
    async with gateway(tmp_path, transport, ENVIRONMENT, **fast("anthropic_messages", "openai_chat")) as app:
        late_after(app, b"One")
        answer = await ask(app, client, x_interlingua_timeout="100")
        assert text_of(read(client, answer.body)) == STREAMED
        assert answer.headers["x-interlingua-attempts"] == "2"


@pytest.mark.parametrize("client", ["openai_chat", "gemini"])
async def test_a_stream_that_breaks_off_goes_on_elsewhere_where_that_is_asked_for(client: str, tmp_path: Path) -> None:
    """One stream of right grammar with the whole text; the ledger holds both tries and says what was done."""
    other = "anthropic_messages" if client != "anthropic_messages" else "openai_chat"
    cut = Script(headers=script(client).headers, chunks=tuple(begun(client))).cut(after=len(begun(client)))
    rest = script(other)
    async with gateway(tmp_path, by_host(**{client: cut, other: rest}), ENVIRONMENT, **fast(client, other)) as app:
        answer = await ask(app, client, x_interlingua_continue="true")
        row = await row_of(app, answer)
    found = read(client, answer.body)
    assert text_of(found) == "One" + STREAMED
    assert [type(event).__name__ for event in found].count("MessageStart") == 1
    assert [one.get("error") for one in row["attempts"]] == ["stream_interrupted", None]
    assert any("went on" in loss["reason"] for loss in row["losses"])
    assert row["status"] == 200
    if client not in ("gemini", "ollama"):
        assert b"broke off; another target goes on" in answer.body


async def test_explain_tells_the_order_and_the_bounds_beforehand(tmp_path: Path) -> None:
    """With the headers that the call would bring."""
    settings = fast("openai_chat", "gemini", strategy="latency", fallbacks={"overloaded": (model_of("ollama"),)})
    async with gateway(tmp_path, by_host(), ENVIRONMENT, **settings) as app:
        body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
        told = (await call(app, "POST", "/api/explain", body)).json
        assert "not measured" in told["targets"][0]["why"]
        assert told["fallbacks"] == {"overloaded": [model_of("ollama")]}
        assert (told["attempts"], told["timeout"], told["failover"]) == (10, None, True)
        headers = {"x-interlingua-targets": "fast", "x-interlingua-attempts": "2", "x-interlingua-timeout": "5"}
        told = (await call(app, "POST", "/api/explain", body, headers=headers)).json
        assert (told["attempts"], told["timeout"]) == (2, 5)
        assert "credential" not in told["targets"][0]["credentials"][0]


async def test_seed_9_limits_are_given_back_exactly_though_calls_fail_over(tmp_path: Path) -> None:
    """200 calls at once over a target that fails: each is one row, and no slot is left taken."""
    keys = (VirtualKeySettings(name="one", key="env:ONE", concurrency=200, tpm=10_000_000),)
    transport = by_host(openai_chat=FULL, gemini=whole("gemini"))
    settings = fast("openai_chat", "gemini") | {"virtual_keys": keys}
    async with gateway(tmp_path, transport, {**ENVIRONMENT, **KEYS}, **settings) as app:
        found = await asyncio.gather(*(ask(app, "openai_chat", stream=False, **BEARER["ONE"]) for _ in range(200)))
        assert {one.status for one in found} == {200}
        assert len({one.headers["x-request-id"] for one in found}) == 200
        last = await ask(app, "openai_chat", stream=False, **BEARER["ONE"])
        left = int(last.headers["x-ratelimit-remaining-tokens"])
        assert left >= 10_000_000 - 202 * (USED.total_tokens or 0) - 5000


async def test_seed_17_a_file_of_an_older_version_gains_the_decisions(tmp_path: Path) -> None:
    """What was written before has none."""
    answer = None
    transport = by_host(openai_chat=FULL, gemini=whole("gemini"))
    for _ in range(2):
        async with gateway(tmp_path, transport, ENVIRONMENT, **fast("openai_chat", "gemini")) as app:
            if answer is None:
                answer = await ask(app, "openai_chat", stream=False)
            row = await row_of(app, answer)
            assert [one["what"] for one in row["decisions"]] == ["asked"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_target_that_fails_now_and_then_one_that_stalls_and_one_that_lies_cost_no_client_its_answer(
    stream: bool, tmp_path: Path
) -> None:
    """Of 60 calls every one is answered; who never answers is soon asked only to see whether it does again."""
    asked = {"fails": 0}

    def sometimes(request: HttpRequest) -> Script:
        asked["fails"] += 1
        return FULL if asked["fails"] % 10 in (2, 5, 8) else script("gemini") if request.stream else whole("gemini")

    lie = Script.json({"error": {"message": "the machine is full", "type": "server_error"}}, 200)
    stalls = Script(headers=script("ollama").headers, chunks=(b"{",), stall_after=0)
    transport = by_host(openai_chat=lie, ollama=stalls, gemini=sometimes, anthropic_messages=script_or_whole)
    settings = fast("openai_chat", "ollama", "gemini", "anthropic_messages")
    # Long enough for who does answer, on a machine that is busy.
    settings["timeouts"] = Timeouts(first_byte=0.5, first_byte_whole=0.5, idle_before_content=0.5)
    settings["breaker"] = BreakerSettings(failures=3, share=0.5, rest=600)
    async with gateway(tmp_path, transport, ENVIRONMENT, **settings) as app:
        answers = [await ask(app, "openai_responses", stream=stream) for _ in range(60)]
        assert {answer.status for answer in answers} == {200}
        for answer in answers:
            text = (
                text_of(read("openai_responses", answer.body))
                if stream
                else parsed("openai_responses", answer.body).text
            )
            assert text == (STREAMED if stream else SAID)
        rows = (await app.state.ledger.page(None, limit=100)).rows
    codes = Counter((attempt.target.partition("/")[0], attempt.error) for row in rows for attempt in row.attempts)
    assert codes[host_of("openai_chat"), "overloaded"] + codes[host_of("openai_chat"), "upstream_error"] == 3
    assert codes[host_of("ollama"), "timed_out"] == 3
    # A third of its calls failed: it stays in use, and each of those went on to the next.
    assert codes[host_of("gemini"), None] == 42
    assert codes[host_of("gemini"), "overloaded"] == codes[host_of("anthropic_messages"), None] == 18

"""Two gateways that share a Redis are one to their clients; without it they do as the configuration says."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.cache import LOOK_AGAIN
from interlingua.engine.principal import Limits
from interlingua.engine.settings import CacheSettings
from interlingua.stores.settings import ResponseSettings, SharedSettings, StoreSettings
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.messages import user
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.caching import Gate, both
from tests.gateway.test_continuity import STATE, said, second, thoughtful, turn
from tests.gateway.test_routing import ask, by_host, fast
from tests.gateway.test_sockets import until
from tests.gateway.upstreams import ENVIRONMENT, asks, config, model_of, read, text_of, whole
from tests.services import Postgres, Redis

KEYS = {"ONE": "il-the-first-key-of-some-letters", "TWO": "il-the-second-key-of-some-letters"}
ONE = {"authorization": f"Bearer {KEYS['ONE']}"}
BEARER_TWO = {"authorization": f"Bearer {KEYS['TWO']}"}
TWO_TENANTS = (
    VirtualKeySettings(name="one", key="env:ONE", tenant="t"),
    VirtualKeySettings(name="two", key="env:TWO", tenant="u"),
)
PATH, BODY = asks("openai_chat", "gemini", stream=False)


def served(folder: Path, transport: ScriptedTransport, shared: SharedSettings, rpm: int | None = None) -> Any:
    """A gateway of one key with limits, its folder its own."""
    folder.mkdir(exist_ok=True)
    keys = (
        VirtualKeySettings(name="one", key="env:ONE", tenant="t", rpm=rpm),
        VirtualKeySettings(name="two", key="env:TWO", tenant="u"),
    )
    settings = config(virtual_keys=keys, shared=shared)
    return gateway(folder, transport, {**ENVIRONMENT, **KEYS}, **settings)


@pytest.fixture
def shared(redis: Redis) -> SharedSettings:
    """An empty server."""
    redis.run("FLUSHALL")
    return SharedSettings(url=redis.url, timeout=60)


async def test_a_limit_is_one_limit_however_many_serve_it(shared: SharedSettings, tmp_path: Path) -> None:
    """A refusal says when to come back and how the limit stands."""
    transport = ScriptedTransport(whole("gemini"))
    async with (
        served(tmp_path / "a", transport, shared, rpm=2) as first,
        served(tmp_path / "b", transport, shared, rpm=2) as second_,
    ):
        name = "x-ratelimit-remaining-requests"
        for app, left in ((first, "1"), (second_, "0")):
            answer = await call(app, "POST", PATH, BODY, headers=ONE)
            assert (answer.status, answer.headers[name]) == (200, left)
        for app in (first, second_):
            refused = await call(app, "POST", PATH, BODY, headers=ONE)
            assert (refused.status, refused.headers["x-interlingua-fault"], refused.headers[name]) == (
                429,
                "gateway",
                "0",
            )
            assert 0 < int(refused.headers["retry-after"]) <= 30
            assert "this key may use 2 requests per minute" in refused.body.decode()
            assert (await app.state.ledger.page(None)).rows[0].error == "rate_limited"
        assert (await call(first, "POST", PATH, BODY, headers={"authorization": f"Bearer {KEYS['TWO']}"})).status == 200


async def test_a_models_limit_is_shared_and_slots_come_back(
    shared: SharedSettings, redis: Redis, tmp_path: Path
) -> None:
    """However a call ends."""
    transport = ScriptedTransport(whole("gemini"))
    limits = {"the-gemini/*": Limits(concurrency=1)}
    settings = config(limits=limits, shared=shared)
    (tmp_path / "a").mkdir()
    async with gateway(tmp_path / "a", transport, ENVIRONMENT, **settings) as app:
        slots = "{il}:slots:model/the-gemini/*"
        for leave in (None, 0):
            await call(app, "POST", PATH, BODY, leave_after=leave)
            for _ in range(1000):
                if redis.run("ZCARD", slots) == "0":
                    break
                await asyncio.sleep(0.01)
        redis.run("ZADD", slots, "9999999999000000", "somebody-elses")
        refused = await call(app, "POST", PATH, BODY)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert "this model may use 1 calls at once" in refused.body.decode()


@pytest.mark.parametrize("client", ["gemini", "openai_chat"])
async def test_a_conversation_goes_on_at_another_gateway_with_its_reasoning_state(
    client: str, shared: SharedSettings, tmp_path: Path
) -> None:
    """By an envelope that all can open, or by recall that all share."""
    host = "anthropic_messages"
    transport = ScriptedTransport([whole(host, thoughtful(host)), whole(host)])
    async with (
        served(tmp_path / "a", transport, shared) as first,
        served(tmp_path / "b", transport, shared) as other,
    ):
        answer = await turn(first, client, host, (user("Weather in Bern?"),), stream=False)
        answer = await turn(other, client, host, second(said(client, answer, stream=False)), stream=False)
        assert answer.status == 200, answer.body
    assert STATE[host].data.encode() in transport.requests[1].body


def responses(id: str | None = None) -> dict[str, Any]:
    """What a client of stored answers asks."""
    more = {"previous_response_id": id} if id else {}
    return {"model": model_of("gemini"), "input": "And then?" if id else "The word is swordfish.", **more}


async def test_an_answer_is_continued_by_its_id_at_another_gateway(shared: SharedSettings, tmp_path: Path) -> None:
    """By its tenant only."""
    transport = ScriptedTransport(whole("gemini"))
    async with served(tmp_path / "a", transport, shared) as first, served(tmp_path / "b", transport, shared) as other:
        id = (await call(first, "POST", "/v1/responses", responses(), headers=ONE)).json["id"]
        foreign = {"authorization": f"Bearer {KEYS['TWO']}"}
        assert (await call(other, "POST", "/v1/responses", responses(id), headers=foreign)).status == 409
        assert (await call(other, "POST", "/v1/responses", responses(id), headers=ONE)).status == 200
    assert b"swordfish" in transport.requests[-1].body


async def test_with_the_store_answers_outlive_the_gateway(tmp_path: Path) -> None:
    """`responses.store = "sql"`; in memory they do not."""
    transport = ScriptedTransport(whole("gemini"))
    for store, status in (("sql", 200), ("memory", 409)):
        settings = config(responses=ResponseSettings(store=store))  # type: ignore[arg-type]  # one of the two words
        async with gateway(tmp_path, transport, ENVIRONMENT, **settings) as app:
            id = (await call(app, "POST", "/v1/responses", responses())).json["id"]
        async with gateway(tmp_path, transport, ENVIRONMENT, **settings) as app:
            assert (await call(app, "POST", "/v1/responses", responses(id))).status == status


async def test_who_rests_for_one_rests_for_all_within_a_second(shared: SharedSettings, tmp_path: Path) -> None:
    """A key that one gateway found empty is not tried again by the other, which takes the next target at once."""
    spent = Script.json({"error": {"message": "no credit", "code": "insufficient_quota"}}, 402)
    transport = by_host(openai_chat=spent, gemini=whole("gemini"))
    settings = {**fast("openai_chat", "gemini"), "shared": shared}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with (
        gateway(tmp_path / "a", transport, ENVIRONMENT, **settings) as first,
        gateway(tmp_path / "b", transport, ENVIRONMENT, **settings) as other,
    ):
        assert (await ask(first, "openai_chat", stream=False)).headers["x-interlingua-attempts"] == "2"
        rests = other.state.engine.rests
        for _ in range(1000):
            if rests:
                break
            await asyncio.sleep(0.01)
        answer = await ask(other, "openai_chat", stream=False)
        assert (answer.status, answer.headers["x-interlingua-attempts"]) == (200, "1")
        assert sum("openai" in request.url for request in transport.requests) == 1


async def test_what_one_gateway_was_answered_the_other_gives_again(shared: SharedSettings, tmp_path: Path) -> None:
    """To the same tenant; in another dialect too; in a room of its own, beside what conversations need."""
    transport = ScriptedTransport(whole("gemini"))
    settings = config(shared=shared, cache=CacheSettings(ttl=60), virtual_keys=TWO_TENANTS)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with (
        gateway(tmp_path / "a", transport, {**ENVIRONMENT, **KEYS}, **settings) as first,
        gateway(tmp_path / "b", transport, {**ENVIRONMENT, **KEYS}, **settings) as other,
    ):
        stream = asks("ollama", "gemini", stream=True)
        found = [
            await call(app, "POST", *asked, headers={"authorization": f"Bearer {KEYS[key]}"})
            for app, asked, key in (
                (first, (PATH, BODY), "ONE"),
                (other, (PATH, BODY), "ONE"),
                (other, stream, "ONE"),
                (other, (PATH, BODY), "TWO"),
            )
        ]
        assert [one.headers["x-interlingua-cache"] for one in found] == ["miss", "hit", "hit", "miss"]
        assert found[1].body == found[0].body
        assert text_of(read("ollama", found[2].body)) == "One two three."


def remembering(folder: Path, transport: Any, shared: SharedSettings) -> Any:
    """A gateway that gives answers again."""
    folder.mkdir()
    settings = config(shared=shared, cache=CacheSettings(ttl=60), virtual_keys=TWO_TENANTS)
    return gateway(folder, transport, {**ENVIRONMENT, **KEYS}, **settings)


async def looked_again(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a gateway has found that another is being answered."""
    again = asyncio.Event()
    inner = asyncio.sleep

    async def sleep(seconds: float, *more: Any) -> Any:
        if seconds == LOOK_AGAIN:
            again.set()
            seconds = 0.01
        return await inner(seconds, *more)

    monkeypatch.setattr("interlingua.engine.cache.asyncio.sleep", sleep)
    return again


async def test_of_the_same_requests_at_several_gateways_at_once_one_goes_on_its_way(
    shared: SharedSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other waits for what is remembered; another tenant does not wait."""
    again = await looked_again(monkeypatch)
    gate = Gate(both("gemini"))
    async with (
        remembering(tmp_path / "a", gate, shared) as one,
        remembering(tmp_path / "b", gate, shared) as other,
    ):
        first = asyncio.create_task(call(one, "POST", PATH, BODY, headers=ONE))
        await gate.asked.wait()
        waiting = [
            asyncio.create_task(call(other, "POST", *asks(client, "gemini", stream=True), headers=ONE))
            for client in ("openai_chat", "gemini")
        ]
        await again.wait()
        assert len(gate.requests) == 1
        foreign = asyncio.create_task(call(other, "POST", PATH, BODY, headers=BEARER_TWO))
        await until(lambda: len(gate.requests) == 2)
        gate.open.set()
        found = [await answer for answer in (first, *waiting, foreign)]
        assert [answer.headers["x-interlingua-cache"] for answer in found] == ["miss", "hit", "hit", "miss"]
    assert len(gate.requests) == 2


async def test_where_there_is_nothing_to_wait_for_the_other_gateways_ask_at_once(
    shared: SharedSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that asked failed: each other asks for itself, and is not told of that failure."""
    again = await looked_again(monkeypatch)
    gate = Gate(ScriptedTransport([Script.json({"error": {"message": "no"}}, 503), whole("gemini"), whole("gemini")]))
    async with (
        remembering(tmp_path / "a", gate, shared) as one,
        remembering(tmp_path / "b", gate, shared) as other,
    ):
        first = asyncio.create_task(call(one, "POST", PATH, BODY, headers=ONE))
        await gate.asked.wait()
        second_ = asyncio.create_task(call(other, "POST", PATH, BODY, headers=ONE))
        await again.wait()
        gate.open.set()
        assert ((await first).status, (await second_).status) == (503, 200)
        assert (await call(one, "POST", PATH, BODY, headers=ONE)).headers["x-interlingua-cache"] == "hit"


async def test_without_the_server_each_counts_for_itself_or_limited_calls_are_refused(tmp_path: Path) -> None:
    """Calls without a limit are answered either way."""
    transport = ScriptedTransport(whole("gemini"))
    there = f"unix://{tmp_path}/none.sock"

    async def ask(app: Any, key: str = "ONE") -> Answer:
        return await call(app, "POST", PATH, BODY, headers={"authorization": f"Bearer {KEYS[key]}"})

    async with served(tmp_path / "a", transport, SharedSettings(url=there), rpm=1) as app:
        assert [(await ask(app)).status for _ in range(2)] == [200, 429]
        assert (await ask(app, "TWO")).status == 200
    async with served(tmp_path / "b", transport, SharedSettings(url=there, on_loss="closed"), rpm=1) as app:
        refused = await ask(app)
        assert (refused.status, refused.headers["x-interlingua-fault"]) == (503, "gateway")
        assert refused.headers["retry-after"] == "2"
        assert (await ask(app, "TWO")).status == 200


async def test_two_gateways_keep_their_calls_and_keys_in_one_postgresql(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both start on it while it is empty; what one writes down the other shows."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = config(store=StoreSettings(url=postgres.url(postgres.empty())))
    transport = ScriptedTransport(whole("gemini"))

    async def one() -> Any:
        return await stack.enter_async_context(gateway(tmp_path, transport, ENVIRONMENT, **settings))

    async with AsyncExitStack() as stack:
        first, other = await asyncio.gather(one(), one())
        answer = await call(first, "POST", PATH, BODY)
        assert answer.status == 200
        await first.state.ledger.flush()
        row = await other.state.ledger.read("local", answer.headers["x-request-id"])
        assert (row.status, row.attempts[0].status) == (200, 200)

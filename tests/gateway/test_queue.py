"""A call over a limit waits for it where the configuration lets it, whoever counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.principal import Limits
from interlingua.engine.settings import QueueSettings
from interlingua.gateway.app import Gateway
from interlingua.stores.settings import SharedSettings
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.caching import Gate, both, leaving
from tests.gateway.upstreams import ENVIRONMENT, asks, config
from tests.services import Redis

KEYS = {name: f"il-the-key-of-{name.lower()}-and-more" for name in ("ONE", "TWO")}
LIMITS = {"the-gemini/*": Limits(concurrency=1)}
PATH, BODY = asks("openai_chat", "gemini", stream=False)
OWNERS = tuple(VirtualKeySettings(name=name.lower(), key=f"env:{name}") for name in KEYS)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what nobody announces."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came")


def ask(app: Gateway, key: str = "ONE") -> asyncio.Task[Answer]:
    headers = {"authorization": f"Bearer {KEYS[key]}"}
    return asyncio.create_task(call(app, "POST", PATH, BODY, headers=headers))


def served(folder: Path, gate: Gate, **more: Any) -> Any:
    folder.mkdir(exist_ok=True)
    settings = config(limits=LIMITS, virtual_keys=OWNERS, **{"queue": QueueSettings(wait=60), **more})
    return gateway(folder, gate, {**ENVIRONMENT, **KEYS}, **settings)


@pytest.mark.parametrize("counts", ["here", "redis"])
async def test_calls_wait_in_turns_and_are_counted(counts: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Where this process counts, and where all count together."""
    more = {}
    if counts == "redis":
        server: Redis = request.getfixturevalue("redis")
        server.run("FLUSHALL")
        more["shared"] = SharedSettings(url=server.url, timeout=60)
    gate = Gate(both("gemini"))
    async with served(tmp_path, gate, **more) as app:
        tasks = [ask(app)]
        await gate.asked.wait()
        for key in ("ONE", "ONE", "TWO"):
            before = app.state.queue.waiting
            tasks.append(ask(app, key))
            await until(lambda: app.state.queue.waiting == before + 1)  # noqa: B023 - at once
        token = (tmp_path / "admin-token").read_text().strip()
        told = (await call(app, "GET", "/metrics", headers={"authorization": f"Bearer {token}"})).body.decode()
        assert "interlingua_queued_calls 3.0" in told
        gate.open.set()
        assert [(await task).status for task in tasks] == [200] * 4
        rows = (await app.state.ledger.page(None)).rows
        assert [row.key for row in sorted(rows, key=lambda row: row.started + row.duration)] == [
            *("one", "one", "two", "one")
        ]
        told = (await call(app, "GET", "/metrics", headers={"authorization": f"Bearer {token}"})).body.decode()
        assert 'interlingua_queue_total{ended="admitted"} 3.0' in told
        assert not app.state.running


async def test_who_leaves_while_it_waits_takes_nothing(tmp_path: Path) -> None:
    """Nobody was asked for it, and its row says that it left."""
    gate = Gate(both("gemini"))
    async with gateway(tmp_path, gate, ENVIRONMENT, **config(limits=LIMITS, queue=QueueSettings(wait=60))) as app:
        stays = asyncio.create_task(call(app, "POST", PATH, BODY))
        await gate.asked.wait()
        gone = asyncio.Event()
        leaver = asyncio.create_task(leaving(app, gone))
        await until(lambda: app.state.queue.waiting == 1)
        gone.set()
        await leaver
        assert (app.state.queue.waiting, app.state.queue.ended["left"]) == (0, 1)
        gate.open.set()
        assert (await stays).status == 200
        assert (await call(app, "POST", PATH, BODY)).status == 200
        rows = (await app.state.ledger.page(None)).rows
        assert sorted((row.status, len(row.attempts)) for row in rows) == [(200, 1), (200, 1), (499, 0)]
    assert len(gate.requests) == 2


async def test_who_waited_in_vain_is_told_when_to_come_back(tmp_path: Path) -> None:
    """As without a queue."""
    gate = Gate(both("gemini"))
    for wait in (None, 0.01):
        async with served(tmp_path / str(wait), gate, queue=QueueSettings(wait=wait)) as app:
            gate.asked.clear()
            gate.open.clear()
            first = ask(app)
            await gate.asked.wait()
            refused = await ask(app, "TWO")
            assert (refused.status, refused.headers["retry-after"]) == (429, "1")
            assert refused.headers["x-interlingua-fault"] == "gateway"
            gate.open.set()
            assert (await first).status == 200


async def test_a_slot_that_another_gateway_frees_is_noticed(redis: Redis, tmp_path: Path) -> None:
    """Though nobody tells."""
    redis.run("FLUSHALL")
    gate = Gate(both("gemini"))
    shared = SharedSettings(url=redis.url, timeout=60)
    async with (
        served(tmp_path / "a", gate, shared=shared) as first,
        served(tmp_path / "b", gate, shared=shared) as other,
    ):
        one = ask(first)
        await gate.asked.wait()
        two = ask(other)
        await until(lambda: other.state.queue.waiting == 1)
        gate.open.set()
        assert [(await one).status, (await two).status] == [200, 200]

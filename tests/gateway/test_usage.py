"""`GET /api/usage`: sums for the web, a tenant's own or an administrator's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.gateway.app import Gateway
from interlingua.gateway.auth import admin_token
from interlingua.gateway.build import token_path
from interlingua.transport.scripted import ScriptedTransport
from interlingua.types.money import Money
from tests.gateway.asgi import call, gateway
from tests.gateway.test_budgets import COST, SECRETS, ask
from tests.gateway.upstreams import whole

KEYS = {"mine": "il-the-key-of-the-tenant-mine", "theirs": "il-the-key-of-the-tenant-theirs"}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Gateway]:
    """Two tenants; each made calls."""
    keys = tuple(VirtualKeySettings(name=name, key=f"env:{name}", budget="1 USD / day") for name in KEYS)
    transport = ScriptedTransport([whole("openai_chat")] * 3)
    async with gateway(tmp_path, transport, {**SECRETS, **KEYS}, virtual_keys=keys) as made:
        path, body = ask("openai_chat")
        for name, tags in (("mine", "a"), ("mine", "a,b"), ("theirs", "")):
            headers = {**bearer(KEYS[name]), "x-interlingua-tags": tags}
            assert (await call(made, "POST", path, body, headers=headers)).status == 200
        yield made


async def test_a_key_sees_its_own_tenants_usage_and_budgets(app: Gateway) -> None:
    answer = await call(app, "GET", "/api/usage?by=model&by=tag&by=key", headers=bearer(KEYS["mine"]))
    assert answer.status == 200
    found = answer.json
    assert (found["tenant"], found["total"]["calls"], found["total"]["cost"]) == ("mine", 2, f"{Money(2 * COST).usd:f}")
    assert [row["model"] for row in found["by"]["model"]] == ["openai/gpt-4o-mini"]
    assert {row["tag"]: row["calls"] for row in found["by"]["tag"]} == {"a": 2, "b": 1}
    assert [row["key"] for row in found["by"]["key"]] == ["mine"]
    combined = {(row["model"], row["tag"], row["key"]): row["calls"] for row in found["items"]}
    assert combined == {("openai/gpt-4o-mini", "a", "mine"): 2, ("openai/gpt-4o-mini", "b", "mine"): 1}
    (budget,) = found["budgets"]
    assert (budget["scope"], budget["name"], budget["budget"]) == ("key", "mine", "1 USD / day")
    assert budget["spent"] == f"{Money(2 * COST).usd:f}"


async def test_an_administrator_sees_all_or_one(app: Gateway) -> None:
    admin = bearer(admin_token(token_path(app.state.config)).reveal())
    found = (await call(app, "GET", "/api/usage?by=tenant", headers=admin)).json
    assert {row["tenant"]: row["calls"] for row in found["by"]["tenant"]} == {"mine": 2, "theirs": 1}
    found = (await call(app, "GET", "/api/usage?tenant=theirs", headers=admin)).json
    assert found["total"]["calls"] == 1


async def test_a_key_never_sees_another_tenants(app: Gateway) -> None:
    answer = await call(app, "GET", "/api/usage?tenant=theirs", headers=bearer(KEYS["mine"]))
    assert answer.status == 403
    found = (await call(app, "GET", "/api/usage?by=key&key=theirs", headers=bearer(KEYS["mine"]))).json
    assert (found["total"]["calls"], found["by"]["key"]) == (0, [])


@pytest.mark.parametrize(
    ("query", "field"),
    [("by=colour", "by"), ("since=soon", "since"), ("since=2026-01-02&until=2026-01-01", "since"), ("x=1", "x")],
)
async def test_what_is_no_query_is_refused_by_name(query: str, field: str, app: Gateway) -> None:
    answer = await call(app, "GET", f"/api/usage?{query}", headers=bearer(KEYS["mine"]))
    assert answer.status == 400
    assert field in answer.json["error"]["message"]


async def test_without_keys_usage_is_the_administrators(tmp_path: Path) -> None:
    """Inference is open on the loopback; what it cost is nobody else's business."""
    async with gateway(tmp_path, ScriptedTransport([])) as app:
        assert (await call(app, "GET", "/api/usage")).status == 401
        admin = bearer(admin_token(token_path(app.state.config)).reveal())
        assert (await call(app, "GET", "/api/usage", headers=admin)).status == 200

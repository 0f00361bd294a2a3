"""Budgets at the gateway: who may not spend any more hears of it in the client's own words."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.dialects import registry
from interlingua.engine.budgets import BudgetSettings, period_of
from interlingua.engine.settings import RetrySettings
from interlingua.errors import BudgetExceeded
from interlingua.gateway.app import Gateway
from interlingua.ports.budgets import BudgetState
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import DIALECTS, ENVIRONMENT, asks, config, response, script, whole

KEY = "il-a-key-of-twenty-four-letters-or-more"
BEARER = {"authorization": f"Bearer {KEY}"}
MODEL = "openai/gpt-4o-mini"
"""0.15 in, 0.60 out."""
COST = (11 * 150_000 + 7 * 600_000) * 1
"""Of the answer of `whole`, in pico-dollars."""


def settings(budget: str | None = "5 USD / month", **more: Any) -> dict[str, Any]:
    """One key with a budget, and a host with prices."""
    keys = (VirtualKeySettings(name="team", key="env:TEAM", budget=budget),)
    return {"virtual_keys": keys, "retry": RetrySettings(attempts=1, base=0.0), **more}


SECRETS = {"TEAM": KEY, "OPENAI_API_KEY": "sk-x"}


def ask(client: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """A question to the model with a price."""
    path, body = asks(client, "openai_chat", stream=False, **more)
    return path.replace("the-openai-chat/m-1", MODEL), {**body, **({"model": MODEL} if "model" in body else {})}


async def state(app: Gateway, span: str = "month") -> BudgetState:
    """How the key's budget stands in the store."""
    await app.state.ledger.flush()
    period = period_of("key", "team", span, app.state.engine.clock.time())[0]  # type: ignore[arg-type]  # of a test
    return (await app.state.budgets._store.states([period], int(app.state.engine.clock.time() * 1e6)))[0]


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_spent_budget_is_told_in_the_clients_own_envelope(client: str, tmp_path: Path) -> None:
    """A 429 that says whose budget, how much, when it is new, and that another try is of no use."""
    transport = ScriptedTransport([])
    async with gateway(tmp_path, transport, SECRETS, **settings("0.0000001 USD / day")) as app:
        path, body = ask(client)
        answer = await call(app, "POST", path, body, headers=BEARER)
        row = (await app.state.ledger.page(None)).rows[0]
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 86_400
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-interlingua-fault"] == "gateway"
    assert b"this key may spend 0.0000001 USD / day" in answer.body
    assert b"00:00 UTC" in answer.body
    assert transport.requests == []
    assert (row.status, row.error, row.attempts) == (429, "budget_exceeded", ())
    wire = WireResponse(status=answer.status, headers=tuple(answer.headers.items()), body=answer.body)
    error = registry.dialect(client).parse_error(wire, TranslationContext(dialect=client))
    assert error.exit_code == BudgetExceeded.exit_code
    assert not error.retryable or client in ("gemini", "ollama"), type(error)


async def test_an_answer_is_charged_with_its_row(tmp_path: Path) -> None:
    """The row's cost is what the budget is charged with, and what was reserved beyond it is free again."""
    async with gateway(tmp_path, ScriptedTransport(whole("openai_chat")), SECRETS, **settings()) as app:
        path, body = ask("anthropic_messages")
        answer = await call(app, "POST", path, body, headers={**BEARER, "x-interlingua-tags": "b, a,b, , nightly"})
        assert answer.status == 200
        found = await state(app)
        row = (await app.state.ledger.page(None)).rows[0]
    assert row.cost == COST
    assert (found.spent, found.estimated, found.calls, found.tokens) == (COST, 0, 1, 18)
    assert (row.attempts[0].price_source, row.tags) == ("DLG", ("a", "b", "nightly"))


async def test_a_client_that_leaves_pays_the_reservation(tmp_path: Path) -> None:
    """Nobody tells what the half answer cost: the row says unknown, the budget counts what it may have been."""
    half = script("openai_chat").stalled(after=2)
    async with gateway(tmp_path, ScriptedTransport(half), SECRETS, **settings()) as app:
        path, body = ask("openai_chat", max_tokens=1000)
        await call(app, "POST", path, {**body, "stream": True}, headers=BEARER, leave_after=1)
        found = await state(app)
        row = (await app.state.ledger.page(None)).rows[0]
    assert (row.error, row.cost) == ("cancelled", None)
    assert found.spent == 0
    assert found.estimated >= 1000 * 600_000


@pytest.mark.parametrize(
    ("client", "more"), [("openai_chat", {"n": 4}), ("gemini", {"generationConfig": {"candidateCount": 4}})]
)
async def test_each_of_several_answers_is_reserved(client: str, more: dict[str, Any], tmp_path: Path) -> None:
    """Four answers of 4,096 tokens may cost a cent at 0.60; one would fit into half of that."""
    async with gateway(tmp_path, ScriptedTransport([]), SECRETS, **settings("0.005 USD / day")) as app:
        path, body = ask(client, **more)
        answer = await call(app, "POST", path, body, headers=BEARER)
    assert (answer.status, b"may cost $0.0098" in answer.body) == (429, True), answer.body


async def test_a_provider_that_refuses_costs_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedTransport(Script.text("no", 503)), SECRETS, **settings()) as app:
        path, body = ask("openai_chat")
        assert (await call(app, "POST", path, body, headers=BEARER)).status == 503
        found = await state(app)
    assert (found.spent, found.estimated, found.calls) == (0, 0, 1)


@pytest.mark.parametrize("path", ["/api/chat/complete", "/api/chat/stream"])
async def test_our_own_chat_spends_too(path: str, tmp_path: Path) -> None:
    answers = script("openai_chat") if path.endswith("stream") else whole("openai_chat")
    async with gateway(tmp_path, ScriptedTransport(answers), SECRETS, **settings()) as app:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Count."}]}
        assert (await call(app, "POST", path, body, headers=BEARER)).status == 200
        found = await state(app)
    assert found.spent == COST


async def test_a_tenant_and_all_together_have_budgets_of_their_own(tmp_path: Path) -> None:
    """No key needs one."""
    budgets = BudgetSettings(tenants={"team": "0.0000001 USD"})
    async with gateway(tmp_path, ScriptedTransport([]), SECRETS, **settings(None, budgets=budgets)) as app:
        path, body = ask("openai_chat")
        answer = await call(app, "POST", path, body, headers=BEARER)
    assert answer.status == 429
    assert b"this tenant may spend" in answer.body
    assert "retry-after" not in answer.headers  # it has no next period


async def test_a_changed_budget_is_in_force_at_once(tmp_path: Path) -> None:
    """And what is spent stays spent."""
    async with gateway(tmp_path, ScriptedTransport([whole("openai_chat")] * 2), SECRETS, **settings(None)) as app:
        path, body = ask("openai_chat", max_tokens=10)
        assert (await call(app, "POST", path, body, headers=BEARER)).status == 200
        app.state.budgets.configure(BudgetSettings(global_="0.000008 USD / day"))
        await app.state.ledger.flush()
        refused = await call(app, "POST", path, body, headers=BEARER)
        assert refused.status == 429
        app.state.budgets.configure(BudgetSettings(global_="1 USD / day"))
        assert (await call(app, "POST", path, body, headers=BEARER)).status == 200


async def test_models_without_a_price_are_told_of_once_and_can_be_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "interlingua.budgets")
    hosts = config(virtual_keys=settings()["virtual_keys"])
    environment = {**ENVIRONMENT, "TEAM": KEY}
    async with gateway(tmp_path, ScriptedTransport(whole("openai_chat")), environment, **hosts) as app:
        path, body = asks("openai_chat", "openai_chat", stream=False)
        answer = await call(app, "POST", path, body, headers=BEARER)
        assert (answer.status, answer.headers["x-interlingua-cost"]) == (200, "unknown")
        found = await state(app)
        assert (found.spent, found.calls, found.unpriced) == (0, 1, 1)
        app.state.budgets.configure(BudgetSettings(unpriced="refuse"))
        refused = await call(app, "POST", path, body, headers=BEARER)
        assert (refused.status, b"no known price" in refused.body) == (429, True)
    assert [record.message.count('budgets.unpriced = "refuse"') for record in caplog.records] == [1]


async def test_inline_pictures_are_reserved_as_pictures(tmp_path: Path) -> None:
    """Three megabytes of base64 are not 750,000 tokens."""
    picture = "data:image/png;base64," + "A" * 3_000_000
    content = [{"type": "image_url", "image_url": {"url": picture}}, {"type": "text", "text": "What is it?"}]
    transport = ScriptedTransport(whole("openai_chat", response("a cat")))
    async with gateway(tmp_path, transport, SECRETS, **settings("0.003 USD / day")) as app:
        path, body = ask("openai_chat", max_tokens=100)
        body["messages"] = [{"role": "user", "content": content}]
        answer = await call(app, "POST", path, body, headers=BEARER)
    assert answer.status == 200, answer.body

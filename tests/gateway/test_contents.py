"""Whose content is kept, who may read it, and what the log tells of a call's phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlingua.engine.contents import ContentSettings
from interlingua.engine.ledger import LedgerSettings
from interlingua.engine.router import ModelAlias
from interlingua.gateway.app import Gateway
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.pages_client import KEYS, MODEL, Page, pages
from tests.gateway.upstreams import DIALECTS, ENVIRONMENT, SECRET, asks, config, script, whole

KEPT = LedgerSettings(content=ContentSettings(keys=("*",)))


async def ask(app: Gateway, dialect: str = "openai_chat", *, stream: bool = True, key: str = "") -> Answer:
    path, body = asks(dialect, dialect, stream=stream)
    answer = await call(app, "POST", path, body, headers={"authorization": f"Bearer {key}"} if key else {})
    assert answer.status == 200, answer.body
    return answer


async def content(page: Page, answer: Answer) -> Any:
    return await page.get(f"/api/requests/{answer.headers['x-request-id']}/content")


async def test_nothing_is_kept_unless_somebody_says_so(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport([script("openai_chat")])) as page:
        answer = await ask(page.app)
        assert await content(page, answer) == {"kept": False, "why": "off"}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_kept_call_opens_to_what_was_asked_and_answered(tmp_path: Path, dialect: str, stream: bool) -> None:
    """In our words, whatever its client speaks."""
    scripts = [script(dialect) if stream else whole(dialect)]
    async with pages(tmp_path, ScriptedTransport(scripts), ledger=KEPT) as page:
        found = await content(page, await ask(page.app, dialect, stream=stream))
        assert found["kept"] is True
        assert found["dialect"] == dialect
        assert found["request"]["messages"][0]["parts"][0]["text"] == "Count to three."
        assert "three." in found["response"]["choices"][0]["message"]["parts"][0]["text"]
        assert SECRET not in msgspec.json.encode(found).decode()


async def test_answers_on_the_pages_are_kept_too(tmp_path: Path) -> None:
    """Runs have no bytes of a client, but values."""
    async with pages(tmp_path, ScriptedTransport([script("openai_chat")]), ledger=KEPT) as page:
        conversation, message = await page.chat("What is entropy?")
        await page.events(await page.run(conversation, message))
        (row,) = (await page.get("/api/requests"))["items"]
        found = await page.get(f"/api/requests/{row['request_id']}/content")
        assert found["request"]["messages"][-1]["parts"][0]["text"] == "What is entropy?"
        assert found["response"]["choices"][0]["message"]["role"] == "assistant"


async def test_a_content_is_read_and_deleted_by_its_tenant_and_the_administrator_alone(tmp_path: Path) -> None:
    """A stranger gets what there is for an id that nobody has; without a session even the loopback gets nothing."""
    transport = ScriptedTransport([script("openai_chat")] * 2)
    async with pages(tmp_path, transport, keys=True, ledger=KEPT) as page:
        answer = await ask(page.app, key=KEYS["ALICE"])
        id = answer.headers["x-request-id"]
        alice, bob = Page(page.app, KEYS["ALICE"]), Page(page.app, KEYS["BOB"])
        assert (await content(alice, answer))["kept"] is True
        assert (await content(page, answer))["kept"] is True
        for method in ("GET", "DELETE"):
            foreign = await bob.ask(method, f"/api/requests/{id}/content")
            unknown = await bob.ask(method, "/api/requests/req_of_nobody/content")
            assert (foreign.status, unknown.status) == (404, 404)
            assert foreign.json["error"]["message"] == unknown.json["error"]["message"]
            assert (await call(page.app, method, f"/api/requests/{id}/content")).status == 401
        assert (await alice.ask("DELETE", f"/api/requests/{id}/content")).status == 204
        assert await content(alice, answer) == {"kept": False, "why": "gone"}
        assert (await page.ask("DELETE", f"/api/requests/{id}/content")).status == 404


async def test_only_the_calls_of_chosen_keys_are_kept_and_the_choice_is_made_on_the_page(tmp_path: Path) -> None:
    """It is in force with the answer, and what the file says is not changed here."""
    transport = ScriptedTransport([script("openai_chat")] * 3)
    async with pages(tmp_path, transport, keys=True) as page:
        before = await ask(page.app, key=KEYS["ALICE"])
        said = await page.ask("PUT", "/api/settings/ledger.content.keys", {"value": ["alice"]})
        assert said.status == 200, said.body
        (item,) = [one for one in said.json["items"] if one["path"] == "ledger.content.keys"]
        assert (item["value"], item["editable"]) == (["alice"], True)
        after, other = await ask(page.app, key=KEYS["ALICE"]), await ask(page.app, key=KEYS["BOB"])
        assert [(await content(page, one))["kept"] for one in (before, after, other)] == [False, True, False]
        assert b'[ledger.content]\nkeys = ["alice"]' in (await page.ask("GET", "/api/settings/export")).body
    async with pages(tmp_path, ScriptedTransport([]), ledger=KEPT) as page:
        assert (await page.ask("PUT", "/api/settings/ledger.content.keys", {"value": []})).status == 409


async def test_a_call_whose_client_left_is_kept_as_far_as_it_got(tmp_path: Path) -> None:
    stalled = msgspec.structs.replace(script("openai_chat"), stall_after=3)
    async with gateway(tmp_path, ScriptedTransport([stalled]), ENVIRONMENT, **config(ledger=KEPT)) as app:
        path, body = asks("openai_chat", "openai_chat")
        answer = await call(app, "POST", path, body, leave_after=1)
        found = await app.state.contents.read(None, answer.headers["x-request-id"])
        assert found["request"]["messages"][0]["role"] == "user"
        assert found["error"] == "the client left"


async def test_an_attempt_tells_its_phases(tmp_path: Path) -> None:
    """Sent, head, first content, end: in this order, since the call came in; of a failed one no first content."""
    broken = Script(status=503, chunks=(b'{"error": {"message": "no"}}',))
    models = {"both": ModelAlias(targets=("the-anthropic-messages/m-1", MODEL))}
    async with pages(tmp_path, ScriptedTransport([broken, script("openai_chat")]), models=models) as page:
        path, body = asks("openai_chat", "openai_chat")
        answer = await call(page.app, "POST", path, {**body, "model": "both"})
        assert answer.status == 200
        (row,) = (await page.get("/api/requests"))["items"]
        first, second = row["attempts"]
        assert (first["error"], first["first"]) == ("overloaded", None)
        assert 0 <= first["sent"] <= first["head"] <= first["end"] <= second["sent"]
        assert second["sent"] <= second["head"] <= second["first"] <= second["end"] <= row["seconds"] + 0.01
        assert second["why"] == "after overloaded"
        assert [one["target"] for one in row["decisions"]] == [MODEL]
        (shown,) = (await page.get("/api/performance"))["items"]
        assert shown["series"][0].keys() >= {"first_p50", "first_p95", "tps_p50", "tps_p95", "errors", "interrupted"}

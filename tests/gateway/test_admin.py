"""What the administrator sees and changes on the pages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from interlingua.engine.router import ModelAlias
from interlingua.errors import Overloaded
from interlingua.gateway.usage import following
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway
from tests.gateway.pages_client import MODEL, events_of, pages
from tests.gateway.upstreams import SECRET, script, whole

IDLE = Script.refused()


async def test_the_default_is_chosen_holds_at_once_and_is_found_again_after_a_restart(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(whole("openai_chat"))) as page:
        chosen = await page.ask("PUT", "/api/providers/active", {"provider": "the-openai-chat", "model": "m-1"})
        assert (chosen.status, chosen.json["model"]) == (200, "m-1")
        assert (await page.get("/api/session"))["default_model"] == MODEL
        answer = await call(page.app, "POST", "/api/chat/complete", {"messages": [{"role": "user", "content": "x"}]})
        assert answer.json["model"] == MODEL
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        assert (await page.get("/api/providers/active"))["model"] == "m-1"
        settings = await page.get("/api/settings")
        assert {"path": "default_model", "value": MODEL, "source": "overlay", "editable": True} in settings["items"]
        unset = await page.ask("DELETE", "/api/settings/default_model")
        assert unset.status == 200
        assert (await page.get("/api/session"))["default_model"] != MODEL


async def test_what_the_file_sets_is_read_only_on_the_pages(tmp_path: Path) -> None:
    """Contracts §9."""
    fixed: dict[str, Any] = {"default_model": MODEL, "models": {"fast": ModelAlias(targets=(MODEL,))}}
    async with pages(tmp_path, ScriptedTransport(IDLE), **fixed) as page:
        tries = [
            ("PUT", "/api/providers/active", {"provider": "the-gemini", "model": "m-1"}),
            ("PUT", "/api/routes/fast", {"targets": ["the-gemini/m-1"]}),
            ("PUT", "/api/settings/default_model", {"value": "the-gemini/m-1"}),
        ]
        for method, path, body in tries:
            assert (await page.ask(method, path, body)).status == 409, path
        (route,) = (await page.get("/api/routes"))["items"]
        assert (route["source"], route["editable"]) == ("file", False)
        assert (await page.get("/api/session"))["default_model"] == MODEL


async def test_an_alias_is_made_used_exported_and_taken_away(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(whole("openai_chat"))) as page:
        body = {"targets": [{"target": MODEL, "weight": 2}, {"target": "the-gemini/m-1"}], "strategy": "weighted"}
        made = await page.ask("PUT", "/api/routes/team/quick", body)
        assert made.status == 200, made.body
        assert made.json["targets"][0] == {"target": MODEL, "weight": 2}
        assert "team/quick" in [one["id"] for one in (await page.get("/api/models"))["items"]]
        toml = (await page.ask("GET", "/api/settings/export")).body.decode()
        assert '[models."team/quick"]' in toml
        assert (await page.ask("DELETE", "/api/routes/team/quick")).status == 204
        assert (await page.get("/api/routes"))["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"targets": []},
        {"targets": "x"},
        {"targets": [MODEL], "strategy": "best"},
        {"targets": ["nowhere/at-all"], "x": 1},
    ],
)
async def test_an_alias_that_cannot_be_is_refused_and_nothing_changes(body: Any, tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        assert (await page.ask("PUT", "/api/routes/fast", body)).status == 400
        assert (await page.get("/api/routes"))["items"] == []
        assert (await page.get("/api/settings"))["version"] == 0


async def test_settings_chosen_from_an_old_version_are_refused(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        first = await page.ask("PUT", "/api/settings/default_model", {"value": MODEL, "version": 0})
        assert (first.status, first.json["version"]) == (200, 1)
        stale = await page.ask("PUT", "/api/settings/default_model", {"value": "local/smollm2", "version": 0})
        assert stale.status == 409
        assert (await page.get("/api/session"))["default_model"] == MODEL
        assert (await page.ask("PUT", "/api/settings/server.host", {"value": "0.0.0.0"})).status == 400  # noqa: S104


async def test_providers_show_state_source_and_tail_and_never_a_secret(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(Script.json({"data": [{"id": "a"}, {"id": "b"}]}))) as page:
        listed = {one["id"]: one for one in (await page.get("/api/providers"))["items"]}
        lab = listed["the-openai-chat"]
        assert (lab["state"], lab["source"]) == ("present", "OPENAI_CHAT_KEY")
        assert lab["tail"].startswith("…")
        assert listed["openai"]["state"] == "missing"
        tested = await page.post("/api/providers/the-openai-chat/test")
        assert (tested["state"], tested["models"], tested["error"]) == ("valid", 2, None)
        answer = await page.ask("GET", "/api/providers")
        again = {one["id"]: one for one in answer.json["items"]}["the-openai-chat"]
        assert (again["state"], again["models"]) == ("valid", 2)
        assert SECRET.encode() not in answer.body
        same = await page.ask("GET", "/api/providers", headers={"if-none-match": answer.headers["etag"]})
        assert same.status == 304


async def test_a_key_is_kept_used_and_taken_away_and_never_shown(tmp_path: Path) -> None:
    """Headless, so in the 0600 file."""
    secret = "sk-a-key-that-somebody-pasted-1234"  # noqa: S105
    transport = ScriptedTransport(Script.json({"data": []}))
    async with pages(tmp_path, transport) as page:
        kept = await page.ask("PUT", "/api/credentials/groq/default", {"secret": f" {secret}\n"})
        assert kept.status == 200, kept.body
        assert (kept.json["source"], kept.json["tail"]) == ("credentials file", "…1234")
        listed = await page.ask("GET", "/api/credentials")
        assert {"provider": "groq", "profile": "default"}.items() <= listed.json["items"][0].items()
        shown = await page.ask("GET", "/api/credentials/groq/default")
        assert {"api_key": "…1234", "masked": True, "source": "credentials file"}.items() <= shown.json.items()
        assert secret.encode() not in kept.body + listed.body + shown.body
        assert (await page.post("/api/credentials/groq/default/test"))["state"] == "valid"
        assert ("authorization", f"Bearer {secret}") in transport.requests[-1].headers
        assert (await page.ask("DELETE", "/api/credentials/groq/default")).status == 204
        assert (await page.ask("GET", "/api/credentials/groq/default")).status == 404
        states = {one["id"]: one["state"] for one in (await page.get("/api/providers"))["items"]}
        assert states["groq"] == "missing"
        for path, body, status in [
            ("/api/credentials/groq/default", {"secret": "two\nlines"}, 400),
            ("/api/credentials/groq/default", {"secret": ""}, 400),
            ("/api/credentials/nobody/default", {"secret": secret}, 404),
            ("/api/credentials/groq/..%2F", {"secret": secret}, 400),
            ("/api/credentials/the-gemini/default", {"secret": secret}, 409),
        ]:
            assert (await page.ask("PUT", path, body)).status == status, path


async def test_a_key_can_be_tried_before_it_is_kept(tmp_path: Path) -> None:
    secret = "sk-a-key-that-somebody-pasted-1234"  # noqa: S105
    models = Script.json({"data": [{"id": "m-1"}]})
    transport = ScriptedTransport(models)
    async with pages(tmp_path, transport) as page:
        tried = await page.ask("POST", "/api/providers/groq/test", {"secret": secret})
        assert (tried.json["state"], tried.json["models"]) == ("valid", 1)
        assert ("authorization", f"Bearer {secret}") in transport.requests[-1].headers
        states = {one["id"]: one["state"] for one in (await page.get("/api/providers"))["items"]}
        assert states["groq"] == "missing", "what was tried is not kept"
        assert (await page.get("/api/credentials"))["items"][0]["provider"] != "groq"
        for body, status in [({"secret": "two\nlines"}, 400), ({"model": ""}, 200), ({"key": secret}, 400)]:
            assert (await page.ask("POST", "/api/providers/groq/test", body)).status == status, body


async def test_a_virtual_key_is_shown_once_rotated_and_revoked(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        made = await page.post("/api/virtual-keys", {"name": "laptop", "rpm": 60, "models": ["*"]})
        assert (await call(page.app, "GET", "/v1/models", headers={"x-api-key": made["key"]})).status == 200
        listed = await page.ask("GET", "/api/virtual-keys")
        assert made["key"].encode() not in listed.body
        assert listed.json["items"][0]["rpm"] == 60
        rotated = await page.post("/api/virtual-keys/laptop/rotate")
        assert (await call(page.app, "GET", "/v1/models", headers={"x-api-key": made["key"]})).status == 401
        assert (await call(page.app, "GET", "/v1/models", headers={"x-api-key": rotated["key"]})).status == 200
        assert (await page.ask("DELETE", "/api/virtual-keys/laptop")).status == 204
        assert (await page.ask("DELETE", "/api/virtual-keys/laptop")).status == 404
        assert (await page.ask("POST", "/api/virtual-keys", {"name": "bad name"})).status == 400


async def test_the_log_is_paged_followed_and_told_by_model(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(script("openai_chat"))) as page:
        follower = asyncio.ensure_future(page.ask("GET", "/api/requests/events", leave_after=2))
        while not page.app.state.watchers:  # noqa: ASYNC110 - who begins to follow tells nobody
            await asyncio.sleep(0)
        for _ in range(2):
            await page.events(await page.run(*await page.chat()))
        ((_, name, row),) = events_of((await follower).body)
        assert (name, row["target"], row["status"]) == ("request", MODEL, 200)
        first = await page.get("/api/requests?limit=1")
        rest = await page.get(f"/api/requests?limit=5&after={first['next']}")
        assert len(first["items"]) + len(rest["items"]) == 2
        (model,) = (await page.get("/api/performance"))["items"]
        assert (model["model"], model["calls"], model["errors"]) == (MODEL, 2, 0)
        assert model["first_p50"] is not None
        assert (await page.get("/api/requests?status=failed"))["items"] == []


async def test_models_tell_what_they_can_and_cost_and_an_estimate_what_a_draft_would(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        models = {one["id"]: one for one in (await page.get("/api/models"))["items"]}
        luna = models["openai/gpt-6-luna"]
        assert luna["price"]["input"] is not None
        assert "source" not in luna["price"]
        assert luna["capabilities"]["tools"] is True
        assert luna["state"] == "missing"
        assert models["local/smollm2"]["local"] is True
        draft = {"model": "openai/gpt-6-luna", "parts": [{"type": "text", "text": "word " * 100}]}
        estimate = await page.post("/api/estimate", draft)
        assert 80 < estimate["input_tokens"] < 300
        assert (estimate["exact"], estimate["fits"]) == (False, True)
        assert float(estimate["cost"]) > 0
        picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"}
        refused = await page.post("/api/estimate", {"model": "local/smollm2", "parts": [picture]})
        assert refused["problems"][0]["feature"] == "image"


async def test_conversations_go_out_and_come_back_once(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(script("openai_chat"))) as page:
        chat, question = await page.chat("Count, please.")
        await page.events(await page.run(chat, question))
        markdown = (await page.ask("GET", f"/api/conversations/{chat}/export")).body.decode()
        assert "# Count, please." in markdown
        exported = (await page.ask("GET", f"/api/conversations/{chat}/export?format=json")).body
        taken = await page.ask("POST", "/api/conversations/import", exported)
        assert taken.json["imported"] == 1, taken.body
        assert len((await page.get("/api/conversations"))["items"]) == 2
        assert (await page.ask("GET", f"/api/conversations/{chat}/export?format=pdf")).status == 400
        assert (await page.ask("POST", "/api/conversations/import", b"nonsense")).status == 400


async def test_a_whole_conversation_goes_out_and_comes_back_with_its_branches(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        chat, question = await page.chat("Count, please.")
        path = f"/api/conversations/{chat}"
        first, second = [
            await page.post(
                f"{path}/messages", {"parent": question, "role": "assistant", "parts": [{"type": "text", "text": text}]}
            )
            for text in ("One.", "Two.")
        ]
        await page.ask("PATCH", path, {"active": first["id"]})
        exported = await page.ask("GET", f"{path}/export?format=json&whole=true")
        await page.ask("DELETE", path)
        assert (await page.ask("POST", "/api/conversations/import", exported.body)).json["imported"] == 1
        (back,) = (await page.get("/api/conversations"))["items"]
        messages = (await page.get(f"/api/conversations/{back['id']}"))["messages"]
        said = {one["id"]: one["parts"][0]["text"] for one in messages}
        assert list(said.values()) == ["Count, please.", "One.", "Two."]
        assert said[back["active"]] == "One."
        assert messages[1]["parent"] == messages[2]["parent"] == messages[0]["id"]
        assert second["id"] not in said
        assert (await page.ask("GET", f"/api/conversations/{back['id']}/export?whole=true")).status == 400


async def test_a_preset_is_kept_per_tenant(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        kept = await page.ask("PUT", "/api/presets/poet", {"system": "Rhyme.", "settings": {"temperature": 1}})
        assert kept.json["name"] == "poet"
        (found,) = (await page.get("/api/presets"))["items"]
        assert (found["system"], found["settings"]["temperature"]) == ("Rhyme.", 1)
        assert (await page.ask("DELETE", "/api/presets/poet")).status == 204
        assert (await page.ask("DELETE", "/api/presets/poet")).status == 404


async def test_the_description_names_every_route_of_ours_and_the_bodies_that_they_take(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        answer = await call(page.app, "GET", "/openapi.json")
        told = answer.json
        assert told["openapi"].startswith("3.1")
        assert "post" in told["paths"]["/api/conversations/{id}/messages"]
        body = told["paths"]["/api/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["$ref"].rpartition("/")[2] in told["components"]["schemas"]
        assert "/c/{id}" not in told["paths"]


async def test_usage_tells_each_model_on_each_day_and_budgets_what_is_left(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(script("openai_chat"))) as page:
        await page.post("/api/virtual-keys", {"name": "team", "budget": "5 USD / month"})
        await page.events(await page.run(*await page.chat()))
        used = await page.get("/api/usage?by=day&by=model")
        (item,) = used["items"]
        assert (item["model"], item["calls"], item["output_tokens"]) == (MODEL, 1, 7)
        assert item["day"].startswith("20")
        (budget,) = (await page.get("/api/budgets"))["items"]
        assert (budget["scope"], budget["name"], budget["limit"], budget["period"]) == ("key", "team", "5", "month")
        assert budget["resets"].endswith("-01T00:00:00Z")


@pytest.mark.parametrize(
    ("period", "next_one"),
    [("2026-11-30", "2026-12-01T00:00:00+00:00"), ("2026-12", "2027-01-01T00:00:00+00:00"), ("total", None)],
)
def test_a_period_is_followed_by_the_next(period: str, next_one: str | None) -> None:
    found = following(period)
    assert (found.isoformat() if found is not None else None) == next_one


async def test_fallbacks_are_edited_and_targets_tell_how_they_fare(tmp_path: Path) -> None:
    """By the kinds of errors that the answer names; a kind that there is not is refused with its near one."""
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        alias = {
            "targets": [{"target": MODEL, "weight": 3}, "the-gemini/m-1"],
            "strategy": "weighted",
            "fallbacks": {"context_too_long": ["the-ollama/m-1", "nobody/knows"], "rate_limited": ["the-ollama/m-1"]},
        }
        made = await page.ask("PUT", "/api/routes/mine", alias)
        assert made.status == 200, made.body
        listed = await page.get("/api/routes")
        assert {"context_too_long", "rate_limited", "overloaded", "timed_out"} <= set(listed["errors"])
        (mine,) = [one for one in listed["items"] if one["name"] == "mine"]
        assert mine["fallbacks"] == alias["fallbacks"]
        breaker = page.app.state.engine.breaker
        for _ in range(5):
            breaker.failed(MODEL, Overloaded("no"))
        (mine,) = [one for one in (await page.get("/api/routes"))["items"] if one["name"] == "mine"]
        states = {one["target"]: one["breaker"] for one in mine["state"]}
        assert states == {
            MODEL: "open",
            "the-gemini/m-1": "closed",
            "the-ollama/m-1": "closed",
            "nobody/knows": "unknown",
        }
        wrong = await page.ask("PUT", "/api/routes/mine", {**alias, "fallbacks": {"context_to_long": ["a"]}})
        assert wrong.status == 400
        assert "context_too_long" in wrong.json["error"]["message"]


async def test_one_model_is_told_whole_and_an_unknown_one_is_not_found(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE), keys=True) as page:
        whole = await page.get("/api/models/openai/gpt-6-luna")
        assert whole["price"]["source"] and "tiers" in whole["price"]
        assert (await page.ask("GET", "/api/models/nobody/knows")).status == 404
        assert (await page.ask("GET", "/api/models/knows")).status == 404


async def test_a_local_model_that_there_is_not_is_not_found(tmp_path: Path) -> None:
    """Not a fault of this machine."""
    async with gateway(tmp_path, None, {"IL_KEYCHAIN": "off"}) as app:
        body = {"model": "local/nosuch", "messages": [{"role": "user", "content": "Hi"}]}
        answer = await call(app, "POST", "/v1/chat/completions", body)
        assert answer.status == 404, answer.body
        assert answer.json["error"]["code"] == "model_not_found"
        assert "nosuch" in answer.json["error"]["message"]

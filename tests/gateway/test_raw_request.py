"""The request behind an answer, in every form, without a key in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlingua.config.schema import GatewaySettings, GatewayToolSettings
from interlingua.dialects.registry import DIALECTS
from interlingua.transport.scripted import ScriptedTransport
from tests.gateway.pages_client import KEYS, MODEL, Page, pages, signed_in
from tests.gateway.upstreams import SECRET, script


async def answered(page: Page, **settings: Any) -> str:
    """The path of the request of an answer."""
    chat, question = await page.chat("Count to three.", **settings)
    await page.events(await page.run(chat, question, **settings))
    active = (await page.get(f"/api/conversations/{chat}"))["active"]
    return f"/api/conversations/{chat}/messages/{active}/request"


async def test_what_is_shown_is_what_the_host_was_sent(tmp_path: Path) -> None:
    transport = ScriptedTransport(script("openai_chat"))
    async with pages(tmp_path, transport) as page:
        path = await answered(page, system="Be brief.", temperature=0.5)
        sent = await page.get(path)
        assert sent["target"] == f"{MODEL} (openai_chat)"
        assert sent["url"] == transport.requests[0].url
        assert {name for name, _ in sent["headers"]} == {name for name, _ in transport.requests[0].headers}
        body = sent["body"]
        assert [one["content"] for one in body["messages"]] == ["Be brief.", "Count to three."]
        assert (body["model"], body["stream"]) == ("m-1", True)
        assert body == msgspec.json.decode(transport.requests[0].body)
        assert SECRET not in str(sent)
        assert ["authorization", "***"] in sent["headers"]


@pytest.mark.parametrize("form", DIALECTS)
async def test_a_dialects_form_is_answered_by_this_gateway(form: str, tmp_path: Path) -> None:
    transport = ScriptedTransport([script("openai_chat"), script("openai_chat")])
    async with pages(tmp_path, transport) as page:
        found = await page.get(await answered(page) + f"?form={form}")
        assert found["error"] is None
        assert "$INTERLINGUA_KEY" in dict(found["headers"])["authorization"]
        answer = await page.ask(found["method"], found["url"], found["body"])
        assert answer.status == 200, answer.body
        asked = [one["content"] for one in msgspec.json.decode(transport.requests[1].body)["messages"]]
        assert asked == ["Count to three."]


async def test_the_canonical_form_holds_the_question_and_nothing_that_only_providers_read(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(script("openai_chat"))) as page:
        found = await page.get(await answered(page, temperature=0.5) + "?form=canonical")
        assert found["body"]["temperature"] == 0.5
        assert found["body"]["model"] == MODEL
        assert found["body"]["messages"] == [{"role": "user", "parts": [{"type": "text", "text": "Count to three."}]}]


async def test_a_question_has_none_and_an_unknown_form_is_named(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport([])) as page:
        chat, question = await page.chat()
        path = f"/api/conversations/{chat}/messages/{question}/request"
        assert (await page.ask("GET", path)).status == 400
        answer = await page.ask("GET", path + "?form=morse")
        assert answer.status == 400
        assert "canonical" in str(answer.json)


async def test_what_the_chat_is_set_to_afterwards_changes_nothing(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(script("openai_chat"))) as page:
        path = await answered(page, system="Be brief.", temperature=0.5)
        chat = path.split("/")[3]
        await page.ask("PATCH", f"/api/conversations/{chat}", {"settings": {"system": "Be long.", "top_p": 0.1}})
        found = await page.get(path + "?form=canonical")
        assert found["settings"] == "kept"
        assert found["body"]["messages"][0]["parts"][0]["text"] == "Be brief."
        assert (found["body"]["temperature"], found["body"].get("top_p")) == (0.5, None)


async def test_the_tools_of_an_answer_are_shown_and_one_that_is_gone_is_named(tmp_path: Path) -> None:
    def allowing(*names: str) -> GatewaySettings:
        return GatewaySettings(tools=GatewayToolSettings(allow=names))

    transport = ScriptedTransport(script("openai_chat"))
    async with pages(tmp_path, transport, gateway=allowing("calculate", "time_now")) as page:
        path = await answered(page, tools=["calculate", "time_now"])
        found = await page.get(path)
        assert found["body"]["tools"] == msgspec.json.decode(transport.requests[0].body)["tools"]
        assert [one["function"]["name"] for one in found["body"]["tools"]] == ["calculate", "time_now"]
        assert found["losses"] == []
    async with pages(tmp_path, ScriptedTransport([]), gateway=allowing("calculate")) as page:
        found = await page.get(path)
        assert [one["function"]["name"] for one in found["body"]["tools"]] == ["calculate"]
        assert [one["field"] for one in found["losses"]] == ["tools.time_now"]


async def test_an_answer_whose_settings_nobody_wrote_down_gets_those_of_now_and_says_so(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport([])) as page:
        chat, question = await page.chat(temperature=0.5)
        said = {"parent": question, "role": "assistant", "parts": [{"type": "text", "text": "One."}]}
        answer = await page.post(f"/api/conversations/{chat}/messages", {**said, "answer": {"model": MODEL}})
        found = await page.get(f"/api/conversations/{chat}/messages/{answer['id']}/request?form=canonical")
        assert (found["settings"], found["body"]["temperature"]) == ("now", 0.5)


async def test_a_tenant_sees_its_own_request_without_the_hosts_address(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(script("openai_chat")), keys=True) as admin:
        alice, bob = [await signed_in(admin.app, KEYS[name]) for name in ("ALICE", "BOB")]
        path = await answered(alice)
        sent = await alice.get(path)
        assert sent["url"] == "/chat/completions"
        assert "example" not in str(sent)
        assert ["authorization", "***"] in sent["headers"]
        assert (await bob.ask("GET", path)).status == 404
        assert (await admin.ask("GET", path)).status == 404


async def test_a_model_that_is_gone_says_so_where_its_request_would_stand(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(script("openai_chat"))) as page:
        chat, question = await page.chat()
        gone = {"parent": question, "role": "assistant", "parts": [{"type": "text", "text": "x"}]}
        said = await page.post(f"/api/conversations/{chat}/messages", {**gone, "answer": {"model": "nobody/none"}})
        found = await page.get(f"/api/conversations/{chat}/messages/{said['id']}/request")
        assert found["error"]["code"] == "model_not_found"
        assert found["body"] is None

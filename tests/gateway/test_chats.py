"""Conversations of the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interlingua.gateway.chats import title_of
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.messages import user
from tests.gateway.pages_client import KEYS, Page, pages, signed_in

IDLE = Script.refused()


async def say(page: Page, chat: str, text: str, parent: str | None = None) -> Any:
    """Adds a message."""
    body = {"parent": parent, "parts": [{"type": "text", "text": text}]}
    return await page.post(f"/api/conversations/{chat}/messages", body)


async def test_a_conversation_takes_its_title_from_its_first_words_and_grows_as_a_tree(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        chat, first = await page.chat("What is   entropy,\nplease?")
        second = await say(page, chat, "More.", first)
        branch = await say(page, chat, "Or rather this.", first)
        whole = await page.get(f"/api/conversations/{chat}")
        assert whole["title"] == "What is entropy, please?"
        assert whole["active"] == branch["id"]
        assert [(one["id"], one["parent"]) for one in whole["messages"]] == [
            (first, None),
            (second["id"], first),
            (branch["id"], first),
        ]
        changed = await page.ask("PATCH", f"/api/conversations/{chat}", {"active": second["id"], "title": "Heat"})
        assert (changed.json["active"], changed.json["title"]) == (second["id"], "Heat")
        assert (await page.ask("DELETE", f"/api/conversations/{chat}/messages/{second['id']}")).status == 204
        assert (await page.get(f"/api/conversations/{chat}"))["active"] == first


async def test_lists_are_paged_filtered_and_searched(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        chats = [(await page.chat(f"Number {number} about zebras"))[0] for number in range(3)]
        await page.ask("PATCH", f"/api/conversations/{chats[0]}", {"folder": "Work", "pinned": True})
        await page.ask("PATCH", f"/api/conversations/{chats[1]}", {"archived": True})
        first = await page.get("/api/conversations?limit=1")
        rest = await page.get(f"/api/conversations?limit=5&after={first['next']}")
        assert [one["id"] for one in (*first["items"], *rest["items"])] == [chats[2], chats[0]]
        assert [one["id"] for one in (await page.get("/api/conversations?archived=true"))["items"]] == [chats[1]]
        assert [one["id"] for one in (await page.get("/api/conversations?folder=Work"))["items"]] == [chats[0]]
        assert (await page.get("/api/folders"))["items"] == [{"name": "Work", "count": 1}]
        found = (await page.get("/api/conversations?q=zebr"))["items"]
        assert {one["id"] for one in found} == {chats[0], chats[2]}
        assert all("zebras" in one["snippet"] for one in found)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=100000", "archived=maybe", "after=nonsense"])
async def test_a_bad_question_is_a_400_that_names_the_field(query: str, tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        answer = await page.ask("GET", f"/api/conversations?{query}")
        assert answer.status == 400
        assert query.partition("=")[0] in answer.json["error"]["message"] or "cursor" in answer.json["error"]["message"]


async def test_another_tenants_conversation_is_as_unknown_as_one_that_does_not_exist(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE), keys=True) as admin:
        alice, bob = [await signed_in(admin.app, KEYS[name]) for name in ("ALICE", "BOB")]
        chat, first = await alice.chat("A secret of hers")
        assert (await bob.get("/api/conversations"))["items"] == []
        assert (await bob.get("/api/conversations?q=secret"))["items"] == []
        tries = [
            ("GET", "", None),
            ("PATCH", "", {"title": "mine"}),
            ("DELETE", "", None),
            ("POST", "/messages", {"parent": first, "parts": [{"type": "text", "text": "x"}]}),
            ("POST", "/fork", {}),
            ("DELETE", f"/messages/{first}", None),
        ]
        for page in (bob, admin):
            for method, path, body in tries:
                foreign = await page.ask(method, f"/api/conversations/{chat}{path}", body)
                unknown = await page.ask(method, f"/api/conversations/{'0' * 24}{path}", body)
                assert (foreign.status, unknown.status) == (404, 404), (method, path)
                assert foreign.json["error"]["message"] == unknown.json["error"]["message"]
        assert (await alice.get(f"/api/conversations/{chat}"))["title"] == "A secret of hers"


async def test_a_fork_holds_a_copy_of_one_branch(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        chat, first = await page.chat("one")
        await say(page, chat, "two", first)
        made = await page.post(f"/api/conversations/{chat}/fork", {"message": first})
        copy = await page.get(f"/api/conversations/{made['id']}")
        assert [one["parts"][0]["text"] for one in copy["messages"]] == ["one"]
        assert copy["messages"][0]["id"] != first


async def test_a_message_that_is_none_is_refused_with_the_path_of_what_is_wrong(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(IDLE)) as page:
        chat, _ = await page.chat()
        nonsense: list[Any] = [{"parts": []}, {"parts": [{"type": "nonsense"}]}, {"parts": 1}, {"words": "x"}, b"{"]
        for body in nonsense:
            assert (await page.ask("POST", f"/api/conversations/{chat}/messages", body)).status == 400, body


def test_a_title_is_cut_between_words() -> None:
    assert title_of(user("Short")) == "Short"
    long = title_of(user("Explain to me in great detail how the second law of thermodynamics follows"))
    assert long.endswith("…")
    assert len(long) <= 61
    assert "Explain to me in great detail how the second law of".startswith(long[:40])

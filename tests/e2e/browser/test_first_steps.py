"""What a page says to somebody who does not know what to do next: at first, where nothing is, and where it failed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.people import answered, person, settled, violations
from tests.e2e.browser.stand import NEW, Stand, stand

pytestmark = pytest.mark.slow


def test_a_newcomer_learns_who_answers_and_how_to_get_a_stronger_one(browser: Browser, tmp_path: Path) -> None:
    with stand(tmp_path, base=NEW) as fresh, person(browser, fresh) as (page, seen):
        page.goto(fresh.address)
        settled(page)
        expect(page.get_by_text("smollm2 answers you: a small model on this machine")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("link", name="Add a stronger one").click()
        steps = page.get_by_role("alert", name="Add a provider")
        expect(steps.get_by_role("listitem").first).to_contain_text("Choose a provider below")
        expect(page.get_by_role("heading", level=2)).to_have_text(["With a key", "On this machine"])
        openai = page.get_by_role("region", name="OpenAI", exact=True)
        expect(openai.get_by_role("button")).to_have_text(["Add a key"])
        openai.get_by_role("button", name="Add a key").click()
        expect(page.get_by_role("dialog").get_by_role("textbox", name="API key")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.goto(f"{fresh.address}/gateway")
        page.get_by_role("link", name="Connect a client").click()
        expect(page.get_by_text("No key is needed on this machine")).to_be_visible()
        assert seen.errors == []


def test_who_set_up_a_server_of_their_own_is_no_newcomer(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/settings")
        expect(page.get_by_role("region", name="lab", exact=True)).to_contain_text("default")
        expect(page.get_by_role("alert")).to_have_count(0)


def test_an_address_of_nothing_leads_somewhere(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        for path, tab in (("/usage", "Spend"), ("/gateway", "Live log"), ("/settings", "Providers")):
            page.goto(f"{gateway.address}{path}?tab=nonsense")
            expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        page.goto(f"{gateway.address}/c/0123456789abcdef01234567")
        expect(page.get_by_text("This chat does not exist, or is not yours.")).to_be_visible()
        page.get_by_role("link", name="Begin a new chat").click()
        expect(page.get_by_role("textbox", name="Write a message")).to_be_visible()
        assert page.url == f"{gateway.address}/"


def test_a_failed_answer_is_had_from_another_model(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "nowhere")
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page).get_by_role("button", name="Another model").click()
        page.get_by_role("combobox", name="Name, provider").fill("quick")
        page.get_by_role("option", name=re.compile("quick")).click()
        expect(page.get_by_role("article", name="Answer")).to_contain_text("Paris is the capital")
        expect(page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
        assert seen.errors == []


def test_what_a_chat_took_is_summed_up_and_its_panel_closes_by_keyboard(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    last = gateway.api("GET", f"/api/conversations/{chat}")["active"]
    gateway.asked(chat, "The capital of Spain?", "quick", last)
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page, 2)
        meter = page.get_by_role("meter")
        expect(meter).to_have_attribute("aria-label", re.compile("This chat has cost: unknown"))
        button = page.get_by_role("button", name="Chat settings")
        button.focus()
        page.keyboard.press("Enter")
        panel = page.get_by_role("complementary", name="This chat")
        expect(panel).to_be_focused()
        expect(panel.locator(".pair")).to_have_text(["Answers2", "Prompt tokens48", "Answer tokens36", "Costunknown"])
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(panel).to_have_count(0)
        expect(button).to_be_focused()


def test_a_message_without_an_answer_can_be_answered(browser: Browser, gateway: Stand) -> None:
    """As it stands there when the gateway died in mid-answer."""
    chat = gateway.api("POST", "/api/conversations", {"settings": {"model": "quick"}})["id"]
    said = {"role": "user", "parts": [{"type": "text", "text": "The capital of France?"}]}
    gateway.api("POST", f"/api/conversations/{chat}/messages", said)
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        expect(page.get_by_text("The last message has no answer.")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="Answer it").click()
        expect(answered(page)).to_contain_text("Paris is the capital")
        expect(page.get_by_role("button", name="Answer it")).to_have_count(0)
        assert seen.errors == []


def test_all_chats_come_out_as_one_file_that_goes_in_again(browser: Browser, tmp_path: Path) -> None:
    with stand(tmp_path) as gateway, person(browser, gateway) as (page, seen):
        titles = [f"Chat {number}" for number in range(8)]
        made = [gateway.api("POST", "/api/conversations", {"title": title})["id"] for title in titles]
        for id in made:
            said = {"role": "user", "parts": [{"type": "text", "text": "Hello"}]}
            gateway.api("POST", f"/api/conversations/{id}/messages", said)
        gateway.api("PATCH", f"/api/conversations/{made[3]}", {"archived": True})
        page.goto(f"{gateway.address}/settings?tab=data")
        with page.expect_download() as download:
            page.get_by_role("button", name="Export all chats").click()
        text = Path(download.value.path()).read_text()
        assert sorted(one["conversation"]["title"] for one in json.loads(text)) == titles
        for id in made:
            gateway.api("DELETE", f"/api/conversations/{id}")
        told = gateway.api("POST", "/api/conversations/import", json.loads(text))
        assert (told["imported"], told["unread"]) == (len(titles), [])
        assert seen.errors == []

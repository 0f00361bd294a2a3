"""Models, settings, signing in, and the list of chats."""

from __future__ import annotations

import re
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.people import PHONE, answered, person, settled, violations
from tests.e2e.browser.provider import MODELS, provider
from tests.e2e.browser.stand import Stand, stand

pytestmark = pytest.mark.slow


def test_models_are_filtered_opened_and_talked_to(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/models?can=vision&context=200000")
        settled(page)
        every = int(page.locator("table").get_attribute("aria-rowcount") or 0)
        page.get_by_role("textbox", name="Name, provider or word").fill("claude")
        expect(page.locator("table")).not_to_have_attribute("aria-rowcount", str(every))
        expect(page.locator("tbody tr").first).to_contain_text("claude")
        assert 0 < int(page.locator("table").get_attribute("aria-rowcount") or 0) < every
        page.locator("tbody tr").first.get_by_role("button").first.click()
        details = page.get_by_role("dialog")
        expect(details).to_contain_text("Source")
        expect(details.get_by_role("link", name="add a key")).to_be_visible()
        page.go_back()
        expect(details).to_have_count(0)
        page.goto(f"{gateway.address}/models?model=local%2Fsmollm2")
        page.get_by_role("button", name="Talk to this model").click()
        expect(page.get_by_role("button", name="Model: local/smollm2").first).to_be_visible()
        assert seen.errors == []


def test_an_ollama_server_is_found_and_its_models_are_listed(browser: Browser, tmp_path: Path) -> None:
    """Its models can be talked to from then on, without a restart."""
    with provider() as lab:
        more = f'[providers.box]\nbase_url = "http://127.0.0.1:{lab.port}"\ndialect = "ollama"\n'
        with stand(tmp_path, more) as near, person(browser, near) as (page, seen):
            page.goto(f"{near.address}/settings?tab=local")
            settled(page)
            box = page.get_by_role("region", name="box")
            expect(box).to_contain_text(f"found at 127.0.0.1:{lab.port} · 2 models")
            expect(box).to_contain_text("set by the configuration file")
            usual = page.get_by_role("region", name="Ollama", exact=True)
            expect(usual).to_contain_text("127.0.0.1:11434")
            assert violations(page) == []
            page.goto(f"{near.address}/models?provider=box")
            settled(page)
            expect(page.locator("tbody")).to_contain_text("llama3.2:3b")
            assert seen.errors == []


def test_a_provider_is_tested_with_one_click(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/settings")
        settled(page)
        lab, down = page.get_by_role("region", name="lab"), page.get_by_role("region", name="down")
        lab.get_by_role("button", name="Test").click()
        expect(lab.get_by_role("status")).to_contain_text(f"{len(MODELS)} models")
        down.get_by_role("button", name="Test").click()
        expect(down.get_by_role("alert")).to_be_visible()
        expect(down).to_contain_text("unreachable")
        assert seen.errors == []


def test_a_key_is_added_is_never_shown_again_and_is_removed(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/settings?provider=openai")
        settled(page)
        card = page.get_by_role("region", name="OpenAI", exact=True)
        card.get_by_role("button", name="Add a key").click()
        page.get_by_role("dialog").get_by_label("API key").fill("sk-canary-0123456789abcdef")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(card).to_contain_text("cdef")
        expect(page.get_by_text("canary")).to_have_count(0)
        card.get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(card).to_contain_text("no key")
        assert seen.errors == []


def test_one_signs_in_with_the_token_and_out_again(browser: Browser, gateway: Stand) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(gateway.address)
    field = page.get_by_label("Token or key")
    field.fill("il-wrong-wrong-wrong-wrong-wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    field.fill(gateway.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("textbox", name="Write a message")).to_be_visible()
    assert gateway.token not in str(context.storage_state())
    page.keyboard.press("Control+K")
    expect(page.get_by_placeholder("Search", exact=True)).to_be_focused()
    page.get_by_placeholder("Search", exact=True).fill("sign out")
    expect(page.locator("[data-selected]")).to_have_text("Sign out")
    page.keyboard.press("Enter")
    expect(field).to_be_visible()
    context.close()


def test_a_link_signs_in_once_and_leaves_no_trace_in_the_address(browser: Browser, gateway: Stand) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gateway.address}/#sign-in=not-a-code")
    expect(page.get_by_role("status")).to_contain_text("That link was used or is too old")
    assert urllib.parse.urlsplit(page.url).fragment == ""
    context.close()


def test_a_holder_of_a_key_sees_its_own_chats_and_no_settings_of_others(browser: Browser, tmp_path: Path) -> None:
    key = "il-" + "k" * 40
    (tmp_path / "key").write_text(key)
    more = f'[[virtual_keys]]\nname = "ada"\nkey = "file:{tmp_path}/key"\nmodels = ["quick", "lab/*"]\n'
    with stand(tmp_path, more) as closed:
        closed.answered("The capital, please", title="The administrator's")
        context = browser.new_context()
        page = context.new_page()
        page.goto(closed.address)
        page.get_by_label("Token or key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("No chats yet")).to_be_visible()
        page.goto(f"{closed.address}/settings")
        expect(page.get_by_role("tab", name="Appearance")).to_be_visible()
        expect(page.get_by_role("tab", name="Providers")).to_have_count(0)
        context.close()


def test_a_chat_is_renamed_pinned_moved_and_deleted(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick", title="Before")
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)

        def menu(item: str) -> None:
            page.locator("header").get_by_role("button", name="What to do with").click()
            page.get_by_role("menuitem", name=item).click()

        menu("Rename")
        page.get_by_role("textbox", name="Chat title").fill("After")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("After")
        menu("Pin")
        expect(page.get_by_text("Pinned", exact=True)).to_be_visible()
        menu("Move to a folder")
        page.get_by_role("textbox", name="New folder").fill("Geography")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("combobox", name="Folders")).to_be_visible()
        menu("Delete chat")
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page).to_have_url(f"{gateway.address}/")
        assert seen.errors == []


def test_a_chat_is_taken_away_as_a_file(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick", title="Taken away")
    if "/api/conversations/{id}/export" not in gateway.api("GET", "/openapi.json")["paths"]:
        pytest.skip("this gateway has no path for exports yet")
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        page.locator("header").get_by_role("button", name="What to do with").click()
        with page.expect_download() as loaded:
            page.get_by_role("menuitem", name="Markdown").click()
        assert loaded.value.suggested_filename == "Taken-away.md"
        assert "Paris is the capital" in Path(loaded.value.path()).read_text()


def test_two_thousand_chats_are_a_list_that_scrolls_and_is_searched(browser: Browser, tmp_path: Path) -> None:
    with stand(tmp_path) as large:
        with ThreadPoolExecutor(4) as several:
            titles = [{"title": f"Chat number {at}"} for at in range(2000)]
            list(several.map(lambda title: large.api("POST", "/api/conversations", title), titles))
        with person(browser, large) as (page, seen):
            page.goto(large.address)
            rows = page.locator(".chatrow")
            rows.first.wait_for()
            view = page.locator(".side .mantine-ScrollArea-viewport")
            reached = 0
            while reached < 120_000 and page.get_by_text("Chat number 0", exact=True).count() == 0:
                view.evaluate("box => box.scrollTo(0, box.scrollHeight)")
                rows.last.wait_for()
                height = view.evaluate("box => box.scrollHeight")
                reached = int(height) if height != reached else reached + 1
            assert rows.count() < 60, "only what is seen is drawn"
            assert reached > 1900 * 36
            page.get_by_role("textbox", name="Search chats").fill("number 1234")
            expect(rows).to_have_count(1)
            rows.first.get_by_role("link").click()
            expect(page).to_have_url(re.compile(r"/c/\w+$"))
            assert seen.errors == []


def test_on_a_phone_the_side_bar_is_a_drawer(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick", title="In the drawer")
    with person(browser, gateway, PHONE, "dark") as (page, seen):
        page.goto(gateway.address)
        settled(page)
        page.get_by_role("button", name="Open the side bar").tap()
        page.get_by_role("link", name="In the drawer").first.tap()
        expect(page).to_have_url(f"{gateway.address}/c/{chat}")
        expect(page.get_by_role("dialog")).to_have_count(0)
        answered(page)
        assert seen.errors == []

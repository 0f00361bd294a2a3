"""Keys: one table that is listened to, shown, and changed by those who press them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.browser.people import answered, choose, glimpsed, person, settled, violations, write
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem", name=name, exact=True)


def _record(page: Page, name: str, keys: str) -> None:
    page.get_by_role("button", name=f"Change the keys: {name}", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Press the keys")).to_be_focused()
    page.keyboard.press(keys)


def test_the_help_shows_what_the_keys_do_and_settings_change_it(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        settled(page)
        page.get_by_role("textbox", name="Write a message").press("?")
        expect(page.get_by_role("textbox", name="Write a message")).to_have_value("?")
        page.get_by_role("textbox", name="Write a message").fill("")
        page.get_by_role("button", name="Commands").focus()
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
        expect(dialog.get_by_role("listitem", name="New chat")).to_contain_text("CtrlShiftO")
        assert violations(page) == []
        dialog.get_by_role("link", name="Change them").click()
        settled(page)
        _record(page, "New chat", "Alt+n")
        expect(_row(page, "New chat")).to_contain_text("AltN")
        assert violations(page) == []
        page.keyboard.press("Alt+n")
        expect(page).to_have_url(f"{gateway.address}/")
        page.goto(f"{gateway.address}/settings?tab=shortcuts")
        expect(_row(page, "New chat")).to_contain_text("AltN")
        page.get_by_role("button", name="As it was: New chat").click()
        expect(_row(page, "New chat")).to_contain_text("CtrlShiftO")
        assert seen.errors == []


def test_keys_that_are_taken_are_told_and_taken_over_or_left(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/settings?tab=shortcuts")
        settled(page)
        _record(page, "Go to Usage", "Control+k")
        expect(page.get_by_role("alert")).to_contain_text("Ctrl K is taken: Commands")
        assert violations(page) == []
        page.get_by_role("button", name="Cancel").click()
        expect(_row(page, "Go to Usage")).to_contain_text("none")
        _record(page, "Go to Usage", "Control+k")
        page.get_by_role("button", name="Use it here instead").click()
        expect(_row(page, "Go to Usage")).to_contain_text("CtrlK")
        expect(_row(page, "Commands: pages, chats")).to_contain_text("none")
        page.keyboard.press("Control+k")
        expect(page).to_have_url(re.compile("/usage"))
        page.go_back()
        page.get_by_role("button", name="Reset all").click()
        expect(_row(page, "Commands: pages, chats")).to_contain_text("CtrlK")
        page.keyboard.press("Control+k")
        page.get_by_placeholder("Search", exact=True).wait_for()


def test_keys_are_taken_away_left_alone_and_refused_where_the_browser_has_them(
    browser: Browser, gateway: Stand
) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/settings?tab=shortcuts")
        settled(page)
        _record(page, "New chat", "Control+t")
        expect(page.get_by_role("alert")).to_contain_text("Browsers keep Ctrl T for themselves.")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("status").filter(has_text="Press the keys")).to_be_focused()
        page.keyboard.press("Escape")
        expect(_row(page, "New chat")).to_contain_text("CtrlShiftO")
        expect(page.get_by_role("button", name="Change the keys: New chat")).to_be_focused()
        _record(page, "New chat", "Backspace")
        expect(_row(page, "New chat")).to_contain_text("none")
        page.keyboard.press("Control+Shift+O")
        expect(page).to_have_url(re.compile("tab=shortcuts"))


def test_one_may_send_by_other_keys_and_a_second_tab_knows_them(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        settled(page)
        # Behind the page's own ear, so that it has heard by the time that we have.
        page.evaluate("window.told = false; addEventListener('storage', () => { window.told = true; })")
        other = page.context.new_page()
        other.goto(f"{gateway.address}/settings?tab=shortcuts")
        settled(other)
        _record(other, "Send", "Control+Enter")
        expect(_row(other, "Send")).to_contain_text("CtrlEnter")
        page.bring_to_front()
        page.wait_for_function("window.told")
        field = page.get_by_role("textbox", name="Write a message")
        field.fill("The capital of")
        field.press("Enter")
        field.press_sequentially("France?")
        expect(field).to_have_value("The capital of\nFrance?")
        field.press("Control+Enter")
        answered(page)
        assert seen.errors == []


def test_a_chat_is_gone_through_answered_again_and_copied_by_keys(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("What is entropy?")
    with person(browser, gateway, permissions=["clipboard-read", "clipboard-write"]) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        with glimpsed(page, "Copied"):
            page.keyboard.press("Alt+Shift+K")
        assert "graph LR" in page.evaluate("navigator.clipboard.readText()")
        page.keyboard.press("Alt+ArrowUp")
        expect(page.get_by_role("article", name="Answer")).to_be_focused()
        page.keyboard.press("Alt+ArrowUp")
        expect(page.get_by_role("article", name="You")).to_be_focused()
        page.keyboard.press("Shift+Escape")
        expect(page.get_by_role("textbox", name="Write a message")).to_be_focused()
        page.keyboard.press("Alt+Shift+R")
        expect(page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
        answered(page)
        page.keyboard.press("Control+b")
        expect(page.get_by_role("complementary", name="Main")).to_have_count(0)
        page.keyboard.press("Control+Shift+F")
        expect(page.get_by_role("textbox", name="Search chats")).to_be_focused()
        assert seen.errors == []


def test_escape_closes_what_is_open_before_it_stops_an_answer(browser: Browser, gateway: Stand) -> None:
    gateway.provider.hold()
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        settled(page)
        choose(page, "held")
        write(page, "What is entropy?")
        half = page.get_by_role("article", name="Answer")
        expect(half.locator("h2")).to_have_text("The formula")
        page.locator("header").get_by_role("button", name="What to do with").click()
        page.get_by_role("menu").wait_for()
        page.wait_for_function("document.activeElement.closest('[role=menu]') !== null")  # its keys are its own
        page.keyboard.press("Escape")
        expect(page.get_by_role("menu")).to_have_count(0)
        expect(half).to_have_attribute("aria-busy", "true")
        page.keyboard.press("Escape")
        expect(answered(page)).to_contain_text("Stopped")
        gateway.provider.release()

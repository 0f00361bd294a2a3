"""The gateway's page: requests as they come, routes that are made and tried, keys that are shown once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.browser.people import DESKTOP, PHONE, Scheme, person, settled, sideways, until, violations
from tests.e2e.browser.stand import Stand, stand

pytestmark = pytest.mark.slow


def test_requests_appear_as_they_end_and_open_to_their_attempts(browser: Browser, tmp_path: Path) -> None:
    """On a gateway of its own: what others have asked would stand among them."""
    with stand(tmp_path) as fresh, person(browser, fresh) as (page, seen):
        page.goto(f"{fresh.address}/gateway")
        settled(page)
        expect(page.locator("tbody tr")).to_have_count(0)
        fresh.answered("The capital, please", "careful")
        expect(page.locator("tbody tr").first).to_contain_text("↺")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("button", name="Pause").click()
        fresh.answered("The capital, please", "quick")
        expect(page.locator("tbody tr").first).to_contain_text("↺")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("tbody tr").first).to_contain_text("lab/fast")
        page.get_by_text("Failed", exact=True).click()
        expect(page.locator("tbody tr").get_by_text("200", exact=True)).to_have_count(0)
        page.get_by_text("All", exact=True).click()
        page.locator("tbody tr", has_text="↺").first.get_by_role("button").click()
        opened = page.get_by_role("dialog")
        expect(opened).to_contain_text("overloaded")
        expect(opened.get_by_role("group", name="Attempt 1")).to_contain_text("sent, until an answer began")
        expect(opened.get_by_role("group", name="Attempt 2")).to_be_visible()
        expect(opened.get_by_role("region", name="Content")).to_contain_text("Not kept")
        assert violations(page) == []
        assert seen.errors == []


def test_what_ends_while_the_page_begins_to_listen_is_shown(browser: Browser, tmp_path: Path) -> None:
    with stand(tmp_path) as fresh, person(browser, fresh) as (page, seen):
        listening: list[Route] = []
        page.route("**/api/requests/events", lambda route: listening.insert(0, route))
        page.goto(f"{fresh.address}/gateway")
        until(page, lambda: bool(listening))
        fresh.answered("The capital, please", "quick")
        listening[0].continue_()
        expect(page.locator("tbody tr").first).to_contain_text("lab/fast")
        assert seen.errors == []


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_content_is_kept_once_the_administrator_says_so_is_read_and_deleted(
    browser: Browser, tmp_path: Path, size: tuple[int, int], scheme: Scheme
) -> None:
    with stand(tmp_path) as fresh, person(browser, fresh, size, scheme) as (page, seen):
        page.goto(f"{fresh.address}/gateway")
        settled(page)
        page.get_by_role("button", name="content not kept").click()
        asked = page.get_by_role("dialog", name="Keep what is asked and answered")
        asked.get_by_role("radio", name="Of all calls").check()
        assert violations(page) == []
        asked.get_by_role("button", name="Save").click()
        expect(page.get_by_role("button", name="content kept")).to_be_visible()
        fresh.answered("The capital of France, please", "quick")
        page.locator("tbody tr", has_text="lab/fast").first.get_by_role("button").click()
        content = page.get_by_role("dialog").get_by_role("region", name="Content")
        expect(content).to_contain_text("The capital of France, please")
        expect(content).to_contain_text("Paris is the capital")
        content.get_by_text("As JSON", exact=True).click()
        expect(content.locator("pre")).to_contain_text('"messages"')
        assert violations(page) == []
        content.get_by_role("button", name="Delete the content").click()
        expect(content).to_contain_text("Not kept any more")
        assert sideways(page) == 0
        assert seen.errors == []


def test_an_alias_is_made_tried_changed_and_deleted(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/gateway?tab=routes")
        settled(page)
        page.get_by_role("button", name="New alias").click()
        page.get_by_role("textbox", name="Name").fill("mine")
        page.get_by_role("combobox", name="Targets 1").fill("lab/fast")
        page.get_by_role("button", name="Save").click()
        mine = page.get_by_role("region", name="mine")
        expect(mine).to_contain_text("lab/fast")
        page.get_by_role("combobox", name="Model").fill("mine")
        page.get_by_role("button", name="Dry run").click()
        told = page.get_by_role("status", name="Dry run")
        expect(told.get_by_role("region", name="lab/fast")).to_contain_text("can be asked")
        expect(told).to_contain_text("passed on verbatim")
        mine.get_by_role("button", name="Edit: mine").click()
        form = page.get_by_role("dialog")
        form.get_by_role("button", name="Add a target").click()
        form.get_by_role("combobox", name="Targets 2").fill("lab/chat")
        form.get_by_role("button", name="Move 2 up").click()
        form.get_by_role("button", name="Add a fallback").click()
        form.get_by_role("combobox", name="Error 1").click()
        page.get_by_role("option", name="the prompt is too long").click()
        instead = form.get_by_role("combobox", name="Ask instead, in order 1")
        instead.fill("lab/long")
        instead.press("Enter")
        instead.press("Escape")
        assert violations(page) == []
        form.get_by_role("button", name="Save").click()
        expect(mine).to_contain_text("1. lab/chat")
        expect(mine).to_contain_text("the prompt is too long → lab/long")
        page.get_by_role("button", name="Dry run").click()
        expect(told).to_contain_text("On the prompt is too long: lab/long")
        assert violations(page) == []
        mine.get_by_role("button", name="Delete: mine").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(mine).to_have_count(0)
        expect(page.get_by_role("region", name="quick")).to_contain_text("Set by the configuration file")
        assert seen.errors == []


def test_a_key_is_shown_once_rotated_and_revoked(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/gateway?tab=keys")
        settled(page)
        page.get_by_role("button", name="New key").first.click()
        form = page.get_by_role("dialog")
        form.get_by_role("textbox", name="Name").fill("ada")
        form.get_by_role("textbox", name="Budget").fill("5 USD / month")
        form.get_by_role("button", name="New key").click()
        shown = page.get_by_role("dialog", name="ada")
        expect(shown).to_contain_text(re.compile("il-[A-Za-z0-9_-]{20,}"))
        secret = shown.locator("pre").text_content() or ""
        page.keyboard.press("Escape")
        row = page.get_by_role("row", name=re.compile("ada"))
        expect(row).to_contain_text("5 USD")
        expect(page.get_by_text(secret)).to_have_count(0)
        row.get_by_role("button", name="Revoke").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(row.get_by_role("button", name="Revoke")).to_have_count(0)
        assert seen.errors == []


def test_snippets_hold_the_address_and_the_model(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/gateway?tab=connect")
        settled(page)
        expect(page.locator("pre")).to_contain_text(f"{gateway.address}/v1/chat/completions")
        expect(page.locator("pre")).to_contain_text('"lab/chat"')

"""The gateway's page: requests as they come, routes that are made and tried, keys that are shown once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.people import person, settled
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow


def test_requests_appear_as_they_end_and_open_to_their_attempts(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/gateway")
        settled(page)
        before = page.locator("tbody tr").count()
        gateway.answered("The capital, please", "careful")
        expect(page.locator("tbody tr").first).to_contain_text("↺")
        assert page.locator("tbody tr").count() == before + 1
        page.get_by_role("button", name="Pause").click()
        gateway.answered("The capital, please", "quick")
        expect(page.locator("tbody tr").first).to_contain_text("↺")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("tbody tr").first).to_contain_text("lab/fast")
        page.get_by_text("Failed", exact=True).click()
        expect(page.locator("tbody tr").get_by_text("200", exact=True)).to_have_count(0)
        page.get_by_text("All", exact=True).click()
        page.locator("tbody tr", has_text="↺").first.get_by_role("button").click()
        expect(page.get_by_role("dialog")).to_contain_text("overloaded")
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
        expect(mine).to_contain_text("1. lab/fast")
        page.get_by_role("combobox", name="Model").fill("mine")
        page.get_by_role("button", name="Dry run").click()
        expect(page.locator("pre", has_text="lab/fast")).to_be_visible()
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

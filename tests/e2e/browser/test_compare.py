"""Comparing, by keyboard alone and blind, and going on with the winner."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.people import answered, person, settled
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow


def _tab_to(page: Page, name: str, most: int = 60) -> None:
    """Presses Tab until what bears the name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        on = page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
        if name in str(on) and page.evaluate("document.activeElement !== document.body"):
            return
    raise AssertionError(f"{name} cannot be reached by Tab")


def test_one_gets_from_the_start_to_a_compared_answer_by_keyboard_alone(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        settled(page)
        page.keyboard.press("Control+K")
        page.get_by_placeholder("Search", exact=True).wait_for()
        page.keyboard.type("compare")
        expect(page.locator("[data-selected]")).to_have_text("Compare")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/compare"))
        settled(page)
        for model in ("quick", "thinker"):
            _tab_to(page, "Add a model")
            page.keyboard.press("Enter")
            expect(page.get_by_role("combobox", name="Name, provider")).to_be_focused()
            page.keyboard.type(model)
            expect(page.get_by_role("option").first).to_contain_text(model)
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name=f"Take {model} away")).to_be_visible()
        _tab_to(page, "Ask them all")
        page.keyboard.type("The capital of France?")
        page.keyboard.press("Enter")
        for name in ("quick", "thinker"):
            column = page.get_by_role("region", name=name)
            expect(column).to_contain_text("Paris is the capital")
            expect(column.get_by_role("button", name="Continue here")).to_be_visible()
        _tab_to(page, "Continue here")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/c/\w+$"))
        expect(answered(page)).to_contain_text("Paris is the capital")
        assert seen.errors == []


def test_blind_columns_bear_letters_until_they_are_revealed(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/compare?m=quick&m=thinker&m=nowhere")
        settled(page)
        page.get_by_role("switch", name="Blind").check()
        page.get_by_role("textbox", name="Ask them all").fill("The capital of France?")
        page.get_by_role("button", name="Send").click()
        for letter in "ABC":
            expect(page.get_by_role("region", name=f"Model {letter}")).to_be_visible()
        expect(page.get_by_role("region", name="quick")).to_have_count(0)
        page.get_by_role("button", name="Reveal").click()
        expect(page.get_by_role("region", name="quick")).to_contain_text("Paris")
        expect(page.get_by_role("region", name="nowhere").get_by_role("alert")).to_contain_text("Nothing listens")


def test_one_of_several_answers_is_stopped(browser: Browser, gateway: Stand) -> None:
    gateway.provider.hold()
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/compare?m=quick&m=held")
        settled(page)
        page.get_by_role("textbox", name="Ask them all").fill("What is entropy?")
        page.get_by_role("button", name="Send").click()
        held = page.get_by_role("region", name="held")
        expect(held.locator("h2")).to_have_text("The formula")
        held.get_by_role("button", name="Stop: held").click()
        expect(held.get_by_role("button", name="Continue here")).to_be_visible()
        gateway.provider.release()

"""Comparing, by keyboard alone and blind, and going on with the winner."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.browser.people import PHONE, answered, person, settled, sideways, violations
from tests.e2e.browser.stand import Stand, stand

pytestmark = pytest.mark.slow


def _tab_to(page: Page, target: Locator, most: int = 60) -> None:
    """Presses Tab until it, or one of several, has the focus."""
    expect(target.first).to_be_visible()
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate_all("boxes => boxes.includes(document.activeElement)"):
            return
    raise AssertionError(f"{target} cannot be reached by Tab")


def test_one_gets_from_the_start_to_a_compared_answer_by_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    """On a gateway of its own: the chats of others would stand in the way of Tab."""
    with stand(tmp_path) as fresh, person(browser, fresh) as (page, seen):
        page.goto(fresh.address)
        settled(page)
        page.keyboard.press("Control+K")
        expect(page.get_by_placeholder("Search", exact=True)).to_be_focused()
        page.keyboard.type("compare")
        expect(page.locator("[data-selected]")).to_have_text("Compare")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/compare"))
        settled(page)
        for model in ("quick", "thinker"):
            _tab_to(page, page.get_by_role("button", name="Add a model"))
            page.keyboard.press("Enter")
            expect(page.get_by_role("combobox", name="Name, provider")).to_be_focused()
            page.keyboard.type(model)
            expect(page.get_by_role("option").first).to_contain_text(model)
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name=f"Take {model} away")).to_be_visible()
        _tab_to(page, page.get_by_role("textbox", name="Ask them all"))
        page.keyboard.type("The capital of France?")
        page.keyboard.press("Enter")
        for name in ("quick", "thinker"):
            column = page.get_by_role("region", name=name)
            expect(column).to_contain_text("Paris is the capital")
            expect(column.get_by_role("button", name="Continue here")).to_be_visible()
        _tab_to(page, page.get_by_role("button", name="Continue here"))
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


def test_a_comparison_fits_on_a_phone_and_is_accessible_when_it_is_full(browser: Browser, gateway: Stand) -> None:
    gateway.provider.hold()  # an answer that comes all at once has no speed
    with person(browser, gateway, PHONE, "dark") as (page, seen):
        page.goto(f"{gateway.address}/compare?m=held&m=thinker&m=nowhere&m=lab%2Fchat")
        settled(page)
        expect(page.get_by_role("button", name="Add a model")).to_have_count(0)
        page.get_by_role("switch", name="Blind").check()
        page.get_by_role("textbox", name="Ask them all").fill("What is entropy?")
        page.get_by_role("button", name="Send").tap()
        expect(page.get_by_role("heading", name="The formula")).to_have_count(3)
        gateway.provider.release()
        expect(page.get_by_role("button", name="Continue here")).to_have_count(3)
        page.get_by_role("button", name="Reveal").tap()
        failed = page.get_by_role("region", name="nowhere")
        expect(failed.get_by_role("alert")).to_be_visible()
        expect(failed.get_by_role("button", name="Continue here")).to_have_count(0)
        slow = page.get_by_role("region", name="held")
        expect(slow).to_contain_text(re.compile(r"first token.*speed.*tokens.*cost", re.DOTALL))
        assert sideways(page) == 0
        assert violations(page) == []
        assert seen.errors == []


def test_one_model_is_no_comparison(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/compare")
        settled(page)
        page.get_by_role("textbox", name="Ask them all").fill("What is entropy?")
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
        expect(page.get_by_text("Add a second model to compare with.")).to_be_visible()


def test_answers_that_nobody_can_come_back_to_end_when_they_are_left(browser: Browser, gateway: Stand) -> None:
    gateway.provider.hold()
    for leave in ("the page", "the tab"):
        with person(browser, gateway) as (page, _):
            page.goto(f"{gateway.address}/compare?m=held&m=lab%2Fheld")
            settled(page)
            page.get_by_role("textbox", name="Ask them all").fill("What is entropy?")
            page.get_by_role("button", name="Send").click()
            expect(page.get_by_role("heading", name="The formula")).to_have_count(2)
            going = [one["model"] for one in gateway.api("GET", "/api/runs")["items"]]
            assert sorted(one for one in going if "held" in one) == ["held", "lab/held"]
            keeper = page.context.new_page()
            keeper.goto(gateway.address)  # a browser that closes its last tab takes everything with it
            if leave == "the page":
                page.get_by_role("link", name="Models").click()
            else:
                page.close(run_before_unload=True)
            keeper.wait_for_function(
                "async token => (await (await fetch('/api/runs', {headers: {authorization: `Bearer ${token}`}}))"
                ".json()).items.length === 0",
                arg=gateway.token,
                polling=100,
            )
    gateway.provider.release()

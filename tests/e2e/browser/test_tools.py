"""Tools in the chat: chosen, called, approved on one page or another, and kept."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.people import PHONE, answered, choose, person, settled, sideways, violations, write
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow
SUM = 'calculate{"expression": "6 * 7"}'
CLOCK = 'time_now{"zone": "UTC"}'


def switch_on(page: Page, *names: str) -> None:
    """Lets the model call tools, by the composer's menu."""
    page.get_by_role("button", name=re.compile("^Tools")).click()
    for name in names:
        box = page.get_by_role("checkbox", name=re.compile(f"^{name}"))
        box.check()
        expect(box).to_be_checked()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    # It is given the focus a moment after: what is typed before that would go astray.
    expect(page.get_by_role("button", name=re.compile("^Tools:"))).to_be_focused()


def test_an_allowed_tool_is_called_and_the_answer_is_one(browser: Browser, gateway: Stand) -> None:
    """Before and after a refresh, with its call, its result and what all of it took."""
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        choose(page, "caller")
        switch_on(page, "calculate")
        write(page, f"Work it out: {SUM}")
        for _ in range(2):
            answer = answered(page)
            expect(answer).to_contain_text("Let me see.")
            expect(answer).to_contain_text("The tool says: 42")
            card = answer.get_by_role("button", name=re.compile("^calculate"))
            expect(card).to_contain_text("done")
            card.click()
            expect(answer.locator(".tool-body pre").last).to_have_text("42")
            expect(answer.get_by_role("button", name="Details of this answer")).to_contain_text("36 tokens")
            page.reload()
        assert [one["function"]["name"] for one in gateway.provider.asked[-1]["tools"]] == ["calculate"]
        answered(page).get_by_role("button", name="Answer again", exact=True).click()
        expect(page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
        expect(answered(page)).to_contain_text("The tool says: 42")
        assert seen.errors == []
        assert seen.away == []


def test_a_call_that_asks_survives_a_refresh_and_is_answered_on_another_device(
    browser: Browser, gateway: Stand
) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        choose(page, "caller")
        switch_on(page, "time_now")
        write(page, f"What time is it? {CLOCK}")
        allow = page.get_by_role("button", name="Allow", exact=True)
        expect(allow).to_be_visible()
        expect(page.get_by_text("The tool time_now waits for your approval.")).to_be_attached()
        assert violations(page) == []
        page.reload()
        expect(allow).to_be_visible()
        expect(page.get_by_role("article", name="Answer")).to_have_count(1)
        with person(browser, gateway, PHONE) as (phone, _):
            phone.goto(page.url)
            phone.get_by_role("button", name="Always in this chat").click()
            expect(answered(phone)).to_contain_text("(UTC+0000)")
        expect(answered(page)).to_contain_text("(UTC+0000)")
        expect(allow).to_have_count(0)
        write(page, f"And now? {CLOCK}")
        expect(answered(page, 2)).to_contain_text("(UTC+0000)")
        assert seen.errors == []


def test_a_denied_call_does_not_run_and_a_page_is_asked_for_each_time(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        choose(page, "caller")
        switch_on(page, "fetch_page")
        write(page, 'Look: fetch_page{"url": "https://example.com/"}')
        page.get_by_role("button", name="Deny").wait_for()
        expect(page.get_by_role("button", name="Always in this chat")).to_have_count(0)
        page.get_by_role("button", name="Deny").click()
        answer = answered(page)
        expect(answer.get_by_role("button", name=re.compile("^fetch_page"))).to_contain_text("failed")
        expect(answer).to_contain_text("The person did not allow this call.")


def test_a_stop_while_a_call_waits_ends_the_answer(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        choose(page, "caller")
        switch_on(page, "time_now")
        write(page, f"What time is it? {CLOCK}")
        page.get_by_role("button", name="Allow", exact=True).wait_for()
        page.get_by_role("button", name="Stop").click()
        expect(answered(page)).to_contain_text("Stopped")
        expect(page.get_by_role("button", name="Allow", exact=True)).to_have_count(0)
        page.reload()
        expect(answered(page).get_by_role("button", name=re.compile("^time_now"))).to_contain_text("failed")


def test_the_menu_of_tools_fits_a_phone_and_passes_axe(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway, PHONE, "dark") as (page, _):
        page.goto(gateway.address)
        settled(page)
        switch_on(page, "calculate", "fetch_page")
        page.get_by_role("button", name="Tools: 2 may be called").click()
        expect(page.get_by_text("asks you each time")).to_be_visible()
        assert violations(page) == []
        assert sideways(page) == 0

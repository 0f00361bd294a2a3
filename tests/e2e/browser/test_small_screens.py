"""In a hand nothing is cut off: tables are cards, names are whole, and the page itself never scrolls."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.people import DESKTOP, PHONE, answered, person, settled
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow


def longer(page: Page) -> int:
    """By how many pixels the page is longer than its window: what scrolls are boxes in it."""
    return int(page.evaluate("document.documentElement.scrollHeight - document.documentElement.clientHeight"))


def _written(gateway: Stand, chats: list[str]) -> None:
    """Waits until the calls of chats are in the ledger, which takes them a moment after their ends."""
    while not {one["conversation"] for one in gateway.api("GET", "/api/requests")["items"]}.issuperset(chats):
        pass


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_long_answer_lengthens_its_thread_and_not_the_page(
    browser: Browser, gateway: Stand, size: tuple[int, int]
) -> None:
    chat = gateway.answered("What is entropy?", "thinker")
    with person(browser, gateway, size) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        expect(answered(page).locator(".katex").first).to_be_attached()
        expect(answered(page).locator("figure svg")).to_be_attached()
        assert longer(page) == 0


def test_tables_are_cards_that_are_no_wider_than_the_phone(browser: Browser, gateway: Stand) -> None:
    _written(gateway, [gateway.answered("The capital of France?", "careful"), gateway.answered("Anyone?", "nowhere")])
    gateway.api(
        "POST", "/api/virtual-keys", {"name": "phone-team", "models": ["*"], "rpm": 60, "budget": "5 USD / month"}
    )
    try:
        with person(browser, gateway, PHONE) as (page, seen):
            for path in ("/models", "/gateway", "/gateway?tab=keys", "/usage"):
                page.goto(gateway.address + path)
                settled(page)
                table = page.locator("main table").first
                expect(table.locator("tbody tr").first).to_be_visible()
                wide = "table => table.parentElement.scrollWidth - table.parentElement.clientWidth"
                assert table.evaluate(wide) == 0, path
                assert longer(page) == 0, path
            page.goto(f"{gateway.address}/gateway?tab=keys")
            row = page.locator("tr", has_text="phone-team")
            expect(row.get_by_role("button", name="Revoke")).to_be_in_viewport()
            assert seen.errors == []
    finally:
        gateway.api("DELETE", "/api/virtual-keys/phone-team")


def test_the_model_that_one_writes_to_is_named_in_full(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "thinker")
    with person(browser, gateway, PHONE) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        expect(page.get_by_role("button", name="Tools")).to_be_visible()
        name = page.locator(".model-pill .name")
        expect(name).to_have_text("thinker")
        assert name.evaluate("name => name.scrollWidth - name.clientWidth") == 0

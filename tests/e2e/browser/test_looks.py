"""Every page, empty and full, on a desk and in a hand, light and dark: readable for all, still, and at home."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.people import DESKTOP, NARROWEST, PHONE, Scheme, person, settled, sideways, violations
from tests.e2e.browser.stand import Stand, stand

pytestmark = pytest.mark.slow

PAGES = [
    "/",
    "/compare",
    "/models",
    "/gateway",
    "/gateway?tab=routes",
    "/gateway?tab=keys",
    "/gateway?tab=connect",
    "/usage",
    "/usage?tab=performance",
    "/settings",
    "/settings?tab=local",
    "/settings?tab=defaults",
    "/settings?tab=appearance",
    "/settings?tab=shortcuts",
    "/settings?tab=data",
]
MOST_REQUESTS = 25
MOST_BYTES = 350_000


@pytest.fixture(scope="module")
def full(gateway: Stand) -> list[str]:
    """The addresses of pages that have something to show."""
    chats = [gateway.answered("What is entropy?", model) for model in ("lab/chat", "thinker", "weather", "breaks")]
    return [f"/c/{chat}" for chat in [*chats, gateway.answered("Anyone?", "nowhere")]]


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_page_is_accessible_and_keeps_to_itself(
    browser: Browser, gateway: Stand, full: list[str], size: tuple[int, int], scheme: Scheme
) -> None:
    found: list[str] = []
    with person(browser, gateway, size, scheme) as (page, seen):
        for path in [*PAGES, *full]:
            page.goto(gateway.address + path)
            settled(page)
            found += [f"{path}: {one}" for one in violations(page)]
            if size == PHONE:
                page.set_viewport_size({"width": NARROWEST[0], "height": NARROWEST[1]})
            if sideways(page):
                found.append(f"{path} is {sideways(page)} pixels too wide")
            page.set_viewport_size({"width": size[0], "height": size[1]})
        assert found == []
        assert seen.errors == []
        assert seen.away == []


def test_what_opens_over_a_page_is_accessible(browser: Browser, gateway: Stand, full: list[str]) -> None:
    with person(browser, gateway, scheme="dark") as (page, _):
        page.goto(gateway.address + full[0])
        settled(page)
        page.keyboard.press("Control+K")
        page.get_by_placeholder("Search", exact=True).wait_for()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)  # while one is open, it has the keys to itself
        page.keyboard.press("Control+Shift+M")
        page.get_by_role("option").first.wait_for()
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Chat settings").click()
        page.get_by_role("complementary", name="This chat").wait_for()
        assert violations(page) == []


def test_the_first_page_is_light(browser: Browser, tmp_path: Path) -> None:
    with stand(tmp_path) as fresh, person(browser, fresh) as (page, seen):
        sizes: dict[str, int] = {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.responseReceived", lambda one: sizes.update({one["requestId"]: 0}))
        session.on(
            "Network.loadingFinished", lambda one: sizes.update({one["requestId"]: int(one["encodedDataLength"])})
        )
        data: set[str] = set()
        session.on(
            "Network.requestWillBeSent", lambda one: data.add(one["requestId"] * ("/api/" in one["request"]["url"]))
        )
        page.goto(fresh.address)
        settled(page)
        expect(page.get_by_role("button", name="Model: lab/chat").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert len(seen.requests) <= MOST_REQUESTS
        assert sum(size for request, size in sizes.items() if request not in data) < MOST_BYTES
        assert seen.errors == []


def test_the_colours_are_a_choice_that_holds(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway, scheme="dark") as (page, _):
        page.goto(gateway.address)
        settled(page)
        ground = page.locator("body")
        expect(ground).to_have_css("background-color", "rgb(22, 25, 27)")
        page.get_by_role("button", name="Light or dark").click()
        expect(ground).to_have_css("background-color", "rgb(255, 255, 255)")
        page.reload()
        settled(page)
        expect(ground).to_have_css("background-color", "rgb(255, 255, 255)")


def test_it_can_be_installed(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        manifest = page.request.get(f"{gateway.address}/manifest.webmanifest")
        assert manifest.headers["content-type"].startswith("application/manifest+json")
        icon = page.request.get(gateway.address + manifest.json()["icons"][0]["src"])
        assert icon.headers["content-type"].startswith("image/svg+xml")

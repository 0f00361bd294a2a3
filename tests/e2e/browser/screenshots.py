"""Photographs of every page for the README: `make screenshots`."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.browser import calls
from tests.e2e.browser.people import DESKTOP, PHONE, Scheme, answered, launch, person, settled
from tests.e2e.browser.stand import ROOT, Stand, stand

ASSETS = ROOT / "docs" / "assets"
CHATS = ("Plan a week in Lisbon", "Refactor a Python class", "How TCP starts slowly", "A birthday poem for Ada")


def _full(gateway: Stand) -> str:
    """The id of a conversation worth a photograph, with others beside it."""
    for title in CHATS:
        gateway.answered("The capital, please", "quick", title=title, folder="Travel" if "Lisbon" in title else None)
    pinned = gateway.answered("The capital, please", "quick", title="House rules for prompts")
    gateway.api("PATCH", f"/api/conversations/{pinned}", {"pinned": True})
    for model in ("careful", "thinker", "breaks", "nowhere"):
        gateway.answered("The capital, please", model, title=f"Trying {model}")
    return gateway.answered("What is entropy? With the formula, and an example.", "thinker", title="What is entropy?")


def _chat(page: Page) -> None:
    expect(answered(page).locator("figure svg")).to_be_visible()
    page.locator(".thread").evaluate("box => box.scrollTo(0, 0)")


def _picker(page: Page) -> None:
    page.keyboard.press("Control+Shift+M")
    page.get_by_role("combobox", name="Name, provider").fill("vision tools")
    page.get_by_role("option").first.wait_for()


def _palette(page: Page) -> None:
    page.keyboard.press("Control+K")
    page.get_by_placeholder("Search", exact=True).wait_for()


def _compared(page: Page) -> None:
    page.get_by_role("textbox", name="Ask them all").fill("What is the capital of France?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Continue here")).to_have_count(3)


def _details(page: Page) -> None:
    _chat(page)
    page.get_by_role("button", name="Details of this answer").click()
    page.get_by_role("complementary", name="This answer").wait_for()


def _nothing(page: Page) -> None:
    pass


def photograph(gateway: Stand, folder: Path) -> None:
    """Takes them all.

    Args:
        gateway: what is photographed.
        folder: where the pictures go.
    """
    chat = f"/c/{_full(gateway)}"
    shots: list[tuple[str, str, tuple[int, int], Scheme, Callable[[Page], None]]] = [
        ("start", "/", DESKTOP, "light", _nothing),
        ("chat", chat, DESKTOP, "light", _chat),
        ("chat-dark", chat, DESKTOP, "dark", _details),
        ("chat-phone", chat, PHONE, "light", _chat),
        ("picker", "/", DESKTOP, "light", _picker),
        ("palette", chat, DESKTOP, "dark", _palette),
        ("compare", "/compare?m=quick&m=thinker&m=lab%2Fchat", DESKTOP, "light", _compared),
        ("models", "/models?can=vision", DESKTOP, "dark", _nothing),
        ("log", "/gateway", DESKTOP, "light", _nothing),
        ("routes", "/gateway?tab=routes", DESKTOP, "dark", _nothing),
        ("usage", "/usage?days=7", DESKTOP, "light", _nothing),
        ("settings", "/settings", DESKTOP, "light", _nothing),
        ("settings-phone", "/settings", PHONE, "dark", _nothing),
    ]
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name, path, size, scheme, prepare in shots:
            with person(browser, gateway, size, scheme) as (page, _):
                page.goto(gateway.address + path)
                settled(page)
                if size == DESKTOP:  # the side bar comes later
                    page.get_by_role("link", name="What is entropy?").wait_for()
                prepare(page)
                page.mouse.move(0, 0)
                page.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")
        if lacking := calls.missing():
            print(f"voice.png is as it was: {lacking}")
        else:
            calls.photograph(browser, folder)
        browser.close()


def main() -> None:
    """Writes docs/assets, made smaller with pngquant where it is installed."""
    ASSETS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as gateway:
        photograph(gateway, ASSETS)
    try:
        subprocess.run(["pngquant", "--force", "--skip-if-larger", "--ext", ".png", *ASSETS.glob("*.png")], check=True)
    except FileNotFoundError:
        print("pngquant is not installed; the pictures are as Chromium wrote them")


if __name__ == "__main__":
    main()

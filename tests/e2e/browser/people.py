"""A browser of somebody who is signed in, and everything that went wrong while they looked."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from msgspec import Struct, field
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, Request, expect

from tests.e2e.browser.stand import AXE, CHROMIUM, FLAGS, Stand

Scheme = Literal["light", "dark"]
DESKTOP, WIDE, PHONE, NARROWEST = (1280, 800), (1920, 1080), (390, 844), (360, 740)
PATIENCE = 20_000
"""Milliseconds until what must happen is said not to: it costs nothing where it happens, however slow the machine."""
_EXPECTED = re.compile(r"Failed to load resource")
"""Chromium reports every answer of 4xx and 5xx as an error; tests that provoke one look at it themselves."""


class Seen(Struct, dict=True):
    """What a page did.

    Args:
        errors: console errors and uncaught exceptions.
        requests: every address that was asked for.
        away: those that do not lie on the gateway.
    """

    address: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Listens to every page of a context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _EXPECTED.search(message.text):
            self.errors.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if request.url.startswith(("data:", "blob:")):
            return
        self.requests.append(request.url)
        if not request.url.startswith(self.address + "/"):
            self.away.append(request.url)


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, with nothing that calls home."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@contextmanager
def person(
    browser: Browser,
    stand: Stand,
    size: tuple[int, int] = DESKTOP,
    scheme: Scheme = "light",
    **more: Any,
) -> Iterator[tuple[Page, Seen]]:
    """A page of an administrator who is signed in.

    Args:
        browser: where.
        stand: the gateway.
        size: of the window, in pixels.
        scheme: which colours the system prefers.
        more: of Playwright's options of a context.
    """
    width, height = size
    phone = width < 700
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        has_touch=phone,
        is_mobile=phone,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Paris",
        **more,
    )
    context.set_default_timeout(PATIENCE)
    seen = Seen(stand.address)
    seen.watch(context)
    host = urllib.parse.urlsplit(stand.address)
    assert host.hostname == "127.0.0.1"
    session = stand.api("POST", "/api/session", {"key": stand.token})["token"]
    context.add_init_script(
        f"if (location.origin === {stand.address!r}) sessionStorage.setItem('interlingua-token', {session!r})"
    )
    page = context.new_page()
    try:
        yield page, seen
    finally:
        context.close()


def still(page: Page) -> None:
    """Waits until what the page has begun to draw is drawn: its fonts are there, and what it measures was measured."""
    page.evaluate(
        "async () => { await document.fonts.ready;"
        " for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame); }"
    )


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, one line each."""
    still(page)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],"
        " resultTypes: ['violations'], preload: false})"
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    still(page)
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def settled(page: Page) -> None:
    """Waits until nothing on the page is a place-holder any more."""
    page.locator("#stage .topbar, main form").first.wait_for()
    expect(page.locator(".mantine-Skeleton-root, .mantine-Loader-root")).to_have_count(0)


def write(page: Page, text: str) -> None:
    """Writes a message and sends it."""
    field = page.get_by_role("textbox", name="Write a message")
    field.fill(text)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    if page.evaluate("matchMedia('(pointer: coarse)').matches"):
        page.get_by_role("button", name="Send").click()  # there, Enter begins a line
    else:
        field.press("Enter")


def answered(page: Page, times: int = 1) -> Locator:
    """Waits for so many whole answers; the last one."""
    answers = page.get_by_role("article", name="Answer").and_(page.locator("[aria-busy=false]"))
    expect(answers).to_have_count(times)
    return answers.last


def choose(page: Page, model: str) -> None:
    """Chooses a model as one does by keyboard."""
    page.get_by_role("textbox", name="Write a message").wait_for()
    page.keyboard.press("Control+Shift+M")
    page.get_by_role("combobox", name="Name, provider").fill(model)
    page.get_by_role("option", name=re.compile(re.escape(model))).first.wait_for()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def copied(page: Page, button: Locator) -> str:
    """What a button puts on the clipboard."""
    page.evaluate("navigator.clipboard.writeText('')")
    button.click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()) !== ''")
    return str(page.evaluate("navigator.clipboard.readText()"))


@contextmanager
def glimpsed(page: Page, text: str) -> Iterator[None]:
    """What is done within makes the page show a text, which may be gone before one looks twice."""
    page.evaluate(
        "text => { window.glimpsed = false; new MutationObserver((_, watching) => {"
        " if (document.body.innerText.includes(text)) { window.glimpsed = true; watching.disconnect(); }"
        " }).observe(document.body, {subtree: true, childList: true, characterData: true}); }",
        text,
    )
    yield
    page.wait_for_function("window.glimpsed")


def until(page: Page, done: Callable[[], bool]) -> None:
    """Waits for what happens outside of the page."""
    for _ in range(600):
        if done():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not happen within a minute")

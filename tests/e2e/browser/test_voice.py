"""Calls by voice from the page: offered where there is a LiveKit server, honest where it is away, and a real one."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import calls
from tests.e2e.browser.people import (
    DESKTOP,
    NARROWEST,
    PATIENCE,
    PHONE,
    Scheme,
    person,
    settled,
    sideways,
    until,
    violations,
)
from tests.e2e.browser.stand import Stand, stand
from tests.voice.livekit_server import livekit

pytestmark = pytest.mark.slow

CHUNK = re.compile(r"/assets/VoicePanel-")
AWAY = re.compile(r"WebSocket connection to|Refused|ERR_CONNECTION_REFUSED")
"""What Chromium itself says of a server that is away."""
LISTS = 'llm_models = ["lab/fast", "lab/secret"]\ntask_agents = ["lab/fast"]'


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """The address of a LiveKit server that is away: the port is taken, and nobody listens there."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield f"ws://127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture(scope="module")
def lonely(browser: Browser, nobody: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A gateway that knows that address."""
    folder = tmp_path_factory.mktemp("lonely")
    with stand(folder, calls.voice_table(folder, nobody, LISTS)) as found:
        yield found


def open_panel(page: Page) -> None:
    """As somebody who wants to talk."""
    page.get_by_role("button", name="Talk by voice").click()
    page.get_by_role("button", name="Start the call").wait_for()


def pick(page: Page, label: str, name: str) -> None:
    """Chooses in one of the two pickers."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=name, exact=True).click()


def test_without_a_server_nothing_of_it_is_shown_or_loaded(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        settled(page)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("button", name="Talk by voice")).to_have_count(0)
        assert not [one for one in seen.requests if CHUNK.search(one)]
        policy = page.request.get(gateway.address, headers={"accept": "text/html"}).headers["content-security-policy"]
        assert "connect-src 'self';" in policy


def test_a_server_that_is_away_is_told_with_what_to_do(browser: Browser, lonely: Stand, nobody: str) -> None:
    over_http = nobody.replace("ws", "http")
    with calls.hearing(browser) as ears, person(ears, lonely) as (page, seen):
        page.goto(lonely.address)
        settled(page)
        page.wait_for_load_state("networkidle")
        assert not [one for one in seen.requests if CHUNK.search(one)]  # it comes when it is asked for
        open_panel(page)
        assert [one for one in seen.requests if CHUNK.search(one)]
        page.get_by_role("button", name="Start the call").click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text(f"The LiveKit server at {nobody} cannot be reached.")
        expect(alert).to_contain_text("voice.url")
        expect(page.get_by_role("button", name="Call again")).to_be_visible()
        assert violations(page) == []
        assert [one for one in seen.errors if not AWAY.search(one)] == []
        assert [one for one in seen.away if not one.startswith(f"{over_http}/")] == []
        policy = page.request.get(lonely.address, headers={"accept": "text/html"}).headers["content-security-policy"]
        assert f"connect-src 'self' {nobody} {over_http};" in policy


@pytest.mark.livekit
@pytest.mark.skipif(bool(calls.missing()), reason=calls.missing() or "nothing is missing")
def test_a_server_of_another_secret_is_told_with_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with livekit() as server, stand(tmp_path, calls.voice_table(tmp_path, server.url)) as gateway:
        (tmp_path / "livekit-secret").write_text("another-secret-of-thirty-two-letters")
        with calls.hearing(browser) as ears, person(ears, gateway) as (page, _):
            page.goto(gateway.address)
            open_panel(page)
            page.get_by_role("button", name="Start the call").click()
            expect(page.get_by_role("alert")).to_contain_text("The LiveKit server refused the token.")
            expect(page.get_by_role("alert")).to_contain_text("LIVEKIT_API_SECRET")


def test_who_may_not_hand_out_calls_is_offered_none(browser: Browser, lonely: Stand) -> None:
    key = lonely.api("POST", "/api/virtual-keys", {"name": "team", "models": ["*"]})["key"]
    team = lonely.api("POST", "/api/session", {"key": key})["token"]
    with person(browser, lonely) as (page, seen):
        page.add_init_script(f"sessionStorage.setItem('interlingua-token', {team!r})")
        page.goto(lonely.address)
        settled(page)
        expect(page.get_by_role("button", name="Talk by voice")).to_have_count(0)
        assert seen.errors == []


def test_a_microphone_that_is_missing_is_told_with_what_to_do(browser: Browser, lonely: Stand) -> None:
    with person(browser, lonely) as (page, seen):
        page.goto(lonely.address)
        open_panel(page)
        page.get_by_role("button", name="Start the call").click()
        expect(page.get_by_role("alert")).to_contain_text(re.compile("microphone", re.IGNORECASE))
        expect(page.get_by_role("button", name="Call again")).to_be_visible()
        assert seen.errors == []


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_panel_is_accessible_and_fits(
    browser: Browser, lonely: Stand, size: tuple[int, int], scheme: Scheme
) -> None:
    with person(browser, lonely, size, scheme) as (page, seen):
        page.goto(lonely.address)
        open_panel(page)
        assert violations(page) == []
        if size == PHONE:
            page.set_viewport_size({"width": NARROWEST[0], "height": NARROWEST[1]})
        assert sideways(page) == 0
        page.get_by_role("combobox", name="Who talks").click()
        expect(page.get_by_role("option")).to_have_text(["lab/chat", "lab/fast", "lab/secret"])
        page.keyboard.press("Escape")
        pick(page, "Who works on tasks", "lab/fast")
        page.get_by_role("button", name="Hide the panel").click()
        open_panel(page)
        expect(page.get_by_role("combobox", name="Who works on tasks")).to_have_value("lab/fast")
        assert seen.errors == []
        assert seen.away == []


@pytest.mark.livekit
@pytest.mark.skipif(bool(calls.missing()), reason=calls.missing() or "nothing is missing")
def test_somebody_talks_and_changes_both_models_in_mid_call(browser: Browser, tmp_path: Path) -> None:
    with (
        calls.answered(tmp_path, LISTS) as gateway,
        calls.hearing(browser, calls.question(tmp_path / "question.wav")) as ears,
    ):
        with person(ears, gateway) as (page, seen):
            page.set_default_timeout(60_000)
            expect.set_options(timeout=60_000)
            try:
                talk(page, gateway)
            finally:
                expect.set_options(timeout=PATIENCE)
            assert seen.errors == []
            assert seen.away == []
        rows = gateway.api("GET", "/api/usage?by=tag")["by"]["tag"]
        assert [row["tag"] for row in rows if row["calls"] >= 2] == ["voice"]


def talk(page: Page, gateway: Stand) -> None:
    """A whole call."""
    page.goto(gateway.address)
    open_panel(page)
    page.get_by_role("button", name="Start the call").click()
    said = page.get_by_role("log", name="What was said")
    # The microphone speaks whether anybody listens or not: it may interrupt the greeting, and be heard from the middle
    # of a sentence on.
    expect(said).to_contain_text(calls.QUESTION)
    expect(said).to_contain_text("Paris is")
    assert {body["model"] for body in gateway.provider.asked} == {"chat"}
    pick(page, "Who talks", "lab/fast")
    in_force(page, "Who talks", "lab/fast")
    until(page, lambda: gateway.provider.asked[-1]["model"] == "fast")
    page.wait_for_function("() => document.querySelector('[role=meter]').getAttribute('aria-valuenow') > 5")
    pick(page, "Who works on tasks", "lab/fast")
    in_force(page, "Who works on tasks", "lab/fast")
    expect(page.get_by_role("alert")).to_have_count(0)
    pick(page, "Who talks", "lab/secret")
    expect(page.get_by_role("alert")).to_contain_text("Secret may not be chosen here, so chat talks.")
    in_force(page, "Who talks", "lab/chat")
    in_force(page, "Who works on tasks", "lab/fast")
    assert violations(page) == []
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("meter", name="Microphone level")).to_have_attribute("aria-valuetext", "muted")
    page.get_by_role("button", name="Hide the panel").click()
    page.get_by_role("button", name=re.compile("^Voice call: ")).click()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("button", name="Call again")).to_be_visible()
    expect(page.get_by_role("button", name="Talk by voice")).to_be_visible()


def in_force(page: Page, label: str, name: str) -> None:
    """Waits until the agent has answered, and that is its answer: what it says of it may be talked over."""
    expect(page.locator(".voice [aria-busy=true]")).to_have_count(0)
    expect(page.get_by_role("combobox", name=label)).to_have_value(name)

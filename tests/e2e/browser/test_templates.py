"""Templates: made in Settings, brought by a slash, filled in, and sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.people import PHONE, answered, person, settled, sideways, violations, write
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow

TRANSLATE = {
    "template": "Translate into {{language}}:\n\n{{input}}",
    "variables": ["language", "input"],
    "system": "You translate.",
    "settings": {"temperature": 0.2},
}


@pytest.fixture
def translate(gateway: Stand) -> Iterator[None]:
    """A template, for one test."""
    gateway.api("PUT", "/api/presets/translate", TRANSLATE)
    yield
    gateway.api("DELETE", "/api/presets/translate")


@pytest.fixture
def terse(gateway: Stand) -> Iterator[None]:
    """A preset without a template, for one test."""
    gateway.api("PUT", "/api/presets/terse", {"system": "One sentence."})
    yield
    gateway.api("DELETE", "/api/presets/terse")


def _kept(gateway: Stand, name: str) -> Any:
    """A preset as the gateway has it."""
    return next(one for one in gateway.api("GET", "/api/presets")["items"] if one["name"] == name)


def test_a_template_is_made_changed_renamed_and_deleted(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/settings?tab=presets")
        settled(page)
        page.get_by_role("button", name="New preset").click()
        form = page.get_by_role("dialog", name="New preset")
        form.get_by_label("Name").fill("review")
        form.get_by_label("Template").fill("Review this {{language}}:\n{{input}}")
        expect(form.get_by_role("status")).to_contain_text("language")
        assert violations(page) == []
        form.get_by_role("button", name="Save").click()
        card = page.get_by_role("region", name="review")
        expect(card).to_contain_text("Review this {{language}}")
        assert _kept(gateway, "review")["variables"] == ["language", "input"]
        card.get_by_role("button", name="Edit review").click()
        form = page.get_by_role("dialog", name="Edit review")
        form.get_by_label("Name").fill("critique")
        form.get_by_label("Temperature").fill("0.5")
        form.get_by_role("button", name="Save").click()
        expect(page.get_by_role("region", name="review")).to_have_count(0)
        card = page.get_by_role("region", name="critique")
        assert violations(page) == []
        card.get_by_role("button", name="Delete critique").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        expect(card).to_have_count(0)
        assert seen.errors == []


@pytest.mark.usefixtures("translate")
def test_a_slash_brings_a_template_whose_variables_are_asked_for(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        settled(page)
        field = page.get_by_role("textbox", name="Write a message")
        field.press_sequentially("/tra")
        expect(page.get_by_role("option", name="translate")).to_have_attribute("aria-selected", "true")
        assert violations(page) == []
        page.keyboard.press("Enter")
        form = page.get_by_role("dialog", name="/translate")
        expect(form.get_by_label("Language")).to_be_focused()
        page.keyboard.type("French")
        form.get_by_label("What you ask").fill("The capital, please")
        expect(form.get_by_role("region", name="The message")).to_have_text(
            "Translate into French:\n\nThe capital, please"
        )
        assert violations(page) == []
        form.get_by_role("button", name="Insert", exact=True).click()
        expect(field).to_have_value("Translate into French:\n\nThe capital, please")
        expect(field).to_be_focused()
        page.keyboard.press("Enter")
        answered(page)
        sent = gateway.provider.asked[-1]
        assert sent["messages"][0]["content"] == "You translate."
        assert (sent["messages"][1]["content"], sent["temperature"]) == (
            "Translate into French:\n\nThe capital, please",
            0.2,
        )
        assert seen.errors == []


@pytest.mark.usefixtures("translate")
def test_what_stands_behind_the_name_is_what_is_asked_and_may_be_sent_at_once(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway, PHONE, "dark") as (page, seen):
        page.goto(gateway.address)
        settled(page)
        page.get_by_role("textbox", name="Write a message").fill("/translate the capital")
        page.get_by_role("option", name="translate").tap()
        form = page.get_by_role("dialog", name="/translate")
        expect(form.get_by_label("What you ask")).to_have_value("the capital")
        form.get_by_label("Language").fill("Thai")
        assert sideways(page) == 0
        form.get_by_role("switch", name="With its model and settings").tap()
        form.get_by_role("button", name="Insert and send").tap()
        answered(page)
        sent = gateway.provider.asked[-1]
        assert [one["content"] for one in sent["messages"]] == ["Translate into Thai:\n\nthe capital"]
        assert "temperature" not in sent
        assert seen.errors == []


@pytest.mark.usefixtures("terse")
def test_a_preset_without_a_template_is_taken_and_other_slashes_are_left_alone(
    browser: Browser, gateway: Stand
) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        settled(page)
        field = page.get_by_role("textbox", name="Write a message")
        field.fill("/etc/hosts: the capital?")
        expect(page.get_by_role("option")).to_have_count(0)
        field.fill("/te")
        page.get_by_role("option", name="terse").wait_for()
        page.keyboard.press("Escape")
        expect(page.get_by_role("option")).to_have_count(0)
        expect(field).to_have_value("/te")
        field.fill("")
        page.get_by_role("button", name="Insert a template").click()
        page.get_by_role("option", name="terse").click()
        write(page, "The capital of France?")
        answered(page)
        assert gateway.provider.asked[-1]["messages"][0]["content"] == "One sentence."


@pytest.mark.usefixtures("translate")
def test_a_template_outlives_settings_that_are_kept_under_its_name(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        settled(page)
        page.get_by_role("button", name="Chat settings").click()
        page.get_by_role("combobox", name="Preset").click()
        page.get_by_role("option", name="translate").click()
        page.get_by_role("textbox", name="System prompt").fill("You translate well.")
        with page.expect_response(lambda one: "/api/presets/" in one.url):
            page.get_by_role("button", name="Replace the preset").click()
        kept = _kept(gateway, "translate")
        assert (kept["template"], kept["system"]) == (TRANSLATE["template"], "You translate well.")

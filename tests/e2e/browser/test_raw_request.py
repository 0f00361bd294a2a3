"""The request behind an answer, opened from it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.people import PHONE, answered, copied, glimpsed, person, sideways, violations
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow


def test_an_answers_request_is_shown_in_every_form_and_copied(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway, permissions=["clipboard-read", "clipboard-write"]) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page).get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="Show the request").click()
        dialog = page.get_by_role("dialog", name="The request of this answer")
        body = dialog.get_by_role("region", name="Body")
        expect(body).to_contain_text('"content": "The capital of France?"')
        expect(dialog).to_contain_text("To lab/fast (openai_chat)")
        expect(dialog).to_contain_text("with the settings and tools of this answer")
        expect(dialog.get_by_role("region", name="Address")).to_contain_text(
            f"POST {gateway.provider.address}/chat/completions"
        )
        assert violations(page) == []
        sent = gateway.provider.asked[-1]
        with glimpsed(page, "Copied"):
            body_copied = copied(page, dialog.get_by_role("button", name="Copy the body"))
        assert json.loads(body_copied) == sent
        for form, shows in (
            ("anthropic_messages", "POST /v1/messages"),
            ("gemini", "POST /v1beta/models/lab/fast:streamGenerateContent"),
            ("ollama", "POST /api/chat"),
        ):
            dialog.get_by_role("combobox", name="Form").click()
            page.get_by_role("option", name=form).click()
            expect(dialog.get_by_role("region", name="Address")).to_contain_text(shows)
            expect(dialog.get_by_role("region", name="Address")).to_contain_text("Bearer $INTERLINGUA_KEY")
        assert f"'{gateway.address}/api/chat'" in copied(page, dialog.get_by_role("button", name="Copy as curl"))
        dialog.get_by_role("combobox", name="Form").click()
        page.get_by_role("option", name="Canonical").click()
        expect(body).to_contain_text('"type": "text"')
        expect(dialog.get_by_role("button", name="Copy as curl")).to_have_count(0)
        assert seen.errors == []


def test_it_fits_on_a_phone(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway, PHONE, "dark") as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page).get_by_role("button", name="More").tap()
        page.get_by_role("menuitem", name="Show the request").tap()
        expect(page.get_by_role("region", name="Body")).to_be_visible()
        assert sideways(page) == 0
        assert violations(page) == []
        assert seen.errors == []

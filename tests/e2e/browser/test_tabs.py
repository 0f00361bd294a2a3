"""Two tabs, a reload, and what was written but not sent; chats that are put away and answers that are changed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import APIResponse, Browser, Route, expect

from tests.e2e.browser.people import NARROWEST, answered, choose, person, settled, still, until, write
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow


def test_a_second_tab_sees_what_is_asked_in_the_first_as_it_is_answered(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick", title="In both tabs")
    gateway.provider.hold()
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        other = page.context.new_page()
        other.goto(f"{gateway.address}/c/{chat}")
        answered(other)
        page.bring_to_front()
        choose(page, "held")
        write(page, "What is entropy?")
        expect(page.get_by_role("article", name="Answer").last.locator("h2")).to_have_text("The formula")
        expect(other.get_by_role("article", name="You").last).to_contain_text("What is entropy?")
        expect(other.get_by_role("article", name="Answer").last.locator("h2")).to_have_text("The formula")
        expect(other.get_by_role("article", name="Answer").last).to_have_attribute("aria-busy", "true")
        gateway.provider.release()
        expect(answered(other, 2)).to_contain_text("logarithm")
        answered(page, 2)
        assert seen.errors == []


def test_a_draft_outlives_a_reload_and_another_page(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        settled(page)
        field = page.get_by_role("textbox", name="Write a message")
        field.fill("A new thought")
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        expect(field).to_have_value("")
        field.fill("And then")
        page.get_by_role("link", name="Models").click()
        expect(page).to_have_url(re.compile("/models"))
        expect(field).to_have_count(0)  # the address changes before the page does
        page.go_back()
        expect(field).to_have_value("And then")
        page.reload()
        expect(field).to_have_value("And then")
        answered(page)
        field.press("Enter")
        answered(page, 2)
        expect(field).to_have_value("")
        page.get_by_role("link", name="New chat").first.click()
        expect(field).to_have_value("A new thought")


def test_what_is_archived_is_found_and_brought_back(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick", title="Put away")
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        row = page.locator(".chatrow", has_text="Put away")
        page.locator("header").get_by_role("button", name="What to do with").click()
        page.get_by_role("menuitem", name="Archive").click()
        expect(row).to_have_count(0)
        page.get_by_role("combobox", name="Folders").click()
        page.get_by_role("option", name="Archived").click()
        expect(row).to_be_visible()
        page.locator("header").get_by_role("button", name="What to do with").click()
        page.get_by_role("menuitem", name="Bring back").click()
        expect(row).to_have_count(0)
        expect(page.get_by_text("Nothing is archived.")).to_be_visible()
        page.get_by_role("combobox", name="Folders").click()
        page.get_by_role("option", name="All chats").click()
        expect(row).to_be_visible()
        assert seen.errors == []


def test_an_answer_is_changed_and_stays_beside_what_it_was(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page).get_by_role("button", name="Edit: makes a branch").click()
        page.get_by_role("textbox", name="Edit: makes a branch").fill("It is **Lyon**.")
        page.get_by_role("button", name="Save as a branch").click()
        expect(answered(page)).to_contain_text("It is Lyon.")
        page.get_by_role("group", name="Version 2 of 2").get_by_role("button", name="Earlier version").click()
        expect(answered(page)).to_contain_text("Paris is the capital")
        page.get_by_role("button", name="Later version").click()
        expect(answered(page)).to_contain_text("It is Lyon.")
        write(page, "The capital, are you sure?")
        answered(page, 2)
        assert [one["content"] for one in gateway.provider.asked[-1]["messages"]][1] == "It is **Lyon**."
        assert seen.errors == []


def test_what_was_chosen_is_kept_though_the_page_is_left_at_once(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    first = gateway.api("GET", f"/api/conversations/{chat}")["active"]
    gateway.asked(chat, "The capital of Spain?", "quick", None)
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        page.get_by_role("group", name="Version 2 of 2").get_by_role("button", name="Earlier version").click()
        page.goto("about:blank")
        until(page, lambda: gateway.api("GET", f"/api/conversations/{chat}")["active"] == first)
        assert gateway.api("GET", f"/api/conversations/{chat}")["active"] == first


def test_what_is_told_late_of_a_choice_hides_nothing_newer(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        late: list[tuple[Route, APIResponse]] = []

        def hold_back(route: Route) -> None:
            if route.request.method == "PATCH":
                late.append((route, route.fetch()))
            else:
                route.continue_()

        page.route(f"**/api/conversations/{chat}", hold_back)
        choose(page, "thinker")
        write(page, "The capital of Spain?")
        answered(page, 2)
        ((route, response),) = late
        with page.expect_response(lambda one: one.request.method == "PATCH"):
            route.fulfill(response=response)
        still(page)
        expect(page.get_by_role("article", name="You").last).to_contain_text("Spain")
        answered(page, 2)
        assert seen.errors == []


def test_a_new_chat_is_called_by_its_first_words_at_once(browser: Browser, gateway: Stand) -> None:
    gateway.provider.hold()
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        choose(page, "held")
        write(page, "What is entropy?")
        expect(page.get_by_role("heading", level=1)).to_have_text("What is entropy?")
        expect(page).to_have_title("What is entropy? · Interlingua")
        gateway.provider.release()
        answered(page)


def test_the_details_of_an_answer_are_whole_on_the_narrowest_phone(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "nowhere")
    gateway.asked(chat, "The capital of France?", "thinker", None)
    with person(browser, gateway, NARROWEST) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page).get_by_role("button", name="Details of this answer").tap()
        sheet = page.get_by_role("dialog", name="This answer")
        expect(sheet.locator(".pair").last).to_be_visible()
        still(page)
        for row in sheet.locator(".pair").all():
            box = row.locator("> :last-child").bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= NARROWEST[0]
        expect(sheet.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)


def test_the_message_fields_row_is_one_line_on_the_narrowest_phone(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway, NARROWEST) as (page, _):
        page.goto(gateway.address)
        choose(page, "nowhere")
        page.get_by_role("textbox", name="Write a message").fill("What is entropy?")
        page.get_by_text(re.compile("tok · ")).wait_for()
        still(page)
        attach = page.get_by_role("button", name="Attach files").bounding_box()
        send = page.get_by_role("button", name="Send").bounding_box()
        assert attach is not None
        assert send is not None
        assert abs(attach["y"] - send["y"]) < 8
        assert send["x"] > attach["x"]

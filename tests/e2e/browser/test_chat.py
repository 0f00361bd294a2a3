"""The chat, as somebody who writes, changes their mind, looks again, and comes back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.people import PHONE, answered, choose, person, settled, still, write
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow


def test_a_question_is_answered_kept_and_found_again(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        write(page, "What is entropy?")
        answer = answered(page)
        expect(page).to_have_url(re.compile(r"/c/\w+$"))
        expect(answer.locator(".katex-display")).to_be_visible()
        expect(answer.locator("code.hljs .hljs-keyword").first).to_have_text("from")
        expect(answer.locator("td").first).to_have_text("a coin")
        expect(answer.locator("figure svg")).to_be_visible()
        expect(answer.get_by_role("button", name="Details of this answer")).to_contain_text("136 tokens")
        page.reload()
        expect(answered(page).locator("h2")).to_have_text("The formula")
        answer.get_by_role("button", name="Details of this answer").click()
        expect(page.get_by_role("complementary", name="This answer")).to_contain_text("req_")
        assert seen.errors == []
        assert seen.away == []


def test_subscripts_of_formulas_are_small_and_low(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("What is entropy?")
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        formula = page.locator(".katex-display .katex-html").first
        formula.wait_for()
        still(page)
        boxes = formula.evaluate(
            "box => [...box.querySelectorAll('.mathnormal')].filter(one => 'kB'.includes(one.textContent))"
            ".map(one => [parseFloat(getComputedStyle(one).fontSize), one.getBoundingClientRect().bottom])"
        )
        base, below = boxes
        assert below[0] == pytest.approx(base[0] * 0.7, rel=0.02)
        assert below[1] > base[1] - base[0] * 0.3


def test_an_edit_makes_a_branch_and_both_stay(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        asked = page.get_by_role("article", name="You")
        asked.hover()
        asked.get_by_role("button", name="Edit: makes a branch").click()
        page.get_by_role("textbox", name="Edit: makes a branch").fill("The capital of Spain?")
        page.get_by_role("button", name="Send as a branch").click()
        expect(page.get_by_role("article", name="You")).to_have_text(re.compile("Spain"))
        answered(page)
        versions = page.get_by_role("group", name="Version 2 of 2")
        with page.expect_response(lambda one: one.request.method == "PATCH"):  # what was not heard is not kept
            versions.get_by_role("button", name="Earlier version").click()
        expect(page.get_by_role("article", name="You")).to_have_text(re.compile("France"))
        page.reload()
        expect(page.get_by_role("article", name="You")).to_have_text(re.compile("France"))
        assert seen.errors == []


def test_an_answer_is_given_again_by_the_same_and_by_another_model(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page).get_by_role("button", name="Answer again", exact=True).click()
        expect(page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
        answered(page).get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="Answer again with another model").click()
        page.get_by_role("combobox", name="Name, provider").fill("thinker")
        expect(page.get_by_role("option").first).to_contain_text("thinker")
        page.keyboard.press("Enter")
        expect(page.get_by_role("group", name="Version 3 of 3")).to_be_visible()
        expect(answered(page).get_by_role("button", name=re.compile("^Thought"))).to_be_visible()


def test_a_fork_is_a_chat_of_its_own_and_deleting_takes_what_follows(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page).get_by_role("button", name="More").click()
        # The address changes before the page does; what is asked for by the new chat, it asks when it is shown.
        with page.expect_response(lambda one: re.search(rf"/api/conversations/(?!{chat})\w+$", one.url) is not None):
            page.get_by_role("menuitem", name="Fork into a new chat").click()
        expect(page).not_to_have_url(re.compile(chat))
        answered(page).get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="Delete from here").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("article", name="Answer")).to_have_count(0)
        page.go_back()
        answered(page)


def test_an_answer_survives_a_refresh_and_is_seen_in_two_tabs(browser: Browser, gateway: Stand) -> None:
    gateway.provider.hold()
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        choose(page, "held")
        write(page, "What is entropy?")
        half = page.get_by_role("article", name="Answer")
        expect(half.locator("h2")).to_have_text("The formula")
        expect(page).to_have_url(re.compile(r"/c/\w+$"))
        page.reload()
        expect(half).to_have_attribute("aria-busy", "true")
        expect(half.locator("h2")).to_have_text("The formula")
        other = page.context.new_page()
        other.goto(page.url)
        expect(other.get_by_role("article", name="Answer").locator("h2")).to_have_text("The formula")
        gateway.provider.release()
        expect(answered(page).locator("figure svg")).to_be_visible()
        expect(answered(other).locator("figure svg")).to_be_visible()
        assert seen.errors == []


def test_a_stopped_answer_keeps_its_text_and_offers_to_go_on(browser: Browser, gateway: Stand) -> None:
    gateway.provider.hold()
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        choose(page, "held")
        write(page, "What is entropy?")
        expect(page.get_by_role("article", name="Answer").locator("h2")).to_have_text("The formula")
        page.keyboard.press("Escape")
        answer = answered(page)
        expect(answer).to_contain_text("Stopped")
        expect(answer.locator("h2")).to_have_text("The formula")
        gateway.provider.release()
        answer.get_by_role("button", name="Continue").click()
        expect(answered(page, 2)).to_contain_text("logarithm")


def test_what_broke_off_failed_or_failed_over_says_so(browser: Browser, gateway: Stand) -> None:
    broken, failed = gateway.answered("Go on", "breaks"), gateway.answered("Anyone?", "nowhere")
    careful = gateway.answered("The capital, please", "careful")
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/c/{broken}")
        expect(answered(page)).to_contain_text("Interrupted")
        expect(page.get_by_role("button", name="Retry")).to_be_visible()
        page.goto(f"{gateway.address}/c/{failed}")
        expect(page.get_by_role("alert")).to_contain_text("Nothing listens at 127.0.0.1:9")
        expect(page.get_by_role("alert")).to_contain_text("The fault is the provider's.")
        page.goto(f"{gateway.address}/c/{careful}")
        expect(answered(page)).to_contain_text(re.compile(r"↺ \d attempts"))
        assert seen.errors == []


def test_thoughts_are_folded_and_tool_calls_are_cards(browser: Browser, gateway: Stand) -> None:
    thought, called = gateway.answered("What is entropy?", "thinker"), gateway.answered("The weather?", "weather")
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/{thought}")
        fold = answered(page).get_by_role("button", name=re.compile("^Thought"))
        expect(page.get_by_text("A picture first")).to_have_count(0)
        fold.press("Enter")
        expect(page.get_by_text("A picture first")).to_be_visible()
        page.goto(f"{gateway.address}/c/{called}")
        card = answered(page).get_by_role("button", name=re.compile("get_weather"))
        card.press("Enter")
        expect(answered(page).locator(".tool-body")).to_contain_text('"days": 3')


def test_files_come_by_button_paste_and_drop_and_are_refused_early(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Attach files").click()
        chooser.value.set_files({"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Notes"})
        expect(page.get_by_text("notes.md")).to_be_visible()
        field = page.get_by_role("textbox", name="Write a message")
        field.evaluate(
            "field => { const held = new DataTransfer(); held.setData('text/plain', 'long '.repeat(2000));"
            " field.dispatchEvent(new ClipboardEvent('paste', {clipboardData: held, bubbles: true})); }"
        )
        expect(page.get_by_text("Pasted text, 10,000 characters")).to_be_visible()
        field.evaluate(
            "field => { const held = new DataTransfer();"
            " held.items.add(new File(['x'], 'photo.png', {type: 'image/png'}));"
            "field.dispatchEvent(new DragEvent('drop', {dataTransfer: held, bubbles: true, cancelable: true})); }"
        )
        expect(page.get_by_text("photo.png")).to_be_visible()
        choose(page, "smollm2")
        expect(page.get_by_role("alert")).to_contain_text("cannot take images")
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
        page.get_by_role("button", name="Remove: photo.png").click()
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.get_by_text(re.compile(r"tok · "))).to_be_visible()


def test_a_chats_settings_hold_and_reach_the_provider(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        page.get_by_role("button", name="Chat settings").click()
        page.get_by_role("textbox", name="System prompt").fill("Answer like Boltzmann.")
        page.get_by_role("textbox", name="Temperature").fill("0.3")
        page.get_by_role("textbox", name="Temperature").press("Tab")
        write(page, "What is entropy?")
        answered(page)
        sent = gateway.provider.asked[-1]
        assert sent["messages"][0]["content"] == "Answer like Boltzmann."
        assert sent["temperature"] == 0.3
        page.reload()
        page.get_by_role("button", name="Chat settings").click()
        expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Answer like Boltzmann.")


def test_another_model_in_mid_talk_leaves_a_rule(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("The capital of France?", "quick")
    with person(browser, gateway, PHONE, "dark") as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        answered(page)
        choose(page, "thinker")
        write(page, "The capital of Spain?")
        answered(page, 2)
        expect(page.get_by_text("now lab/think")).to_be_visible()


def test_the_page_says_when_an_answer_begins_and_when_it_is_whole(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        gateway.provider.hold()
        choose(page, "held")
        write(page, "What is entropy?")
        told = page.locator("[aria-live=polite].visually-hidden")
        expect(told).to_have_text("The answer has begun.")
        gateway.provider.release()
        expect(told).to_have_text("The answer is complete.")


def test_an_unknown_chat_is_said_to_be_unknown(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/0123456789abcdef01234567")
        settled(page)
        expect(page.get_by_role("alert")).to_be_visible()


def test_settings_are_kept_under_a_name_for_other_chats(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(gateway.address)
        page.get_by_role("button", name="Chat settings").click()
        page.get_by_role("textbox", name="System prompt").fill("Answer in rhymes.")
        page.get_by_role("textbox", name="Name of a preset").fill("Poet")
        page.get_by_role("button", name="Keep as a preset").click()
        expect(page.get_by_role("button", name="Replace the preset")).to_be_visible()
        page.reload()
        page.get_by_role("button", name="Chat settings").click()
        page.get_by_role("combobox", name="Preset").click()
        page.get_by_role("option", name="Poet").click()
        expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Answer in rhymes.")
        page.get_by_role("button", name="Delete it").click()
        expect(page.get_by_role("combobox", name="Preset")).to_have_count(0)
        assert seen.errors == []

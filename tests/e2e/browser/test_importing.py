"""Chats from elsewhere: a ZIP or a JSON file, how far it is, and what could not be read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.people import person, settled, violations
from tests.e2e.browser.stand import Stand, stand

pytestmark = pytest.mark.slow


def _chat(at: int) -> dict[str, Any]:
    """A conversation as ChatGPT exports it; every third has a picture."""
    parts: list[Any] = [f"Question {at}?"] + ([{"content_type": "image_asset_pointer"}] if at % 3 == 0 else [])
    nodes = {
        "q": {"parent": None, "message": {"author": {"role": "user"}, "content": {"parts": parts}}},
        "a": {"parent": "q", "message": {"author": {"role": "assistant"}, "content": {"parts": [f"Answer {at}."]}}},
    }
    return {
        "id": f"c{at}",
        "title": f"Brought along {at}",
        "create_time": 1.7e9 + at,
        "current_node": "a",
        "mapping": nodes,
    }


def _export(*files: list[Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chat.html", "<html>" + "x" * 100_000)
        for at, file in enumerate(files):
            archive.writestr(f"conversations-{at:03}.json", json.dumps(file))
    return buffer.getvalue()


def _give(page: Page, name: str, content: bytes) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import chats").click()
    chooser.value.set_files({"name": name, "mimeType": "", "buffer": content})


def test_an_export_comes_in_with_an_honest_count_and_only_once(browser: Browser, tmp_path: Path) -> None:
    export = _export([_chat(at) for at in range(250)], [*(_chat(at) for at in range(250, 300)), {"title": "Odd"}, 7])
    with stand(tmp_path) as fresh, person(browser, fresh) as (page, seen):
        page.goto(f"{fresh.address}/settings?tab=data")
        settled(page)
        _give(page, "export.zip", export)
        outcome = page.get_by_role("status", name="Imported export.zip")
        expect(outcome).to_contain_text("300 chats were imported.", timeout=120_000)
        expect(outcome).to_contain_text("100 pictures, files and tools’ messages are no text")
        expect(outcome).to_contain_text("2 could not be read:")
        expect(outcome).to_contain_text("Odd: its form is not known")
        assert violations(page) == []
        expect(page.locator(".chatrow").first).to_contain_text("Brought along 299")
        _give(page, "export.zip", export)
        expect(outcome).to_contain_text("300 were here already.", timeout=120_000)
        assert len(fresh.api("GET", "/api/conversations?limit=200")["items"]) == 200
        page.get_by_role("link", name="Brought along 299").click()
        expect(page.get_by_role("article", name="Answer")).to_contain_text("Answer 299.")
        assert seen.errors == []


def test_messages_come_in_and_what_is_no_export_says_why(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        page.goto(f"{gateway.address}/settings?tab=data")
        settled(page)
        said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}]
        _give(page, "messages.json", json.dumps(said).encode())
        expect(page.get_by_role("status", name="Imported messages.json")).to_contain_text("One chat was imported.")
        expect(page.get_by_role("link", name="Why is the sky blue?")).to_be_visible()
        for name, content, why in (
            ("page.json", b"<html>", "This is not JSON"),
            ("photos.zip", _export(), "This ZIP holds no conversations.json"),
            ("cut.zip", _export([_chat(1)])[:300], "This ZIP cannot be read"),
            ("other.json", b'{"a": 1}', "is no export that we know"),
        ):
            _give(page, name, content)
            outcome = page.get_by_role("status", name=f"Imported {name}")
            expect(outcome.get_by_role("alert")).to_contain_text(why)
            expect(outcome).not_to_contain_text("were imported")
        assert violations(page) == []
        assert seen.errors == []


def test_a_large_export_is_stopped_and_keeps_what_had_come(browser: Browser, tmp_path: Path) -> None:
    with stand(tmp_path) as fresh, person(browser, fresh) as (page, _):
        page.goto(f"{fresh.address}/settings?tab=data")
        settled(page)
        asked = 0

        def slowly(route: Any) -> None:
            nonlocal asked
            asked += 1
            if asked == 1:
                route.continue_()  # the second piece is never answered

        page.route("**/api/conversations/import", slowly)
        _give(page, "export.zip", _export([_chat(at) for at in range(150)]))
        expect(page.get_by_role("status").filter(has_text="100 of 150 chats")).to_be_visible(timeout=120_000)
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "66.66666666666666")
        page.get_by_role("button", name="Stop").click()
        outcome = page.get_by_role("status", name="Imported export.zip")
        expect(outcome).to_contain_text("100 chats were imported.")
        expect(outcome).to_contain_text("Stopped.")

"""Usage and performance: what was spent, how models did over time, and benchmarks that are started and followed."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from interlingua.config.schema import StoreSettings
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.stores.opening import open_store
from interlingua.types.usage import Usage
from tests.e2e.browser.people import DESKTOP, PHONE, Scheme, person, settled, sideways, violations
from tests.e2e.browser.stand import stand

pytestmark = pytest.mark.slow

DAY = 86_400_000_000


def _week(path: Path) -> datetime:
    """Calls of a week to two models: the one cached and remembered, the other failing now and then. Until when."""
    now = time.time_ns() // 1000
    rows = []
    for day in range(7):
        for number in range(6):
            started = now - day * DAY - number
            mine = ("openai/gpt-4o-mini", "openai_chat", "verbatim", started)
            usage = Usage(input_tokens=900, output_tokens=200, cache_read=600)
            first = AttemptRow(*mine, 1_500_000, 300_000 + day * 50_000, 200, None, "stop", usage, 3_000_000_000)
            if number == 5:
                first = replace(first, lane="cache", cost=0, status=None, saved=210_000_000)
            failed = day % 3 == 0 and number == 0
            second = AttemptRow("lab/chat", *mine[1:], 900_000, None, 503, "overloaded") if failed else None
            for at, attempt in enumerate((first, second or replace(first, target="lab/chat", cost=None))):
                bad = attempt.error is not None
                head = (f"r{day}-{number}-{at}", "local", "", "", started, attempt.duration, "openai_chat", "chat")
                rows.append(LedgerRow(*head, True, "m", 503 if bad else 200, attempt.error, (), (attempt,)))

    async def write() -> None:
        store = await open_store(StoreSettings(path=str(path)))
        try:
            await store.write(rows)
        finally:
            await store.aclose()

    # The browser has an event loop of its own in this thread.
    with ThreadPoolExecutor(1) as other:
        other.submit(lambda: asyncio.run(write())).result()
    return datetime.fromtimestamp(now / 1e6, UTC)


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_a_week_shows_its_course_its_savings_its_budget_and_how_models_did(
    browser: Browser, tmp_path: Path, size: tuple[int, int], scheme: Scheme
) -> None:
    until = _week(tmp_path / "il.db")
    more = '[budgets]\nglobal = "1 USD / month"\n'
    with stand(tmp_path, more) as full, person(browser, full, size, scheme) as (page, seen):
        page.clock.set_fixed_time(until)  # the week is the same one, though midnight comes
        page.goto(f"{full.address}/usage?days=7")
        settled(page)
        row = page.get_by_role("row", name="openai/gpt-4o-mini")
        expect(row.get_by_role("img", name="openai/gpt-4o-mini: from")).to_be_visible()
        expect(page.get_by_text("14 answers")).to_be_visible()
        expect(page.get_by_text("≈ $0.0045", exact=True)).to_be_visible()
        expect(page.get_by_role("progressbar")).to_have_count(1)
        page.get_by_text("By key", exact=True).click()
        expect(page.get_by_role("columnheader", name="Key")).to_be_visible()
        _sound(page)
        page.goto(f"{full.address}/usage?days=7&tab=performance")
        settled(page)
        lab = page.get_by_role("region", name="lab/chat")
        expect(lab.get_by_role("img", name="Time to first token by day")).to_be_visible()
        expect(lab.get_by_role("img", name="Errors by day")).to_be_visible()
        expect(lab).to_contain_text("7.1 %")
        _sound(page)
        assert seen.errors == []


def _sound(page: Page) -> None:
    """Readable for all, and no wider than its window."""
    assert violations(page) == []
    assert sideways(page) == 0


def test_a_benchmark_is_started_followed_and_deleted(browser: Browser, tmp_path: Path) -> None:
    """On a gateway of its own: what fails in it rests afterwards."""
    with stand(tmp_path) as fresh, person(browser, fresh) as (page, seen):
        page.goto(f"{fresh.address}/usage?tab=performance")
        settled(page)
        page.get_by_role("button", name="New benchmark").click()
        form = page.get_by_role("dialog", name="New benchmark")
        models = form.get_by_role("combobox", name="Models")
        for model in ("lab/fast", "lab/failing"):
            models.fill(model)
            page.get_by_role("option", name=model, exact=True).click()
        models.press("Escape")
        form.get_by_role("textbox", name="Prompts").fill("The capital?\nThe capital again?")
        expect(form.get_by_role("status")).to_contain_text("12 calls")
        expect(form.get_by_role("status")).to_contain_text("not known")
        assert violations(page) == []
        form.get_by_role("button", name="Start").click()
        card = page.get_by_role("region", name="Benchmarks:").first
        expect(card).to_contain_text("done", timeout=120_000)
        expect(card.get_by_role("row", name="lab/failing")).to_contain_text("6 of 6")
        expect(card.get_by_role("row", name="lab/fast")).to_contain_text("0 of 6")
        assert violations(page) == []
        card.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_text("No benchmark yet")).to_be_visible()
        assert seen.errors == []

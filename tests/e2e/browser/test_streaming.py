"""Long answers: painted at most once a frame, only at their end, and without taking the reader along."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.people import answered, choose, person, settled, still, write
from tests.e2e.browser.provider import LONG
from tests.e2e.browser.stand import Stand

pytestmark = pytest.mark.slow

# React tells a hook of this name of each commit. A fiber that did work in it carries the flag 1; blocks of Markdown
# are known by their properties. Commits that draw none of them are of the rest of the page, as of the list of chats.
_COUNTER = """
window.counted = {frames: 0, drawn: [], least: Infinity, most: 0};
const frame = () => { counted.frames += 1; requestAnimationFrame(frame); };
requestAnimationFrame(frame);
const isBlock = ({memoizedProps: given}) =>
  given !== null && typeof given === 'object' && 'plugins' in given && 'whole' in given;
window.__REACT_DEVTOOLS_GLOBAL_HOOK__ = {
  supportsFiber: true, renderers: new Map(), inject: () => 1, onCommitFiberUnmount() {}, onPostCommitFiberRoot() {},
  onCommitFiberRoot(id, root) {
    const running = document.querySelector('article[aria-busy=true] .md > *');
    if (!running) return;
    let blocks = 0, drawn = 0;
    const look = (fiber) => {
      for (let one = fiber; one; one = one.sibling) {
        if (isBlock(one)) { blocks += 1; if (one.flags & 1) drawn += 1; }
        else if (one.child) look(one.child);
      }
    };
    look(root.current.child);
    counted.least = Math.min(counted.least, blocks);
    counted.most = Math.max(counted.most, blocks);
    if (drawn > 0) counted.drawn.push(drawn);
  },
};
"""


def _distance(page: Page) -> float:
    """How far the end of the conversation is below the window, in pixels."""
    return float(page.locator(".thread").evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight"))


def _at_end(page: Page) -> None:
    """Waits until the conversation stands at its end, which it does a frame after its text has grown, and stays so."""
    page.wait_for_function(
        "() => { const box = document.querySelector('.thread');"
        " return box.scrollHeight - box.scrollTop - box.clientHeight < 60; }"
    )
    still(page)
    assert _distance(page) < 60


def test_a_long_answer_is_painted_once_a_frame_and_only_at_its_end(browser: Browser, gateway: Stand) -> None:
    with person(browser, gateway) as (page, seen):
        gateway.provider.hold()
        page.add_init_script(_COUNTER)
        page.goto(gateway.address)
        choose(page, "novel")
        page.evaluate("counted.frames = 0")
        write(page, "Tell me a long story")
        page.locator("article[aria-busy=true] .md > *").first.wait_for()
        gateway.provider.go_on()  # now that its beginning was seen, however fast the rest may come
        running = page.get_by_role("article", name="Answer")
        expect(running.get_by_role("heading", name=f"Part {LONG // 40}", exact=True)).to_be_attached(timeout=120_000)
        counted = page.evaluate("counted")
        assert counted["most"] > 500, "the story has many blocks"
        assert counted["least"] < counted["most"], "it was painted as it came"
        assert len(counted["drawn"]) <= counted["frames"] + 2
        # Between two frames several blocks may begin; what was finished before is never drawn again.
        assert sum(counted["drawn"]) < counted["most"] * 2 + len(counted["drawn"]) * 3
        gateway.provider.release()
        answered(page)
        _at_end(page)
        assert seen.errors == []


def test_a_reader_who_scrolls_up_stays_there_and_is_told_of_new_text(browser: Browser, gateway: Stand) -> None:
    gateway.provider.hold()
    with person(browser, gateway) as (page, _):
        page.goto(gateway.address)
        choose(page, "held")
        write(page, "What is entropy?")
        answer = page.get_by_role("article", name="Answer")
        expect(answer.locator("h2")).to_have_text("The formula")
        expect(page.get_by_role("button", name="New text")).to_have_count(0)
        page.set_viewport_size({"width": 1280, "height": 420})
        page.locator(".thread").hover()
        page.mouse.wheel(0, -2000)
        expect(page.get_by_role("button", name="New text")).to_be_visible()
        gateway.provider.release()
        answered(page)
        assert _distance(page) > 300
        page.get_by_role("button", name="To the end").click()
        expect(page.get_by_role("button", name="To the end")).to_have_count(0)
        _at_end(page)


def test_a_chat_that_is_opened_or_opened_again_stands_at_its_end(browser: Browser, gateway: Stand) -> None:
    chat = gateway.answered("What is entropy?")
    gateway.asked(chat, "And again?", "lab/chat", gateway.api("GET", f"/api/conversations/{chat}")["active"])
    with person(browser, gateway) as (page, _):
        page.goto(f"{gateway.address}/c/{chat}")
        for _again in range(2):
            settled(page)
            # Formulas and diagrams come late and make the thread grow.
            expect(answered(page, 2).locator("figure svg")).to_be_visible()
            expect(answered(page, 2).locator(".katex-display")).to_have_count(1)
            _at_end(page)
            expect(page.get_by_role("button", name="To the end")).to_have_count(0)
            page.reload()

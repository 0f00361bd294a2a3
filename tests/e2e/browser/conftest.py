"""One gateway and one Chromium for all tests of the browser in a process; each test is a person of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from interlingua.gateway import pages
from tests.e2e.browser.people import PATIENCE, launch
from tests.e2e.browser.stand import AXE, CHROMIUM, Stand, stand


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; tests are skipped where it, the built interface or axe is missing."""
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    if not pages.built():
        pytest.skip("the web interface is not built: make web")
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make web")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


@pytest.fixture(scope="session")
def gateway(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """`il serve` before the scripted provider."""
    with stand(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_stays_held(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that fails between `hold` and `release` holds up no other."""
    yield
    if "gateway" in request.fixturenames:
        request.getfixturevalue("gateway").provider.release()

"""`il desktop` with a plain browser, which needs no screen: a gateway and its end."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from interlingua.gateway import pages
from tests.desktop.screens import until
from tests.desktop.windows import Desktop, answers

pytestmark = pytest.mark.skipif(not pages.built(), reason="the web interface is not built: make web")


@pytest.fixture
def browser(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """A browser that writes down what it is to open."""
    program, opened = tmp_path / "browser", tmp_path / "opened"
    program.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"BROWSER": str(program), "DISPLAY": "", "WAYLAND_DISPLAY": ""}, opened


def _links(opened: Path, count: int) -> list[str]:
    found: list[str] = until(
        lambda: opened.exists() and len(opened.read_text().split()) == count and opened.read_text().split()
    )
    return found


def _status(link: str) -> int:
    """What comes of trading a link for a session, as its page does."""
    parts = urlsplit(link)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", "/api/session", json.dumps({"code": parts.fragment.partition("=")[2]}))
        return connection.getresponse().status


def test_each_call_opens_a_tab_with_a_link_of_its_own_to_the_one_gateway(
    tmp_path: Path, browser: tuple[dict[str, str], Path]
) -> None:
    environment, opened = browser
    first = Desktop(tmp_path, environment, "--browser")
    try:
        address = first.address()
        assert first.said[0] == "Interlingua is open in your browser"
        second = Desktop(tmp_path, environment, "--browser")
        second.until("open already, in your browser")
        assert second.ended() == 0
        links = _links(opened, 2)
        assert all(link.startswith(f"{address}/#sign-in=") for link in links)
        assert len(set(links)) == 2
        assert [_status(link) for link in links] == [201, 201]
        assert _status(links[0]) == 401, "a link serves once"
        first.process.send_signal(signal.SIGTERM)
        assert first.ended() == 0, first.said
        assert not answers(address)
    finally:
        first.kill()


def test_a_configuration_that_cannot_be_used_ends_it_before_anything_opens(
    tmp_path: Path, browser: tuple[dict[str, str], Path]
) -> None:
    environment, opened = browser
    wrong = Desktop(tmp_path, environment, "--browser", more='[[virtual_keys]]\nname = "a"\nkey = "env:NOT_SET"\n')
    assert wrong.ended() == 78, wrong.said
    assert any("NOT_SET" in line for line in wrong.said)
    assert not opened.exists()


def test_where_there_is_no_browser_either_it_says_so(tmp_path: Path) -> None:
    nothing = Desktop(tmp_path, {"PATH": str(tmp_path), "BROWSER": "", "DISPLAY": ""}, "--browser")
    assert nothing.ended() == 78, nothing.said
    assert "no window could be opened: browser: no browser was found" in nothing.said[0]

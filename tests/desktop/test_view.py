"""Which kinds of window are tried, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.desktop import view
from interlingua.desktop.browser import BrowserTab
from interlingua.desktop.remembered import Remembered
from interlingua.desktop.view import Found, Kind, NotOpened, Opening, advice, candidates, look

WHOLE = Found(pywebview=True, toolkits=("gtk", "qt"), chromium="/usr/bin/chromium")


@pytest.mark.parametrize(
    ("found", "wish", "tried"),
    [
        (WHOLE, None, ("gtk", "qt", "chromium", "browser")),
        (Found(toolkits=("gtk",), chromium="/usr/bin/chromium"), None, ("chromium", "browser")),
        (Found(pywebview=True), None, ("browser",)),
        (WHOLE, "browser", ("browser",)),
        (Found(), "qt", ("qt",)),
    ],
    ids=["all", "no pywebview", "nothing", "a browser is wanted", "what is wanted is tried"],
)
def test_native_goes_before_chromium_and_the_browser_is_last(
    found: Found, wish: Kind | None, tried: tuple[Kind, ...]
) -> None:
    assert candidates(found, wish) == tried


def test_what_a_machine_has_is_seen_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"webview", "gi", "qtpy", "PySide6"}
    monkeypatch.setattr(view, "find_spec", lambda name: name if name in here else None)
    program = tmp_path / "google-chrome"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environment = {"PATH": str(tmp_path), "DISPLAY": ":0"}
    assert look(environment, "linux") == Found(True, ("gtk", "qt"), str(program))
    assert look({**environment, "KDE_FULL_SESSION": "true"}, "linux").toolkits == ("qt", "gtk")
    here.discard("PySide6")
    assert look({"PATH": str(tmp_path / "none"), "WAYLAND_DISPLAY": "wayland-0"}, "linux") == Found(True, ("gtk",))
    assert not look({"PATH": ""}, "linux").display
    assert look({"PATH": ""}, "darwin") == Found(True, ("cocoa",), look({"PATH": ""}, "darwin").chromium)


def test_the_line_says_how_to_get_a_native_window_or_why_there_is_none() -> None:
    assert advice(Found(), []) == "for a native one: pip install 'interlingua[desktop-qt]'"
    why = advice(WHOLE, [("gtk", "no typelib"), ("qt", "xcb-cursor0 is needed"), ("chromium", "it is gone")])
    assert why == "no native one could be opened (GTK: no typelib; Qt: xcb-cursor0 is needed)"


def test_a_browser_is_given_a_link_of_its_own_each_time(tmp_path: Path) -> None:
    links = iter(["http://here/#sign-in=1", "http://here/#sign-in=2"])
    opened: list[str] = []
    nothing = Opening("", lambda: next(links), Remembered(), tmp_path, "", lambda _: None, lambda _: None, lambda: None)
    tab = BrowserTab(nothing, lambda link: not opened.append(link))  # type: ignore[func-returns-value]  # None is meant
    assert tab.front()
    tab.run("nothing")
    tab.close()
    assert opened == ["http://here/#sign-in=1", "http://here/#sign-in=2"]
    with pytest.raises(NotOpened, match="no browser"):
        BrowserTab(Opening("", str, Remembered(), tmp_path, "", print, print, print), lambda _: False)

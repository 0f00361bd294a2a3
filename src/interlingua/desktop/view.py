"""What a window can do, whoever draws it, and which kinds are tried in which order.

Native first (pywebview, with the toolkit that is here), then a Chromium in its app mode, then the person's browser.
Finding out is cheap and imports no toolkit: whether one really works is seen by trying, in a process of its own,
because a toolkit that lacks a library of the system ends its process without a word to Python.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from interlingua.desktop.remembered import Remembered

Kind = Literal["gtk", "qt", "cocoa", "chromium", "browser"]
TITLE = "Interlingua"
NATIVE: dict[Kind, str] = {"gtk": "GTK", "qt": "Qt", "cocoa": "Cocoa"}
CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "brave-browser",
    "microsoft-edge-stable",
    "microsoft-edge",
)
_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Brave Browser.app/Contents/MacOS/Brave Browser",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
HOW_TO_NATIVE = "pip install 'interlingua[desktop-qt]'"


class NotOpened(Exception):
    """A window of one kind cannot be opened, and why: one clause for people."""


class Opening(Struct, frozen=True):
    """What a window is given.

    Args:
        address: of the gateway.
        link: makes an address that signs its visitor in, once.
        remembered: size and place.
        folder: for what its browser keeps.
        script: is run in every page of ours, before or just after its own; `send(text)` stands for the way here.
        called: is given what a page sent.
        placed: is given where the window is, when it has been closed.
        closed: is called once when the window is gone.
    """

    address: str
    link: Callable[[], str]
    remembered: Remembered
    folder: Path
    script: str
    called: Callable[[bytes], None]
    placed: Callable[[Remembered], None]
    closed: Callable[[], None]


class View(Protocol):
    """An open window."""

    where: str
    """Where it is, for people: what follows "Interlingua is open"."""

    def front(self) -> bool:
        """Brings it to the front; whether that could be done."""

    def run(self, script: str) -> None:
        """Runs a script, ASCII only, in its page; without a page it is nothing."""

    def close(self) -> None:
        """Closes it, and returns when nothing of it runs any more."""


class Found(Struct, frozen=True):
    """What this machine has.

    Args:
        pywebview: whether it is installed.
        toolkits: those that it may use, the best first.
        chromium: a browser with an app mode; empty without one.
        display: whether there is a screen.
    """

    pywebview: bool = False
    toolkits: tuple[Kind, ...] = ()
    chromium: str = ""
    display: bool = True


def look(environment: Mapping[str, str], platform: str = sys.platform) -> Found:
    """What this machine has.

    Args:
        environment: names and values.
        platform: as `sys.platform` has it.
    """
    is_mac = platform == "darwin"
    if is_mac:
        toolkits: tuple[Kind, ...] = ("cocoa",) if find_spec("webview") else ()
    else:
        bindings = any(find_spec(name) for name in ("PySide6", "PyQt6"))
        here: list[Kind] = ["gtk"] if find_spec("gi") else []
        here += ["qt"] if find_spec("qtpy") and bindings else []
        toolkits = tuple(reversed(here) if "KDE_FULL_SESSION" in environment else here)
    known = [name for name in _APPLICATIONS if os.access(name, os.X_OK)] if is_mac else []
    known += [found for name in CHROMIUMS if (found := shutil.which(name, path=environment.get("PATH")))]
    return Found(
        pywebview=find_spec("webview") is not None,
        toolkits=toolkits,
        chromium=known[0] if known else "",
        display=is_mac or bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")),
    )


def candidates(found: Found, wish: Kind | None) -> tuple[Kind, ...]:
    """The kinds to try, in that order.

    Args:
        found: what this machine has.
        wish: the only one to try; None leaves the choice.
    """
    if wish is not None:
        return (wish,)
    native = found.toolkits if found.pywebview else ()
    return (*native, *(("chromium",) if found.chromium else ()), "browser")


def advice(found: Found, failures: Sequence[tuple[Kind, str]]) -> str:
    """Why the window is not a native one, and how it becomes one; one clause.

    Args:
        found: what this machine has.
        failures: the kinds that were tried in vain, and why.
    """
    tried = [f"{NATIVE[kind]}: {why}" for kind, why in failures if kind in NATIVE]
    if tried:
        return "no native one could be opened (" + "; ".join(tried) + ")"
    return f"for a native one: {HOW_TO_NATIVE}"

"""The desktop application: a gateway on the loopback and one window to it; when one ends, so does the other.

The gateway runs in a thread of this process and the window in a process of its own. This process's main thread waits
for what ends both: the window is closed, Ctrl-C, SIGTERM, or `il desktop --quit`. Then the window goes first, because
it holds streams open, and the gateway finishes what it answers (`server.drain`); a second Ctrl-C does not wait.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Literal

from msgspec.structs import replace

from interlingua.config.schema import Config
from interlingua.desktop import bridge, remembered
from interlingua.desktop.bridge import Bridge
from interlingua.desktop.browser import BrowserTab
from interlingua.desktop.chromium import SEND as CHROMIUM_SEND
from interlingua.desktop.chromium import ChromiumWindow
from interlingua.desktop.instance import Instance, Said, Word, instance
from interlingua.desktop.native import NativeWindow
from interlingua.desktop.remembered import Remembered
from interlingua.desktop.served import Served, Setup
from interlingua.desktop.view import NATIVE, Found, Kind, NotOpened, Opening, View, advice, candidates, look
from interlingua.desktop.window import SEND as NATIVE_SEND
from interlingua.errors import ConfigError, Conflict, InvalidRequest
from interlingua.gateway import pages
from interlingua.gateway.auth import admin_token
from interlingua.gateway.build import token_path
from interlingua.gateway.sign_in import link

PATIENCE_SECONDS = 30.0
"""How long somebody who holds the window may take to answer."""
LONG_SECONDS = 1.0
"""After so long an end is explained."""
INTERRUPTED = 130
End = Literal["closed", "quit", "told", "interrupted", "gateway"]
Tell = Callable[[str], None]


def run(config: Config, setup: Setup, tell: Tell, kind: Kind | None = None) -> None:
    """Opens the window and returns when all has ended; where one is open already, that one is shown.

    Args:
        config: the configuration; its address and number of workers are not ours.
        setup: what else the gateway is made of.
        tell: is given lines for people.
        kind: the only kind of window to try; None leaves the choice.

    Raises:
        ConfigError: the pages are not built, no window can be opened, or the configuration cannot be used.
        LocalFileError: what must be kept cannot be.
        Conflict: another window's process does not answer.
        KeyboardInterrupt: it was ended by Ctrl-C, in good order.
    """
    if not pages.built():
        raise ConfigError("the web interface is not built here", remedy="Run `make web`, then start again.")
    found = look(os.environ)
    if not found.display and kind != "browser":
        raise ConfigError("there is no screen here", remedy="Use `il serve`, and a browser elsewhere.")
    with instance(folder_of(config)) as held:
        if not _taken(held, tell):
            return
        ended = _Application(config, tell, found, kind).run(held, setup)
    if ended == "interrupted":
        raise KeyboardInterrupt


def quit(config: Config, tell: Tell) -> None:
    """Ends the window that is open, and returns when it has ended.

    Args:
        config: says where its lock lies.
        tell: is given lines for people.

    Raises:
        Conflict: its process does not answer.
    """
    with instance(folder_of(config)) as held:
        if held.take():
            tell("Interlingua is not open.")
            return
        said = held.tell("quit")
        if said is None:
            raise _mute(held)
        held.take(wait=True)
        tell("Interlingua was closed.")


def folder_of(config: Config) -> Path:
    """Where the window keeps what it remembers: beside the store."""
    return token_path(config).parent / "desktop"


def _taken(held: Instance, tell: Tell) -> bool:
    """Whether the place is ours; else the one who has it was told to show itself."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not held.take():
        said = held.tell("show")
        if said is not None:
            tell(said.line)
            return said.ending and held.take(wait=True)
        if time.monotonic() > until:
            raise _mute(held)
        time.sleep(0.1)  # it has only just begun, or has only just ended
    return True


def _mute(held: Instance) -> Conflict:
    return Conflict(
        "the window is held by a process that does not answer",
        remedy=f"End it: kill {held.holder}" if held.holder else "Try again.",
    )


class _Application:
    def __init__(self, config: Config, tell: Tell, found: Found, kind: Kind | None) -> None:
        self._given, self._tell, self._found, self._kind = config, tell, found, kind
        self._folder = folder_of(config)
        self._remembered = remembered.read(self._folder)
        self._ends: queue.SimpleQueue[End] = queue.SimpleQueue()
        self._view: View | None = None
        self._ending = False

    def run(self, held: Instance, setup: Setup) -> End:
        """Opens everything, waits, and ends everything; says what ended it."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._signalled)
        gateway = Served(self._given, setup, self._remembered.port, lambda: self._ends.put("gateway"))
        self._remembered = replace(self._remembered, port=gateway.port)
        remembered.write(self._folder, self._remembered)
        token = admin_token(token_path(gateway.config))
        commands = Bridge(gateway.address, token, lambda: link(gateway.config, "").partition("=")[2], self._happened)
        try:
            held.listen(self._answer)
            self._open(gateway, commands)
            ended = self._ends.get()
        finally:
            self._ending = True
            if self._view is not None:
                self._view.close()
            commands.close()
            gateway.end()
            if not gateway.finish(LONG_SECONDS):
                self._tell("finishing what is being answered; Ctrl-C does not wait for it")
                gateway.finish(None)
        return ended

    def _open(self, gateway: Served, commands: Bridge) -> None:
        """Opens the first kind of window that can be, and says which."""
        failures: list[tuple[Kind, str]] = []
        for kind in candidates(self._found, self._kind):
            try:
                self._view = self._opened(kind, gateway, commands)
            except NotOpened as error:
                failures.append((kind, str(error)))
                continue
            why = "" if kind in NATIVE or self._kind is not None else f" ({advice(self._found, failures)})"
            self._tell(f"Interlingua is open {self._view.where}{why}")
            self._tell(f"  {gateway.address}   Ctrl-C ends it")
            return
        told = "; ".join(f"{kind}: {why}" for kind, why in failures)
        raise ConfigError(f"no window could be opened: {told}", remedy="Use `il serve`, and any browser.")

    def _opened(self, kind: Kind, gateway: Served, commands: Bridge) -> View:
        send = NATIVE_SEND if kind in NATIVE else CHROMIUM_SEND
        opening = Opening(
            address=gateway.address,
            link=lambda: link(gateway.config, gateway.address),
            remembered=self._remembered,
            folder=self._folder,
            script=bridge.script(gateway.address, send),
            called=lambda text: self._called(commands, text),
            placed=self._placed,
            closed=lambda: self._ends.put("closed"),
        )
        if kind in NATIVE:
            return NativeWindow(opening, kind)
        if kind == "chromium":
            if not self._found.chromium:
                raise NotOpened("no Chromium was found")
            return ChromiumWindow(opening, self._found.chromium)
        return BrowserTab(opening)

    def _called(self, commands: Bridge, text: bytes) -> None:
        """A page gives a command; it is done beside, for it may take its time."""

        def work() -> None:
            try:
                id, result = commands.take(text)
            except InvalidRequest:
                return  # none of our script's: there is nobody to answer
            self._run(bridge.answered(id, result))

        threading.Thread(target=work, name="interlingua command", daemon=True).start()

    def _happened(self, name: str, payload: object) -> None:
        self._run(bridge.happened(name, payload))

    def _run(self, script: str) -> None:
        if self._view is not None and not self._ending:
            self._view.run(script)

    def _placed(self, place: Remembered) -> None:
        place = replace(place, port=self._remembered.port)
        if place != self._remembered:
            self._remembered = place
            remembered.write(self._folder, place)

    def _answer(self, word: Word) -> Said:
        """What a second `il desktop` is told."""
        if word == "quit":
            self._ends.put("quit")
            return Said("Interlingua ends.", ending=True)
        if self._ending:
            return Said("Interlingua is about to end; it opens anew then.", ending=True)
        if self._view is None:
            return Said("Interlingua is about to open.")
        if self._view.front():
            return Said(f"Interlingua is open already, {self._view.where}: it was brought to the front.")
        return Said(f"Interlingua is open already, {self._view.where}.")

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self._ending and number == signal.SIGINT:
            os._exit(INTERRUPTED)  # somebody cannot wait; what is left behind is cleared away by the next
        self._ends.put("interrupted" if number == signal.SIGINT else "told")

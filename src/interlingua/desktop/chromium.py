"""Opens a window in a Chromium's app mode, led over its debugging pipe.

The pipe is two descriptors that only this process holds: no port is opened. Through it the window gets its one-time
link, which so stands in no list of processes; it is brought to the front, closed, and asked for its place; our script
gets a way here; links out of our pages go to the person's own browser. When this process dies the pipe breaks and
Chromium ends. Its profile is ours alone, apart from the person's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import signal
import threading
import time
import webbrowser
from typing import Any

import msgspec
from msgspec.structs import replace

from interlingua.desktop.view import TITLE, NotOpened, Opening

SEND = "window.interlinguaCall(text);"
_BINDING = "interlinguaCall"
SECONDS = 60.0
CLOSING_SECONDS = 8.0
_FLAGS = (
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-mode",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,MediaRouter",
    f"--class={TITLE.lower()}",
)
_CORNER = ("left", "top", "width", "height")


class _Gone(Exception):
    """Chromium is not there any more, or has no such thing."""


class ChromiumWindow:
    """A window of a Chromium of our own.

    Args:
        opening: what it shows.
        program: the browser.

    Raises:
        NotOpened: it did not come up.
    """

    where = "in a Chromium window"

    def __init__(self, opening: Opening, program: str) -> None:
        self._opening = opening
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._lock = threading.Lock()
        self._last = 0
        self._page = ""
        self._session = ""
        self._contexts: dict[int, str] = {}
        self._pages: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._closed = False
        self._pid, self._out, self._in = _spawn([program, *self._arguments()], opening)
        threading.Thread(target=self._listen, name="interlingua window", daemon=True).start()
        try:
            self._open()
        except (_Gone, queue.Empty) as error:
            self._closed = True
            self.close()
            raise NotOpened(f"{program} did not come up; see {opening.folder / 'window.log'}") from error
        threading.Thread(target=self._watch_place, name="interlingua place", daemon=True).start()

    def front(self) -> bool:
        """Brings it to the front."""
        try:
            self._ask("Page.bringToFront", session=self._session)
        except _Gone:
            return False
        return True

    def run(self, script: str) -> None:
        """Runs a script in its page."""
        with contextlib.suppress(_Gone):  # it was closed meanwhile
            self._send("Runtime.evaluate", {"expression": script}, self._session, None)

    def close(self) -> None:
        """Closes it."""
        with contextlib.suppress(_Gone):  # it is closed already
            self._note_place()
            self._ask("Browser.close")
        with self._lock:
            if self._out >= 0:
                os.close(self._out)
                self._out = -1
        if not _ended(self._pid, CLOSING_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            _ended(self._pid, CLOSING_SECONDS)

    def _arguments(self) -> list[str]:
        opening, place = self._opening, self._opening.remembered
        corner = [f"--window-position={place.x},{place.y}"] if place.x is not None and place.y is not None else []
        return [
            *_FLAGS,
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # to root it refuses to start with one
            f"--user-data-dir={opening.folder / 'chromium'}",
            f"--window-size={place.width},{place.height}",
            *corner,
            f"--app={opening.address}/icon.svg",  # a page of ours, which the signed-in one follows
        ]

    def _open(self) -> None:
        """Finds the window's page, gives it our script and signs it in."""
        self._ask("Target.setDiscoverTargets", {"discover": True})
        self._page = self._pages.get(timeout=SECONDS)
        self._session = self._ask("Target.attachToTarget", {"targetId": self._page, "flatten": True})["sessionId"]
        for method, given in (
            ("Page.enable", {}),
            ("Runtime.enable", {}),
            ("Runtime.addBinding", {"name": _BINDING}),
            ("Page.addScriptToEvaluateOnNewDocument", {"source": self._opening.script}),
            ("Page.navigate", {"url": self._opening.link()}),
        ):
            self._ask(method, given, session=self._session)

    def _ask(self, method: str, given: dict[str, Any] | None = None, *, session: str = "") -> dict[str, Any]:
        """What Chromium answers; not to be asked by the thread that hears it."""
        answer: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        number = self._send(method, given or {}, session, answer)
        try:
            found = answer.get(timeout=SECONDS)
        except queue.Empty:
            found = None
        finally:
            self._answers.pop(number, None)
        if found is None or "error" in found:
            raise _Gone
        result: dict[str, Any] = found["result"]
        return result

    def _send(
        self,
        method: str,
        given: dict[str, Any],
        session: str,
        answer: queue.SimpleQueue[dict[str, Any] | None] | None,
    ) -> int:
        """Sends a message; its number. Raises _Gone."""
        with self._lock:
            if self._out < 0:
                raise _Gone
            self._last += 1
            number = self._last
            if answer is not None:
                self._answers[number] = answer
            message = {"id": number, "method": method, "params": given}
            if session:
                message["sessionId"] = session
            try:
                _write(self._out, msgspec.json.encode(message) + b"\0")
            except OSError as error:
                raise _Gone from error
        return number

    def _listen(self) -> None:
        rest = b""
        while piece := os.read(self._in, 1 << 20):
            *whole, rest = (rest + piece).split(b"\0")
            for one in whole:
                self._heard(msgspec.json.decode(one))
        os.close(self._in)
        for waiting in list(self._answers.values()):
            waiting.put(None)
        if not self._closed:
            self._closed = True
            self._opening.closed()

    def _heard(self, message: dict[str, Any]) -> None:
        if "id" in message:
            waiting = self._answers.get(message["id"])
            if waiting is not None:
                waiting.put(message)
            return
        method, given = message["method"], message.get("params", {})
        if method in ("Target.targetCreated", "Target.targetInfoChanged"):
            self._seen(given["targetInfo"])
        elif method == "Runtime.executionContextCreated":
            self._contexts[given["context"]["id"]] = given["context"]["origin"]
        elif method == "Runtime.executionContextsCleared":
            self._contexts.clear()
        elif method == "Runtime.bindingCalled" and given["name"] == _BINDING:
            # Only pages of ours are listened to.
            if self._contexts.get(given["executionContextId"]) == self._opening.address:
                self._opening.called(given["payload"].encode())
        elif method == "Target.targetDestroyed" and given["targetId"] == self._page:
            threading.Thread(target=self._end, daemon=True).start()

    def _seen(self, target: dict[str, Any]) -> None:
        """A page came up: the first is the window's, others are links that lead out."""
        if target["type"] != "page":
            return
        if not self._page:
            self._page = target["targetId"]
            self._pages.put(self._page)
        elif target["targetId"] != self._page and target["url"].startswith(("http://", "https://", "mailto:")):
            threading.Thread(target=self._lead_out, args=(target["targetId"], target["url"]), daemon=True).start()

    def _lead_out(self, target: str, address: str) -> None:
        try:
            closed = self._ask("Target.closeTarget", {"targetId": target})
        except _Gone:
            return  # told of twice, and led out already
        if closed.get("success", True):
            webbrowser.open(address)

    def _end(self) -> None:
        """The window was closed; a Chromium without one may stay, on some desktops."""
        with contextlib.suppress(_Gone):
            self._ask("Browser.close")

    def _watch_place(self) -> None:
        """Notes the place from time to time: once the window is closed, nobody can say where it was."""
        with contextlib.suppress(_Gone):
            while not self._closed:
                self._note_place()
                time.sleep(1.0)

    def _note_place(self) -> None:
        found = self._ask("Browser.getWindowForTarget", {"targetId": self._page})["bounds"]
        if found.get("windowState", "normal") == "normal" and all(name in found for name in _CORNER):
            x, y, width, height = (int(found[name]) for name in _CORNER)
            self._opening.placed(replace(self._opening.remembered, x=x, y=y, width=width, height=height))


def _spawn(arguments: list[str], opening: Opening) -> tuple[int, int, int]:
    """Starts Chromium with its pipe as descriptors 3 and 4: its process, our end for writing, our end for reading."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # Out of the way of 3 and 4 themselves, which are theirs.
    given, taken = (fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (theirs_in, theirs_out))
    log = os.open(opening.folder / "window.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
                (os.POSIX_SPAWN_DUP2, given, 3),
                (os.POSIX_SPAWN_DUP2, taken, 4),
            ],
            setsid=True,  # Ctrl-C reaches it by us
        )
    except OSError as error:
        for one in (ours_out, ours_in):
            os.close(one)
        raise NotOpened(f"{arguments[0]}: {error.strerror}") from error
    finally:
        for one in (theirs_in, theirs_out, given, taken, log):
            os.close(one)
    return pid, ours_out, ours_in


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _ended(pid: int, seconds: float) -> bool:
    """Whether a child of ours ends in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return True
        except ChildProcessError:
            return True
        time.sleep(0.02)
    return False

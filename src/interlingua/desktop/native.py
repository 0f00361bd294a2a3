"""Opens the native window: starts its process (`window.py`) and speaks with it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

from interlingua.desktop.messages import Called, Close, FromWindow, Front, Placed, Run, Shown, Start, heard, say
from interlingua.desktop.view import NATIVE, Kind, NotOpened, Opening

ICON = Path(__file__).with_name("icon.png")
SECONDS = 60.0
CLOSING_SECONDS = 8.0
_NOISE = re.compile(r"^\s*$|^Traceback|^\s+File |^\s+\^+|^\s{4}|^Available platform|GLX|dbus", re.IGNORECASE)


class NativeWindow:
    """A window that pywebview draws.

    Args:
        opening: what it shows.
        kind: the toolkit.

    Raises:
        NotOpened: its process ended before it was shown, or nothing came of it.
    """

    def __init__(self, opening: Opening, kind: Kind) -> None:
        self.where = f"in a window of its own ({NATIVE[kind]})"
        self._opening = opening
        self._log = opening.folder / "window.log"
        self._line, theirs = socket.socketpair()
        with self._log.open("wb") as log, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "interlingua.desktop.window", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **_settings()},
                start_new_session=True,  # Ctrl-C reaches it by us
            )
        shown = threading.Event()
        threading.Thread(target=self._listen, args=(shown,), name="interlingua window", daemon=True).start()
        gui = None if kind == "cocoa" else kind
        start = Start(
            gui,
            opening.address,
            opening.link(),
            opening.remembered,
            str(opening.folder / kind),
            str(ICON) if ICON.exists() else "",
            opening.script,
        )
        with contextlib.suppress(OSError):  # it ended: told below
            say(self._line, start)
        if not shown.wait(SECONDS) or not self._is_shown:
            self.close()
            raise NotOpened(self._reason())

    _is_shown = False

    def front(self) -> bool:
        """Brings it to the front."""
        return self._say(Front())

    def run(self, script: str) -> None:
        """Runs a script in its page."""
        self._say(Run(script))

    def close(self) -> None:
        """Closes it."""
        self._say(Close())
        try:
            self._process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._line.close()

    def _say(self, message: Run | Front | Close) -> bool:
        try:
            say(self._line, message)
        except OSError:
            return False
        return True

    def _listen(self, shown: threading.Event) -> None:
        for message in heard(self._line, FromWindow):
            if isinstance(message, Shown):
                self._is_shown = True
                shown.set()
            elif isinstance(message, Called):
                self._opening.called(message.text.encode())
            elif isinstance(message, Placed):
                self._opening.placed(message.remembered)
        if self._is_shown:
            self._opening.closed()
        shown.set()

    def _reason(self) -> str:
        """The last line that its process wrote and that says something."""
        with contextlib.suppress(OSError):
            lines = self._log.read_text(errors="replace").splitlines()
            telling = [line.strip() for line in lines if not _NOISE.search(line)]
            if telling:
                return telling[-1][:200]
        return f"it did not come up; see {self._log}"


def _settings() -> dict[str, str]:
    """Chromium inside of Qt refuses its sandbox to root, and ends."""
    return {"QTWEBENGINE_DISABLE_SANDBOX": "1"} if os.geteuid() == 0 else {}

"""The native window, in a process of its own: the only module that imports pywebview and its toolkits.

It is told what to open over a socket, and ends when that is closed, so that no window stays behind whoever is killed.
Facts of pywebview 6.2 that are handled here: what its bridge answers is put through `eval`, which our pages forbid, so
pages speak through its shared state and are answered by plain scripts; GTK cuts scripts that are not ASCII; selecting
text, zooming and downloads are off unless asked for; under Qt 6 a download raises, and the clipboard is shut.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from interlingua.desktop.messages import Called, Close, Front, Placed, Run, Shown, Start, ToWindow, heard, say
from interlingua.desktop.remembered import LEAST, Remembered, on_screen
from interlingua.desktop.view import TITLE

SEND = "window.pywebview.state.call = text; window.pywebview.state.call = null;"
GRACE_SECONDS = 3.0


class Window:
    """The window.

    Args:
        line: to who started it.
        start: what to open.
    """

    def __init__(self, line: socket.socket, start: Start) -> None:
        import webview

        webview.settings["ALLOW_DOWNLOADS"] = True
        self._line = line
        self._start = start
        self._lock = threading.Lock()
        self._place = on_screen(start.remembered, _screens(start.gui))
        window: Any = webview.create_window(
            TITLE,
            start.link,
            width=self._place.width,
            height=self._place.height,
            x=self._place.x,
            y=self._place.y,
            min_size=LEAST,
            text_select=True,
            zoomable=True,
        )
        self._window = window
        window.events.before_show += self._made
        window.events.shown += self._shown
        window.events.loaded += self._loaded
        window.events.moved += self._moved
        window.events.resized += self._resized
        window.events.closing += self._closing
        window.state += self._stated

    def show(self) -> None:
        """Shows it until it is closed."""
        import webview

        webview.start(
            gui=self._start.gui,  # type: ignore[arg-type]  # one of its words
            private_mode=False,
            storage_path=self._start.folder,
            icon=self._start.icon or None,
        )

    def obey(self, message: ToWindow) -> None:
        """Does what it is told."""
        if isinstance(message, Run):
            self._window.run_js(message.script)
        elif isinstance(message, Front):
            self._window.restore()
            self._window.show()
        elif isinstance(message, Close):
            self.close()

    def close(self) -> None:
        """Closes it; a toolkit that hangs does not keep the process."""
        _end_soon()
        with contextlib.suppress(Exception):  # it may be gone already, and pywebview raises what it likes
            self._window.destroy()

    def _made(self) -> None:
        """In the toolkit's own thread, unlike other events."""
        if self._start.gui == "qt":
            _complete_qt(self._window.native)

    def _shown(self) -> None:
        self._say(Shown())

    def _loaded(self) -> None:
        self._window.run_js(self._start.script)

    def _stated(self, _: object, key: str, value: object) -> None:
        """A page sends something; only ours are listened to."""
        if key == "call" and isinstance(value, str):
            at = self._window.get_current_url() or ""
            if at.startswith(self._start.address + "/"):
                self._say(Called(value))

    def _moved(self, x: float, y: float) -> None:
        with self._lock:  # pywebview tells each event in a thread of its own
            self._place = replace(self._place, x=int(x), y=int(y))

    def _resized(self, width: float, height: float) -> None:
        with self._lock:
            self._place = replace(self._place, width=int(width), height=int(height))

    def _closing(self) -> None:
        """In the toolkit's own thread, so it can be asked itself; events may still be on their way."""
        if self._start.gui in PLACES:
            self._place = PLACES[self._start.gui](self._window.native)
        self._say(Placed(self._place))

    def _say(self, message: Shown | Called | Placed) -> None:
        with contextlib.suppress(OSError):  # who started it is gone, and this ends too
            say(self._line, message)


def _end_soon() -> None:
    """Ends this process if it has not ended by itself: pywebview's threads may wait for a loop that runs no more."""
    timer = threading.Timer(GRACE_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()


def _gtk_place(native: Any) -> Remembered:
    (x, y), (width, height) = native.get_position(), native.get_size()
    return Remembered(x=x, y=y, width=width, height=height)


def _qt_place(native: Any) -> Remembered:
    return Remembered(x=native.x(), y=native.y(), width=native.width(), height=native.height())


PLACES: dict[str | None, Callable[[Any], Remembered]] = {"gtk": _gtk_place, "qt": _qt_place}


def _screens(gui: str | None) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of each screen."""
    if gui == "qt":
        # pywebview would fix its folder before it has been told which.
        from qtpy import QtWebEngineWidgets  # noqa: F401  # Qt wants it before the application
        from qtpy.QtWidgets import QApplication

        qt = QApplication.instance() or QApplication(sys.argv)
        found = [screen.geometry() for screen in qt.screens()]
        return [(one.x(), one.y(), one.width(), one.height()) for one in found]
    import webview

    return [(one.x, one.y, one.width, one.height) for one in webview.screens]


def _complete_qt(native: Any) -> None:
    """What pywebview leaves out under Qt 6: downloads go to the user's folder for them, and pages may copy text."""
    from qtpy.QtCore import QStandardPaths
    from qtpy.QtWebEngineCore import QWebEngineSettings

    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation)

    def download(request: Any) -> None:
        request.setDownloadDirectory(folder)
        request.accept()

    profile = native.webview.page().profile()
    with contextlib.suppress(RuntimeError, TypeError):  # nothing of pywebview's is connected
        profile.downloadRequested.disconnect(native.on_download_requested)
    profile.downloadRequested.connect(download)
    native._interlingua_download = download  # the signal holds no reference of its own
    native.webview.page().settings().setAttribute(QWebEngineSettings.WebAttribute.JavascriptCanAccessClipboard, True)


def main(descriptor: int) -> None:
    """Opens a window and ends with it.

    Args:
        descriptor: of the socket on which it is told what to open.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the affair of who started it
    # Toolkits name the window's class after the program, and desktops find the icon by it.
    sys.argv = [TITLE.lower()]
    line = socket.socket(fileno=descriptor)
    messages = heard(line, ToWindow)
    start = next(messages)
    assert isinstance(start, Start), "whoever starts this says first what to open"
    window = Window(line, start)

    def listen() -> None:
        for message in messages:
            window.obey(message)
        window.close()

    threading.Thread(target=listen, daemon=True).start()
    window.show()
    _end_soon()
    with contextlib.suppress(OSError):  # who started it is gone
        line.shutdown(socket.SHUT_RDWR)  # closing it would not wake who listens


if __name__ == "__main__":
    main(int(sys.argv[1]))

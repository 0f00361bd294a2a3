"""A screen of its own for each test that opens windows (Xvfb), and hands to touch them with (Xlib's C functions)."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
import sysconfig
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from interlingua.desktop.view import Kind, look
from interlingua.gateway import pages

_SIZE = "1280x860x24"
EVERY = "DESKTOP_TEST_EVERY"
PICTURE = "DESKTOP_TEST_PICTURE"
"""Where the picture of a native window goes, if it is wanted."""
SECONDS = 120.0
_DEBIAN = Path("/usr/lib/python3/dist-packages")
_TYPELIBS = ("WebKit2-4.1.typelib", "WebKit2-4.0.typelib", "WebKit-6.0.typelib")
_CLIENT_MESSAGE = 33


def toolkit(kind: Kind, folder: Path) -> dict[str, str]:
    """The environment in which a kind of window can be opened; the test is skipped where none can.

    Args:
        kind: of window.
        folder: for what must be on Python's path.
    """
    if not shutil.which("Xvfb"):
        pytest.skip("Xvfb is not installed: apt-get install xvfb")
    if not pages.built():
        pytest.skip("the web interface is not built: make web")
    if kind == "chromium":
        if not look(os.environ).chromium:
            pytest.skip("Chromium is not installed: apt-get install chromium")
        return {}
    if find_spec("webview") is None:
        pytest.skip("pywebview is not installed: pip install 'interlingua[desktop]'")
    if kind == "qt":
        if find_spec("qtpy") is None or find_spec("PySide6") is None:
            pytest.skip("Qt is not installed: make desktop-test")
        return {}
    if not any(path for name in _TYPELIBS for path in Path("/usr/lib").glob(f"*/girepository-1.0/{name}")):
        pytest.skip("GTK's browser is not installed: apt-get install python3-gi gir1.2-webkit2-4.1")
    return _debians_gtk(folder)


def whole_life(kind: Kind, folder: Path) -> dict[str, str]:
    """As `toolkit`, for tests that open and close several windows: of each toolkit in `make desktop-test` only."""
    if kind != "chromium" and not os.environ.get(EVERY):
        pytest.skip("`make desktop-test` runs it with each toolkit")
    return toolkit(kind, folder)


def _debians_gtk(folder: Path) -> dict[str, str]:
    """GTK's Python packages lie among Debian's; they alone are taken from there."""
    if find_spec("gi") is not None:
        return {}
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    if not (_DEBIAN / "gi" / f"_gi{suffix}").exists():
        pytest.skip("GTK for this version of Python is not installed: apt-get install python3-gi")
    room = folder / "debian"
    room.mkdir(exist_ok=True)
    for name in ("gi", "cairo"):
        if (_DEBIAN / name).exists() and not (room / name).exists():
            (room / name).symlink_to(_DEBIAN / name)
    return {"PYTHONPATH": str(room)}


def until(what: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What something says as soon as it says anything."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing within {seconds:g} s: {what}")


class Window:
    """A window on a screen.

    Args:
        screen: where it is.
        id: the X server's.
    """

    def __init__(self, screen: Screen, id: int) -> None:
        self._screen = screen
        self.id = id

    def place(self) -> tuple[int, int, int, int]:
        """Left, top, width and height."""
        return self._screen.place_of(self.id)

    def move(self, x: int, y: int, width: int, height: int) -> None:
        """What a person does with the mouse at its edges."""
        self._screen.x.XMoveResizeWindow(self._screen.display, self.id, x, y, width, height)
        self._screen.x.XSync(self._screen.display, 0)

    def close(self) -> None:
        """What a person does with the cross in its corner."""
        self._screen.ask_to_close(self.id)


class Screen:
    """A screen.

    Args:
        number: of the display.
        folder: where its picture lies.
    """

    def __init__(self, number: str, folder: Path) -> None:
        # Without a bus of the desktop's, which GTK would start and leave running.
        bus = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/none", "NO_AT_BRIDGE": "1", "GTK_USE_PORTAL": "0"}
        self.environment = {"DISPLAY": f":{number}", "GDK_BACKEND": "x11", "QT_QPA_PLATFORM": "xcb", **bus}
        self._picture = folder / "Xvfb_screen0"
        x = self.x = ctypes.CDLL("libX11.so.6")
        window, pointer, text = ctypes.c_ulong, ctypes.c_void_p, ctypes.c_char_p
        x.XOpenDisplay.restype = pointer
        x.XOpenDisplay.argtypes = [text]
        x.XDefaultRootWindow.restype = window
        x.XInternAtom.restype = window
        x.XInternAtom.argtypes = [pointer, text, ctypes.c_int]
        # A window may go while it is looked at; Xlib would end the process for that.
        self._quiet = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)(lambda display, error: 0)
        x.XSetErrorHandler(self._quiet)
        self.display = ctypes.c_void_p(x.XOpenDisplay(self.environment["DISPLAY"].encode()))
        assert self.display.value, "the screen can be reached"
        self._root = window(x.XDefaultRootWindow(self.display))

    def windows(self) -> list[Window]:
        """Those that can be seen and that a person can close."""
        return [Window(self, one) for one in self._children() if self._has_cross(one) and self._is_seen(one)]

    def window(self) -> Window:
        """The only one, as soon as it is there."""
        found: list[Window] = until(self.windows)
        assert len(found) == 1
        return found[0]

    def _children(self) -> list[int]:
        root, parent, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
        children = ctypes.POINTER(ctypes.c_ulong)()
        self.x.XQueryTree(self.display, self._root, *(ctypes.byref(one) for one in (root, parent, children, count)))
        return [children[at] for at in range(count.value)]

    def _has_cross(self, id: int) -> bool:
        atoms, count = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_int()
        known = self.x.XGetWMProtocols(self.display, ctypes.c_ulong(id), ctypes.byref(atoms), ctypes.byref(count))
        return bool(known) and self._atom("WM_DELETE_WINDOW") in [atoms[at] for at in range(count.value)]

    def _is_seen(self, id: int) -> bool:
        attributes = (ctypes.c_int * 64)()
        self.x.XGetWindowAttributes(self.display, ctypes.c_ulong(id), ctypes.byref(attributes))
        width, height = attributes[2], attributes[3]
        return width > 200 and height > 200

    def place_of(self, id: int) -> tuple[int, int, int, int]:
        """Left, top, width and height of a window."""
        attributes = (ctypes.c_int * 64)()
        self.x.XSync(self.display, 0)
        self.x.XGetWindowAttributes(self.display, ctypes.c_ulong(id), ctypes.byref(attributes))
        x, y, width, height = attributes[:4]
        return x, y, width, height

    def _atom(self, name: str) -> int:
        return int(self.x.XInternAtom(self.display, name.encode(), 0))

    def ask_to_close(self, id: int) -> None:
        """Sends WM_DELETE_WINDOW, as a window manager does."""
        event = struct.pack(
            "@iLiPLLi5l",
            *(_CLIENT_MESSAGE, 0, 1, 0, id, self._atom("WM_PROTOCOLS"), 32),
            *(self._atom("WM_DELETE_WINDOW"), 0, 0, 0, 0),
        )
        self.x.XSendEvent(self.display, ctypes.c_ulong(id), 0, ctypes.c_long(0), event.ljust(192, b"\0"))
        self.x.XSync(self.display, 0)

    def picture(self, crop: tuple[int, int, int, int] | None = None) -> list[bytes]:
        """What is to be seen: rows of red, green and blue.

        Args:
            crop: left, top, width and height; all of it by default.
        """
        data = self._picture.read_bytes()
        head = struct.unpack(">25I", data[:100])
        skip, width, height, row, colours = head[0], head[4], head[5], head[12], head[19]
        left, top, width, height = crop or (0, 0, width, height)
        start = skip + colours * 12
        rows = []
        for y in range(top, top + height):
            line = data[start + y * row + left * 4 : start + y * row + (left + width) * 4]
            pixels = bytearray(width * 3)
            pixels[0::3], pixels[1::3], pixels[2::3] = line[2::4], line[1::4], line[0::4]
            rows.append(bytes(pixels))
        return rows

    def close(self) -> None:
        """Lets go of it."""
        self.x.XCloseDisplay(self.display)


@contextmanager
def screen(folder: Path) -> Iterator[Screen]:
    """A screen that nobody looks at.

    Args:
        folder: for its picture.
    """
    room = folder / "screen"
    room.mkdir(exist_ok=True)
    told, tell = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(tell), "-nolisten", "tcp", "-fbdir", str(room), "-screen", "0", _SIZE],
        pass_fds=[tell],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(tell)
    try:
        with os.fdopen(told) as line:
            number = line.readline().strip()
        found = Screen(number, room)
        yield found
        found.close()
    finally:
        server.terminate()
        server.wait()


def write_png(rows: list[bytes], path: Path) -> None:
    """Rows of red, green and blue as a file.

    Args:
        rows: all of one length.
        path: of the file.
    """

    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", data) + piece(b"IEND", b""))


def processes_with(mark: str) -> dict[int, str]:
    """The processes whose environment holds a mark, so that what somebody left behind is found."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes() and _is_alive(process):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(process.name)] = command.decode(errors="replace")[:120]
        except OSError:
            continue  # it has just ended, or is somebody else's
    return found


def _is_alive(process: Path) -> bool:
    return (process / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"

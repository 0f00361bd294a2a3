"""What `native.py` and the window's own process (`window.py`) say to each other: lines of JSON, each way."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from interlingua.desktop.remembered import Remembered

MOST_BYTES = 64 * 1024 * 1024


class Start(Struct, tag="start"):
    """What to open: the first line, towards the window.

    Args:
        gui: which toolkit, in pywebview's words; None is its own choice.
        address, link: of the gateway; `link` serves once.
        remembered: size and place.
        folder: for cookies and the like.
        icon: a picture's path.
        script: for every page of ours.
    """

    gui: str | None
    address: str
    link: str
    remembered: Remembered
    folder: str
    icon: str
    script: str


class Run(Struct, tag="run"):
    """A script for the page."""

    script: str


class Front(Struct, tag="front"):
    """To be shown before all others."""


class Close(Struct, tag="close"):
    """To be closed."""


class Shown(Struct, tag="shown"):
    """The window is there."""


class Called(Struct, tag="called"):
    """What a page of ours sent."""

    text: str


class Placed(Struct, tag="placed"):
    """Where the window was when it was closed."""

    remembered: Remembered


ToWindow: TypeAlias = Start | Run | Front | Close
FromWindow: TypeAlias = Shown | Called | Placed


def say(line: socket.socket, message: ToWindow | FromWindow) -> None:
    """Sends a message. Raises OSError where nobody is there any more."""
    line.sendall(msgspec.json.encode(message) + b"\n")


def heard(line: socket.socket, kind: Any) -> Iterator[Any]:
    """The messages that come, until the other side is gone.

    Args:
        line: the socket.
        kind: `ToWindow` or `FromWindow`.
    """
    rest = b""
    while True:
        try:
            piece = line.recv(65536)
        except OSError:
            return
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        for one in lines:
            yield msgspec.json.decode(one, type=kind)
        if len(rest) > MOST_BYTES:
            return

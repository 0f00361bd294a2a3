"""What the window remembers from one time to the next: its size and place, and the port of its pages.

The port is any free one the first time, and that one again where it is still free: what a page keeps in the browser
(look, keys, drafts) belongs to its address.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from interlingua.errors import LocalFileError

LEAST = (480, 360)
_NAME = "window.json"
Size = Annotated[int, Meta(ge=200, le=32_767)]
Place = Annotated[int, Meta(ge=-32_768, le=32_767)]


class Remembered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of the window when it was last closed.

    Args:
        width, height: in pixels of the screen, as the toolkit counts them.
        x, y: its upper left corner; None leaves the choice to the window manager.
        port: of the gateway's pages; 0 is any free one.
    """

    width: Size = 1180
    height: Size = 800
    x: Place | None = None
    y: Place | None = None
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0


def read(folder: Path) -> Remembered:
    """What is remembered; what cannot be read is forgotten, for a window's size is worth no error.

    Args:
        folder: where it lies.
    """
    try:
        return msgspec.json.decode((folder / _NAME).read_bytes(), type=Remembered)
    except (OSError, msgspec.DecodeError):
        return Remembered()


def write(folder: Path, remembered: Remembered) -> None:
    """Remembers, so that either the old or the new is there whenever the power fails.

    Args:
        folder: where it lies; it exists.
        remembered: what.

    Raises:
        LocalFileError: the disk fails.
    """
    path, new = folder / _NAME, folder / f"{_NAME}.new"
    try:
        new.write_bytes(msgspec.json.encode(remembered))
        os.replace(new, path)
    except OSError as error:
        raise LocalFileError(f"cannot write {path}: {error.strerror}", path=str(path)) from error


def on_screen(remembered: Remembered, screens: list[tuple[int, int, int, int]]) -> Remembered:
    """A place that can be seen: without one where no screen shows the middle of its upper edge, and no larger than one.

    Args:
        remembered: what is wanted.
        screens: left, top, width and height of each; none where that is not known.
    """
    if not screens:
        return remembered
    x, y = remembered.x, remembered.y
    middle = (x or 0) + remembered.width // 2
    for left, top, width, height in screens:
        if x is not None and y is not None and left <= middle < left + width and top <= y < top + height:
            return msgspec.structs.replace(
                remembered, width=min(remembered.width, width), height=min(remembered.height, height)
            )
    _, _, width, height = screens[0]
    return msgspec.structs.replace(
        remembered, width=min(remembered.width, width), height=min(remembered.height, height), x=None, y=None
    )

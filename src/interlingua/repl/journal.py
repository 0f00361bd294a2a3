"""An answer that is not finished, on disk, piece by piece: what a crash or a kill leaves is found again.

One file per running answer (`stores/running_files.py`): a line that says where the answer belongs, then a line per
event, so that the end of this process loses nothing of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from interlingua.stores import running_files
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Event, MessageStart
from interlingua.types.messages import Message


class Begun(Struct, frozen=True, kw_only=True):
    """Where an answer belongs.

    Args:
        conversation: its id.
        parent: the message that it follows, the question not counted.
        question: what was asked and is not kept elsewhere yet.
        model: who was asked, as `provider/model`.
    """

    conversation: str
    parent: str | None
    question: Message | None
    model: str


class Journal:
    """Writes one running answer down.

    Args:
        folder: where; made if it is missing.
        begun: where the answer belongs.

    Raises:
        LocalFileError: it cannot be written.
    """

    def __init__(self, folder: Path, begun: Begun) -> None:
        self._file = running_files.RunningFile(folder, f"{begun.conversation}-{os.getpid()}")
        self.path = self._file.path
        self._write(begun)

    def add(self, event: Event) -> None:
        """Writes one event. Raises LocalFileError."""
        self._write(event)

    def done(self) -> None:
        """The answer is kept elsewhere, or gone for good."""
        self._file.done()

    def _write(self, value: Begun | Event) -> None:
        self._file.add(msgspec.json.encode(value) + b"\n")


def left_behind(folder: Path) -> Iterator[tuple[Begun, Message]]:
    """What was being answered when its process ended: where it belongs, and what there is of it.

    Each file is deleted after its answer was taken; take them one by one and keep each before the next.
    """
    for text in running_files.left_behind(folder):
        found = _read(text)
        if found is not None:
            yield found


def _read(text: bytes) -> tuple[Begun, Message] | None:
    lines = text.split(b"\n")[:-1]  # a line without its end was being written
    if not lines:
        return None
    try:
        begun = msgspec.json.decode(lines[0], type=Begun)
        accumulator = Accumulator()
        for line in lines[1:]:
            event = msgspec.json.decode(line, type=Event)
            if isinstance(event, MessageStart):
                accumulator = Accumulator()
            accumulator.add(event)
    except (msgspec.DecodeError, ValueError):
        return None  # not written by this version; there is nothing that could be shown of it
    return begun, accumulator.partial()

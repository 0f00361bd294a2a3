"""An answer that is not finished, on disk, piece by piece: what a crash or a kill leaves is found again.

One file per running answer, mode 0600: a line that says where the answer belongs, then a line per event, each handed
to the operating system at once, so that the end of this process loses nothing of it. The file is locked while its
answer runs: a file that nobody holds is an answer that was broken off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from interlingua.errors import LocalFileError
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Event, MessageStart
from interlingua.types.messages import Message

_SUFFIX = ".jsonl"


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
        self.path = folder / f"{begun.conversation}-{os.getpid()}{_SUFFIX}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            _lock(self._file)
        except OSError as error:
            raise LocalFileError(
                f"{self.path} cannot be written: {error.strerror or error}", path=str(self.path)
            ) from error
        self._write(begun)

    def add(self, event: Event) -> None:
        """Writes one event. Raises LocalFileError."""
        self._write(event)

    def done(self) -> None:
        """The answer is kept elsewhere, or gone for good."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)

    def _write(self, value: Begun | Event) -> None:
        try:
            os.write(self._file, msgspec.json.encode(value) + b"\n")
        except OSError as error:
            raise LocalFileError(
                f"{self.path} cannot be written: {error.strerror or error}", path=str(self.path)
            ) from error


def left_behind(folder: Path) -> Iterator[tuple[Begun, Message]]:
    """What was being answered when its process ended: where it belongs, and what there is of it.

    Each file is deleted after its answer was taken; take them one by one and keep each before the next.
    """
    if not folder.is_dir():
        return
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            file = os.open(path, os.O_RDONLY)
        except OSError:
            continue  # somebody else took it just now, or it is not ours to read
        try:
            if not _lock(file):
                continue
            found = _read(path.read_bytes())
            if found is not None:
                yield found
            path.unlink(missing_ok=True)
        finally:
            os.close(file)


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


def _lock(file: int) -> bool:
    """Takes the file for this process; whether it was free. Where files cannot be locked, all are."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

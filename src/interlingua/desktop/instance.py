"""One window at a time: a lock that dies with its holder, and a socket by which a second `il desktop` reaches it.

The lock is the kernel's (`flock`), so that a killed holder leaves none behind. What the holder writes into the locked
file says where its socket lies; a word and an answer, each one line of JSON, go over it. The socket lies in a folder of
its own that only its user may enter, because the path of a socket must be short and those of users are not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from interlingua.errors import LocalFileError

Word = Literal["show", "quit"]
SECONDS = 10.0
MOST_BYTES = 65536
_LOCK, _SOCKET = "window.lock", "words"


class Holder(msgspec.Struct, omit_defaults=True):
    """What the locked file says.

    Args:
        pid: of the holder.
        socket: where it listens for words; empty while it begins.
    """

    pid: int
    socket: str = ""


class Said(msgspec.Struct, omit_defaults=True):
    """What the first window's process answers.

    Args:
        line: what came of it, for people.
        ending: whether it is about to end, so that the asker may take its place.
    """

    line: str
    ending: bool = False


class _Asked(msgspec.Struct):
    word: Word


Answer = Callable[[Word], Said]


class Instance:
    """The lock of one folder.

    Args:
        folder: what the window remembers, made if it is missing.

    Raises:
        LocalFileError: the folder or the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _LOCK
        self._is_ours = False
        self._listening: socket.socket | None = None
        self._room: Path | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LocalFileError(f"cannot keep {self._path}: {error.strerror}", path=str(self._path)) from error

    def take(self, *, wait: bool = False) -> bool:
        """Whether the lock is ours now.

        Args:
            wait: until it is.
        """
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        before = self._read()
        if before is not None and before.socket:
            # Its holder was killed, or it would have cleared it away itself.
            shutil.rmtree(Path(before.socket).parent, ignore_errors=True)
        self._is_ours = True
        self._write(Holder(os.getpid()))
        return True

    def listen(self, answer: Answer) -> None:
        """Answers words from now on, each in a thread of its own.

        Args:
            answer: what is done for a word.
        """
        self._room = Path(tempfile.mkdtemp(prefix="il-window-"))
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(self._room / _SOCKET))
        listening.listen(4)
        self._listening = listening
        self._write(Holder(os.getpid(), str(self._room / _SOCKET)))
        threading.Thread(target=_serve, args=(listening, answer), name="interlingua words", daemon=True).start()

    def tell(self, word: Word) -> Said | None:
        """Tells the holder a word; None where nobody holds the lock, or its holder does not answer yet.

        Args:
            word: what it is to do.
        """
        found = self._read()
        if found is None or not found.socket:
            return None
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(SECONDS)
            try:
                line.connect(found.socket)
                line.sendall(msgspec.json.encode(_Asked(word)) + b"\n")
                return msgspec.json.decode(_line(line), type=Said)
            except (OSError, msgspec.DecodeError):
                return None

    @property
    def holder(self) -> int:
        """The process that holds the lock; 0 where that is not known."""
        found = self._read()
        return found.pid if found is not None else 0

    @property
    def room(self) -> str:
        """The folder of the holder's socket; empty where nobody listens."""
        found = self._read()
        return str(Path(found.socket).parent) if found is not None and found.socket else ""

    def close(self) -> None:
        """Lets go of everything."""
        if self._listening is not None:
            with contextlib.suppress(OSError):  # it may be shut down already
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        if self._room is not None:
            shutil.rmtree(self._room, ignore_errors=True)
        if self._is_ours:
            os.truncate(self._file, 0)
        os.close(self._file)

    def _read(self) -> Holder | None:
        try:
            return msgspec.json.decode(os.pread(self._file, MOST_BYTES, 0), type=Holder)
        except msgspec.DecodeError:
            return None  # empty, or half written by who was killed

    def _write(self, holder: Holder) -> None:
        text = msgspec.json.encode(holder)
        os.truncate(self._file, 0)
        os.pwrite(self._file, text, 0)


@contextlib.contextmanager
def instance(folder: Path) -> Iterator[Instance]:
    """The lock of a folder, let go of at the end."""
    found = Instance(folder)
    try:
        yield found
    finally:
        found.close()


def _serve(listening: socket.socket, answer: Answer) -> None:
    while True:
        try:
            line, _ = listening.accept()
        except OSError:
            return  # it was closed
        threading.Thread(target=_answered, args=(line, answer), name="interlingua word", daemon=True).start()


def _answered(line: socket.socket, answer: Answer) -> None:
    with line:
        line.settimeout(SECONDS)
        with contextlib.suppress(OSError, msgspec.DecodeError):  # whoever asked is gone, or is none of ours
            asked = msgspec.json.decode(_line(line), type=_Asked)
            line.sendall(msgspec.json.encode(answer(asked.word)) + b"\n")


def _line(line: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < MOST_BYTES:
        piece = line.recv(4096)
        if not piece:
            break
        found += piece
    return found

"""Files that are there while something runs, so that what a crash or a kill leaves of it is found again.

One file each, mode 0600, what is added handed to the operating system at once. A file is locked while its process
lives: one that nobody holds was left behind. Where files cannot be locked, all count as left behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from interlingua.errors import LocalFileError

_SUFFIX = ".jsonl"


class RunningFile:
    """One such file.

    Args:
        folder: where; made if it is missing.
        name: of the file, without its suffix.

    Raises:
        LocalFileError: it cannot be written.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}{_SUFFIX}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            _lock(self._file)
        except OSError as error:
            raise self._unwritable(error) from error

    def add(self, data: bytes) -> None:
        """Appends something. Raises LocalFileError."""
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def done(self) -> None:
        """What ran is over, and what came of it is kept elsewhere or gone for good."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> LocalFileError:
        return LocalFileError(f"{self.path} cannot be written: {error.strerror or error}", path=str(self.path))


def left_behind(folder: Path) -> Iterator[bytes]:
    """What files hold whose process is gone.

    Each file is deleted once the next one is asked for: take them one by one, and keep each before the next.
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
            yield path.read_bytes()
            path.unlink(missing_ok=True)
        finally:
            os.close(file)


def _lock(file: int) -> bool:
    """Takes the file for this process; whether it was free."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

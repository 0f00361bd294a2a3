"""A file of mode 0600, in the user's folder: what names are in the keychain, and secrets where there is no keychain.

It is written whole, beside its old self, and then takes its place, so that a crash leaves the one or the other. A file
that others may read is refused: whoever could read it may have.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from interlingua.errors import ConfigError, LocalFileError

T = TypeVar("T")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretFile(Generic[T]):
    """One value in a file.

    Args:
        path: the file.
        kind: the value's type.
        empty: makes what a missing file stands for.
    """

    def __init__(self, path: Path, kind: type[T], empty: Callable[[], T]) -> None:
        self.path = path
        self._kind = kind
        self._empty = empty

    def read(self) -> T:
        """The value.

        Raises:
            ConfigError: others may read the file, or it was not written by us.
            LocalFileError: it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if os.name == "posix" and mode & _OTHERS:
                    raise ConfigError(
                        f"{self.path} may be read by others (mode {mode:03o}), so it is not used",
                        remedy=f"chmod 600 {self.path}   and replace the keys in it if others have had access",
                    )
                content = file.read()
        except FileNotFoundError:
            return self._empty()
        except OSError as error:
            raise self._failed("read", error) from error
        try:
            return msgspec.json.decode(content, type=self._kind)
        except msgspec.DecodeError:
            # The decoder's message may quote what it read.
            raise ConfigError(f"{self.path} is damaged", remedy="Move it away, and set the keys again.") from None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Holds the file against other processes while it is read, changed and written. Raises LocalFileError."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._failed("written", error) from error
        try:
            lock(file)
            yield
        finally:
            os.close(file)

    def write(self, value: T) -> None:
        """Puts a value in the place of the old one. Raises LocalFileError."""
        beside = self.path.with_suffix(".new")
        try:
            beside.unlink(missing_ok=True)
            file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(file, msgspec.json.format(msgspec.json.encode(value)) + b"\n")
                os.fsync(file)
            finally:
                os.close(file)
            beside.replace(self.path)
        except OSError as error:
            raise self._failed("written", error) from error

    def _failed(self, what: str, error: OSError) -> LocalFileError:
        return LocalFileError(f"{self.path} cannot be {what}: {error.strerror or error}", path=str(self.path))


def lock(file: int) -> None:
    """Waits until no other process holds a file that is open here; closing it lets it go."""
    try:
        import fcntl
    except ImportError:  # Windows; there the keychain is always there, and the file hardly ever used
        return
    fcntl.flock(file, fcntl.LOCK_EX)

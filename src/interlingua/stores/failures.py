"""What goes wrong with a database, as errors of our tree. Values that were to be written appear in none of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from interlingua.errors import InterlinguaError, InvalidRequest, LocalFileError

_SAYS = {
    "SQLITE_FULL": ("the disk is full", "Make room on the disk.", True),
    "SQLITE_BUSY": ("another process has locked it", "Try again; if it stays, end the process that uses it.", True),
    "SQLITE_LOCKED": ("another process has locked it", "Try again; if it stays, end the process that uses it.", True),
    "SQLITE_READONLY": ("it may not be written", "Give this user the right to write the file and its folder.", False),
    "SQLITE_PERM": ("it may not be opened", "Give this user the right to write the file and its folder.", False),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Check the folder and its rights, or set store.path.", False),
    "SQLITE_NOTADB": ("it is not an SQLite database", "Move it away, or set store.path to another file.", False),
    "SQLITE_CORRUPT": ("it is damaged", "Restore it from a backup, or move it away to start with an empty one.", False),
    "SQLITE_IOERR": ("the disk fails", "Look at the disk and at the system's log.", True),
}
"""By primary error name: what it means, what helps, and whether another try may succeed."""


def failure(error: BaseException, path: Path) -> InterlinguaError:
    """The error of ours that a database's error means.

    Args:
        error: SQLAlchemy's, or the driver's own.
        path: the database's file.
    """
    origin = getattr(error, "orig", None) or error
    if isinstance(origin, sqlite3.Error):
        name = getattr(origin, "sqlite_errorname", "") or ""
        for known, (meaning, remedy, retryable) in _SAYS.items():
            if name == known or name.startswith(f"{known}_"):
                return LocalFileError(f"{path}: {meaning}", path=str(path), remedy=remedy, retryable=retryable)
        if isinstance(origin, sqlite3.OperationalError):
            return LocalFileError(f"{path}: the database fails ({name or 'no reason given'})", path=str(path))
    if isinstance(origin, OSError):
        return LocalFileError(f"{path}: {origin.strerror or origin}", path=str(path))
    if isinstance(origin, sqlite3.Error | OverflowError | UnicodeError | ValueError | TypeError):
        return InvalidRequest(f"{path}: a value cannot be stored ({type(origin).__name__})")
    return LocalFileError(f"{path}: the database does not answer ({type(origin).__name__})", path=str(path))

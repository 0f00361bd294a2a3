"""What goes wrong with a database, as errors of our tree. Values that were to be written appear in none of them.

A server's failures are `LocalFileError` as a file's are: whoever keeps state handles one error, wherever it is kept.
"""

from __future__ import annotations

import sqlite3

from interlingua.errors import InterlinguaError, InvalidRequest, LocalFileError
from interlingua.stores.place import Place

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

_AGAIN = "Try again."
_SERVER_SAYS = {
    "28": ("it refuses this user", "Set store.password, PGPASSWORD or ~/.pgpass, and check the user's name.", False),
    "3D": ("there is no such database", "Create it (createdb), or correct store.url.", False),
    "42501": ("this user may not do that", "Make this user the owner of the database.", False),
    "25006": ("it may not be written", "Set store.url to the server that can be written, not to its copy.", False),
    "53100": ("the server's disk is full", "Make room on the server's disk.", True),
    "53300": ("the server has no free connections", "Raise its max_connections, or run fewer workers.", True),
    "55P03": ("another process has locked it", "Try again; if it stays, end the process that uses it.", True),
    "57": ("the server was stopped or is starting", _AGAIN, True),
    "40": ("another process changed the same at once", _AGAIN, True),
    "08": ("the connection broke", "Check that the server runs, and store.url.", True),
}
"""The same by SQLSTATE or its beginning (PostgreSQL's documentation, appendix A)."""


def failure(error: BaseException, place: Place) -> InterlinguaError:
    """The error of ours that a database's error means.

    Args:
        error: SQLAlchemy's, or the driver's own.
        place: the database.
    """
    origin = getattr(error, "orig", None) or error
    if isinstance(origin, sqlite3.Error):
        name = getattr(origin, "sqlite_errorname", "") or ""
        for known, (meaning, remedy, retryable) in _SAYS.items():
            if name == known or name.startswith(f"{known}_"):
                return _failed(place, meaning, remedy, retryable)
        if isinstance(origin, sqlite3.OperationalError):
            return _failed(place, f"the database fails ({name or 'no reason given'})")
    state = getattr(origin, "sqlstate", None)
    if isinstance(state, str):
        found = next((says for known, says in _SERVER_SAYS.items() if state.startswith(known)), None)
        if found is not None:
            return _failed(place, *found)
        if not state.startswith("22"):
            return _failed(place, f"the database fails (SQLSTATE {state})")
    elif isinstance(origin, OSError):
        if place.is_file:
            return _failed(place, origin.strerror or str(origin))
        remedy = "Check that the server runs, and store.url."
        return _failed(place, f"it cannot be reached ({origin.strerror or type(origin).__name__})", remedy, True)
    elif not isinstance(origin, sqlite3.Error | OverflowError | UnicodeError | ValueError | TypeError):
        kind = type(origin).__name__
        return _failed(place, f"the database does not answer ({kind})", retryable=not place.is_file)
    return InvalidRequest(f"{place}: a value cannot be stored ({type(origin).__name__})")


def _failed(place: Place, meaning: str, remedy: str | None = None, retryable: bool | None = None) -> LocalFileError:
    return LocalFileError(f"{place}: {meaning}", path=str(place), remedy=remedy, retryable=retryable)

"""The way to the store for those who must not import a database before one is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from interlingua.errors import ConfigError

if TYPE_CHECKING:
    from interlingua.stores.sql import SqlStore


def default_path() -> Path:
    """Where the database is kept if the configuration does not say."""
    import platformdirs

    return platformdirs.user_state_path("interlingua", appauthor=False) / "interlingua.db"


async def open_store(path: str | Path | None = None) -> SqlStore:
    """The store, ready; close it on the same event loop.

    Args:
        path: the database's file, created if it is missing; None is `default_path`.

    Raises:
        ConfigError: its packages are not installed, or the file is of a newer version or of another program.
        LocalFileError: the disk or the file fails.
    """
    try:
        from interlingua.stores.sql import SqlStore
    except ImportError as error:
        raise ConfigError(
            f"the store needs a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[store]'",
        ) from error
    store = SqlStore(_file(path))
    await store.open()
    return store


def _file(path: str | Path | None) -> Path:
    return Path(path).expanduser() if path else default_path()

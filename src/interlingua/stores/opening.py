"""The way to the store for those who must not import a database before one is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from interlingua.errors import ConfigError
from interlingua.stores.periods import periods
from interlingua.stores.place import default_path, find_place
from interlingua.stores.settings import StoreSettings

if TYPE_CHECKING:
    from interlingua.stores.sql import SqlStore

__all__ = ["default_path", "open_store"]


async def open_store(
    where: StoreSettings | str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    apart: bool = False,
) -> SqlStore:
    """The store, ready; close it on the same event loop.

    Args:
        where: the configuration's section, or an SQLite file, created if it is missing; None is `default_path`.
        environment: names and values; the process environment by default.
        apart: whether its schema, where it is not the present one, is made so by another process: for who serves long,
            and has little memory to spare.

    Raises:
        ConfigError: its packages are not installed, it is of a newer version or of another program, or the section
            says two things.
        LocalFileError: the disk, the file or the server fails.
    """
    settings = where if isinstance(where, StoreSettings) else StoreSettings(path=str(where) if where else None)
    place, kept = find_place(settings, environment), periods(settings.keep)
    try:
        from interlingua.stores.sql import SqlStore
    except ImportError as error:
        raise ConfigError(
            f"the store needs a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[store]'",
        ) from error
    store = SqlStore(place, responses=kept["responses"] / 1e6)
    await store.open(apart=apart)
    return store

"""Where a store is: a file, or an address. What is shown of an address holds neither password nor options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from interlingua.errors import ConfigError, LocalFileError
from interlingua.stores.settings import StoreSettings
from interlingua.types.secret import Secret

_ENVIRONMENT, _FILE = "env:", "file:"
_SCHEMES = ("postgresql", "postgres")


def default_path() -> Path:
    """Where the database is kept if the configuration does not say."""
    import platformdirs

    return platformdirs.user_state_path("interlingua", appauthor=False) / "interlingua.db"


class Place:
    """One of an SQLite file and a PostgreSQL database.

    Args:
        path: the file.
        url: the address; may hold a password, which is never shown.
        password: goes over the address's own.

    Raises:
        ConfigError: the address is none of PostgreSQL.
    """

    def __init__(self, path: Path | None = None, *, url: str = "", password: Secret | None = None) -> None:
        if url and urlsplit(url).scheme not in _SCHEMES:
            raise ConfigError(
                "store.url: only PostgreSQL is known",
                remedy="Write postgresql://user@host/database, or set store.path.",
            )
        self._path = None if url else path or default_path()
        self.url = Secret(url) if url else None
        self.password = password

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite."""
        return self._path is not None

    @property
    def path(self) -> Path:
        """The SQLite file; not to be asked of a server."""
        assert self._path is not None
        return self._path

    def __str__(self) -> str:
        return shown(self.url.reveal()) if self.url is not None else str(self._path)

    def __repr__(self) -> str:
        return f"Place({str(self)!r})"


def shown(url: str) -> str:
    """An address as people may see it."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"


def find_place(settings: StoreSettings, environment: Mapping[str, str] | None = None) -> Place:
    """Where the configuration says that the store is.

    Args:
        settings: the section.
        environment: names and values; the process environment by default.

    Raises:
        ConfigError: it says two things, or holds a password itself.
        LocalFileError: a password's file cannot be read.
    """
    environment = os.environ if environment is None else environment
    if settings.url is None:
        if settings.password is not None:
            raise ConfigError("store.password is set, but no store.url", remedy="An SQLite file has no password.")
        return Place(Path(settings.path).expanduser() if settings.path else None)
    if settings.path is not None:
        raise ConfigError("store.path and store.url are both set", remedy="Keep the one that is meant.")
    url = resolved("store.url", settings.url, environment)
    password = secret("store.password", settings.password, environment)
    return Place(url=url, password=password)


def resolved(key: str, url: str, environment: Mapping[str, str]) -> str:
    """The address that a key holds or names. Raises ConfigError where it holds a password, or names nothing."""
    if url.startswith((_ENVIRONMENT, _FILE)):
        return _read(key, url, environment)
    if urlsplit(url).password is not None:
        raise ConfigError(
            f"{key}: a password may not stand in the configuration",
            remedy=f'Put the whole address into a variable and write {key} = "env:NAME", '
            f'or only the password and write {key.rpartition(".")[0]}.password = "env:NAME".',
        )
    return url


def secret(key: str, reference: str | None, environment: Mapping[str, str]) -> Secret | None:
    """The secret that a key names.

    Raises:
        ConfigError: the key holds one itself, or names what is not set.
        LocalFileError: the file cannot be read.
    """
    if reference is None:
        return None
    if not reference.startswith((_ENVIRONMENT, _FILE)):
        raise ConfigError(f"{key}: a secret may not stand here", remedy='Write "env:NAME" or "file:/path".')
    return Secret(_read(key, reference, environment))


def _read(key: str, reference: str, environment: Mapping[str, str]) -> str:
    if reference.startswith(_ENVIRONMENT):
        name = reference.removeprefix(_ENVIRONMENT)
        if not environment.get(name):
            raise ConfigError(f"{key}: {name} is not set", remedy=f"Set the variable {name}.")
        return environment[name]
    path = reference.removeprefix(_FILE)
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise LocalFileError(f"{key}: cannot read {path}: {reason}", path=path) from error

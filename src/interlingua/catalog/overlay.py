"""What `il catalog refresh` found, in a file of the user's, laid over the catalog that came with the package."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from interlingua.catalog.catalog import Catalog, load_catalog
from interlingua.catalog.model import Model

log = logging.getLogger("interlingua.catalog")


class Overlay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file.

    Args:
        as_of: the day of the facts, YYYY-MM-DD.
        sources: what its letters in `source` stand for, with their days.
        hashes: SHA-256 of what was fetched, by address.
        models: whole rows, in the place of the package's or new.
    """

    as_of: str
    sources: dict[str, str]
    hashes: dict[str, str]
    models: tuple[Model, ...]


def overlay_path() -> Path:
    """Where the file is kept."""
    import platformdirs

    return platformdirs.user_config_path("interlingua", appauthor=False) / "catalog.json"


def present_catalog(path: Path | None = None) -> Catalog:
    """The package's catalog with the overlay over it, where there is one that is not older.

    A file that cannot be used is said in the log and left alone: prices that came with the package are better than
    none.

    Args:
        path: of the overlay; None is `overlay_path`.
    """
    path = path or overlay_path()
    try:
        found = path.stat()
    except OSError:
        return load_catalog()
    return _laid_over(path, found.st_mtime_ns, found.st_size)


@cache
def _laid_over(path: Path, changed: int, size: int) -> Catalog:
    base = load_catalog()
    try:
        overlay = msgspec.json.decode(path.read_bytes(), type=Overlay)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s is not used: %s; il catalog refresh makes it anew", path, error)
        return base
    if overlay.as_of < base.as_of:
        return base
    rows = {model.name: model for model in overlay.models}
    known = {model.name for model in base.models}
    models = [rows.get(model.name, model) for model in base.models]
    models += [model for model in overlay.models if model.name not in known]
    sources = base.sources | overlay.sources
    return Catalog(models, as_of=overlay.as_of, sources=sources, overlaid=frozenset(rows))

"""Hosts that come with other packages: rows like those of `registry.toml`, by entry point.

The rule: a package is only asked where the configuration names it, since a row decides where keys and conversations
go; and it never changes a host that is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interlingua.errors import ConfigError
from interlingua.ports.context import Quirk
from interlingua.providers.provider import Provider, add_quirk, define, load_registry

GROUP = "interlingua.providers"
"""Each entry point is a mapping of ids to rows; a row's `quirk` may be a `Quirk`."""


def load_plugins(names: Iterable[str]) -> dict[str, Provider]:
    """The hosts of entry points.

    Args:
        names: of entry points.

    Raises:
        ConfigError: there is no such entry point, or a row cannot be used.
    """
    wanted = tuple(names)
    if not wanted:
        return {}
    from importlib.metadata import entry_points  # reads every installed package

    points = {point.name: point for point in entry_points(group=GROUP)}
    found: dict[str, Provider] = {}
    for name in wanted:
        if name not in points:
            known = ", ".join(points) or "none"
            raise ConfigError(
                f"provider_plugins: no installed package offers {name!r}", remedy=f"Install it; there is {known}."
            )
        try:
            rows = points[name].load()
        except Exception as error:  # it is somebody else's code: whatever it raises, this plugin cannot be used
            raise ConfigError(f"provider_plugins: {name} cannot be loaded: {type(error).__name__}: {error}") from error
        found |= parse_rows(rows, f"the plugin {name}")
    return found


def parse_rows(rows: Any, where: str) -> dict[str, Provider]:
    """The hosts that rows describe.

    Args:
        rows: tables by id, as in `registry.toml`.
        where: what to call them in errors.

    Raises:
        ConfigError: they are none, or one is a host that is known here.
    """
    if not isinstance(rows, Mapping) or not all(isinstance(row, Mapping) for row in rows.values()):
        raise ConfigError(f"{where}: expected a mapping of ids to rows")
    known = load_registry()
    found: dict[str, Provider] = {}
    for id, row in rows.items():
        if id in known:
            raise ConfigError(
                f"{where}: {id} is known here, and a plugin does not change it", remedy="Choose another id."
            )
        fields = dict(row)
        if isinstance(fields.get("quirk"), Quirk):
            fields["quirk"] = add_quirk(f"plugin {id}", fields["quirk"])
        found[id] = define(id, fields)
    return found

"""Settings that were edited in the pages, under what file and environment set (contracts §9).

What the file sets is read-only there: an overlay's value of the same name is kept and has no effect while the file
sets it. Names are `default_model`, `models.NAME`, `providers.ID.base_url` and `ledger.content.keys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from interlingua.config.schema import Config
from interlingua.engine.router import ModelAlias
from interlingua.errors import Conflict, InvalidRequest
from interlingua.types.opaque import Json

DEFAULT_MODEL = "default_model"
CONTENT_KEYS = "ledger.content.keys"
_MODELS, _PROVIDERS, _BASE_URL = "models.", "providers.", ".base_url"


def with_overlay(config: Config, values: Mapping[str, Json]) -> Config:
    """A configuration with an overlay under it; what cannot be read any more is left out.

    Args:
        config: of file and environment.
        values: the overlay's, by name.
    """
    for name, value in values.items():
        if not is_set(config, name):
            try:
                config = _with(config, name, value)
            except InvalidRequest:
                continue  # written by another version: the file's word alone holds
    return config


def is_set(config: Config, name: str) -> bool:
    """Whether file or environment set a name, so that an overlay cannot."""
    if name == DEFAULT_MODEL:
        return config.default_model is not None
    if name.startswith(_MODELS):
        return name.removeprefix(_MODELS) in config.models
    if name == CONTENT_KEYS:
        return config.ledger.content.keys != ()
    provider = name.removeprefix(_PROVIDERS).removesuffix(_BASE_URL)
    return _BASE_URL[1:] in config.providers.get(provider, {})


def check(config: Config, name: str, value: Json) -> None:
    """Lets a value pass that an overlay may hold.

    Args:
        config: of file and environment.
        name: what is to be set.
        value: to what.

    Raises:
        InvalidRequest: there is no such setting, or the value is none of it.
        Conflict: the file sets it.
    """
    _with(config, name, value)
    if is_set(config, name):
        raise Conflict(f"{name} is set by the configuration file", remedy="Change it there.")


def _with(config: Config, name: str, value: Json) -> Config:
    """Raises InvalidRequest."""
    if name == DEFAULT_MODEL:
        return replace(config, default_model=_converted(name, value, str))
    if name == CONTENT_KEYS:
        content = replace(config.ledger.content, keys=_converted(name, value, tuple[str, ...]))
        return replace(config, ledger=replace(config.ledger, content=content))
    if name.startswith(_MODELS) and len(name) > len(_MODELS):
        alias = _converted(name, value, ModelAlias)
        if not alias.targets:
            raise InvalidRequest(f"{name}.targets: at least one is needed", path=f"{name}.targets")
        return replace(config, models={**config.models, name.removeprefix(_MODELS): alias})
    if name.startswith(_PROVIDERS) and name.endswith(_BASE_URL) and len(name) > len(_PROVIDERS + _BASE_URL):
        provider = name.removeprefix(_PROVIDERS).removesuffix(_BASE_URL)
        table = {**config.providers.get(provider, {}), "base_url": _converted(name, value, str)}
        return replace(config, providers={**config.providers, provider: table})
    raise InvalidRequest(
        f"{name} cannot be set here", path=name, remedy="Set it in the configuration file; `il config show` names all."
    )


def _converted(name: str, value: Json, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        where = name + path.rstrip("`")
        raise InvalidRequest(f"{where}: {message}", path=where) from error

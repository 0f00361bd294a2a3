"""What is wrong with a configuration that can be read and built, but does not do what somebody wants of it."""

from __future__ import annotations

from collections.abc import Iterator

from interlingua.config.schema import Config
from interlingua.engine.engine import Engine
from interlingua.errors import ConfigError, ModelNotFound


def unusable(config: Config, engine: Engine) -> Iterator[str]:
    """What can never work: names that stand for no model.

    Args:
        config: the configuration.
        engine: built from it.
    """
    names = [("default_model", config.default_model)] if config.default_model else []
    names += [(f"models.{alias}", alias) for alias in config.models if "*" not in alias]
    for alias, way in config.models.items():
        for code, fallbacks in way.fallbacks.items():
            names += [(f"models.{alias}.fallbacks.{code}", name) for name in fallbacks if "*" not in name]
    for key, name in names:
        try:
            engine.route(name)
        except (ModelNotFound, ConfigError) as error:
            said = error.message if error.message.startswith(key) else f"{key}: {error.message}"
            yield f"{said}. {error.remedy}"


def unready(config: Config, engine: Engine) -> Iterator[str]:
    """What does not work now, but would with something that is missing: keys of hosts that are configured.

    Args:
        config: the configuration.
        engine: built from it.
    """
    for id, table in config.providers.items():
        provider = engine.providers[id]
        if table.get("api_keys") and engine.credential(provider) is None:
            looked_in = ", ".join(engine.credentials.looked_in(id, provider.env))
            yield f"providers.{id}.api_keys: {looked_in} is not set"
            continue
        found = len(engine.pool(provider))
        if 0 < found < len(table.get("api_keys", ())):
            looked_in = ", ".join(engine.credentials.looked_in(id, provider.env))
            yield f"providers.{id}.api_keys: of {looked_in}, only {found} are set"

"""The composition root: from a configuration to an engine. The one place that knows all rooms."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from interlingua.catalog.overlay import present_catalog
from interlingua.config.load import default_user_folder
from interlingua.config.schema import Config, HttpSettings
from interlingua.credentials.pool import CredentialPools, KeyReference, parse_keys
from interlingua.credentials.sources import CredentialSources
from interlingua.credentials.vault import open_vault
from interlingua.dialects.registry import DIALECTS
from interlingua.engine.engine import IN_PROCESS, NETWORK, Engine
from interlingua.engine.settings import EngineSettings
from interlingua.errors import ConfigError
from interlingua.ports.rests import Rests
from interlingua.ports.transport import Transport
from interlingua.providers.plugins import load_plugins
from interlingua.providers.provider import Provider, define, find, load_registry
from interlingua.transport.http import HttpTransport
from interlingua.transport.local import LocalTransport
from interlingua.transport.marked_sockets import can_mark
from interlingua.types.secret import Secret


class SystemClock:
    """Real time and real chance."""

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def chance(self) -> float:
        """A random number in [0, 1)."""
        return random.random()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


def build_engine(
    config: Config,
    *,
    given: Mapping[str, Secret] | None = None,
    transport: Transport | None = None,
    transports: Mapping[str, Transport] | None = None,
    environment: Mapping[str, str] | None = None,
    owns_exit: bool = False,
    rests: Rests | None = None,
    local_paths: bool = True,
) -> Engine:
    """The engine that a configuration describes.

    Args:
        config: the configuration.
        given: keys by provider id, or alias, that win over every other source.
        transport: replaces every way out, for tests.
        transports: ways out to use instead of new ones, by name.
        environment: names and values; the process environment by default.
        owns_exit: whether whoever asks decides how the process ends, as `http.client` may require.
        rests: who is not asked for now, where several processes share it.
        local_paths: whether a local model may be named by its path: not by who asks from elsewhere.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    ways = transports or {}
    environment = os.environ if environment is None else environment
    providers = _providers(config, environment)
    given = {one.id if (one := find(name, providers)) else name: key for name, key in (given or {}).items()}
    return Engine(
        catalog=present_catalog(),
        providers=providers,
        aliases=config.models,
        default_model=config.default_model,
        credentials=_credentials(config, environment, given),
        transports={
            NETWORK: transport or ways.get(NETWORK) or _network(config.http, owns_exit),
            IN_PROCESS: transport or ways.get(IN_PROCESS) or build_local(config, local_paths),
        },
        settings=EngineSettings(
            retry=config.retry, breaker=config.breaker, losses=config.losses, timeouts=config.timeouts
        ),
        clock=SystemClock(),
        rests=rests,
    )


def kept_ways(old: Config, new: Config, ways: Mapping[str, Transport]) -> dict[str, Transport]:
    """The ways out of an engine that serve another configuration as well, with their connections and loaded models.

    Args:
        old, new: the engine's configuration, and the other.
        ways: the engine's.
    """
    same = {NETWORK: old.http == new.http, IN_PROCESS: old.local == new.local}
    return {name: way for name, way in ways.items() if same.get(name)}


def _providers(config: Config, environment: Mapping[str, str]) -> dict[str, Provider]:
    """The registry's hosts, those of plugins and the user's own; file over environment over row."""
    rows = {**load_registry(), **load_plugins(config.provider_plugins)}
    found = {id: provider.with_environment(environment) for id, provider in rows.items()}
    for id, table in config.providers.items():
        changes = {key: value for key, value in table.items() if key != "api_keys"}
        if id in found:
            found[id] = found[id].with_settings(changes)
        else:
            if "auth" not in changes and not table.get("api_keys"):
                changes["auth"] = {"how": "bearer", "optional": True}
            found[id] = define(id, changes)
        for dialect in found[id].dialects:
            if dialect not in DIALECTS:
                raise ConfigError(
                    f"providers.{id}: unknown dialect {dialect!r}", remedy="Known dialects: " + ", ".join(DIALECTS)
                )
    return found


def _credentials(config: Config, environment: Mapping[str, str], given: Mapping[str, Secret]) -> CredentialPools:
    """Where secrets come from; a provider with several references has a pool of them."""
    keys = {id: parse_keys(id, table["api_keys"]) for id, table in config.providers.items() if "api_keys" in table}
    vault = open_vault(environment, default_user_folder())

    def sources(references: Mapping[str, tuple[KeyReference, ...]]) -> CredentialSources:
        texts = {id: [one.ref for one in each] for id, each in references.items()}
        return CredentialSources(environment, given=given, references=texts, vault=vault)

    pools = {
        id: [(one, sources({id: (one,)})) for one in each]
        for id, each in keys.items()
        if len(each) > 1 or any(one.account for one in each)
    }
    return CredentialPools(sources(keys), pools, given)


def _network(settings: HttpSettings, owns_exit: bool) -> Transport:
    """The HTTP client; the fast one only under a process that can end as it wants (`transport/http_fast.py`)."""
    given = msgspec.structs.asdict(settings)
    client = given.pop("client")
    if not owns_exit or client == "aiohttp":
        return HttpTransport(**given)
    if can_mark():
        try:
            from interlingua.transport.http_fast import FastHttpTransport
        except ImportError:
            pass
        else:
            return FastHttpTransport(**given)
    if client == "pyreqwest":
        raise ConfigError(
            'http.client: "pyreqwest" needs Linux and the package of that name',
            remedy="""Use "auto", or: pip install 'interlingua[server]'""",
        )
    return HttpTransport(**given)


def build_local(config: Config, paths: bool = True) -> Transport:
    """The local model, in this process; `paths` as `local_paths` of `build_engine`."""
    folder = Path(config.local.folder).expanduser() if config.local.folder else None

    def path_of(name: str) -> Path:
        from interlingua.catalog import weights  # brings what downloads need, and most programs need neither

        return weights.find(name, folder, paths=paths)

    def names() -> list[str]:
        from interlingua.catalog import weights

        return [found.name for found in weights.list_weights(folder)]

    return LocalTransport(path_of, names=names, settings=config.local)

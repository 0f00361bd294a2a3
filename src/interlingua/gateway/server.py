"""Runs the gateway: in this process, or in several that share a port."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from interlingua.config.schema import Config
from interlingua.gateway.process import address_of, answer, listen
from interlingua.gateway.reload import ConfigSource
from interlingua.gateway.state import Mount
from interlingua.telemetry.logs import Logs


def run(
    config: Config,
    ready: Callable[[str], None],
    *,
    source: ConfigSource | None = None,
    logs: Logs | None = None,
    mounts: Mapping[tuple[str, str], Mount] | None = None,
) -> None:
    """Serves until the process is told to end; the process must then end soon, and open no HTTP client any more.

    Args:
        config: the configuration. With several workers it is handed to other processes, as are `source` and what it
            was made of.
        ready: is given the address once it is listened on.
        source, logs: as for `build_gateway`.
        mounts: what other surfaces answer, by method and path.

    Raises:
        ConfigError, LocalFileError: as `build_gateway`; or the address cannot be listened on.
    """
    listening = listen(config)
    with listening:
        if config.server.workers > 1:
            from interlingua.gateway.workers import supervise

            supervise(config, listening, lambda: ready(address_of(listening)), source=source, mounts=mounts)
        else:
            answer(config, listening, lambda: ready(address_of(listening)), source=source, logs=logs, mounts=mounts)

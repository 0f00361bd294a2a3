"""`il serve`: the gateway."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from interlingua.cli.session import session
from interlingua.cli.voice import voice_module
from interlingua.config.load import find_config, load_config
from interlingua.config.schema import Config
from interlingua.errors import ConfigError


@click.command("serve", short_help="Serve every API to every client.")
@click.option("--host", metavar="ADDRESS", help="Where to listen; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="NUMBER", help="8100 by default; 0 is any free one.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="NUMBER", help="Processes on that port; 1 by default.")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="By default text on a terminal, else JSON.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="The least important to tell; info by default.",
)
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> None:
    """Serve the OpenAI, Anthropic, Gemini and Ollama APIs, whatever provider answers.

    \b
    il serve
    curl http://127.0.0.1:8100/v1/models
    """
    current = session(context)
    try:
        from interlingua.gateway import pages
        from interlingua.gateway.build import token_path
        from interlingua.gateway.reload import ConfigSource
        from interlingua.gateway.server import run
        from interlingua.gateway.sharing import told_of_workers
        from interlingua.gateway.sign_in import link
        from interlingua.telemetry.logs import open_logs
    except ImportError as error:
        raise ConfigError(
            f"serving needs a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[server]'",
        ) from error
    source = ConfigSource(partial(_locate, current.config_path), partial(_load, current.config_path, flags))
    config = with_flags(current.config, flags)
    logs = open_logs(config.telemetry.log_format, config.telemetry.log_level)

    workers = told_of_workers(config.server.workers, shared=config.shared.url is not None)

    def ready(address: str) -> None:
        err = current.err
        if logs.style == "json":
            # Who reads JSON reads nothing else.
            logs.message(
                logging.INFO,
                "interlingua.gateway",
                f"Interlingua serves at {address} ; the administrator's token lies in {token_path(config)}",
            )
            if workers is not None:
                logs.message(logging.INFO, "interlingua.gateway", f"workers: {workers}")
            return
        err.line(f"Interlingua serves at {address}")
        err.line(f"  OpenAI      OPENAI_BASE_URL={address}/v1")
        err.line(f"  Anthropic   ANTHROPIC_BASE_URL={address}")
        err.line(f"  Gemini      GOOGLE_GEMINI_BASE_URL={address}")
        err.line(f"  Ollama      OLLAMA_HOST={address}")
        err.line(f"  default     {current.target(None).name}")
        err.line(f"  admin token {token_path(config)}")
        for line in err.hanging("  workers     ", workers) if workers is not None else ():
            err.line(line)
        if err.is_terminal and pages.built():
            err.line(f"  browser     {link(config, address)}")
        else:
            err.line("  browser     il open")

    run(config, ready, source=source, logs=logs, mounts=MOUNTS)


def voice_choices(config: Config, body: bytes) -> bytes:
    """`GET /api/voice`: who talks and works, and whom callers may choose instead.

    Raises:
        ConfigError: the voice agent is not installed, or its defaults cannot be used.
        ModelNotFound: the default voice model does not exist.
    """
    from interlingua.client.client import AsyncClient

    told: bytes = voice_module("choices").offered(config.voice, AsyncClient(config=config).engine)
    return told


def voice_token(config: Config, body: bytes) -> bytes:
    """`POST /api/voice/token`: a token for a room with the voice agent; what it needs is imported when it is asked for.

    Raises:
        ConfigError: the voice agent is not installed, or no LiveKit server is configured.
        InvalidRequest: the body is not a request for a token.
    """
    answered: bytes = voice_module("tokens").answer(config.voice, body)
    return answered


MOUNTS = {("GET", "/api/voice"): voice_choices, ("POST", "/api/voice/token"): voice_token}
"""What the voice agent answers in the gateway."""


def _locate(path: str | None) -> Path | None:
    return find_config(path, os.environ)[0]


def _load(path: str | None, flags: Mapping[str, Any]) -> Config:
    return with_flags(load_config(path), flags)


def with_flags(config: Config, flags: Mapping[str, Any]) -> Config:
    """A configuration with what stands on the command line over it.

    Args:
        config: of file and environment.
        flags: `host`, `port`, `workers`, `log_format` and `log_level`; None where not given.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    server = replace(
        config.server, **{name: value for name, value in given.items() if name in ("host", "port", "workers")}
    )
    telemetry = replace(config.telemetry, **{name: value for name, value in given.items() if name.startswith("log_")})
    return replace(config, server=server, telemetry=telemetry)

"""`il voice`: the voice agent, and tokens that let somebody talk with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click
import msgspec

from interlingua.cli.session import session
from interlingua.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType


@click.group("voice", short_help="Talk with a model in a LiveKit room.", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Answer calls in the rooms of a LiveKit server, with any model.

    Models, speech and what callers may choose stand in [voice] of the configuration.

    \b
    export LIVEKIT_URL=ws://127.0.0.1:7880
    export LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret
    il voice
    il voice token --room kitchen
    """
    if context.invoked_subcommand is not None:
        return
    current = session(context)
    worker = voice_module("worker")
    config = current.config
    from interlingua.telemetry.logs import open_logs

    logs = open_logs(config.telemetry.log_format, config.telemetry.log_level)
    line = worker.check(config)

    def ready(id: str) -> None:
        if logs.style != "json":
            current.err.line(f"Interlingua answers calls as {config.voice.agent_name or 'every room'} ({id})")
            current.err.line(f"  {line}")

    asyncio.run(worker.serve_voice(config, ready))


@command.command("token")
@click.option("--room", metavar="NAME", default="", help="Which room; a new one otherwise.")
@click.option("--identity", metavar="NAME", default="", help="Who joins; a new one otherwise.")
@click.option("-m", "--model", metavar="MODEL", default="", help="The voice model.")
@click.option("--task-provider", metavar="PROVIDER", default="", help="The task agent's provider.")
@click.option("--task-model", metavar="MODEL", default="", help="The task agent's model.")
@click.option("--json", "as_json", is_flag=True, help="Everything that a client needs, as JSON.")
@click.pass_context
def token(
    context: click.Context,
    /,
    room: str,
    identity: str,
    model: str,
    task_provider: str,
    task_model: str,
    as_json: bool,
) -> None:
    """Print a token that lets somebody join a room with the agent.

    It carries the wishes for models; the agent follows those that the configuration allows.
    """
    current = session(context)
    tokens = voice_module("tokens")
    made = tokens.mint(
        current.config.voice,
        tokens.TokenRequest(
            room=room,
            identity=identity,
            llm_model=model,
            task_agent_provider=task_provider,
            task_agent_model=task_model,
        ),
    )
    if as_json:
        current.out.line(msgspec.json.encode(made).decode())
        return
    current.out.line(made.token)
    current.err.line(f"lets {made.identity} join {made.room} at {made.url} within {made.expires_in} s")


def voice_module(name: str) -> ModuleType:
    """A module of the voice agent. Raises ConfigError where its packages are not installed."""
    import importlib
    import warnings

    # `livekit-server --dev` has a secret of six letters, and everybody begins with that.
    warnings.filterwarnings("ignore", message="The HMAC key is")
    try:
        return importlib.import_module(f"interlingua.voice.{name}")
    except ImportError as error:
        raise ConfigError(
            f"the voice agent needs a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[voice-offline]'",
        ) from error

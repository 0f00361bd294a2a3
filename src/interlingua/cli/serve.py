"""`il serve`: the gateway."""

from __future__ import annotations

import click
from msgspec.structs import replace

from interlingua.cli.session import session
from interlingua.errors import ConfigError


@click.command("serve", short_help="Serve every API to every client.")
@click.option("--host", metavar="ADDRESS", help="Where to listen; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="NUMBER", help="8100 by default; 0 is any free one.")
@click.pass_context
def command(context: click.Context, /, host: str | None, port: int | None) -> None:
    """Serve the OpenAI, Anthropic, Gemini and Ollama APIs, whatever provider answers.

    \b
    il serve
    curl http://127.0.0.1:8100/v1/chat/completions -d '{"messages":[{"role":"user","content":"Hello"}]}'
    """
    current = session(context)
    try:
        from interlingua.gateway.build import token_path
        from interlingua.gateway.server import run
    except ImportError as error:
        raise ConfigError(
            f"serving needs a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[server]'",
        ) from error
    config = current.config
    server = config.server
    if host is not None:
        server = replace(server, host=host)
    if port is not None:
        server = replace(server, port=port)
    config = replace(config, server=server)

    def ready(address: str) -> None:
        err = current.err
        err.line(f"Interlingua serves at {address}")
        err.line(f"  OpenAI      OPENAI_BASE_URL={address}/v1")
        err.line(f"  Anthropic   ANTHROPIC_BASE_URL={address}")
        err.line(f"  Gemini      GOOGLE_GEMINI_BASE_URL={address}")
        err.line(f"  Ollama      OLLAMA_HOST={address}")
        err.line(f"  default     {current.target(None).name}")
        err.line(f"  admin token {token_path(config)}")

    run(config, ready)

"""`il compare`: one question to several models side by side; what each says, how fast, and for how much."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from interlingua.cli.names import complete_models
from interlingua.cli.prompt import piped_text, whole_prompt
from interlingua.cli.session import Session, session
from interlingua.cli.summary import summary
from interlingua.errors import ConfigError

if TYPE_CHECKING:
    from interlingua.bench.compare import Racer

_MOST = 8


@click.command("compare", short_help="Ask several models side by side.")
@click.argument("prompt", nargs=-1)
@click.option(
    "-m",
    "--model",
    "models",
    metavar="MODEL",
    multiple=True,
    required=True,
    shell_complete=complete_models,
    help="Who answers; give it twice or more.",
)
@click.option("-s", "--system", metavar="TEXT", help="Instructions that precede the question.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(
    context: click.Context, prompt: tuple[str, ...], models: tuple[str, ...], system: str | None, as_json: bool
) -> None:
    """Ask several models the same, side by side. What each costs and how fast it is stands below its answer.

    The exit code is 0 where at least one answered, else that of the first error.

    \b
    il compare -m gpt-6-luna -m local/smollm2 "Why?"
    """
    if not 2 <= len(models) <= _MOST:
        raise click.UsageError(f"name two to {_MOST} models: -m MODEL -m MODEL")
    question = whole_prompt(prompt, piped_text())
    if not question:
        raise click.UsageError('there is no question: write one, as in il compare -m A -m B "What is …?"')
    current = session(context)
    for name in models:
        current.target(name)
    racers = asyncio.run(_race(current, question, models, system, as_json=as_json))
    if as_json:
        current.out.line(json.dumps([_as_dict(racer) for racer in racers], indent=2, ensure_ascii=False))
    failed = [racer.error for racer in racers if racer.error is not None]
    if len(failed) == len(racers):
        context.exit(failed[0].exit_code)


async def _race(
    current: Session, question: str, models: tuple[str, ...], system: str | None, *, as_json: bool
) -> list[Racer]:
    from interlingua.bench.compare import Racer, race

    racers = [Racer(name) for name in models]
    async with current.client as client:
        running = race(client, racers, question, system=system)
        if as_json:
            async for _ in running:
                pass
            return racers
        try:
            from interlingua.repl.compare_view import CompareView
            from interlingua.repl.desk import terminal_size
            from interlingua.repl.live import Live
            from interlingua.repl.markdown import Pen
            from interlingua.repl.theme import theme
        except ImportError as error:
            raise ConfigError(
                f"this needs a package that is not installed: {error.name}",
                remedy="pip install 'interlingua[chat]', or use --json",
            ) from error
        out = current.out
        looks = theme("auto" if out.coloured else "plain", os.environ)
        pen = Pen(looks, coloured=out.coloured, columns=lambda: terminal_size()[0])
        await CompareView(Live(sys.stdout, terminal_size), pen, racers, moves=out.moves, out=sys.stdout).watch(running)
    return racers


def _as_dict(racer: Racer) -> dict[str, Any]:
    found: dict[str, Any] = {"asked": racer.model, "error": None, "seconds": round(racer.seconds, 6)}
    if racer.error is not None:
        return {**found, "error": {"code": racer.error.code, "message": racer.error.message}, "text": racer.text}
    return {**found, **(summary(racer.reply) if racer.reply is not None else {})}

"""`il chat`: talks with any model in the terminal. Into a pipe it answers one question, as `il ask` does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from interlingua.cli.conversation import open_conversations
from interlingua.cli.names import complete_models
from interlingua.cli.preset_use import opened_presets, read_preset
from interlingua.cli.session import Session, session
from interlingua.cli.tool_sources import tool_sources
from interlingua.errors import ConfigError, InterlinguaError

if TYPE_CHECKING:
    from interlingua.client.presets import Preset
    from interlingua.providers.provider import Provider
    from interlingua.repl.desk import Desk


@click.command("chat", short_help="Talk with any model.")
@click.argument("prompt", nargs=-1)
@click.option("-m", "--model", metavar="MODEL", shell_complete=complete_models, help="Who answers; see `il models`.")
@click.option("-s", "--system", metavar="TEXT", help="Instructions that precede the conversation.")
@click.option("-p", "--preset", metavar="NAME", help="Model, tools and settings that have a name; see `il preset`.")
@click.option("-c", "--continue", "go_on", is_flag=True, help="Go on with the last conversation.")
@click.option(
    "--resume", metavar="NUMBER|TITLE", help="Go on with a conversation: its number in /sessions, title or id."
)
@click.option("--theme", "theme_name", metavar="NAME", default="auto", help="auto, dark, light, neutral or plain.")
@click.option("--temporary", is_flag=True, help="Keep nothing of this chat.")
@click.pass_context
def command(
    context: click.Context,
    /,
    prompt: tuple[str, ...],
    model: str | None,
    system: str | None,
    preset: str | None,
    go_on: bool,
    resume: str | None,
    theme_name: str,
    temporary: bool,
) -> None:
    """Talk with any model. /help shows what can be done; Ctrl-D leaves. Conversations are kept.

    With something piped in, it answers once and ends.

    \b
    il chat
    il chat -c
    il chat -m claude-sonnet-5-5 "What is a monad?"
    """
    current = session(context)
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        _answer_once(context, prompt, model=model, system=system, preset=preset, go_on=go_on, resume=resume)
        return
    gc.disable()  # what is imported from here on stays: looking through it for rubbish delays the first prompt
    named = (preset, _over(read_preset(current, preset), model, system)) if preset is not None else None
    model = model or (named[1].model if named is not None else None)
    target = current.target(model)
    if target.provider.in_process:
        from interlingua.cli.pull import offer_weights  # brings what downloads need

        offer_weights(current, target)
    desk = _desk(current, model, system, theme_name, temporary=temporary)
    which = resume if resume is not None else "" if go_on else None
    asyncio.run(_run(current, desk, which, " ".join(prompt), named))


def _answer_once(context: click.Context, prompt: tuple[str, ...], **options: object) -> None:
    from interlingua.cli.ask import command as ask

    given = {name: options[name] for name in ("model", "system", "preset")}
    context.invoke(ask, prompt=prompt, go_on=options["go_on"] or options["resume"] is not None, **given)


def _over(preset: Preset, model: str | None, system: str | None) -> Preset:
    """A preset with what was named beside it."""
    from msgspec.structs import replace

    return replace(preset, model=model or preset.model, system=system or preset.system)


async def _run(current: Session, desk: Desk, resume: str | None, first: str, preset: tuple[str, Preset] | None) -> None:
    from interlingua.repl.app import chat

    gc.freeze()
    gc.enable()
    async with current.client:
        await chat(desk, resume=resume, first=first, preset=preset)


def _desk(current: Session, model: str | None, system: str | None, theme_name: str, *, temporary: bool) -> Desk:
    try:
        from interlingua.repl.desk import Desk, Mounted, terminal_size
    except ImportError as error:
        raise ConfigError(
            f"the chat needs a package that is not installed: {error.name}", remedy="pip install 'interlingua[chat]'"
        ) from error
    import platformdirs

    from interlingua.client.chat import AsyncChat
    from interlingua.client.guard import GuardedToolbox
    from interlingua.repl.archive import Unkept
    from interlingua.repl.markdown import Pen
    from interlingua.repl.talk import Talk
    from interlingua.repl.theme import theme

    folder = platformdirs.user_state_path("interlingua", appauthor=False) / "chat"
    client = current.client
    chat = AsyncChat(model, system=system, client=client)
    # What tools are given of this machine they are given by the person, each time.
    chat.tools = GuardedToolbox(approval={"*": "ask"})
    talk = Talk(chat, Unkept(), None if temporary else folder / "unfinished")
    coloured = current.out.coloured
    looks = "plain" if theme_name == "auto" and not coloured else theme_name
    return Desk(
        client=client,
        mounted=Mounted(
            run=lambda arguments: _run_il(current, arguments),
            tell=lambda error: _tell(current, error),
            unexpected=lambda error: _tell_unexpected(current, error),
            credential=lambda provider: _credential(current, provider),
            open_store=lambda closing: open_conversations(current, closing),
            tools=lambda: tool_sources(current),
            presets=lambda: opened_presets(current),
        ),
        folder=folder,
        talk=talk,
        pen=Pen(theme(looks, os.environ), coloured=coloured, columns=lambda: terminal_size()[0]),
        out=sys.stdout,
        coloured=coloured,
        moves=current.out.moves,
    )


def _run_il(current: Session, arguments: Sequence[str]) -> int:
    """A command of `il` within the chat; its errors are told as there."""
    from interlingua.cli.main import il

    try:
        il(args=list(arguments), prog_name="il", obj=current)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def _tell(current: Session, error: InterlinguaError) -> None:
    from interlingua.cli.failure import show_error

    with contextlib.suppress(BrokenPipeError):
        show_error(current, error)


def _tell_unexpected(current: Session, error: Exception) -> None:
    from interlingua.cli.failure import show_unexpected

    if current.debug:
        import traceback

        current.err.write("".join(traceback.format_exception(error)))
    show_unexpected(current, error)


def _credential(current: Session, provider: Provider) -> str:
    from interlingua.cli.credential_state import credential_state

    return credential_state(current, provider).long

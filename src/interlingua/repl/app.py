"""The chat: what is typed is a command, a question, or nothing, which goes on with an answer that broke off."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from interlingua._version import __version__
from interlingua.client.guard import GuardedToolbox
from interlingua.client.transcripts.stored import is_interrupted
from interlingua.errors import InterlinguaError
from interlingua.ports.conversations import Conversations
from interlingua.repl import (
    answer_commands,
    compare_commands,
    model_commands,
    preset_commands,
    screen_commands,
    session_commands,
    tool_commands,
)
from interlingua.repl.commands import Command, Table, help_command, is_command
from interlingua.repl.completer import ChatCompleter
from interlingua.repl.desk import Desk, terminal_size
from interlingua.repl.keys import quiet_keys, stoppable
from interlingua.repl.prompt import Prompt
from interlingua.repl.talk import recover
from interlingua.repl.turn import answer, approve, status, with_attachments

if TYPE_CHECKING:
    from interlingua.client.presets import Preset

_AT_FILE = re.compile(r"(?<!\S)@(?P<path>\"[^\"]+\"|\S+)")
_TRAILING = ".,;:!?)"
_HEAD_START = 0.2
"""Seconds that the first prompt gets before the store is opened."""


def table() -> Table:
    """All commands, in the order of the help."""
    return _TABLE


def _ordered() -> list[Command]:
    found = [
        *model_commands.COMMANDS,
        *compare_commands.COMMANDS,
        *tool_commands.COMMANDS,
        *preset_commands.COMMANDS,
        *answer_commands.COMMANDS,
        *session_commands.COMMANDS,
        *screen_commands.COMMANDS,
    ]
    return [help_command(table), *found]


_TABLE = Table(_ordered())


async def chat(
    desk: Desk, *, resume: str | None = None, first: str = "", preset: tuple[str, Preset] | None = None
) -> None:
    """Talks until the person leaves.

    Args:
        desk: the chat.
        resume: the conversation to go on with: its number, title or id; empty is the latest; None begins a new one.
        first: a question to begin with.
        preset: what to begin with, and its name.

    Raises:
        InterlinguaError: the conversation to go on with is not there.
    """
    completer = ChatCompleter(lambda: desk, _TABLE)
    desk.prompt = Prompt(
        completer,
        lambda: status(desk, terminal_size()[0]),
        history=desk.folder / "history",
        coloured=desk.coloured,
    )
    tools = desk.talk.chat.tools
    if isinstance(tools, GuardedToolbox):
        tools.approve = lambda call: approve(desk, call)
    async with AsyncExitStack() as closing:
        closing.enter_context(quiet_keys())
        closing.push_async_callback(desk.close_sources)
        opening = asyncio.ensure_future(_open_store(desk, closing))
        try:
            if resume is not None:
                await _begin(desk, opening)
                await _resume(desk, resume)
            else:
                _greet(desk)
            if preset is not None:
                await preset_commands.use_preset(desk, *preset)
            if first:
                await _begin(desk, opening)
                await _take(desk, first)
            while not desk.ended:
                line = await _line(desk)
                await _begin(desk, opening)
                if line is not None:
                    await _take(desk, line)
        finally:
            await asyncio.wait([opening])
    _farewell(desk)


async def _line(desk: Desk) -> str | None:
    """What is typed; None for Ctrl-C."""
    draft, desk.draft = desk.draft, ""
    try:
        return await desk.line.ask(desk.pen.theme, draft)
    except KeyboardInterrupt:
        if not draft:
            desk.note("  Ctrl-D or /quit leaves")
        return None
    except EOFError:
        desk.ended = True
        return None


async def _take(desk: Desk, line: str) -> None:
    """Does what a line says; errors are told, and the chat goes on."""
    if not await stoppable(_do(desk, line)):
        desk.note("  stopped")


async def _do(desk: Desk, line: str) -> None:
    try:
        if is_command(line):
            await _TABLE.run(desk, line.strip())
        elif line.strip() or desk.attached:
            await answer(desk, with_attachments(desk, _with_files(desk, line.strip())))
        elif desk.talk.path and is_interrupted(desk.talk.path[-1]):
            await answer(desk, None)
    except InterlinguaError as error:
        desk.tell(error)
    except Exception as error:  # noqa: BLE001 - a mistake of ours is told, and must not take the chat with it
        desk.mounted.unexpected(error)


def _with_files(desk: Desk, line: str) -> str:
    """Attaches what `@path` names, where there is such a file; the text stays as it is."""
    for found in _AT_FILE.finditer(line):
        name = found["path"].strip('"')
        for path in (name, name.rstrip(_TRAILING)):
            if path and Path(path).expanduser().is_file():
                answer_commands.add_attachment(desk, path)
                break
    return line


async def _open_store(desk: Desk, closing: AsyncExitStack) -> Conversations:
    """The store, and in it what a process that was killed left behind.

    It opens while the first question is typed: its packages take longer to import than all the rest.
    """
    await asyncio.sleep(_HEAD_START)
    store = await desk.mounted.open_store(closing)
    if desk.talk.journals is not None:
        await recover(store, desk.talk.journals)
    return store


async def _begin(desk: Desk, opening: asyncio.Future[Conversations]) -> None:
    """Takes the store once it is open."""
    if desk.keeps or desk.talk.journals is None:
        return
    try:
        desk.talk.store = await opening
    except InterlinguaError as error:
        desk.warn(f"note: conversations are not kept: {error.message}")
        desk.talk.journals = None


async def _resume(desk: Desk, which: str) -> None:
    found = await session_commands.latest(desk)
    if not which and not found:
        desk.note("  no conversations yet")
        _greet(desk)
        return
    one = session_commands.find_conversation(found, which) if which else found[0]
    await session_commands.open_talk(desk, one.id)


def _greet(desk: Desk) -> None:
    target = desk.talk.target
    name = desk.pen.paint(f"Interlingua {__version__}", "bold")
    rest = f" · {target.name} · /help for commands, /model to change who answers"
    if len(f"Interlingua {__version__}{rest}") >= desk.pen.columns():
        rest = f" · {target.name} · /help"
    desk.say(name + desk.pen.paint(rest, desk.pen.theme.quiet))


def _farewell(desk: Desk) -> None:
    if desk.keeps and desk.talk.path:
        desk.note(f"kept as “{desk.talk.title}” · il chat -c goes on")

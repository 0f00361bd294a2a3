"""The table of commands: what `/help` shows, what Tab completes and what runs are the same rows."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from interlingua.errors import InvalidRequest, NotFound
from interlingua.repl.desk import Desk

_NARROW = 84
"""Columns below which the list of commands leaves their arguments to `/help NAME`."""


class Option(NamedTuple):
    """Something that may be typed: the text, and a few words on it."""

    text: str
    meta: str = ""


class Command(Struct, frozen=True, kw_only=True):
    """One command.

    Args:
        name: without the slash.
        does: what it is for, one line.
        run: is given what stands after the name.
        takes: its arguments, as help shows them.
        also: other names.
        more: a paragraph with examples, for `/help NAME`.
        options: what its arguments may be: is given the words before the one that is typed.
    """

    name: str
    does: str
    run: Callable[[Desk, str], Awaitable[None]]
    takes: str = ""
    also: tuple[str, ...] = ()
    more: str = ""
    options: Callable[[Desk, Sequence[str]], Iterable[Option]] | None = None


class Table:
    """Commands by name.

    Args:
        commands: in the order of the help.
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self.commands = tuple(commands)
        self._by_name = {name: command for command in self.commands for name in (command.name, *command.also)}

    def find(self, name: str) -> Command:
        """The command of that name, or of that beginning where only one has it.

        Raises:
            NotFound: there is none; the remedy names the nearest.
        """
        found = self._by_name.get(name)
        if found is not None:
            return found
        begun = {command.name for known, command in self._by_name.items() if name and known.startswith(name)}
        if len(begun) == 1:
            return self._by_name[begun.pop()]
        near = sorted(begun) or difflib.get_close_matches(name, self._by_name, n=3, cutoff=0.4)
        remedy = ("Did you mean " + " or ".join(f"/{one}" for one in near[:3]) + "?") if near else "Type /help."
        raise NotFound(f"there is no command /{name[:40]}", what="command", remedy=remedy)

    async def run(self, desk: Desk, line: str) -> None:
        """Runs a line that begins with a slash. Raises InterlinguaError."""
        name, _, rest = line[1:].strip().partition(" ")
        await self.find(name).run(desk, rest.strip())


def is_command(line: str) -> bool:
    """Whether a line is meant as a command: a slash and a name, and no path such as `/etc/hosts is …`."""
    word = line.split(maxsplit=1)[0] if line.strip() else ""
    return word.startswith("/") and len(word) > 1 and "/" not in word[1:] and "\n" not in line.strip()


def help_command(table: Callable[[], Table]) -> Command:
    """`/help`, made from the table that it stands in."""

    async def run(desk: Desk, name: str) -> None:
        if name:
            _explain(desk, table().find(name.lstrip("/")))
            return
        narrow = desk.pen.columns() < _NARROW
        rows = [
            (f"/{one.name}" + (f" {one.takes}" if one.takes and not narrow else ""), one.does, one.also)
            for one in table().commands
        ]
        width = min(30, max(len(head) for head, _, _ in rows)) + 2
        for head, does, also in rows:
            shown = head if len(head) < width else head[: width - 2] + "…"
            names = f"  (/{', /'.join(also)})" if also else ""
            room = desk.pen.columns() - width - 3
            text = (
                (does + names) if len(does + names) <= room else does if len(does) <= room else does[: room - 1] + "…"
            )
            desk.say(" " + desk.pen.paint(shown.ljust(width), "bold") + text)
        desk.say("")
        desk.note(
            " Enter sends · Alt-Enter new line · Ctrl-C stops · Ctrl-D leaves · Ctrl-R history · "
            "Ctrl-X Ctrl-E editor · @file attaches · Tab completes · /help NAME tells more"
        )

    def options(desk: Desk, words: Sequence[str]) -> Iterable[Option]:
        return (Option(one.name, one.does) for one in table().commands) if not words else ()

    return Command(
        name="help", takes="[NAME]", does="this list, or more on one command", run=run, also=("?",), options=options
    )


def _explain(desk: Desk, command: Command) -> None:
    desk.say(desk.pen.paint(f"/{command.name} {command.takes}".rstrip(), "bold"))
    desk.text(command.does[:1].upper() + command.does[1:] + ".")
    if command.also:
        desk.note("Also /" + ", /".join(command.also))
    if command.more:
        desk.say("")
        desk.text(command.more)


def words_of(text: str) -> list[str]:
    """Arguments as a shell would take them apart.

    Raises:
        InvalidRequest: a quote is not closed.
    """
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidRequest(f"{text[:60]!r} cannot be read: {error}", remedy="Close the quote.") from error

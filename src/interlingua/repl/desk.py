"""Everything that stands on the table while one chats: the conversation, what is set, and how things are said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct

from interlingua.client.client import AsyncClient
from interlingua.client.settings import Settings
from interlingua.engine.engine import Engine
from interlingua.errors import ContextTooLong, CredentialMissing, InterlinguaError
from interlingua.ports.conversations import Conversations
from interlingua.providers.provider import Provider
from interlingua.repl.archive import Unkept
from interlingua.repl.keys import quiet_keys
from interlingua.repl.live import Live
from interlingua.repl.markdown import Pen
from interlingua.repl.prompt import Prompt
from interlingua.repl.spending import Spending
from interlingua.repl.talk import Talk
from interlingua.repl.theme import Theme
from interlingua.repl.view import AnswerSink, Reasoning
from interlingua.types.parts import Part
from interlingua.wire.clean import clean

if TYPE_CHECKING:
    from interlingua.client.presets import Presets
    from interlingua.client.tool_sources import Offered, ToolSources


class Mounted(Struct, frozen=True, kw_only=True):
    """What the chat uses of the program around it.

    Args:
        run: runs an `il` command and shows what it says, such as `["models", "vision"]`; gives its exit code.
        tell: shows an error as `il` does.
        unexpected: shows one that is none of ours.
        credential: where a provider's key comes from, in a line.
        open_store: what keeps conversations, and closes it at the end.
        tools: where tools come from.
        presets: opens the presets of this machine.
    """

    run: Callable[[Sequence[str]], int]
    tell: Callable[[InterlinguaError], None]
    unexpected: Callable[[Exception], None]
    credential: Callable[[Provider], str]
    open_store: Callable[[AsyncExitStack], Awaitable[Conversations]]
    tools: Callable[[], ToolSources]
    presets: Callable[[], AbstractAsyncContextManager[Presets]]


@dataclass
class Desk:
    """The state of one chat.

    Args:
        client: what asks.
        mounted: what is used of the program around it.
        folder: where the chat keeps what is its own.
        talk: the conversation.
        pen: how things look.
        out: the terminal.
        coloured: whether colours may be used.
        moves: whether the terminal can be drawn over.
        reasoning: what is shown of thinking.
        settings: for every question.
        attached: what goes with the next question, by name.
        offered: tools that can be switched on, by name; empty until they were looked for.
        preset_names: of presets, as far as they are known, for completion.
        draft: what stands in the line next.
        last: how the last call went.
        told: what was noted of this model already, and need not be said of every answer.
        turn: what the last question cost, and with it the line of status.
        ended: whether the chat is over.
        prompt: the line editor, once there is one.
        view: the answer that is being shown, if any.
    """

    client: AsyncClient
    mounted: Mounted
    folder: Path
    talk: Talk
    pen: Pen
    out: TextIO
    coloured: bool = True
    moves: bool = True
    reasoning: Reasoning = "fold"
    settings: Settings = field(default_factory=Settings)
    attached: dict[str, Part] = field(default_factory=dict)
    offered: dict[str, Offered] = field(default_factory=dict)
    preset_names: tuple[str, ...] = ()
    draft: str = ""
    last: str = "no call yet"
    told: set[str] = field(default_factory=set)
    turn: Spending | None = None
    ended: bool = False
    prompt: Prompt | None = None
    view: AnswerSink | None = None
    _sources: ToolSources | None = None

    @property
    def engine(self) -> Engine:
        """What knows models and providers."""
        return self.client.engine

    @property
    def sources(self) -> ToolSources:
        """Where tools come from."""
        if self._sources is None:
            self._sources = self.mounted.tools()
        return self._sources

    async def close_sources(self) -> None:
        """Ends what was started for tools."""
        if self._sources is not None:
            await self._sources.aclose()

    @property
    def keeps(self) -> bool:
        """Whether conversations outlive the process."""
        return not isinstance(self.talk.store, Unkept)

    @property
    def live(self) -> Live:
        """The lower end of the terminal."""
        return Live(self.out, terminal_size)

    @property
    def line(self) -> Prompt:
        """The line editor."""
        assert self.prompt is not None, "made before the first command runs"
        return self.prompt

    async def run(self, *arguments: str) -> int:
        """Runs an `il` command, which has the keyboard to itself; its exit code."""
        with quiet_keys(quiet=False):
            return await asyncio.to_thread(self.mounted.run, arguments)

    def say(self, *lines: str) -> None:
        """Writes lines as they are."""
        self.out.write("".join(line + "\n" for line in lines))
        self.out.flush()

    def text(self, text: str, style: str = "") -> None:
        """Writes a text, wrapped to the terminal, words whole, each line as far in as its first."""
        from rich.text import Text

        for paragraph in clean(text).split("\n"):
            indent = " " * (len(paragraph) - len(paragraph.lstrip(" ")))
            rows = self.pen.wrapped(Text(paragraph.lstrip(" "), style=style), self.pen.width - len(indent))
            self.say(*(indent + self.pen.ink(row) for row in rows))

    def note(self, text: str) -> None:
        """Writes what is beside the point."""
        self.text(text, self.pen.theme.quiet)

    def warn(self, text: str) -> None:
        """Writes what should not be missed."""
        self.text(text, self.pen.theme.warn)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Writes labels and values, the values below each other and wrapped."""
        from rich.text import Text

        width = max((len(label) for label, _ in pairs), default=0) + 2
        for label, value in pairs:
            rows = self.pen.wrapped(Text(clean(value)), self.pen.width - width) if value else [Text()]
            for at, row in enumerate(rows):
                head = (label if at == 0 else "").ljust(width)
                self.say(self.pen.paint(head, self.pen.theme.quiet) + self.pen.ink(row))

    def tell(self, error: InterlinguaError) -> None:
        """Shows an error, with what can be done about it here."""
        if isinstance(error, CredentialMissing) and error.provider and "/key" not in error.remedy:
            variable = error.remedy.partition("   or   ")[2]
            error.remedy = f"/key {error.provider}" + (f"   or   {variable}" if variable else "")
        elif isinstance(error, ContextTooLong):
            error.remedy = "/context shrink MODEL lets a model with more room summarise; /model changes who answers."
        self.mounted.tell(error)

    def use_theme(self, theme: Theme) -> None:
        """Changes how things look."""
        self.pen = Pen(theme, coloured=self.coloured, columns=lambda: terminal_size()[0])


def terminal_size() -> tuple[int, int]:
    """Columns and rows of the terminal as they are now; a size of COLUMNS and LINES is only used without one."""
    with contextlib.suppress(OSError, ValueError):  # standard output is no terminal
        found = os.get_terminal_size(1)
        if found.columns > 0 and found.lines > 0:
            return found.columns, found.lines
    found = shutil.get_terminal_size()
    return found.columns, found.lines

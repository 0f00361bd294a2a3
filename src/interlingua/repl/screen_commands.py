"""Commands on the chat itself: how it looks, and its end."""

from __future__ import annotations

import os

from interlingua.repl.commands import Command, Option
from interlingua.repl.desk import Desk
from interlingua.repl.markdown import markdown_lines
from interlingua.repl.theme import THEMES, theme

_SAMPLE = "**bold**, *italic*, `code`, [a link](https://example.com)\n\n```python\nprint('hello')  # code\n```"


async def look(desk: Desk, text: str) -> None:
    """`/theme`: shows how things look, or changes it."""
    if text:
        desk.use_theme(theme(text, os.environ))
    desk.note(f"  theme {desk.pen.theme.name}; there are auto, {', '.join(THEMES)}")
    desk.say(*markdown_lines(_SAMPLE, desk.pen))


async def leave(desk: Desk, text: str) -> None:
    """`/quit`: ends the chat."""
    desk.ended = True


COMMANDS = (
    Command(
        name="theme",
        takes="[NAME]",
        does="how things look: auto, dark, light, neutral, plain",
        run=look,
        options=lambda desk, words: () if words else (Option(name) for name in ("auto", *THEMES)),
    ),
    Command(name="quit", does="leave; the conversation is kept", run=leave, also=("exit", "q")),
)

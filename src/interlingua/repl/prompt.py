"""What is typed: the line editor with its history, its keys, and pastes that do not flood the screen.

Enter sends, Alt-Enter (or Ctrl-J) makes a line. A long paste is shown as `[pasted 500 lines #1]` and sent whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.shortcuts.choice_input import ChoiceInput
from prompt_toolkit.styles import Style

from interlingua.repl.theme import Theme

T = TypeVar("T")
MARK = "› "
_LONG_PASTE_LINES, _LONG_PASTE_LETTERS = 10, 2_000
_PASTED = re.compile(r"\[pasted [\d,]+ lines #(\d+)\]")


class Pastes:
    """Long pastes by number; what stands for them in the line is put back when it is sent."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def fold(self, text: str) -> str:
        """What a paste is shown as."""
        lines = len(text.splitlines())
        if lines <= _LONG_PASTE_LINES and len(text) <= _LONG_PASTE_LETTERS:
            return text
        self._texts.append(text)
        return f"[pasted {lines:,} lines #{len(self._texts)}]"

    def unfold(self, text: str) -> str:
        """The text with the pastes in it."""

        def put_back(found: re.Match[str]) -> str:
            number = int(found[1])
            return self._texts[number - 1] if 0 < number <= len(self._texts) else found[0]

        return _PASTED.sub(put_back, text)


class _Unfolding(History):
    """A history that keeps what was sent, not what stood for it."""

    def __init__(self, inner: History, pastes: Pastes) -> None:
        super().__init__()
        self._inner = inner
        self._pastes = pastes

    def load_history_strings(self) -> Iterable[str]:
        return self._inner.load_history_strings()

    def store_string(self, string: str) -> None:
        self._inner.store_string(string)

    def append_string(self, string: str) -> None:
        super().append_string(self._pastes.unfold(string))


class Prompt:
    """Asks the person at the terminal.

    Args:
        completer: what can be completed.
        toolbar: gives the line below, for a number of columns.
        history: a file, made with mode 0600; None keeps none.
        coloured: whether colours may be used.
        input, output: other ends than the terminal's, for tests.
    """

    def __init__(
        self,
        completer: Completer,
        toolbar: Callable[[], str],
        *,
        history: Path | None = None,
        coloured: bool = True,
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        self.pastes = Pastes()
        self._toolbar = toolbar
        self._depth = None if coloured else ColorDepth.DEPTH_1_BIT
        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            completer=completer,
            complete_while_typing=True,
            complete_in_thread=True,
            complete_style=CompleteStyle.COLUMN,
            reserve_space_for_menu=6,
            auto_suggest=AutoSuggestFromHistory(),
            history=_Unfolding(_history(history), self.pastes),
            search_ignore_case=True,
            enable_open_in_editor=True,
            tempfile_suffix=".md",
            key_bindings=self._keys(),
            prompt_continuation=_continuation,
            color_depth=self._depth,
            input=input,
            output=output,
        )

    async def ask(self, theme: Theme, draft: str = "") -> str:
        """What is typed, pastes unfolded.

        Args:
            theme: how it looks.
            draft: what stands there already.

        Raises:
            EOFError: Ctrl-D on an empty line.
            KeyboardInterrupt: Ctrl-C.
        """
        mark: StyleAndTextTuples = [("", "\n"), ("class:mark", MARK)]
        text = await self._session.prompt_async(
            mark, default=draft, style=_style(theme), bottom_toolbar=self._bottom, handle_sigint=False
        )
        return self.pastes.unfold(text)

    async def pick(self, question: str, options: Sequence[tuple[T, str]], theme: Theme) -> T | None:
        """One of several, picked from a menu; None where none was wanted."""
        menu: ChoiceInput[T] = ChoiceInput(
            message=question, options=list(options), style=_style(theme), interrupt_exception=KeyboardInterrupt
        )
        try:
            return await menu.prompt_async()
        except (KeyboardInterrupt, EOFError):
            return None

    async def confirm(self, question: str) -> bool:
        """Whether the answer is yes; anything but y is no."""
        plain: PromptSession[str] = PromptSession(color_depth=self._depth)
        try:
            return (await plain.prompt_async(f"{question} [y/N] ")).strip().lower() in ("y", "yes")
        except (KeyboardInterrupt, EOFError):
            return False

    def _bottom(self) -> StyleAndTextTuples:
        return [("class:status", " " + self._toolbar())]

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        @keys.add("c-j")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add(Keys.BracketedPaste)
        def _(event: KeyPressEvent) -> None:
            text = event.data.replace("\r\n", "\n").replace("\r", "\n")
            event.current_buffer.insert_text(self.pastes.fold(text))

        return keys


def _continuation(width: int, line_number: int, wrap_count: int) -> StyleAndTextTuples:
    return [("class:continuation", "  " if wrap_count else "· ".rjust(width))]


def _history(path: Path | None) -> History:
    """The file's history, or one that is forgotten where the file cannot be used."""
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _style(theme: Theme) -> Style:
    accent = {"dark": "ansibrightcyan bold", "light": "ansiblue bold"}.get(theme.name, "bold")
    menu = {
        "dark": ("bg:ansiblack ansiwhite", "bg:ansicyan ansiblack", "bg:ansiblack ansibrightblack"),
        "light": ("bg:ansigray ansiblack", "bg:ansiblue ansiwhite", "bg:ansigray ansibrightblack"),
    }.get(theme.name, ("reverse", "bold", "reverse"))
    return Style.from_dict(
        {
            "mark": accent,
            "continuation": "dim",
            "bottom-toolbar": "noreverse",
            "status": "dim",
            "auto-suggestion": "dim",
            "completion-menu.completion": menu[0],
            "completion-menu.completion.current": "noreverse " + menu[1],
            "completion-menu.meta.completion": menu[2],
            "completion-menu.meta.completion.current": "noreverse " + menu[1],
            "scrollbar.background": menu[0],
            "scrollbar.button": "noreverse " + menu[1],
            "selected-option": accent,
            "number": "dim",
        }
    )

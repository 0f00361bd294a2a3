"""What Tab and the menu offer: commands, what they take, files after @ and for commands that take paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from interlingua.errors import InterlinguaError
from interlingua.repl.commands import Option, Table
from interlingua.repl.desk import Desk

_PATHS = {"attach", "export", "import"}
_MOST = 200


class ChatCompleter(Completer):
    """Completes the line of a chat.

    Args:
        desk: gives the chat as it is now.
        table: the commands.
    """

    def __init__(self, desk: Callable[[], Desk], table: Table) -> None:
        self._desk = desk
        self._table = table
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand where the cursor is."""
        line = document.text_before_cursor
        if line.startswith("/") and "\n" not in line:
            yield from self._command(line, complete_event)
        else:
            word = document.get_word_before_cursor(WORD=True)
            if word.startswith("@"):
                yield from self._files(word[1:], complete_event)

    def _command(self, line: str, event: CompleteEvent) -> Iterable[Completion]:
        name, space, rest = line[1:].partition(" ")
        if not space:
            offered = [Option(one.name, one.does) for one in self._table.commands]
            offered += [Option(other, one.does) for one in self._table.commands for other in one.also if name == other]
            yield from _fitting(offered, name, lead="/")
            return
        try:
            command = self._table.find(name)
        except InterlinguaError:
            return
        words = rest.split(" ")
        if command.name in _PATHS:
            yield from self._files(words[-1], event)
        if command.options is not None:
            yield from _fitting(command.options(self._desk(), words[:-1]), words[-1])

    def _files(self, word: str, event: CompleteEvent) -> Iterable[Completion]:
        yield from self._paths.get_completions(Document(word), event)


def _fitting(options: Iterable[Option], typed: str, lead: str = "") -> Iterable[Completion]:
    """Those that begin with what is typed, then those that hold it."""
    wanted = typed.lower()
    begins: list[Option] = []
    holds: list[Option] = []
    for option in options:
        text = option.text.lower()
        if text.startswith(wanted):
            begins.append(option)
        elif len(wanted) > 1 and wanted in f"{text} {option.meta.lower()}":
            holds.append(option)
    for option in [*begins, *holds][:_MOST]:
        yield Completion(option.text, start_position=-len(typed), display=lead + option.text, display_meta=option.meta)

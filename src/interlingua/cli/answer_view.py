"""An answer as it comes: text to standard output, thinking to standard error, and what is to be noted after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from interlingua.types.events import Event, PartDelta, PartStart
from interlingua.types.parts import BlobPart, Part, ReasoningPart, RefusalPart, TextPart, UriPart

if TYPE_CHECKING:
    from interlingua.cli.terminal import Screen
    from interlingua.client.reply import Reply

PATIENCE = 2.0
"""Seconds after which a person is told what is waited for."""

_FINISH = {
    "length": "the answer was cut off at the limit of tokens; --max-tokens sets it",
    "content_filter": "the answer was stopped by the provider's content filter",
    "refusal": "the model refused to answer",
    "pause": "the provider paused the answer; it is not complete",
    "tool_call": "the model asked for a tool, and `il ask` runs none",
    "error": "the provider ended the answer with an error; it may not be complete",
}


class AnswerView:
    """Shows one answer.

    Args:
        out: gets the text, and exactly one line end after it.
        err: gets the thinking.
        silent: shows no text: something else will be made of it.
    """

    def __init__(self, out: Screen, err: Screen, *, silent: bool = False) -> None:
        self._out = out
        self._err = err
        self._silent = silent
        self._kinds: dict[int, type[Part]] = {}
        self._line_ends = ""
        self._thinking = ""
        self.said = False

    def show(self, event: Event) -> None:
        """Shows what an event adds."""
        if isinstance(event, PartStart) and event.choice == 0:
            self._kinds[event.index] = type(event.part)
            if isinstance(event.part, TextPart | ReasoningPart):
                self._add(type(event.part), event.part.text)
        elif isinstance(event, PartDelta) and event.choice == 0 and event.text:
            self._add(self._kinds.get(event.index, TextPart), event.text)

    def whole(self, parts: tuple[Part, ...]) -> None:
        """Shows an answer that came at once."""
        for part in parts:
            if isinstance(part, TextPart | ReasoningPart):
                self._add(type(part), part.text)

    def end(self) -> None:
        """Ends the line that the answer, or what there is of it, ends with."""
        self._end_thinking()
        if self.said and not self._silent:
            self._out.write("\n")
            self.said = False

    def _add(self, kind: type[Part], text: str) -> None:
        if not text:
            return
        if kind is ReasoningPart:
            self._err.write(self._err.paint(self._err.safe(text), "dim"))
            self._thinking = text[-1]
        elif kind is TextPart:
            self._end_thinking()
            self._say(text)

    def _say(self, text: str) -> None:
        # Line ends are held back until something follows them: the answer ends with exactly one.
        body = text.rstrip("\r\n")
        if body and not self._silent:
            self._out.write(self._out.safe(self._line_ends + body))
        self._line_ends = text[len(body) :] if body else self._line_ends + text
        self.said = self.said or bool(body)

    def _end_thinking(self) -> None:
        if self._thinking:
            self._err.write(("" if self._thinking == "\n" else "\n") + ("\n" if self._err.is_terminal else ""))
            self._thinking = ""


def notes(reply: Reply[Any]) -> Iterator[str]:
    """What a person must know about an answer and cannot see in it."""
    for loss in reply.losses:
        if loss.action != "drop":
            done = "carried another way" if loss.action == "emulate" else "left out"
            yield f"{loss.field}: {loss.reason} ({done})"
    refusals = [part.text for part in reply.parts if isinstance(part, RefusalPart)]
    ending = _FINISH.get(reply.finish.kind, _FINISH["refusal"] if refusals else "")
    if ending:
        yield ": ".join([ending, *refusals])
    media = [part for part in reply.parts if isinstance(part, BlobPart | UriPart)]
    for part in media:
        yield f"the answer holds {part.mime_type or part.modality}, which only --json shows"
    if not (reply.text.strip() or ending or media):
        yield "the answer is empty"


class WaitLine:
    """Says on a terminal what is waited for, once it takes long; `stop` takes it away.

    Args:
        screen: standard error.
        what: who is waited for.
    """

    def __init__(self, screen: Screen, what: str) -> None:
        self._screen = screen
        self._what = what
        self._shown = False
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> WaitLine:
        if self._screen.moves:
            self._task = asyncio.get_running_loop().create_task(self._tell())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Takes the line away at once; may be called again."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._shown:
            self._screen.write("\r\x1b[2K")
            self._shown = False

    async def _tell(self) -> None:
        waited = PATIENCE
        await asyncio.sleep(waited)
        while True:
            line = f"waiting for {self._what} · {waited:.0f} s · Ctrl-C stops"[: (self._screen.width or 80) - 1]
            self._screen.write("\r\x1b[2K" + self._screen.paint(line, "dim"))
            self._shown = True
            await asyncio.sleep(1)
            waited += 1

"""Thinking that a host writes into the content, as a leading `<think>…</think>`.

One state machine for whole and streamed text: it holds back only what may turn out to be a tag.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from interlingua.types.parts import Part, ReasoningPart, TextPart

Said = tuple[Literal["reasoning", "text"], str]

_TAGS = {"<think>": "</think>", "<thought>": "</thought>"}


class ThinkTags:
    """Tells thinking from text; both come out in order, whatever the pieces that go in."""

    __slots__ = ("_close", "_held", "_state")

    def __init__(self) -> None:
        self._state: Literal["before", "opened", "thinking", "after", "text"] = "before"
        self._held = ""
        self._close = ""

    def feed(self, text: str) -> list[Said]:
        """What a piece of content says for sure."""
        if self._state == "text":
            return [("text", text)] if text else []
        self._held += text
        found: list[Said] = []
        if self._state == "before":
            self._settle(found)
        if self._state == "opened":
            self._held = self._held.lstrip("\n")
            self._state = "thinking" if self._held else "opened"
        if self._state == "thinking":
            self._think(found)
        if self._state == "after":
            self._held = self._held.lstrip()
            if self._held:
                self._release(found)
        return found

    def close(self) -> list[Said]:
        """What was held back."""
        held, self._held = self._held, ""
        if not held or self._state == "after":
            return []
        return [("reasoning" if self._state == "thinking" else "text", held)]

    def _settle(self, found: list[Said]) -> None:
        head = self._held.lstrip()
        for tag, close in _TAGS.items():
            if head.startswith(tag):
                self._state, self._close, self._held = "opened", close, head[len(tag) :]
                return
        if not any(tag.startswith(head) for tag in _TAGS):
            self._release(found)

    def _release(self, found: list[Said]) -> None:
        self._state = "text"
        found.append(("text", self._held))
        self._held = ""

    def _think(self, found: list[Said]) -> None:
        thought, close, rest = self._held.partition(self._close)
        if close:
            self._state, self._held = "after", rest
        else:
            keep = next(n for n in range(len(self._close) - 1, -1, -1) if n == 0 or thought.endswith(self._close[:n]))
            thought, self._held = (thought[:-keep], thought[-keep:]) if keep else (thought, "")
        if thought:
            found.append(("reasoning", thought))


def untagged(parts: Iterable[Part]) -> list[Part]:
    """The parts of a whole answer with tagged thinking taken out of the first text."""
    found: list[Part] = []
    tags: ThinkTags | None = ThinkTags()
    for part in parts:
        if not isinstance(part, TextPart) or tags is None:
            found.append(part)
            continue
        said = [*tags.feed(part.text), *tags.close()]
        tags = None
        thought = "".join(text for kind, text in said if kind == "reasoning")
        if thought:
            found.append(ReasoningPart(text=thought))
        text = "".join(text for kind, text in said if kind == "text")
        if text:
            found.append(msgspec.structs.replace(part, text=text))
    return found

"""One question to several models at once: what each says as it comes, how fast, and for how much.

All run side by side, each on a connection of its own; one that fails or is slow holds up no other. What is measured
is what `client/timing.py` measures for every call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from interlingua.client.chat import AsyncChat
from interlingua.client.client import AsyncClient
from interlingua.client.reply import Reply
from interlingua.client.settings import Settings
from interlingua.engine.answer import Answer
from interlingua.errors import InterlinguaError
from interlingua.types.events import PartDelta, PartStart
from interlingua.types.messages import Message, user
from interlingua.types.parts import ReasoningPart, TextPart


@dataclass(eq=False)
class Racer:
    """One model and how far it is.

    Args:
        model: as it was named.
        text: what it said until now.
        thinking: whether it thinks at the moment.
        reply: the finished answer.
        error: why there is none.
        seconds: since the question.
        first: seconds until the first text or thought.
    """

    model: str
    text: str = ""
    thinking: bool = False
    reply: Reply[Any] | None = None
    error: InterlinguaError | None = None
    seconds: float = 0.0
    first: float | None = None
    _kinds: dict[int, type] = field(default_factory=dict, repr=False)

    @property
    def answer(self) -> Answer | None:
        """The finished call."""
        return self.reply.answer if self.reply is not None else None

    @property
    def over(self) -> bool:
        """Whether nothing more comes."""
        return self.reply is not None or self.error is not None

    def take(self, event: object, seconds: float) -> None:
        """Takes an event of its answer."""
        if isinstance(event, PartStart) and event.choice == 0:
            self._kinds[event.index] = type(event.part)
            self._add(type(event.part), getattr(event.part, "text", ""), seconds)
        elif isinstance(event, PartDelta) and event.choice == 0:
            self._add(self._kinds.get(event.index, TextPart), event.text, seconds)

    def _add(self, kind: type, text: str, seconds: float) -> None:
        self.thinking = kind is ReasoningPart
        if text and self.first is None:
            self.first = seconds
        if kind is TextPart:
            self.text += text


async def race(
    client: AsyncClient,
    racers: Sequence[Racer],
    question: str,
    *,
    messages: Sequence[Message] = (),
    system: str | None = None,
    settings: Settings | None = None,
) -> AsyncIterator[None]:
    """Asks all of them; yields whenever one of them got further, and ends when all are over.

    Args:
        client: what asks.
        racers: who is asked; they are changed as answers come.
        question: of all.
        messages: what was said before.
        system: instructions.
        settings: for the question.
    """
    moved = asyncio.Event()
    started = time.monotonic()

    async def run(racer: Racer) -> None:
        try:
            chat = AsyncChat(racer.model, system=system, messages=messages, client=client)
            stream = chat.stream(user(question), **(settings or {}))
            try:
                async for event in stream:
                    racer.seconds = time.monotonic() - started
                    racer.take(event, racer.seconds)
                    moved.set()
            finally:
                await stream.aclose()
            racer.reply = stream.reply
        except InterlinguaError as error:
            racer.error = error
        racer.seconds = time.monotonic() - started
        racer.thinking = False
        moved.set()

    tasks = [asyncio.ensure_future(run(racer)) for racer in racers]
    try:
        while not all(task.done() for task in tasks):
            await moved.wait()
            moved.clear()
            yield
        for task in tasks:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
